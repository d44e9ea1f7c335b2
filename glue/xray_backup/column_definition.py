"""The columns of a table, read from the CREATE TABLE statement that the server writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xray_backup.column_types import without_display_width

# MySQL writes each column on a line of its own, with two spaces before it; a member of a list may hold any sign.
_COLUMN = re.compile(r"  `((?:[^`]|``)+)` (\w+(?:\((?:'(?:[^']|'')*'|[^')])*\))?(?: unsigned)?(?: zerofill)?)(.*)")
_STRING = re.compile(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`")
_CHARACTER_SET = re.compile(r" CHARACTER SET (\w+)")
_DEFAULT_CHARACTER_SET = re.compile(r"^\).* DEFAULT CHARSET=(\w+)", re.M)


@dataclass(frozen=True)
class ColumnDefinition:
    """One column: its type as information_schema has it, without a display width, and what it takes without a value.

    The character set is that of a text, and says nothing of other types.
    """

    name: str
    type: str
    character_set: str | None
    nullable: bool
    has_default: bool
    is_generated: bool


def parse_columns(statement: str) -> tuple[ColumnDefinition, ...]:
    """The columns of the table that a statement of SHOW CREATE TABLE makes, in order."""
    found = []
    default = _DEFAULT_CHARACTER_SET.search(statement)
    for line in statement.split("\n"):
        if parts := _COLUMN.fullmatch(line.removesuffix(",")):
            # A comment, a default or an expression may hold any word in quotes.
            rest = _STRING.sub("''", parts[3])
            nullable = " NOT NULL" not in rest
            character_set = _CHARACTER_SET.search(rest) or default
            found.append(
                ColumnDefinition(
                    name=parts[1].replace("``", "`"),
                    type=without_display_width(parts[2]),
                    character_set=character_set[1] if character_set else None,
                    nullable=nullable,
                    has_default=nullable or " DEFAULT " in rest or " AUTO_INCREMENT" in rest,
                    is_generated=" GENERATED ALWAYS AS " in rest,
                )
            )
    return tuple(found)
