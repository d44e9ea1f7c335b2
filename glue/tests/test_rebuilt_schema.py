"""A lost schema is made again as it was, with its views and its migrations' ledger, or it says what is missing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import TABLES, Lab, command
from tests.support.mysql_server import REPOSITORY
from xray_backup.data_model import X_RAY
from xray_backup.database_model import X_RAY_TABLES, TableChoice
from xray_backup.errors import BackupError, UsageError, VerificationError
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.schema_definition import read_schema_definition
from xray_backup.snapshot import snapshot

VIEW = (REPOSITORY / "sql" / "migrations" / "V0002__create_detections_view.sql").read_text()
LEDGER = (
    "CREATE TABLE schema_migration (version INT NOT NULL COMMENT '0: may run again', statement INT NOT NULL,"
    " name VARCHAR(100) NOT NULL, sha256 CHAR(64) NOT NULL, state ENUM('running', 'done') NOT NULL,"
    " applied_at DATETIME(6) NOT NULL COMMENT 'UTC', applied_by VARCHAR(300) NOT NULL,"
    " PRIMARY KEY (version, statement)) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
)


@pytest.fixture
def lab(lab: Lab) -> Lab:
    """A schema as the migrations make it."""
    lab.sql(f"ALTER DATABASE `{lab.schema}` COLLATE utf8mb4_bin")
    lab.sql(re.sub(r"--[^\n]*", "", VIEW))
    lab.sql(LEDGER)
    lab.sql(
        "INSERT INTO schema_migration VALUES (1, 1, 'create', REPEAT('a', 64), 'done', '2026-01-01 00:00:00.123456',"
        " 'admin@%'), (2, 1, 'it''s %s', REPEAT('b', 64), 'running', UTC_TIMESTAMP(6), 'admin@10.0.0.1')"
    )
    lab.sql("CREATE SQL SECURITY INVOKER VIEW schema_at_v0002_1 AS SELECT MAX(version) v FROM schema_migration")
    lab.fill(5, 2)
    return lab


def objects(lab: Lab, schema: str | None = None) -> dict[str, str]:
    """The statement of each table and view, without a definer and without what MySQL writes in two ways."""
    schema = schema or lab.schema
    found = {"": lab.sql(f"SHOW CREATE DATABASE `{schema}`")[0][1].replace(schema, "")}
    for (name,) in lab.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (schema,)):
        statement = lab.sql(f"SHOW CREATE TABLE `{schema}`.`{name}`")[0][1]
        statement = re.sub(r"DEFINER=\S+ ", "", statement.replace(f"`{schema}`.", ""))
        found[name] = statement.replace("CHARACTER SET utf8mb4 ", "")
    return found


def restored(lab: Lab, schema: str | None = None, **options: Any) -> Any:
    return restore(lab.run("restore", **options), ["latest"], schema, Selection())


def lose(lab: Lab) -> None:
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE `{lab.schema}`")


@pytest.mark.parametrize("is_there", [False, True], ids=["no schema", "an empty schema"])
def test_a_lost_schema_comes_back_as_it_was(lab: Lab, is_there: bool) -> None:
    before, rows = objects(lab), {table: lab.rows(table) for table in (*TABLES, "schema_migration", "detections")}
    snapshot(lab.run(), "s", 60)
    lose(lab)
    if is_there:
        with lab.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{lab.schema}` COLLATE utf8mb4_bin")
    restored(lab)
    # The deploy makes its marker anew, and until then a plan says that the schema was restored.
    del before["schema_at_v0002_1"]
    assert objects(lab) == before
    assert {table: lab.rows(table) for table in rows} == rows
    lab.sql("INSERT INTO image (bucket, folder, image_file) VALUES ('b', 'f', 'next')")
    assert lab.sql("SELECT MAX(image_id) FROM image") == [(6,)]
    assert restored(lab)["image"].present == 5


def test_views_are_made_after_those_that_they_read_from(lab: Lab) -> None:
    lab.sql("CREATE VIEW z AS SELECT image_id, CONCAT(image_id, 'x') c FROM image USE INDEX (image_image_file)")
    lab.sql("CREATE ALGORITHM = MERGE VIEW b AS SELECT * FROM z WHERE image_id < 4 WITH CASCADED CHECK OPTION")
    lab.sql(
        "CREATE ALGORITHM = TEMPTABLE VIEW a (`it``s`, n) AS SELECT b.c, 'DEFINER=`x`@`y` '"
        " FROM b JOIN detections USING (image_id)"
    )
    before, rows = objects(lab), {view: lab.rows(view) for view in "abz"}
    snapshot(lab.run(), "s", 60)
    lose(lab)
    restored(lab)
    del before["schema_at_v0002_1"]
    assert objects(lab) == before
    assert {view: lab.rows(view) for view in "abz"} == rows
    collation = "SELECT collation_connection FROM information_schema.views WHERE table_name = 'z' AND table_schema = %s"
    assert lab.sql(collation, (lab.schema,)) == [("utf8mb4_0900_ai_ci",)]


@pytest.fixture
def users(lab: Lab) -> Iterator[dict[str, str]]:
    """A backup user and a restore user, with a password each."""
    names = {name: f"{name}_{lab.schema[-8:]}" for name in ("backup", "restore", "maker")}
    for user in names.values():
        lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'pw'")
    yield names
    with lab.server.connect() as connection, connection.cursor() as cursor:
        for user in names.values():
            cursor.execute(f"DROP USER IF EXISTS '{user}'@'%'")


def grant(lab: Lab, user: str, rights: str, *tables: str) -> None:
    with lab.server.connect() as connection, connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"GRANT {rights} ON `{lab.schema}`.{table} TO '{user}'@'%'")


def as_user(lab: Lab, user: str) -> dict[str, Any]:
    return {"database": lab.database(username=user, password="pw")}


def test_the_least_rights_and_a_definer_that_is_gone(lab: Lab, users: dict[str, str]) -> None:
    grant(lab, users["maker"], "ALL", "*")
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"CREATE DEFINER = '{users['maker']}'@'%' SQL SECURITY DEFINER VIEW by_maker AS SELECT image_id FROM image"
        )
    grant(
        lab,
        users["backup"],
        "SELECT",
        "image",
        "`transaction`",
        "pred_bounding_box",
        "detections",
        "by_maker",
        "schema_migration",
    )
    grant(lab, users["backup"], "SHOW VIEW", "*")
    snapshot(lab.run(**as_user(lab, users["backup"])), "s", 60)
    (held,) = [m for m in [lab.store.read("v1/_manifests/snapshot-s.json")] if m]
    definition = json.loads(held.body)["schema_definition"]
    assert ([view["name"] for view in definition["views"]], definition["not_held"]) == (["by_maker", "detections"], [])
    assert users["maker"] not in held.body.decode()
    lose(lab)
    lab_root = f"DROP USER '{users['maker']}'@'%'"
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(lab_root)
    with pytest.raises(
        BackupError, match=r"may not make the tables and views of schema .*: deploy the migrations first, or GRANT"
    ):
        restored(lab, **as_user(lab, users["restore"]))
    grant(lab, users["restore"], "CREATE, ALTER, REFERENCES, SELECT, INSERT", "*")
    with pytest.raises(BackupError, match=r"GRANT CREATE, CREATE VIEW, ALTER, REFERENCES, SELECT, INSERT ON") as caught:
        restored(lab, **as_user(lab, users["restore"]))
    assert sum(lab.count(table) for table in TABLES) == 0
    (statement,) = re.findall(r"GRANT .*", str(caught.value))
    lab.sql(statement)
    restored(lab, **as_user(lab, users["restore"]))
    assert lab.count("detections") == 10
    assert lab.count("by_maker") == 5
    assert lab.sql(
        "SELECT definer FROM information_schema.views WHERE table_schema = %s AND table_name = 'by_maker'",
        (lab.schema,),
    ) == [(f"{users['restore']}@%",)]


def lacking(lab: Lab, change: str, choice: TableChoice = X_RAY_TABLES) -> str:
    if change:
        lab.sql(change)
    snapshot(lab.run(tables=choice), "s", 60)
    lose(lab)
    with pytest.raises(UsageError, match=r"deploy the migrations first, then restore$") as caught:
        restored(lab, dry_run=True)
    with pytest.raises(UsageError, match=r"deploy the migrations first, then restore$"):
        restored(lab)
    assert lab_schemas(lab) == []
    return str(caught.value)


def lab_schemas(lab: Lab) -> list[Any]:
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name = %s", (lab.schema,))
        return list(cursor.fetchall())


def test_what_a_backup_does_not_hold_is_named(lab: Lab) -> None:
    assert "it does not hold table reader;" in lacking(
        lab, "CREATE TABLE reader (id INT PRIMARY KEY)", TableChoice(excluded=("reader",))
    )
    # A drill goes on without it, and says so.
    restored(lab, f"{lab.schema}_drill")
    assert lab.events.of("not_restored") == [{"schema": f"{lab.schema}_drill", "objects": ["table reader"]}]


def test_a_broken_view_is_named(lab: Lab) -> None:
    lab.sql("CREATE TABLE gone (id INT)")
    lab.sql("CREATE VIEW broken AS SELECT id FROM gone")
    lab.sql("DROP TABLE gone")
    snapshot(lab.run(), "s", 60)
    lose(lab)
    with pytest.raises(VerificationError, match=r"not all of .* could be made: view broken: .*NO_SUCH_TABLE"):
        restored(lab)
    assert lab.count("detections") == 10


def test_a_backup_whose_user_sees_the_three_tables_only_says_so(lab: Lab, users: dict[str, str]) -> None:
    grant(lab, users["backup"], "SELECT", "image", "`transaction`", "pred_bounding_box")
    snapshot(lab.run(**as_user(lab, users["backup"])), "s", 60)
    lose(lab)
    assert lab.events.of("not_held") == [{"backup": "snapshot-s", "objects": ["table schema_migration"]}]
    with pytest.raises(UsageError, match="it does not hold table schema_migration; deploy the migrations first"):
        restored(lab)


def test_a_manifest_from_before_says_migrations_first(lab: Lab) -> None:
    snapshot(lab.run(), "s", 60)
    path = Path(lab.store.url) / "v1/_manifests/snapshot-s.json"
    document = json.loads(path.read_text())
    del document["schema_definition"]
    path.write_text(json.dumps(document))
    lose(lab)
    with pytest.raises(UsageError, match="it does not hold views, the record of its migrations; deploy the migrations"):
        restored(lab)
    assert restored(lab, f"{lab.schema}_drill")["image"].inserted == 5
    assert lab.events.of("not_restored")


def test_a_manifest_from_before_programs_makes_tables_and_views(lab: Lab) -> None:
    before = objects(lab)
    snapshot(lab.run(), "s", 60)
    path = Path(lab.store.url) / "v1/_manifests/snapshot-s.json"
    document = json.loads(path.read_text())
    definition = document["schema_definition"]
    del definition["programs"], definition["unseen"]
    for view in definition["views"]:
        del view["character_set"]
    path.write_text(json.dumps(document))
    lose(lab)
    restored(lab)
    del before["schema_at_v0002_1"]
    assert objects(lab) == before
    definition["not_held"] = ["trigger late"]
    path.write_text(json.dumps(document))
    lose(lab)
    with pytest.raises(UsageError, match="it does not hold trigger late; deploy the migrations first"):
        restored(lab)


def test_half_a_schema_says_migrations_first(lab: Lab) -> None:
    """As the first statements of a deploy leave it."""
    snapshot(lab.run(), "s", 60)
    lose(lab)
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{lab.schema}`")
        cursor.execute(f"USE `{lab.schema}`")
        cursor.execute(LEDGER)
    with pytest.raises(UsageError, match=r"table x_ray_\w+.image does not exist, .*: deploy the migrations first"):
        restored(lab)


def test_a_view_that_cannot_be_made_is_named_once_all_rows_are_there(lab: Lab) -> None:
    elsewhere = f"{lab.schema}_elsewhere"
    lab.sql(f"CREATE DATABASE `{elsewhere}`")
    lab.sql(f"CREATE TABLE `{elsewhere}`.other (id INT)")
    lab.sql(f"CREATE VIEW crossing AS SELECT id FROM `{elsewhere}`.other")
    lab.sql("CREATE VIEW behind AS SELECT id FROM crossing")
    snapshot(lab.run(), "s", 60)
    lose(lab)
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE `{elsewhere}`")
    with pytest.raises(
        VerificationError, match=r"not all of .* could be made: view behind: .*NO_SUCH_TABLE.*; view crossing: "
    ) as caught:
        restored(lab)
    assert "\n" not in str(caught.value)
    assert (lab.count("image"), lab.count("detections")) == (5, 10)
    assert lab.sql("SELECT COUNT(*) FROM schema_migration") == [(2,)]
    marks = (
        "SELECT DISTINCT table_comment FROM information_schema.tables WHERE table_schema = %s AND table_type <> 'VIEW'"
    )
    assert lab.sql(marks, (lab.schema,)) == [("",)]


def test_a_drill_s_views_read_the_drill_s_tables(lab: Lab) -> None:
    snapshot(lab.run(), "s", 60)
    drill = f"{lab.schema}_drill"
    restored(lab, drill)
    lab.sql("UPDATE image SET image_file = 'live'")
    assert lab.sql(f"SELECT COUNT(*) FROM `{drill}`.detections WHERE image_file = 'live'") == [(0,)]
    assert lab.sql(f"SELECT COUNT(*) FROM `{drill}`.schema_migration") == [(2,)]


def test_a_schema_without_migrations_comes_back_too(lab: Lab) -> None:
    """One that was made by hand."""
    for statement in ("DROP VIEW schema_at_v0002_1", "DROP TABLE schema_migration"):
        lab.sql(statement)
    before = objects(lab)
    snapshot(lab.run(), "s", 60)
    lose(lab)
    restored(lab)
    assert objects(lab) == before


def test_on_the_command_line(lab: Lab, emulator: Any) -> None:
    options = lab.options(emulator)
    assert command("backup", *options, "--run-slot", "s").wait(60) == 0
    lose(lab)
    done = command("restore", *options, "--backups", "latest", "--mode", "execute")
    output, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert "restored into" in output
    assert lab.count("detections") == 10
    with lab.database().session() as connection:
        assert [view.name for view in read_schema_definition(connection, lab.schema, X_RAY).views] == ["detections"]
