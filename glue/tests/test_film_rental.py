"""A schema of every kind of object goes into a backup and comes back into an empty server, object by object."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence

import pytest

from tests.support.film_rental import OBJECTS, TABLES, create_film_rental, objects_of, rows_of
from tests.support.lab import Lab
from tests.support.mariadb_server import MariaDbServer
from tests.support.mysql_server import MySqlServer
from xray_backup.data_model import X_RAY
from xray_backup.restore_definition import DefinitionTarget
from xray_backup.restore_schema import Target, finish_tables, make_tables
from xray_backup.schema_definition import read_schema_definition
from xray_backup.store import Store
from xray_backup.table_definition import parse_definition, table_statement


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
