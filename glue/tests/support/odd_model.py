"""A data model of the tests' own: wide and nullable texts, BIGINT keys, decimals with all digits, nullable times."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.lab import Lab
from tests.support.mysql_server import MySqlServer
from xray_backup.archive_policy import ArchivePolicy
from xray_backup.data_file import decode
from xray_backup.data_model import parse_data_model
from xray_backup.database_model import EVERY_TABLE
from xray_backup.manifest_store import load_manifest
from xray_backup.store import Store


def _column(name: str, kind: str, nullable: bool = False) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": nullable}


def _reference(table: str, column: str) -> dict[str, Any]:
    return {"name": table, "columns": [column], "table": table, "referencedColumns": [column]}


MODEL = parse_data_model(
    {
        "tables": [
            {
                "name": "note",
                "key": ["note_id"],
                "columns": [
                    _column("note_id", "bigint"),
                    _column("body", "varchar(4000)", nullable=True),
                    _column("title", "varchar(40)"),
                    _column("small", "int", nullable=True),
                    _column("amount", "decimal(38,6)", nullable=True),
                    _column("seen", "datetime", nullable=True),
                ],
            },
            {
                "name": "visit",
                "key": ["visit_id"],
                "foreignKeys": [_reference("note", "note_id")],
                "columns": [
                    _column("visit_id", "bigint"),
                    _column("note_id", "bigint", nullable=True),
                    _column("moment", "datetime"),
                ],
            },
            {
                "name": "mark",
                "key": ["mark_id"],
                "foreignKeys": [_reference("visit", "visit_id")],
                "columns": [_column("mark_id", "int"), _column("visit_id", "bigint"), _column("word", "varchar(4000)")],
            },
        ]
    }
)
POLICIES = (ArchivePolicy("visit", "moment"),)
STATEMENTS = (
    "CREATE TABLE note (note_id BIGINT NOT NULL PRIMARY KEY, body VARCHAR(4000), title VARCHAR(40) NOT NULL, small INT,"
    " amount DECIMAL(38,6), seen DATETIME)",
    "CREATE TABLE visit (visit_id BIGINT NOT NULL PRIMARY KEY, note_id BIGINT, moment DATETIME NOT NULL,"
    " FOREIGN KEY (note_id) REFERENCES note (note_id))",
    "CREATE TABLE mark (mark_id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, visit_id BIGINT NOT NULL,"
    " word VARCHAR(4000) NOT NULL, FOREIGN KEY (visit_id) REFERENCES visit (visit_id))",
)
# The server's own settings may be odd, and the rows too.
LOOSE = "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', sql_select_limit = DEFAULT"


def in_ucs2(value: bytes) -> str:
    """A literal by which MySQL takes halves of surrogate pairs."""
    return f"_ucs2 0x{value.decode('utf-8', 'surrogatepass').encode('utf-16-be', 'surrogatepass').hex()}"


class OddLab(Lab):
    """A lab with the tables of `MODEL`."""

    def create_schema(self, foreign_keys: bool = True) -> OddLab:
        assert foreign_keys
        self.server.make_schema(self.schema, STATEMENTS)
        return self

    def run(self, command: str = "test", **overrides: Any) -> Any:
        return super().run(command, **({"policies": POLICIES, "tables": EVERY_TABLE} | overrides))

    def insert(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """Inserts what MySQL lets in when nobody is strict; bytes, which may be no UTF-8, by way of UCS-2."""
        with self.server.connect(self.schema) as connection, connection.cursor() as cursor:
            cursor.execute(LOOSE)
            for row in rows:
                values = ", ".join(in_ucs2(value) if isinstance(value, bytes) else "%s" for value in row)
                cursor.execute(f"INSERT INTO `{table}` VALUES ({values})", [v for v in row if not isinstance(v, bytes)])

    def bytes_of(self, table: str, schema: str | None = None) -> list[tuple[Any, ...]]:
        """Every value of every row, in hexadecimal; None for NULL."""
        columns = ", ".join(f"HEX(CAST({column.quoted} AS BINARY))" for column in MODEL.table(table).columns)
        key = MODEL.table(table).quoted_key
        return self.sql(
            f"SELECT {columns} FROM `{schema or self.schema}`.`{table}` ORDER BY {key} LIMIT 18446744073709551615"
        )

    def rows_of_backup(self, name: str, table: str) -> list[tuple[Any, ...]]:
        manifest = load_manifest(self.store, name)
        files = [(file.key, self.store.read(file.key)) for file in manifest.tables[table].files]
        return [
            tuple(row.values())
            for key, content in files
            for row in decode(MODEL.table(table), content.body if content else b"", key).to_pylist()
        ]

    def all_bytes(self, schema: str | None = None) -> dict[str, list[tuple[Any, ...]]]:
        return {table.name: self.bytes_of(table.name, schema) for table in MODEL.tables}


@contextmanager
def odd_lab(server: MySqlServer, store: Store) -> Iterator[OddLab]:
    lab = OddLab(server, store, f"odd_{uuid.uuid4().hex[:8]}")
    lab.create_schema()
    try:
        yield lab
    finally:
        lab.drop_schema()
