"""Tables with their columns, keys and foreign keys: what a database or a backup holds, whatever it is about.

A run's model is read from its database, a backup's from its manifest. `X_RAY` is the model of the schema that this
package's migrations make; backups of before manifests held a model are of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from typing import Any

from xray_backup.column_types import ColumnType, parse_column_type

EXACT_SUFFIX = "__exact"


def quoted(name: str) -> str:
    """`name` as an identifier in SQL."""
    return "`" + name.replace("`", "``") + "`"


@dataclass(frozen=True)
class Column:
    """One column; the server makes the values of one that `is_generated`."""

    name: str
    type: ColumnType
    nullable: bool = False
    is_generated: bool = False

    @property
    def quoted(self) -> str:
        """The quoted name."""
        return quoted(self.name)

    @property
    def read_sql(self) -> str:
        """MySQL expression: the value, written as a column of this type has it; the bytes of a text."""
        return self.type.form.sql(self.quoted)

    @property
    def exact_name(self) -> str:
        """Parquet column of the values that the typed column cannot hold, as MySQL writes them; mostly absent."""
        return f"{self.name}{EXACT_SUFFIX}"


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key: `columns` of the child hold `referenced_columns` of `table`.

    Without a name the server does not enforce it: only the data model knows of it.
    """

    name: str
    columns: tuple[str, ...]
    table: str
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """One table; `key` are the columns that tell its rows apart, none where nothing does.

    `key_index` is the key's index, where the table was read from its database and the optimizer may use it.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    key_index: str = field(default="", compare=False)

    @property
    def quoted(self) -> str:
        """The quoted name."""
        return quoted(self.name)

    @property
    def has_integer_key(self) -> bool:
        """True where one integer column is the key."""
        return len(self.key) == 1 and self.column(self.key[0]).type.is_integer

    @property
    def integer_key(self) -> str:
        """The column that is the key, of a table that has one integer for it."""
        (name,) = self.key
        return name

    @property
    def quoted_key(self) -> str:
        """The key's columns, quoted, with commas between."""
        return ", ".join(map(quoted, self.key))

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns of the key."""
        return tuple(map(self.column, self.key))

    @property
    def column_list(self) -> str:
        """All columns, quoted, in order, with commas between."""
        return ", ".join(column.quoted for column in self.columns)

    @property
    def text_columns(self) -> list[Column]:
        """The columns whose values may hold any byte."""
        return [column for column in self.columns if column.type.is_text]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class DataModel:
    """All tables, parents before their children where the foreign keys form no cycle."""

    tables: tuple[Table, ...]

    def __post_init__(self) -> None:
        tables = {table.name: table for table in self.tables}
        for table in self.tables:
            names = {column.name for column in table.columns}
            if odd := [name for name in (table.name, *names) if "\n" in name or "\r" in name]:
                raise ValueError(f"the name {odd[0]!r} must not hold a line break")
            if "/" in table.name or table.name in (".", ".."):
                raise ValueError(
                    f"table {table.name!r} must not hold a slash or be a dot: its name is that of a folder"
                )
            used = {*table.key, *(name for key in table.foreign_keys for name in key.columns)}
            if missing := used - names:
                raise ValueError(f"table {table.name!r} has no column {min(missing)!r}")
            if reserved := [name for name in names if name.endswith(EXACT_SUFFIX)]:
                raise ValueError(f"column {reserved[0]!r} of table {table.name!r}: names that end so are the backup's")
            for key in table.foreign_keys:
                parent = tables.get(key.table)
                known = {column.name for column in parent.columns} if parent else set()
                if not known.issuperset(key.referenced_columns):
                    raise ValueError(f"foreign key {key.columns} of table {table.name!r} references what is not there")

    def table(self, name: str) -> Table:
        """The table of that name."""
        return next(table for table in self.tables if table.name == name)

    def children(self, table: Table) -> Sequence[tuple[Table, ForeignKey]]:
        """The foreign keys that reference `table`, each with its own table."""
        return [(other, key) for other in self.tables for key in other.foreign_keys if key.table == table.name]

    @cached_property
    def in_cycles(self) -> frozenset[str]:
        """The tables that reference themselves, by way of others or not."""
        return frozenset(table.name for table in self.tables if table.name in self._above(table.name))

    def _above(self, name: str) -> set[str]:
        """The tables that `name` references, and those that they do."""
        found: set[str] = set()
        new = {name}
        while new:
            new = {key.table for table in new for key in self.table(table).foreign_keys} - found
            found |= new
        return found

    @cached_property
    def digest(self) -> str:
        """Changes whenever a table, its key, a column, its order or its type does (hexadecimal, 16 digits)."""
        parts = [
            [t.name, t.key[0] if len(t.key) == 1 else list(t.key), [[c.name, c.type.mysql] for c in t.columns]]
            for t in self.tables
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def parents_first(tables: Iterable[Table]) -> tuple[Table, ...]:
    """The tables in the order of their names, but each after those that it references, as far as no cycle forbids."""
    left = {table.name: table for table in sorted(tables, key=lambda table: table.name)}
    found: list[Table] = []
    while left:
        ready = [t for t in left.values() if not any(k.table in left and k.table != t.name for k in t.foreign_keys)]
        # In a cycle no table is ready: the first by name begins.
        for table in ready or [next(iter(left.values()))]:
            found.append(left.pop(table.name))
    return tuple(found)


def parse_data_model(document: Mapping[str, Any]) -> DataModel:
    """The data model that a JSON document describes.

    Raises:
        ValueError: a type, key or foreign key is wrong.
    """
    return DataModel(tuple(map(_parse_table, document["tables"])))


def _parse_table(table: Mapping[str, Any]) -> Table:
    return Table(
        name=table["name"],
        key=tuple(table["key"]),
        columns=tuple(
            Column(
                column["name"],
                parse_column_type(column["type"], column.get("characterSet")),
                column.get("nullable", False),
                column.get("generated", False),
            )
            for column in table["columns"]
        ),
        foreign_keys=tuple(map(_parse_foreign_key, table.get("foreignKeys", ()))),
    )


def _parse_foreign_key(key: Mapping[str, Any]) -> ForeignKey:
    return ForeignKey(key["name"], tuple(key["columns"]), key["table"], tuple(key["referencedColumns"]))


def write_data_model(model: DataModel) -> dict[str, Any]:
    """The JSON document that describes `model`; `parse_data_model` reads it."""
    return {"tables": [_written_table(table) for table in model.tables]}


def _written_table(table: Table) -> dict[str, Any]:
    columns = [
        {"name": column.name, "type": column.type.mysql}
        | ({"nullable": True} if column.nullable else {})
        | ({"generated": True} if column.is_generated else {})
        | ({"characterSet": column.type.character_set} if column.type.character_set else {})
        for column in table.columns
    ]
    foreign_keys = [
        {
            "name": key.name,
            "columns": list(key.columns),
            "table": key.table,
            "referencedColumns": list(key.referenced_columns),
        }
        for key in table.foreign_keys
    ]
    written: dict[str, Any] = {"name": table.name, "key": list(table.key), "columns": columns}
    return written | ({"foreignKeys": foreign_keys} if foreign_keys else {})


X_RAY = parse_data_model(json.loads(resources.files("xray_backup").joinpath("data_model.json").read_text("utf-8")))
