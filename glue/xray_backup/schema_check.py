"""Does a schema hold exactly the tables of the data model? Asked before anything is read or written."""

from __future__ import annotations

from xray_backup.column_types import without_display_width
from xray_backup.data_model import DataModel, Table
from xray_backup.database import Connection, query
from xray_backup.errors import UsageError


def check_schema(connection: Connection, schema: str, model: DataModel) -> None:
    """Compares storage engine, columns, order, types, NULL and the uniqueness of the key.

    Raises:
        UsageError: a difference; a backup of half a table must not look like a backup.
    """
    for table in model.tables:
        _check_columns(connection, schema, table)
        check_table(connection, schema, table)


def check_table(connection: Connection, schema: str, table: Table) -> None:
    """Looks at what a backup or a restore needs whatever the columns are: storage engine and uniqueness of the key.

    Raises:
        UsageError: it lacks one of them, or is not there.
    """
    _check_engine(connection, schema, table)
    if not _has_unique_key(connection, schema, table):
        raise UsageError(
            f"table {schema}.{table.name} has no unique index on {table.key} alone: rows could not be told apart"
        )


def _check_columns(connection: Connection, schema: str, table: Table) -> None:
    got = query(
        connection,
        "SELECT column_name, column_type, is_nullable FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        (schema, table.name),
    )
    if not got:
        raise _missing(schema, table)
    found = [(name, without_display_width(_text(kind)), nullable) for name, kind, nullable in got]
    expected = [(column.name, column.type.mysql, "YES" if column.nullable else "NO") for column in table.columns]
    for position in range(max(len(found), len(expected))):
        is_, should = (tuple(rows[position : position + 1]) for rows in (found, expected))
        if is_ != should:
            raise UsageError(
                f"column {position + 1} of table {schema}.{table.name} is {_described(is_)},"
                f" the data model says {_described(should)}"
            )


def _check_engine(connection: Connection, schema: str, table: Table) -> None:
    found = query(
        connection,
        "SELECT engine FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        (schema, table.name),
    )
    if not found:
        raise _missing(schema, table)
    ((engine,),) = found
    if engine != "InnoDB":
        raise UsageError(
            f"table {schema}.{table.name} is {f'of engine {engine}' if engine else 'a view'}: only InnoDB reads"
            " all rows as of one moment and takes a delete back, so make it a table with ENGINE = InnoDB"
        )


def _missing(schema: str, table: Table) -> UsageError:
    return UsageError(f"table {schema}.{table.name} does not exist, or this user may not read it")


def _has_unique_key(connection: Connection, schema: str, table: Table) -> bool:
    found = query(
        connection,
        "SELECT MIN(column_name) FROM information_schema.statistics"
        " WHERE table_schema = %s AND table_name = %s AND non_unique = 0 GROUP BY index_name HAVING COUNT(*) = 1",
        (schema, table.name),
    )
    return table.key in [name for (name,) in found]


def _described(column: tuple[tuple[str, str, str], ...]) -> str:
    if not column:
        return "missing"
    name, kind, nullable = column[0]
    return f"`{name}` {kind} {'NOT NULL' if nullable == 'NO' else 'NULL'}"


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
