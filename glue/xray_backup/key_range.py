"""Cuts a table into ranges of keys that hold about the same number of rows, whatever gaps the keys have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from xray_backup.data_model import Column, Table
from xray_backup.database import Connection, query
from xray_backup.keys import literal_sql, no_utf8_error
from xray_backup.row_parser import is_utf8

ROWS_PER_RANGE = 150_000
# Bytes that one unit of work should read, by the server's own statistics; a unit that finds more writes more files.
BYTES_PER_RANGE = 24 * 2**20
# Up to so many times more keys than rows, ranges are cut by arithmetic: to look for keys is to read the whole index.
_SPARSE = 4

_UTF8 = re.compile(r"_utf8(?:mb[34])? X'([0-9A-F]*)'")
# A key that is no integer: the literal of each column, as MySQL gives it.
Literals: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class KeyRange:
    """Keys from `first` to `last`, both included."""

    first: int
    last: int

    def condition(self, table: Table) -> str:
        """The WHERE clause."""
        return f"{table.quoted_key} BETWEEN {self.first} AND {self.last}"

    def behind(self, last: int) -> KeyRange | None:
        """The keys behind `last`; None where it is the last."""
        return KeyRange(last + 1, self.last) if last < self.last else None


@dataclass(frozen=True)
class KeySpan:
    """Keys that are no integers, in MySQL's own order: above `above` (None: from the first) and up to `last`."""

    above: Literals | None
    last: Literals

    def condition(self, table: Table) -> str:
        """The WHERE clause, by single columns, since MySQL finds no index for `(a, b) > (x, y)`."""
        columns = [_order_sql(column) for column in table.key_columns]
        bounds = [_beyond(columns, self.above, ">", "FALSE")] if self.above else []
        return " AND ".join([*bounds, _beyond(columns, self.last, "<", "TRUE")])

    def behind(self, last: Literals) -> KeySpan | None:
        """The keys behind `last`; None where it is the last."""
        return KeySpan(last, self.last) if last != self.last else None


def _beyond(columns: Sequence[str], literals: Literals, comparison: str, equal: str) -> str:
    """`a > x OR (a = x AND b > y)`, and what becomes of an equal key."""
    condition = equal
    for column, literal in zip(reversed(columns), reversed(literals), strict=True):
        further = f"{column} {comparison} {literal}"
        if condition == "TRUE":
            condition = f"{column} {comparison}= {literal}"
        elif condition == "FALSE":
            condition = further
        else:
            condition = f"({further} OR ({column} = {literal} AND {condition}))"
    return condition


def key_ranges(connection: Connection, table: Table, rows_per_range: int | None = None) -> list[KeyRange]:
    """Ranges that cover every key that exists now and do not overlap; none for an empty table.

    What is inserted later is above the last range, or is late and comes with the next backup.

    Args:
        connection: of the table's schema.
        table: the table, whose key is one integer.
        rows_per_range: the most rows in a range (default: 150,000, fewer where rows are wide).
    """
    key = table.quoted_key
    ((first, last),) = query(connection, f"SELECT MIN({key}), MAX({key}) FROM {table.quoted}")
    if first is None:
        return []
    rows, bytes_per_row = _statistics(connection, table)
    step = rows_per_range or _rows_per_range(bytes_per_row)
    if last - first < rows * _SPARSE:
        return [KeyRange(start, min(start + step - 1, last)) for start in range(first, last + 1, step)]
    return _ranges_of_existing_keys(connection, table, first, last, step)


def key_spans(connection: Connection, table: Table, rows_per_range: int | None = None) -> list[KeySpan]:
    """As `key_ranges`, of a table with another key; what is inserted later below the last key is there or is late."""
    step = rows_per_range or _rows_per_range(_statistics(connection, table)[1])
    last = _literals_of_row(connection, table, "TRUE", 1, " DESC")
    spans: list[KeySpan] = []
    left = KeySpan(None, last) if last else None
    while left:
        spans.append(KeySpan(left.above, nth_literals(connection, table, left, "TRUE", step)))
        left = left.behind(spans[-1].last)
    return spans


def _rows_per_range(bytes_per_row: int) -> int:
    return max(1, min(ROWS_PER_RANGE, BYTES_PER_RANGE // max(1, bytes_per_row)))


def _statistics(connection: Connection, table: Table) -> tuple[int, int]:
    """About how many rows, and bytes in each; nothing where the table is gone, which the next look at it will say."""
    found = query(
        connection,
        "SELECT table_rows, avg_row_length FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = %s",
        (table.name,),
    )
    rows, size = found[0] if found else (0, 0)
    return int(rows or 0), int(size or 0)


def nth_key(connection: Connection, table: Table, keys: KeyRange, condition: str, rows: int) -> int:
    """The key of row number `rows` of those in the range that fulfil `condition`; its last where it has fewer."""
    where = f"{keys.condition(table)} AND ({condition})"
    found = nth_row(connection, table, table.quoted_key, where, rows)
    return int(found[0]) if found else keys.last


def nth_literals(connection: Connection, table: Table, keys: KeySpan, condition: str, rows: int) -> Literals:
    """As `nth_key`."""
    return _literals_of_row(connection, table, f"{keys.condition(table)} AND ({condition})", rows) or keys.last


def nth_row(
    connection: Connection, table: Table, selected: str, condition: str, rows: int, order: str = ""
) -> tuple[Any, ...] | None:
    """The `selected` of row number `rows`, by key, of those that fulfil `condition`; None where there are fewer."""
    ordered = ", ".join(f"{column.quoted}{order}" for column in table.key_columns)
    found = query(
        connection,
        f"SELECT {selected} FROM {table.quoted} WHERE {condition} ORDER BY {ordered} LIMIT 1 OFFSET {rows - 1}",
    )
    return found[0] if found else None


def _literals_of_row(
    connection: Connection, table: Table, condition: str, rows: int, order: str = ""
) -> Literals | None:
    selected = ", ".join(map(_bound_sql, table.key_columns))
    row = nth_row(connection, table, selected, condition, rows, order)
    if row is None:
        return None
    literals = tuple(map(_text, row))
    for column, literal in zip(table.key, literals, strict=True):
        if (found := _UTF8.fullmatch(literal)) and not is_utf8(bytes.fromhex(found[1])):
            raise no_utf8_error(table, column)
    return literals


def _bound_sql(column: Column) -> str:
    """MySQL expression: the literal of a value, in the column's own character set, so that an index is used."""
    if _is_ordered_by_number(column):
        return f"CAST({_order_sql(column)} AS CHAR)"
    if column.type.is_text:
        return f"CONCAT('_', CHARSET({column.quoted}), ' X''', HEX({column.quoted}), '''')"
    return f"CAST({literal_sql(column)} AS CHAR)"


def _order_sql(column: Column) -> str:
    """MySQL expression: the value by which an index orders the column, in a comparison."""
    return f"({column.quoted} + 0)" if _is_ordered_by_number(column) else column.quoted


def _is_ordered_by_number(column: Column) -> bool:
    """ENUM and SET compare as texts, and stand in an index by their numbers."""
    return column.type.mysql.startswith(("enum(", "set("))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _ranges_of_existing_keys(connection: Connection, table: Table, first: int, last: int, step: int) -> list[KeyRange]:
    key = table.quoted_key
    ranges: list[KeyRange] = []
    while True:
        sql = f"SELECT {key} FROM {table.quoted} WHERE {key} > {first} ORDER BY {key} LIMIT 1 OFFSET {step - 1}"
        following = query(connection, sql)
        if not following or following[0][0] > last:
            return [*ranges, KeyRange(first, last)]
        ranges.append(KeyRange(first, following[0][0] - 1))
        first = following[0][0]
