"""The columns of a restore's target, found by name: what a backup's rows are put into, and read back from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from xray_backup.column_definition import ColumnDefinition, parse_columns
from xray_backup.column_types import ColumnType
from xray_backup.data_model import Column, DataModel, Table
from xray_backup.errors import UsageError

_INTEGER = re.compile(r"(tiny|small|medium|big)?int( unsigned)?")
_DECIMAL = re.compile(r"decimal\(\d+,\d+\)( unsigned)?")
_TIME = re.compile(r"(datetime|timestamp)(\(\d\))?")
_TEXT = re.compile(r"(var)?char\(\d+\)|(tiny|medium|long)?text")


@dataclass(frozen=True)
class ColumnRef:
    """A column of a table, as an argument names it: `table.column`."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True)
class CastColumn(Column):
    """A column whose type in the target is another one; it is read as the backup's type where that loses nothing."""

    @property
    def read_sql(self) -> str:
        """See `Column`; a value that the backup's type does not hold is written as that type never is."""
        cast = f"CAST({self.quoted} AS {_cast_type(self.type)})"
        return f"IF({self.quoted} <=> {cast}, {cast}, CONCAT('?', {self.quoted}))"


@dataclass(frozen=True)
class TargetTable:
    """A table of the target: the columns of the backup that are `compared`, and those of them that are `inserted`.

    A generated column is compared only: the server makes its value itself.
    """

    compared: Table
    inserted: Table


def find_target_table(table: Table, statement: str, ignored: Collection[ColumnRef], backup: str) -> TargetTable:
    """The columns that the target's table, which `statement` makes, has for the rows of the backup.

    Args:
        table: as the backup has it.
        statement: what SHOW CREATE TABLE says of the target's table.
        ignored: columns that may be missing there.
        backup: its name.

    Raises:
        UsageError: a row of the backup could not be put there as it was.
    """
    definitions = parse_columns(statement)
    there = {column.name: column for column in definitions}
    compared = []
    for column in table.columns:
        found = there.pop(column.name, None)
        if found is None:
            _check_may_be_missing(table, column, ignored, backup)
        else:
            compared.append(_column_there(table, column, found, backup))
            if ColumnRef(table.name, column.name) in ignored:
                raise UsageError(f"--ignore_columns {table.name}.{column.name}: the target has that column")
    for missing in there.values():
        if not missing.has_default and not missing.is_generated:
            raise UsageError(
                f"column `{missing.name}` of table {table.name} must have a value, and {backup} has no such column:"
                " give it a default, or let it be NULL"
            )
    generated = {column.name for column in definitions if column.is_generated}
    inserted = [column for column in compared if column.name not in generated]
    return TargetTable(replace(table, columns=tuple(compared)), replace(table, columns=tuple(inserted)))


def check_ignored(ignored: Iterable[ColumnRef], models: Sequence[DataModel]) -> None:
    """Looks for each column in the backups.

    Raises:
        UsageError: none of them has it.
    """
    known = {
        ColumnRef(table.name, column.name) for model in models for table in model.tables for column in table.columns
    }
    for ref in ignored:
        if ref not in known:
            raise UsageError(f"--ignore_columns {ref}: none of the named backups has that column")


def _check_may_be_missing(table: Table, column: Column, ignored: Collection[ColumnRef], backup: str) -> None:
    if column.name == table.key:
        raise UsageError(
            f"table {table.name} of the target lacks its key `{column.name}`: rows could not be told apart"
        )
    if ColumnRef(table.name, column.name) not in ignored:
        raise UsageError(
            f"table {table.name} of the target lacks the column `{column.name}` that {backup} has: add it there, or"
            f" leave its values out with --ignore_columns {table.name}.{column.name}"
        )


def _column_there(table: Table, column: Column, found: ColumnDefinition, backup: str) -> Column:
    column = replace(column, nullable=column.nullable or found.nullable)
    alike = _TEXT if column.type.is_text else _INTEGER if column.type.is_integer else None
    if found.type == column.type.mysql or (alike and alike.fullmatch(found.type)):
        return column
    if not _is_convertible(column.type, found.type):
        raise UsageError(
            f"column `{column.name}` of table {table.name} is {found.type} in the target, and {backup} has"
            f" {column.type.mysql}: a value could not be proved to be the same"
        )
    return CastColumn(column.name, column.type, column.nullable)


def _is_convertible(kept: ColumnType, there: str) -> bool:
    """Numbers stay numbers, and times times; a value that does not fit is refused on its own."""
    if kept.is_datetime:
        return bool(_TIME.fullmatch(there))
    return not kept.is_text and bool(_INTEGER.fullmatch(there) or _DECIMAL.fullmatch(there))


def _cast_type(kind: ColumnType) -> str:
    return "SIGNED" if kind.is_integer else kind.mysql.upper()
