"""The data model of a schema, read from the database itself: every table, its columns, key and foreign keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from xray_backup.column_types import parse_column_type
from xray_backup.data_model import X_RAY, Column, DataModel, ForeignKey, Table, parents_first
from xray_backup.database import Connection, is_mariadb, query
from xray_backup.errors import UsageError
from xray_backup.job_contract import MIGRATIONS
from xray_backup.rights import may_read


@dataclass(frozen=True)
class TableChoice:
    """The tables that a run is about: those that are `named`, or all but those that are `excluded`.

    Without the `expected` ones there is no run.
    """

    named: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    expected: tuple[Table, ...] = ()

    def without(self, names: Iterable[str]) -> TableChoice:
        """The same, less these tables."""
        return replace(self, excluded=(*self.excluded, *names))

    def left_out(self, names: Collection[str]) -> list[str]:
        """The tables of these that the choice leaves out.

        Raises:
            UsageError: it names a table that is not there.
        """
        if unknown := sorted({*(self.named or ()), *self.excluded} - set(names)):
            known = ", ".join(sorted(names)) or "none that this user may see"
            raise UsageError(f"the schema has no table {unknown[0]!r}; it has {known}")
        return sorted(
            name for name in names if name in self.excluded or (self.named is not None and name not in self.named)
        )


EVERY_TABLE = TableChoice()
# No asterisk: a shell on the way to a job would put names of files in its place.
_ALL = "@all"


def parse_table_choice(text: str) -> TableChoice:
    """The choice that `text` names: tables with commas between, `@all` for every one, `!name` for all but that one.

    Raises:
        ValueError: a name is empty, or tables are both named and left out.
    """
    names = text.split(",")
    excluded = tuple(name[1:] for name in names if name.startswith("!"))
    named = tuple(name for name in names if not name.startswith("!") and name != _ALL)
    if not all((*named, *excluded)) or (named and (excluded or _ALL in names)):
        raise ValueError(text)
    return TableChoice(named or None, excluded)


# The user may not see a table: so the schema that this package itself makes has to be there whole.
X_RAY_TABLES = TableChoice(expected=X_RAY.tables)


@dataclass(frozen=True)
class SchemaTables:
    """The tables of a schema that a backup can hold, and by name why it cannot hold the others.

    `references` are, by table, the tables that its foreign keys lead to, those that are refused too.
    """

    model: DataModel
    refused: Mapping[str, UsageError]
    references: Mapping[str, Sequence[str]]

    def whole_model(self) -> DataModel:
        """The model, where it has every table; raises the UsageError of the first that cannot be backed up."""
        self.check(self.refused)
        return self.model

    def check(self, names: Iterable[str]) -> None:
        """Raises the UsageError of the first of these tables that cannot be backed up."""
        for name in names:
            if error := self.refused.get(name):
                raise error


def read_tables(connection: Connection, schema: str, choice: TableChoice = EVERY_TABLE) -> SchemaTables:
    """The tables of the schema that the choice takes, the record of the migrations aside, which a backup holds besides.

    A foreign key to a table that is left out is left out, too. Tables that this user may not see at all are not known.

    Raises:
        UsageError: a table that the choice names is not there, or there is none.
    """
    engines = _engines(connection, schema)
    left_out = choice.left_out(engines)
    names = [name for name in engines if name not in left_out]
    missing = [table.name for table in choice.expected if table.name not in names]
    if missing:
        # None of them, and others: it is another schema than the one whose policy is the default.
        others = ", or name the --policies of your own tables, or none" if len(missing) == len(choice.expected) else ""
        raise UsageError(
            f"table {schema}.{missing[0]} does not exist, or this user may not read it: apply the schema's"
            f" migrations, or grant SELECT on it{others if names else ''}"
        )
    if not names:
        raise UsageError(f"schema {schema} has no table to back up that this user may see")
    columns, keys, foreign_keys = (
        _columns(connection, schema),
        _keys(connection, schema),
        _foreign_keys(connection, schema),
    )
    tables: dict[str, Table] = {}
    refused: dict[str, UsageError] = {}
    for name in names:
        try:
            _check_engine(schema, name, engines[name])
            own = tuple(_column(schema, name, *column) for column in columns.get(name, ()))
            nullable = {column.name for column in own if column.nullable}
            index, key = next((found for found in keys.get(name, ()) if not nullable.intersection(found[1])), ("", ()))
            tables[name] = _checked(schema, Table(name, key, own, key_index=index))
        except UsageError as error:
            refused[name] = error
    related = (
        replace(table, foreign_keys=tuple(key for key in foreign_keys.get(name, ()) if key.table in tables))
        for name, table in tables.items()
    )
    references = {name: [key.table for key in keys_of_table] for name, keys_of_table in foreign_keys.items()}
    return SchemaTables(DataModel(parents_first(_with_relations(list(related)))), refused, references)


def _checked(schema: str, table: Table) -> Table:
    try:
        DataModel((table,))
    except ValueError as error:
        raise UsageError(f"schema {schema}: {error}") from None
    return table


def unread_tables(connection: Connection, schema: str, choice: TableChoice = EVERY_TABLE) -> list[str]:
    """The tables that the choice takes and that the user sees, and may not read: a backup has to leave them out."""
    names = _engines(connection, schema)
    left_out = choice.left_out(names)
    return [name for name in names if name not in left_out and not may_read(connection, schema, name)]


def _engines(connection: Connection, schema: str) -> dict[str, str]:
    """The storage engine of each table, by name."""
    found = query(
        connection,
        "SELECT table_name, engine FROM information_schema.tables"
        " WHERE table_schema = %s AND table_type = 'BASE TABLE' ORDER BY table_name",
        (schema,),
    )
    not_rows = tuple(MIGRATIONS["remadePrefixes"])
    return {name: engine for name, engine in found if name != MIGRATIONS["ledger"] and not name.startswith(not_rows)}


def _check_engine(schema: str, table: str, engine: str) -> None:
    if engine != "InnoDB":
        raise UsageError(
            f"table {schema}.{table} is of engine {engine}: only InnoDB reads all rows as of one moment and takes a"
            f" delete back, so make it a table with ENGINE = InnoDB, or leave it out with --tables '!{table}'"
        )


def _columns(connection: Connection, schema: str) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    """Name, type, NULL, character set and extra of each column in order, by table."""
    return _by_table(
        query(
            connection,
            "SELECT table_name, column_name, column_type, is_nullable, character_set_name, extra"
            " FROM information_schema.columns WHERE table_schema = %s ORDER BY table_name, ordinal_position",
            (schema,),
        )
    )


def _column(
    schema: str, table: str, name: str, kind: str | bytes, nullable: str, charset: str | None, extra: str
) -> Column:
    text = kind.decode() if isinstance(kind, bytes) else kind
    try:
        column_type = parse_column_type(text, charset)
    except ValueError as error:
        raise UsageError(
            f"column {name!r} of table {schema}.{table}: {error}; or leave the table out with --tables '!{table}'"
        ) from None
    is_generated = "GENERATED" in extra.upper() and "DEFAULT_GENERATED" not in extra.upper()
    return Column(name, column_type, nullable == "YES", is_generated)


def _keys(connection: Connection, schema: str) -> Mapping[str, Sequence[tuple[str, tuple[str, ...]]]]:
    """The unique indexes of whole columns, by table, the primary key first; one that is hidden has no name."""
    hidden = "ignored = 'YES'" if is_mariadb(connection) else "is_visible = 'NO'"
    found = query(
        connection,
        f"SELECT table_name, index_name, {hidden}, column_name, sub_part FROM information_schema.statistics"
        " WHERE table_schema = %s AND non_unique = 0"
        " ORDER BY table_name, index_name <> 'PRIMARY', index_name, seq_in_index",
        (schema,),
    )
    keys: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for (table, index, is_hidden), parts in groupby(found, key=lambda row: row[:3]):
        columns = [(column, prefix) for *_, column, prefix in parts]
        # A prefix, or an expression, which has no column, does not tell rows apart by their values.
        if all(column and prefix is None for column, prefix in columns):
            keys.setdefault(table, []).append(("" if is_hidden else index, tuple(column for column, _ in columns)))
    return keys


def _foreign_keys(connection: Connection, schema: str) -> Mapping[str, Sequence[ForeignKey]]:
    """The foreign keys to tables of the same schema, by table."""
    found = query(
        connection,
        "SELECT table_name, constraint_name, referenced_table_name, column_name, referenced_column_name"
        " FROM information_schema.key_column_usage WHERE table_schema = %s AND referenced_table_schema = %s"
        " ORDER BY table_name, constraint_name, ordinal_position",
        (schema, schema),
    )
    keys: dict[str, list[ForeignKey]] = {}
    for (table, name, parent), parts in groupby(found, key=lambda row: row[:3]):
        columns, referenced = zip(*(row[3:] for row in parts), strict=True)
        keys.setdefault(table, []).append(ForeignKey(name, columns, parent, referenced))
    return keys


def _by_table(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    return {table: [row[1:] for row in group] for table, group in groupby(rows, key=lambda row: row[0])}


def _with_relations(tables: Sequence[Table]) -> Iterator[Table]:
    """The tables; the X-ray tables of a schema that was made by hand get the relations that it does not enforce."""
    names = {table.name for table in tables}
    for table in tables:
        known = next((other for other in X_RAY.tables if other.name == table.name), None)
        columns = {column.name for column in table.columns}
        enforced = {key.columns for key in table.foreign_keys}
        relations = [
            replace(key, name="")
            for key in (known.foreign_keys if known else ())
            if key.table in names and columns.issuperset(key.columns) and key.columns not in enforced
        ]
        yield replace(table, foreign_keys=(*table.foreign_keys, *relations)) if relations else table
