"""The tables that are backed up, with their columns, keys and parents, read once from `data_model.json`.

No other module writes a table's or a column's name, so another team's tables are another JSON file. The schema check,
the catalog and the grants read the same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    """One column."""

    name: str
    type: ColumnType
    nullable: bool = False

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
class Parent:
    """The foreign key: `column` of the child holds the key of `table`."""

    table: str
    column: str


@dataclass(frozen=True)
class Table:
    """One table; `key` is its primary key, an integer that is never used twice."""

    name: str
    key: str
    columns: tuple[Column, ...]
    parent: Parent | None = None
    time_column: str | None = None

    @property
    def quoted(self) -> str:
        """The quoted name."""
        return quoted(self.name)

    @property
    def quoted_key(self) -> str:
        """The quoted name of the key."""
        return quoted(self.key)

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
    """All tables, parents before their children."""

    tables: tuple[Table, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for table in self.tables:
            names = {column.name for column in table.columns}
            if odd := [name for name in (table.name, *names) if "\n" in name or "\r" in name]:
                raise ValueError(f"the name {odd[0]!r} must not hold a line break")
            if "/" in table.name or table.name in (".", ".."):
                raise ValueError(
                    f"table {table.name!r} must not hold a slash or be a dot: its name is that of a folder"
                )
            used = {table.key, *filter(None, [table.time_column]), *([table.parent.column] if table.parent else [])}
            if missing := used - names:
                raise ValueError(f"table {table.name!r} has no column {sorted(missing)[0]!r}")
            if reserved := [name for name in names if name.endswith(EXACT_SUFFIX)]:
                raise ValueError(f"column {reserved[0]!r} of table {table.name!r}: names that end so are the backup's")
            if not table.column(table.key).type.is_integer:
                raise ValueError(f"the key of table {table.name!r} must be an integer")
            if table.parent and table.parent.table not in seen:
                raise ValueError(f"table {table.name!r} must come after its parent {table.parent.table!r}")
            seen.add(table.name)
        if sum(table.time_column is not None for table in self.tables) != 1:
            raise ValueError("exactly one table must have a time column: it decides what is old enough to purge")

    def table(self, name: str) -> Table:
        """The table of that name."""
        return next(table for table in self.tables if table.name == name)

    def children(self, table: Table) -> Sequence[Table]:
        """The tables whose foreign key points at `table`."""
        return [other for other in self.tables if other.parent and other.parent.table == table.name]

    @cached_property
    def anchor(self) -> Table:
        """The table whose time column decides what is old: its rows, with their descendants, are what is purged."""
        return next(table for table in self.tables if table.time_column)

    @cached_property
    def purged(self) -> Sequence[Table]:
        """The anchor and its descendants, parents first; every other table is never purged."""
        names = {self.anchor.name}
        for table in self.tables:
            if table.parent and table.parent.table in names:
                names.add(table.name)
        return [table for table in self.tables if table.name in names]

    def path_to_anchor(self, table: Table) -> Sequence[Table]:
        """`table`, its parent and so on up to the anchor, both ends included."""
        path = [table]
        while path[-1].name != self.anchor.name:
            parent = path[-1].parent
            if parent is None:
                raise ValueError(f"{table.name} does not descend from {self.anchor.name}")
            path.append(self.table(parent.table))
        return path

    @cached_property
    def digest(self) -> str:
        """Changes whenever a table, a column, its order or its type does (hexadecimal, 16 digits)."""
        text = json.dumps([[t.name, t.key, [[c.name, c.type.mysql] for c in t.columns]] for t in self.tables])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_data_model(document: Mapping[str, Any]) -> DataModel:
    """The data model that a JSON document describes.

    Raises:
        ValueError: a type, key, parent or time column is wrong.
    """
    return DataModel(
        tuple(
            Table(
                name=table["name"],
                key=table["key"] if isinstance(table["key"], str) else table["key"][0],
                columns=tuple(
                    Column(
                        column["name"],
                        parse_column_type(column["type"], column.get("characterSet")),
                        column.get("nullable", False),
                    )
                    for column in table["columns"]
                ),
                parent=_parse_parent(table),
                time_column=table.get("timeColumn") or _TIME_COLUMNS.get(table["name"]),
            )
            for table in document["tables"]
        )
    )


# The X-ray model's own: a file that is written from a database does not tell.
_TIME_COLUMNS = {"transaction": "time"}


def _parse_parent(table: Mapping[str, Any]) -> Parent | None:
    if "parent" in table:
        return Parent(**table["parent"])
    for key in table.get("foreignKeys", ()):
        return Parent(key["table"], key["columns"][0])
    return None


X_RAY = parse_data_model(json.loads(resources.files("xray_backup").joinpath("data_model.json").read_text("utf-8")))
