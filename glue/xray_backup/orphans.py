"""Rows that a restore put in unchecked, since their table references itself, and whose parents are not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from xray_backup.data_model import ForeignKey, Table, quoted
from xray_backup.database import Connection, execute, query
from xray_backup.keys import found_keys, key_sql, shown
from xray_backup.row_text import row_text_sql


@contextmanager
def unchecked(connections: Sequence[Connection]) -> Iterator[None]:
    """Lets rows of a cycle of foreign keys in, whatever their order."""
    _set_checks(connections, 0)
    try:
        yield
    finally:
        _set_checks([connection for connection in connections if connection.open], 1)


def _set_checks(connections: Sequence[Connection], value: int) -> None:
    for connection in connections:
        execute(connection, f"SET SESSION foreign_key_checks = {value}")


def find_orphans(connection: Connection, table: Table) -> list[int | str]:
    """The rows of `table` whose foreign keys name a row that is not there, as a record may have them."""
    found: set[int | str] = set()
    columns = {column.name for column in table.columns}
    for key in table.foreign_keys:
        # Without a name it is the data model's only: the server does not ask for the parent.
        if key.name and columns.issuperset(key.columns):
            found |= {*_orphans_of(connection, table, key)}
    connection.rollback()
    return sorted(found)


def _orphans_of(connection: Connection, table: Table, key: ForeignKey) -> list[int | str]:
    named = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
    pairs = zip(key.columns, key.referenced_columns, strict=True)
    match = " AND ".join(f"p.{quoted(parent)} = c.{quoted(column)}" for column, parent in pairs)
    selected = key_sql(table.key_columns) if table.key else f"LEFT(SHA2({row_text_sql(table)}, 256), 12)"
    rows = query(
        connection,
        f"SELECT {selected} FROM {table.quoted} c WHERE {named}"
        f" AND NOT EXISTS (SELECT 1 FROM {quoted(key.table)} p WHERE {match})",
    )
    values = (value for (value,) in rows)
    return shown(found_keys(table.key_columns, values)) if table.key else [f"sha2:{value}" for value in values]
