"""Looks at a restore's target: can a table of it take rows, and tell them apart?"""

from __future__ import annotations

from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.errors import UsageError


def check_table(connection: Connection, schema: str, table: Table) -> None:
    """Looks at storage engine and uniqueness of the key, whatever the columns are.

    Raises:
        UsageError: it lacks one of them, or is not there.
    """
    _check_engine(connection, schema, table)
    if table.key and not _has_unique_key(connection, schema, table):
        raise UsageError(
            f"table {schema}.{table.name} has no unique index on {', '.join(table.key)} alone: rows could not be told"
            " apart"
        )


def _check_engine(connection: Connection, schema: str, table: Table) -> None:
    found = query(
        connection,
        "SELECT engine FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        (schema, table.name),
    )
    if not found:
        raise UsageError(f"table {schema}.{table.name} does not exist, or this user may not read it")
    ((engine,),) = found
    if engine != "InnoDB":
        raise UsageError(
            f"table {schema}.{table.name} is {f'of engine {engine}' if engine else 'a view'}: only InnoDB reads"
            " all rows as of one moment and takes a delete back, so make it a table with ENGINE = InnoDB"
        )


def _has_unique_key(connection: Connection, schema: str, table: Table) -> bool:
    found = query(
        connection,
        "SELECT index_name, column_name FROM information_schema.statistics"
        " WHERE table_schema = %s AND table_name = %s AND non_unique = 0",
        (schema, table.name),
    )
    indexes: dict[str, set[str]] = {}
    for index, column in found:
        indexes.setdefault(index, set()).add(column)
    return set(table.key) in indexes.values()
