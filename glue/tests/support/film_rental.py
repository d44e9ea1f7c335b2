"""A film rental's schema: sixteen tables with a cycle, and of every other object of MySQL some; hundreds of rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pymysql

TABLES = (
    "nation", "town", "place", "genre", "tongue", "performer", "film", "film_performer", "film_genre", "film_text",
    "shop", "clerk", "member", "disc", "loan", "payment",
)  # fmt: skip
OBJECTS = {
    "TABLE": 16,
    "VIEW": 7,
    "TRIGGER": 6,
    "PROCEDURE": 3,
    "FUNCTION": 3,
    "EVENT": 1,
}
_STATEMENTS = re.sub(r"^--.*\n", "", Path(__file__).with_suffix(".sql").read_text("utf-8"), flags=re.M).split("\n//\n")


class Server(Protocol):
    """A server of the tests."""

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """A connection as root."""
        ...

    def make_schema(self, schema: str, statements: Iterable[str]) -> None:
        """Makes the schema by these statements."""
        ...


def create_film_rental(server: Server, schema: str) -> None:
    """Makes the schema with all its objects and rows."""
    server.make_schema(schema, _STATEMENTS)


def rows_of(server: Server, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every value of every row of every table, its bytes in hexadecimal."""
    with _cursor(server, schema) as cursor:
        return {table: _rows(cursor, schema, table) for table in TABLES}


def objects_of(server: Server, schema: str) -> dict[str, list[str]]:
    """All that SHOW CREATE says of each object, but for the definer and a trigger's moment; and the triggers' order."""
    with _cursor(server, schema) as cursor:
        found: dict[str, list[str]] = {}
        for kind, name in _asked(cursor, _NAMES.format(schema=schema)):
            ((_, *shown),) = _asked(cursor, f"SHOW CREATE {kind} `{name.replace('`', '``')}`")
            texts = [re.sub(r"DEFINER=\S+ ", "", str(text)) for text in shown]
            found[f"{kind} {name}"] = texts[:-1] if kind == "TRIGGER" else texts
        order = f"{_ORDER} FROM information_schema.triggers WHERE trigger_schema = '{schema}' ORDER BY 1, 2, 3, 4"
        found["order of the triggers"] = [str(row) for row in _asked(cursor, order)]
    return found


_NAMES = (
    "SELECT IF(table_type = 'VIEW', 'VIEW', 'TABLE'), table_name FROM information_schema.tables"
    " WHERE table_schema = '{schema}' UNION ALL"
    " SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = '{schema}' UNION ALL"
    " SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = '{schema}' UNION ALL"
    " SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = '{schema}'"
)
_ORDER = "SELECT event_object_table, action_timing, event_manipulation, action_order, trigger_name"


@contextmanager
def _cursor(server: Server, schema: str) -> Iterator[pymysql.cursors.Cursor]:
    with server.connect(schema) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        yield cursor


def _asked(cursor: pymysql.cursors.Cursor, sql: str) -> list[tuple[Any, ...]]:
    cursor.execute(sql)
    return list(cursor.fetchall())


def _rows(cursor: pymysql.cursors.Cursor, schema: str, table: str) -> list[tuple[Any, ...]]:
    columns = _asked(
        cursor,
        "SELECT column_name FROM information_schema.columns"
        f" WHERE table_schema = '{schema}' AND table_name = '{table}' ORDER BY ordinal_position",
    )
    values = ", ".join(f"HEX(CAST(`{name}` AS BINARY))" for (name,) in columns)
    return sorted(_asked(cursor, f"SELECT {values} FROM `{table}`"), key=repr)
