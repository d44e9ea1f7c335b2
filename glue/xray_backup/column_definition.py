"""The columns of a table, read from the CREATE TABLE statement that the server writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

# MySQL writes each column on a line of its own, with two spaces before it.
_COLUMN = re.compile(r"  `((?:[^`]|``)+)` (\w+(?:\([^)]*\))?(?: unsigned)?)(.*)")
_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`")
# MariaDB, and MySQL before 8.0.19, write int(11).
_DISPLAY_WIDTH = re.compile(r"^(\w*int)\(\d+\)")


@dataclass(frozen=True)
class ColumnDefinition:
    """One column: its type as information_schema has it, without a display width, and what it takes without a value."""

    name: str
    type: str
    nullable: bool
    has_default: bool
    is_generated: bool


def parse_columns(statement: str) -> tuple[ColumnDefinition, ...]:
    """The columns of the table that a statement of SHOW CREATE TABLE makes, in order."""
    found = []
    for line in statement.split("\n"):
        if parts := _COLUMN.fullmatch(line.removesuffix(",")):
            # A comment, a default or an expression may hold any word in quotes.
            rest = _STRING.sub("''", parts[3])
            nullable = " NOT NULL" not in rest
            found.append(
                ColumnDefinition(
                    name=parts[1].replace("``", "`"),
                    type=_DISPLAY_WIDTH.sub(r"\1", parts[2]),
                    nullable=nullable,
                    has_default=nullable or " DEFAULT " in rest or " AUTO_INCREMENT" in rest,
                    is_generated=" GENERATED ALWAYS AS " in rest,
                )
            )
    return tuple(found)
