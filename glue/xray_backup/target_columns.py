"""The columns of a restore's target, found by name: what a backup's rows are put into, and read back from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from xray_backup.bytes_forms import TextForm
from xray_backup.column_definition import ColumnDefinition, parse_columns
from xray_backup.column_types import ColumnType, parse_column_type
from xray_backup.data_model import Column, DataModel, Table
from xray_backup.errors import UsageError


@dataclass(frozen=True)
class ColumnRef:
    """A column of a table, as an argument names it: `table.column`."""

    table: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True)
class ReadColumn(Column):
    """A column whose values `sql` reads from the target, where its type is another one."""

    sql: str = ""

    @property
    def read_sql(self) -> str:
        """See `Column`."""
        return self.sql


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
    if column.name in table.key:
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
    kept = column.type
    try:
        there = parse_column_type(found.type, found.character_set if kept.character_set else None)
    except ValueError:
        there = None
    if there == kept:
        return column
    if there and _family(there) == _family(kept) == "text" and isinstance(kept.form, TextForm):
        # Raw bytes of the backup's character set are not proved in another one; all other texts are.
        same = kept.character_set == there.character_set
        return column if same else replace(column, type=replace(kept, form=replace(kept.form, character_set=None)))
    if there and _family(there) == _family(kept) and _family(kept) in _READ_ALIKE:
        sql = there.form.sql(column.quoted)
        return column if sql == column.read_sql else _read_as(column, sql)
    if there is None or not _is_convertible(kept, there):
        raise UsageError(
            f"column `{column.name}` of table {table.name} is {found.type} in the target, and {backup} has"
            f" {kept.mysql}: a value could not be proved to be the same"
        )
    value = there.form.sql(column.quoted)
    cast = f"CAST({column.quoted} AS {_cast_type(kept)})"
    # A value that the backup's type does not hold is written as that type never is.
    return _read_as(column, f"IF({column.quoted} <=> {cast}, {cast}, CONCAT('?', {value}))")


def _read_as(column: Column, sql: str) -> ReadColumn:
    return ReadColumn(column.name, column.type, column.nullable, column.is_generated, sql)


# Families whose types write a value that they all hold alike.
_READ_ALIKE = ("integer", "binary", "shape", "enum", "set")
_FAMILIES = (
    (re.compile(r"(tiny|small|medium|big)?int\b.*"), "integer"),
    (re.compile(r"decimal.*"), "decimal"),
    (re.compile(r"(datetime|timestamp).*"), "time"),
    (re.compile(r"(var)?char.*|\w*text"), "text"),
    (re.compile(r"(var)?binary.*|\w*blob"), "binary"),
    (re.compile(r"enum.*", re.S), "enum"),
    (re.compile(r"set.*", re.S), "set"),
    (re.compile(r"geom.*|\w*(point|linestring|polygon)"), "shape"),
)


def _family(kind: ColumnType) -> str | None:
    return next((name for pattern, name in _FAMILIES if pattern.fullmatch(kind.mysql)), None)


def _is_convertible(kept: ColumnType, there: ColumnType) -> bool:
    """Numbers stay numbers, and times times; a value that does not fit is refused on its own."""
    families = {_family(kept), _family(there)}
    return families == {"time"} or families <= {"integer", "decimal"}


def _cast_type(kind: ColumnType) -> str:
    if _family(kind) == "integer":
        return "UNSIGNED" if "unsigned" in kind.mysql else "SIGNED"
    return re.sub(" unsigned| zerofill", "", kind.mysql).replace("timestamp", "datetime").upper()
