"""Triggers, procedures, functions and events come back as they were, and act on nothing while the rows go in."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import TABLES, Lab, command
from tests.support.mysql_server import MySqlServer
from xray_backup.database import Database, Secret
from xray_backup.errors import BackupError, UsageError, VerificationError
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.schema_definition import SchemaDefinition
from xray_backup.snapshot import snapshot
from xray_backup.store import Store

STRICT = "STRICT_ALL_TABLES"
# Each with the session that it is made in.
PROGRAMS = [
    (STRICT, "utf8mb4", "CREATE TRIGGER a_second BEFORE INSERT ON image FOR EACH ROW"
     " SET NEW.folder = CONCAT(NEW.folder, '2')"),
    (STRICT, "utf8mb4", "CREATE TRIGGER z_first BEFORE INSERT ON image FOR EACH ROW PRECEDES a_second"
     " SET NEW.folder = '1'"),
    ("ANSI_QUOTES", "utf8mb4", 'CREATE TRIGGER "b`c" AFTER INSERT ON "transaction" FOR EACH ROW SET @seen = \'"`ж\''),
    ("PIPES_AS_CONCAT,ANSI_QUOTES", "latin1", "CREATE PROCEDURE \"say\" (x INT) COMMENT 'it''s' SELECT \"x\" || 'é'"),
    ("", "utf8mb4", "CREATE PROCEDURE tidy() SQL SECURITY INVOKER BEGIN DELETE FROM image WHERE image_id < 0; END"),
    ("NO_BACKSLASH_ESCAPES", "utf8mb4", "CREATE FUNCTION slash() RETURNS CHAR(9) DETERMINISTIC RETURN '\\'"),
    ("", "latin1", "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC NO SQL RETURN 2 * n"),
    ("", "utf8mb4", "CREATE VIEW doubled AS SELECT twice(image_id) d FROM image"),
    ("", "latin1", "CREATE VIEW named AS SELECT CONCAT('é', image_id) n FROM doubled JOIN image"),
    ("", "utf8mb4", "CREATE EVENT weekly ON SCHEDULE EVERY 1 WEEK STARTS '2035-01-01 03:00:00' DO CALL tidy()"),
    ("", "utf8mb4", "CREATE EVENT rests ON SCHEDULE EVERY '1:30' HOUR_MINUTE ON COMPLETION PRESERVE DISABLE DO DO 0"),
    ("", "latin1", "CREATE EVENT once ON SCHEDULE AT '2036-01-01 00:00:00' DISABLE ON SLAVE DO DELETE FROM image"),
]  # fmt: skip
KINDS = {"trigger": "triggers", "procedure": "routines", "function": "routines", "event": "events"}


def make_programs(lab: Lab) -> None:
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        for mode, charset, statement in PROGRAMS:
            cursor.execute(f"SET NAMES {charset}")
            cursor.execute("SET SESSION time_zone = '+03:30'")
            cursor.execute(f"SET SESSION sql_mode = '{mode}'")
            body: Any = statement.encode("cp1252" if charset == "latin1" else "utf-8")
            cursor.execute(body)


def programs(lab: Lab, schema: str | None = None) -> dict[str, Any]:
    """All that SHOW CREATE says of each program and view but definer and moment, and the triggers' order."""
    schema = schema or lab.schema
    found: dict[str, Any] = {}
    with lab.server.connect(schema) as connection, connection.cursor() as cursor:

        def asked(sql: str) -> list[tuple[Any, ...]]:
            cursor.execute(sql)
            return list(cursor.fetchall())

        names = asked(
            f"SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = '{schema}'"
        )
        names += asked(
            f"SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = '{schema}'"
        )
        names += asked(f"SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = '{schema}'")
        names += asked(f"SELECT 'VIEW', table_name FROM information_schema.views WHERE table_schema = '{schema}'")
        for kind, name in names:
            ((_, *shown),) = asked(f"SHOW CREATE {kind} `{name.replace('`', '``')}`")
            text = [re.sub(r"DEFINER=\S+ ", "", str(part)) for part in shown]
            found[f"{kind} {name}"] = text[:-1] if kind == "TRIGGER" else text
        order = "SELECT event_object_table, action_timing, event_manipulation, action_order, trigger_name"
        found[""] = sorted(asked(f"{order} FROM information_schema.triggers WHERE trigger_schema = '{schema}'"))
    return found


@pytest.fixture
def lab(request: pytest.FixtureRequest, folder_store: Store) -> Iterator[Lab]:
    server = request.getfixturevalue(getattr(request, "param", "server"))
    lab = Lab(server, folder_store, f"x_ray_{uuid.uuid4().hex[:8]}").create_schema()
    with server.connect(lab.schema) as connection, connection.cursor() as cursor:
        for row in range(1, 6):
            cursor.execute(f"INSERT INTO image VALUES ({row}, 'b', 'f', 'i{row}')")
            cursor.execute(f"INSERT INTO `transaction` VALUES ({row}, {row}, '2022-05-24 11:08:23', 0.3, 0.5)")
            for box in (2 * row - 1, 2 * row):
                cursor.execute(f"INSERT INTO pred_bounding_box VALUES ({box}, {row}, 1, 0.5, 1, 2, 3, 4)")
    make_programs(lab)
    yield lab
    lab.drop_schema()


ON_BOTH = pytest.mark.parametrize("lab", ["server", "mariadb"], indirect=True)


def restored(lab: Lab, schema: str | None = None, **options: Any) -> Any:
    return restore(lab.run("restore", **options), ["latest"], schema, Selection())


def lose(lab: Lab) -> None:
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE `{lab.schema}`")


def held(lab: Lab) -> SchemaDefinition:
    document = json.loads((Path(lab.store.url) / "v1/_manifests/snapshot-s.json").read_text())
    return SchemaDefinition.from_json(document["schema_definition"])


@ON_BOTH
def test_every_program_comes_back_as_it_was(lab: Lab) -> None:
    before, rows = programs(lab), {table: lab.rows(table) for table in (*TABLES, "doubled", "named")}
    assert len(before) == len(PROGRAMS) + 1
    snapshot(lab.run(), "s", 60)
    assert (held(lab).not_held, held(lab).unseen) == ((), ())
    lose(lab)
    restored(lab)
    assert programs(lab) == before
    # No trigger has acted on a row.
    assert {table: lab.rows(table) for table in rows} == rows
    lab.sql("INSERT INTO image (bucket, folder, image_file) VALUES ('b', 'f', 'next')")
    assert lab.sql("SELECT folder FROM image WHERE image_file = 'next'") == [("12",)]
    (note,) = lab.events.of("not_alike")
    assert note["notes"] == [
        f"with the rights of {lab.account}, who made them now: view doubled, view named,"
        " function slash, function twice, procedure say, trigger z_first, trigger a_second, trigger b`c, event once,"
        " event rests, event weekly"
    ]
    assert lab.events.of("not_restored") == []


@ON_BOTH
def test_a_drill_s_events_do_not_run(lab: Lab) -> None:
    snapshot(lab.run(), "s", 60)
    before, drill = programs(lab), f"{lab.schema}_drill"
    restored(lab, drill)
    after = programs(lab, drill)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"EVENT weekly", "EVENT once"}
    statuses = "SELECT event_name, status FROM information_schema.events WHERE event_schema = %s ORDER BY 1"
    assert {status for _, status in lab.sql(statuses, (drill,))} == {"DISABLED"}
    (note,) = lab.events.of("not_alike")
    assert (
        f"disabled, as outside a restore of everything into schema {lab.schema}: event once, event weekly"
        in note["notes"]
    )


def test_a_restore_of_some_rows_runs_no_event(lab: Lab) -> None:
    snapshot(lab.run(), "s", 60)
    lose(lab)
    restore(lab.run("restore"), ["latest"], None, Selection(anchor_ids=[1, 2]))
    assert (
        lab.sql("SELECT status FROM information_schema.events WHERE event_schema = %s", (lab.schema,))
        == [("DISABLED",)] * 3
    )


@ON_BOTH
def test_what_names_the_schema_of_then_is_left_out_of_a_drill(lab: Lab) -> None:
    lab.sql(f"CREATE PROCEDURE wipe() DELETE FROM `{lab.schema}`.image")
    lab.sql(f"CREATE TRIGGER far AFTER DELETE ON image FOR EACH ROW DELETE FROM {lab.schema} . `transaction`")
    lab.sql(f"CREATE VIEW far_away AS SELECT {lab.schema}.twice(1) AS two")
    before, rows = programs(lab), {table: lab.rows(table) for table in TABLES}
    snapshot(lab.run(), "s", 60)
    restored(lab, f"{lab.schema}_drill")
    left_out = {"VIEW far_away", "PROCEDURE wipe", "TRIGGER far"}
    assert before.keys() - programs(lab, f"{lab.schema}_drill").keys() == left_out
    (told,) = lab.events.of("not_restored")
    assert told["objects"] == [
        f"{name} (it names schema {lab.schema})" for name in ("view far_away", "procedure wipe", "trigger far")
    ]
    lab.sql(f"DELETE FROM `{lab.schema}_drill`.pred_bounding_box")
    assert {table: lab.rows(table) for table in TABLES} == rows
    lose(lab)
    restored(lab)
    assert programs(lab) == before


@ON_BOTH
def test_an_event_whose_time_is_past_is_named(lab: Lab) -> None:
    # Disabled from the first: one that has run is gone.
    lab.sql("CREATE EVENT past ON SCHEDULE AT NOW() + INTERVAL 2 SECOND DISABLE DO DO 0")
    lab.sql("CREATE EVENT stays ON SCHEDULE AT NOW() + INTERVAL 2 SECOND ON COMPLETION PRESERVE DO DO 0")
    snapshot(lab.run(), "s", 60)
    lab.sql("DO SLEEP(3)")
    lose(lab)
    with pytest.raises(VerificationError, match=r"not all of .* could be made: event past: its last time is past"):
        restored(lab)
    assert lab.count("image") == 5
    assert "EVENT weekly" in programs(lab)
    assert "event stays is not as it was" in lab.events.of("not_alike")[0]["notes"]


@pytest.fixture
def user(lab: Lab) -> Iterator[str]:
    name = f"user_{lab.schema[-8:]}"
    lab.sql(f"CREATE USER '{name}'@'%' IDENTIFIED BY 'pw'")
    yield name
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP USER '{name}'@'%'")


def grant(lab: Lab, user: str, rights: str, target: str | None = None) -> None:
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"GRANT {rights} ON {target or f'`{lab.schema}`.*'} TO '{user}'@'%'")


def as_user(lab: Lab, user: str) -> dict[str, Any]:
    return {"database": lab.database(username=user, password="pw")}


ROUTINES = "procedures and functions (SHOW_ROUTINE, or SELECT on *.*)"


@ON_BOTH
def test_a_backup_says_which_programs_its_user_cannot_see(lab: Lab, user: str) -> None:
    grant(lab, user, "SELECT, SHOW VIEW")
    snapshot(lab.run(**as_user(lab, user)), "s", 60)
    assert held(lab).programs == ()
    assert held(lab).unseen == (ROUTINES, "triggers (TRIGGER)", "events (EVENT)")
    lose(lab)
    with pytest.raises(VerificationError, match=r"not all of .* could be made: view doubled: .*"):
        restored(lab)
    assert lab.events.of("not_restored") == [
        {"schema": lab.schema, "objects": [f"{kind}, if there were any" for kind in held(lab).unseen]}
    ]


@ON_BOTH
def test_a_program_without_its_text_is_not_held(lab: Lab, user: str) -> None:
    grant(lab, user, "SELECT, SHOW VIEW, EVENT, EXECUTE")
    for table in TABLES:
        grant(lab, user, "TRIGGER", f"`{lab.schema}`.`{table}`")
    snapshot(lab.run(**as_user(lab, user)), "s", 60)
    text = "(its text needs SHOW_ROUTINE, or SELECT on *.*)"
    assert held(lab).not_held == tuple(
        f"{name} {text}" for name in ("function slash", "function twice", "procedure say", "procedure tidy")
    )
    assert held(lab).unseen == (ROUTINES,)
    assert [program.kind for program in held(lab).programs] == ["trigger"] * 3 + ["event"] * 3
    lose(lab)
    with pytest.raises(UsageError, match=r"it does not hold function slash .*deploy the migrations first"):
        restored(lab)


@pytest.mark.parametrize("lab", ["mariadb"], indirect=True)
def test_a_package_is_named(lab: Lab) -> None:
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'ORACLE'")
        cursor.execute("CREATE PACKAGE tools AS PROCEDURE nothing; END")
    snapshot(lab.run(), "s", 60)
    assert held(lab).not_held == ("package tools",)


@pytest.mark.parametrize(
    ("lab", "right"),
    [("server", "SHOW_ROUTINE"), ("server", "SELECT"), ("mariadb", "SELECT")],
    indirect=["lab"],
)
def test_the_least_rights(lab: Lab, user: str, right: str) -> None:
    grant(lab, user, "SELECT, SHOW VIEW, TRIGGER, EVENT")
    grant(lab, user, right, "*.*")
    before = programs(lab)
    snapshot(lab.run(**as_user(lab, user)), "s", 60)
    assert (held(lab).not_held, held(lab).unseen) == ((), ())
    lose(lab)
    restored(lab)
    assert programs(lab) == before


@ON_BOTH
def test_a_restore_without_a_right_says_so_before_rows(lab: Lab, user: str) -> None:
    before = programs(lab)
    snapshot(lab.run(), "s", 60)
    lose(lab)
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{lab.schema}`")
    rights = ["CREATE", "CREATE VIEW", "ALTER", "REFERENCES", "SELECT", "INSERT"]
    grant(lab, user, ", ".join(rights))
    for missing in ("CREATE ROUTINE", "TRIGGER", "EVENT"):
        with pytest.raises(
            BackupError,
            match="may not make the tables, views, procedures, functions, triggers and events of schema .*: deploy the"
            f" migrations first, or GRANT .*{missing}",
        ) as caught:
            restored(lab, **as_user(lab, user))
        assert [lab.count(table) for table in TABLES] == [0, 0, 0]
        grant(lab, user, missing)
    (statement,) = re.findall(r"GRANT .*", str(caught.value))
    assert statement == (
        f"GRANT {', '.join([*rights, 'CREATE ROUTINE', 'TRIGGER', 'EVENT'])} ON `{lab.schema}`.* TO '{user}'@'%'"
    )
    restored(lab, **as_user(lab, user))
    # Made before by the same user, in a schema with another collation.
    assert {name: shown[:3] for name, shown in programs(lab).items()} == {n: shown[:3] for n, shown in before.items()}


@ON_BOTH
def test_a_restore_that_was_stopped_is_taken_up_without_triggers_at_work(lab: Lab) -> None:
    snapshot(lab.run(), "s", 60)
    before, rows = programs(lab), {table: lab.rows(table) for table in TABLES}
    lose(lab)
    restored(lab)
    lab.sql("DELETE FROM image WHERE image_id = 100")
    # As where the last marks are not set, and a row is not in.
    for table in TABLES:
        lab.sql(f"ALTER TABLE `{table}` COMMENT = 'xray_backup: being restored'")
    lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 5")
    lab.sql("DELETE FROM `transaction` WHERE transaction_id = 5")
    lab.sql("DELETE FROM image WHERE image_id = 5")
    restored(lab)
    assert {table: lab.rows(table) for table in TABLES} == rows
    assert programs(lab) == before


def test_a_binary_log_s_veto_is_told_before_rows(work_folder: Path, folder_store: Any) -> None:
    server = MySqlServer(work_folder / "logged", "--innodb-buffer-pool-size=32M", "--log-bin")
    server.initialize()
    server.start()
    try:
        lab = Lab(server, folder_store, "x_ray_logged").create_schema()
        lab.fill(2, 1)
        make_programs(lab)
        snapshot(lab.run(), "s", 60)
        lose(lab)
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE USER maker IDENTIFIED BY 'pw'")
            cursor.execute(f"GRANT ALL ON `{lab.schema}`.* TO maker")
        database = Database(Secret(server.host, server.port, "maker", "pw", lab.schema), "REQUIRED")
        with pytest.raises(BackupError, match="make function slash: set log_bin_trust_function_creators = 1 "):
            restored(lab, database=database)
        assert lab.count("image") == 0
        lab.sql("SET GLOBAL log_bin_trust_function_creators = 1")
        restored(lab, database=database)
        assert lab.count("named") == 4
    finally:
        server.stop()


@ON_BOTH
def test_keys_are_not_given_twice(lab: Lab) -> None:
    def next_key() -> int:
        lab.sql("INSERT INTO image (bucket, folder, image_file) VALUES ('b', 'f', 'next')")
        ((key,),) = lab.sql("SELECT MAX(image_id) FROM image")
        return int(key)

    lab.sql("DROP TRIGGER z_first")
    lab.sql("DROP TRIGGER a_second")
    snapshot(lab.run(), "old", 60)
    assert next_key() == 6
    lab.sql("DELETE FROM image WHERE image_id = 6")
    snapshot(lab.run(), "s", 60)
    lose(lab)
    restored(lab)
    assert next_key() == 7
    lose(lab)
    restore(lab.run("restore"), ["snapshot-old", "snapshot-s"], None, Selection())
    assert next_key() == 7


def test_a_key_that_was_given_during_the_copy_is_not_given_again(lab: Lab) -> None:
    def during(event: str, **fields: Any) -> None:
        if (event, fields.get("table")) == ("copied", "pred_bounding_box"):
            lab.sql("INSERT INTO image (bucket, folder, image_file) VALUES ('b', 'f', 'gone')")
            lab.sql("DELETE FROM image WHERE image_id = 6")

    snapshot(lab.run(events=during), "s", 60)
    lose(lab)
    restored(lab)
    lab.sql("INSERT INTO image (bucket, folder, image_file) VALUES ('b', 'f', 'next')")
    assert lab.sql("SELECT MAX(image_id) FROM image") == [(7,)]


def test_on_the_command_line(lab: Lab, emulator: Any) -> None:
    options = lab.options(emulator)
    before = programs(lab)
    assert command("backup", *options, "--run-slot", "s").wait(60) == 0
    lab.sql("CREATE EVENT past ON SCHEDULE AT NOW() + INTERVAL 2 SECOND DISABLE DO DO 0")
    assert command("backup", *options, "--run-slot", "t").wait(60) == 0
    lab.sql("DO SLEEP(3)")
    lose(lab)
    failed = command("restore", *options, "--backups", "latest", "--mode", "execute")
    output, errors = failed.communicate(timeout=60)
    assert failed.returncode == 3
    assert "event past: its last time is past" in errors
    lose(lab)
    done = command("restore", *options, "--backups", "snapshot-s", "--mode", "execute")
    output, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert "not quite as it was" in output
    assert programs(lab) == before
