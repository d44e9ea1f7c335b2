"""A schema of every kind of object goes into a backup and comes back into an empty server, object by object."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.film_rental import OBJECTS, TABLES, create_film_rental, objects_of, rows_of
from tests.support.lab import Emulator, Lab, command
from tests.support.mariadb_server import MariaDbServer
from tests.support.mysql_server import MySqlServer
from xray_backup.comparison import compare
from xray_backup.data_model import X_RAY
from xray_backup.database_model import EVERY_TABLE
from xray_backup.restore import restore
from xray_backup.restore_definition import DefinitionTarget
from xray_backup.restore_schema import Target, finish_tables, make_tables
from xray_backup.restore_selection import Selection
from xray_backup.run import Run
from xray_backup.schema_definition import read_schema_definition
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.table_definition import parse_definition, table_statement
from xray_backup.verification import verify


@pytest.fixture(params=["server", "mariadb"])
def lab(request: pytest.FixtureRequest, folder_store: Store) -> Iterator[Lab]:
    server: MySqlServer = request.getfixturevalue(request.param)
    lab = Lab(server, folder_store, f"film_rental_{uuid.uuid4().hex[:8]}")
    create_film_rental(server, lab.schema)
    yield lab
    lab.drop_schema()


def test_it_has_the_shape_of_the_sample_schema(lab: Lab) -> None:
    objects, rows = objects_of(lab.server, lab.schema), rows_of(lab.server, lab.schema)
    for kind, number in OBJECTS.items():
        assert sum(name.startswith(f"{kind} ") for name in objects) == number
    assert all(rows.values())
    assert sum(map(len, rows.values())) == 778


KILLS = 4
POLICIES = ("--policies", "loan.loaned_at+payment")


def lose(lab: Lab) -> None:
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE `{lab.schema}`")


def run(lab: Lab) -> Run:
    return lab.run(tables=EVERY_TABLE, policies=())


def test_the_whole_schema_comes_back_into_an_empty_server(lab: Lab) -> None:
    before, rows = objects_of(lab.server, lab.schema), rows_of(lab.server, lab.schema)
    manifest = snapshot(run(lab), "s", 60)
    assert manifest
    assert manifest.tables.keys() == set(TABLES)
    verify(run(lab), manifest)
    lose(lab)
    result = restore(run(lab), ["latest"], None, Selection())
    assert {table: counts.inserted for table, counts in result.items()} == {t: len(rows[t]) for t in TABLES}
    assert objects_of(lab.server, lab.schema) == before
    assert rows_of(lab.server, lab.schema) == rows
    assert lab.events.of("not_restored") == []
    assert [note.partition(":")[0] for note in lab.events.of("not_alike")[0]["notes"]] == [
        f"with the rights of {lab.account}, who made them now"
    ]
    assert {table: found.equal for table, found in compare(run(lab), manifest).items()} == {
        table: len(rows[table]) for table in TABLES
    }
    again = restore(run(lab), ["latest"], None, Selection())
    assert {table: counts.present for table, counts in again.items()} == {t: len(rows[t]) for t in TABLES}


def assert_made_again(lab: Lab, names: Sequence[str]) -> None:
    before = objects_of(lab.server, lab.schema)
    database = lab.database()
    with database.session() as connection:
        tables = {table: parse_definition(table_statement(connection, lab.schema, table)) for table in sorted(names)}
        definition = read_schema_definition(connection, lab.schema, X_RAY)
    lab.drop_schema()
    target = Target(lab.schema, frozenset(names), frozenset())
    rest = DefinitionTarget(database, lab.schema, lab.schema, definition, runs_events=True)
    make_tables(target, tables, rest)
    assert finish_tables(target, tables, rest).errors == {}
    assert objects_of(lab.server, lab.schema) == before


def test_the_definitions_alone_make_every_object_again(lab: Lab) -> None:
    """Keys after the tables, foreign keys after all keys: two tables reference each other."""
    assert_made_again(lab, TABLES)


def test_a_foreign_key_waits_for_the_unique_key_that_it_references(lab: Lab) -> None:
    lab.drop_schema()
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{lab.schema}`")
        cursor.execute(f"USE `{lab.schema}`")
        cursor.execute("CREATE TABLE parent (id INT PRIMARY KEY, code INT NOT NULL, UNIQUE KEY code (code))")
        cursor.execute("CREATE TABLE child (id INT PRIMARY KEY, code INT, FOREIGN KEY (code) REFERENCES parent (code))")
    assert_made_again(lab, ("child", "parent"))


def test_odd_tables_come_back_as_they_were(lab: Lab) -> None:
    lab.drop_schema()
    # MariaDB forgets it with the next ALTER.
    after = "" if isinstance(lab.server, MariaDbServer) else "CONNECTION = 'after'"
    with lab.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{lab.schema}` CHARACTER SET latin1")
        cursor.execute(f"USE `{lab.schema}`")
        cursor.execute(
            "CREATE TABLE `odd``name` (id INT NOT NULL AUTO_INCREMENT, a INT INVISIBLE COMMENT 'KEY `x`, \\n',"
            " b INT AS (a + 1) STORED, c VARCHAR(20) COLLATE utf8mb4_bin DEFAULT 'KEY ()', CHECK (a > 0),"
            " PRIMARY KEY (id), KEY `k``b` (b DESC), KEY c (c(3)) COMMENT 'it''s') AUTO_INCREMENT = 9"
            f" ROW_FORMAT = DYNAMIC COMMENT = 'it''s COMMENT=''\\\\' {after} PARTITION BY RANGE (id)"
            " (PARTITION p0 VALUES LESS THAN (10) COMMENT = 'p', PARTITION p1 VALUES LESS THAN MAXVALUE)"
        )
    assert_made_again(lab, ("odd`name",))


def test_by_the_command_line_into_another_server(
    server: MySqlServer, s3_store: Store, emulator: Emulator, work_folder: Path
) -> None:
    lab = Lab(server, s3_store, f"film_rental_{uuid.uuid4().hex[:8]}")
    create_film_rental(server, lab.schema)
    before, rows = objects_of(server, lab.schema), rows_of(server, lab.schema)
    done = command("backup", *lab.options(emulator), "--run-slot", "s", *POLICIES)
    assert (done.communicate(timeout=120)[1], done.returncode) == ("", 0)
    lab.drop_schema()
    empty = MySqlServer(work_folder / "empty", "--innodb-buffer-pool-size=32M", "--skip-log-bin")
    empty.initialize()
    empty.start()
    try:
        there = Lab(empty, s3_store, lab.schema)
        done = command("restore", *there.options(emulator), "--backups", "snapshot-s", "--mode", "execute", *POLICIES)
        output, errors = done.communicate(timeout=120)
        assert (errors, done.returncode) == ("", 0)
        assert "not quite as it was" in output
        assert objects_of(empty, lab.schema) == before
        assert rows_of(empty, lab.schema) == rows
    finally:
        empty.stop()


def test_a_restore_that_is_killed_is_taken_up(server: MySqlServer, s3_store: Store, emulator: Emulator) -> None:
    """At moments of all its length: before tables, among rows, before triggers, after events."""
    lab = Lab(server, s3_store, f"film_rental_{uuid.uuid4().hex[:8]}")
    create_film_rental(server, lab.schema)
    before, rows = objects_of(server, lab.schema), rows_of(server, lab.schema)
    options = [*lab.options(emulator), *POLICIES]
    assert command("backup", *options, "--run-slot", "s").wait(120) == 0
    restored = ["restore", *options, "--backups", "latest", "--mode", "execute", "--lock-ttl-seconds", "3"]
    lose(lab)
    started = time.monotonic()
    assert command(*restored).wait(120) == 0
    seconds = time.monotonic() - started
    for part in range(KILLS):
        lose(lab)
        killed = command(*restored)
        time.sleep(seconds * (0.3 + 0.7 * part / KILLS))
        killed.kill()
        killed.communicate()
        time.sleep(3.5)
        done = command(*restored)
        errors = done.communicate(timeout=120)[1]
        assert (errors, done.returncode) == ("", 0)
        assert objects_of(server, lab.schema) == before
        assert rows_of(server, lab.schema) == rows
    lab.drop_schema()
