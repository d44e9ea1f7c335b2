"""A table's CREATE TABLE statement, and its parts: what a restore makes before the rows, and what after them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from xray_backup.data_model import Table, quoted
from xray_backup.database import Connection, query

# MySQL writes each column, key and constraint on a line of its own, with two spaces before it.
_KEY = re.compile(r"  (?:UNIQUE |FULLTEXT |SPATIAL )?KEY ")
_FOREIGN_KEY = re.compile(r"  CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY ")
_KEY_NAME = re.compile(r"(?:KEY|CONSTRAINT) (`(?:[^`]|``)+`)")
_NAME = re.compile(r"CREATE TABLE `(?:[^`]|``)+` \(")
_COMMENT = re.compile(r" COMMENT='((?:[^']|'')*)'")
_COUNTER = re.compile(r"^(\) ENGINE=\w+)(?: AUTO_INCREMENT=(\d+))?", re.M)
# The comment of a table whose rows are not all there yet, or whose keys are not.
UNFINISHED = "xray_backup: being restored"


def table_statement(connection: Connection, schema: str, name: str) -> str:
    """The table's CREATE TABLE statement, as the server writes it."""
    ((_, text),) = query(connection, f"SHOW CREATE TABLE {quoted(schema)}.{quoted(name)}")
    return str(text)


def table_created(connection: Connection, schema: str, name: str) -> datetime | None:
    """The time of the last CREATE or ALTER TABLE. RENAME TABLE keeps it, so another table of this name has another."""
    ((created,),) = query(
        connection,
        "SELECT create_time FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
        (schema, name),
    )
    return created  # type: ignore[no-any-return]


def without_counter(statement: str) -> str:
    """The statement without the next AUTO_INCREMENT value, which each insert changes."""
    return _COUNTER.sub(r"\1", statement)


def counter_of(statement: str) -> int:
    """The next AUTO_INCREMENT value of the table; 0 where the statement has none."""
    found = _COUNTER.search(statement)
    return int(found[2] or 0) if found else 0


@dataclass(frozen=True)
class TableDefinition:
    """The parts of a CREATE TABLE statement: the table with its primary key, its other keys, its foreign keys.

    Each key is as ALTER TABLE adds it. The keys of an AUTO_INCREMENT column stay in the table, which cannot be without
    them, and unique keys where there is no primary key.
    """

    columns: tuple[str, ...]
    keys: tuple[str, ...]
    foreign_keys: tuple[str, ...]
    options: str
    partitions: str = ""

    def counting_from(self, counter: int) -> TableDefinition:
        """The same table, whose next AUTO_INCREMENT value is `counter` at least."""
        end = f"){self.options}"
        if counter <= counter_of(end):
            return self
        return replace(self, options=_COUNTER.sub(rf"\1 AUTO_INCREMENT={counter}", end, count=1)[1:])

    def create(self, schema: str, name: str) -> str:
        """The statement that makes the table, marked as unfinished."""
        body = ",\n".join(self.columns)
        options = _COMMENT.sub("", self.options)
        table = f"{quoted(schema)}.{quoted(name)}"
        return f"CREATE TABLE {table} (\n{body}\n){options} COMMENT='{UNFINISHED}'{self.partitions}"

    def add_keys(self, schema: str, name: str, there: TableDefinition) -> str | None:
        """The statement that adds the keys that the table lacks, all or nothing; None where it has them all."""
        return _add(schema, name, self.keys, there.keys)

    def add_foreign_keys(self, schema: str, name: str, there: TableDefinition) -> str | None:
        """The same for foreign keys, which need the keys of the tables that they reference."""
        return _add(schema, name, self.foreign_keys, there.foreign_keys)

    def mark_finished(self, schema: str, name: str) -> str:
        """The statement that gives the table its own comment back."""
        comment = found[1] if (found := _COMMENT.search(self.options)) else ""
        return f"ALTER TABLE {quoted(schema)}.{quoted(name)} COMMENT = '{comment}'"


def _add(schema: str, name: str, keys: Sequence[str], there: Sequence[str]) -> str | None:
    has = {_key_name(key) for key in there}
    lacks = [key for key in keys if _key_name(key) not in has]
    if not lacks:
        return None
    return f"ALTER TABLE {quoted(schema)}.{quoted(name)} {', '.join(f'ADD {key}' for key in lacks)}"


def _key_name(key: str) -> str:
    """The name of a key or a foreign key, as ALTER TABLE adds it."""
    return str(_KEY_NAME.search(key)[1])  # type: ignore[index]


def definition_of_model(table: Table) -> TableDefinition:
    """Columns and primary key as the data model has them, for backups that hold no statement."""
    columns = (f"  {c.quoted} {c.type.mysql}{'' if c.nullable else ' NOT NULL'}" for c in table.columns)
    primary_key = f"  PRIMARY KEY ({table.quoted_key})"
    return TableDefinition((*columns, primary_key), (), (), " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")


def parse_definition(text: str) -> TableDefinition:
    """The parts of the statement that SHOW CREATE TABLE writes.

    Raises:
        ValueError: it is not such a statement.
    """
    first, *others = text.split("\n")
    end = next((position for position, line in enumerate(others) if line.startswith(")")), None)
    if not _NAME.fullmatch(first) or end is None:
        raise ValueError("not a statement of SHOW CREATE TABLE")
    entries = [line.removesuffix(",") for line in others[:end]]
    # Without a primary key a unique one finds the rows while they are put in.
    has_primary_key = any(entry.startswith("  PRIMARY KEY ") for entry in entries)
    counted = next((re.match(r"  (`(?:[^`]|``)+`) ", e)[1] for e in entries if " AUTO_INCREMENT" in e), None)  # type: ignore[index]
    keys, foreign_keys, columns = [], [], []
    for entry in entries:
        if _FOREIGN_KEY.match(entry):
            foreign_keys.append(entry.strip())
        elif not has_primary_key and entry.startswith("  UNIQUE KEY "):
            columns.append(entry)
        elif _KEY.match(entry) and not (counted and f"({counted}" in entry):
            keys.append(entry.strip())
        else:
            columns.append(entry)
    partitions = "".join(f"\n{line}" for line in others[end + 1 :])
    return TableDefinition(tuple(columns), tuple(keys), tuple(foreign_keys), others[end][1:], partitions)
