"""Cuts a table into ranges of keys that hold about the same number of rows, whatever gaps the keys have."""

from __future__ import annotations

from dataclasses import dataclass

from xray_backup.data_model import Table
from xray_backup.database import Connection, query

ROWS_PER_RANGE = 150_000
# Bytes that one unit of work should read, by the server's own statistics; a unit that finds more writes more files.
BYTES_PER_RANGE = 24 * 2**20
# Up to so many times more keys than rows, ranges are cut by arithmetic: to look for keys is to read the whole index.
_SPARSE = 4


@dataclass(frozen=True)
class KeyRange:
    """Keys from `first` to `last`, both included."""

    first: int
    last: int

    def condition(self, table: Table) -> str:
        """The WHERE clause."""
        return f"{table.quoted_key} BETWEEN {self.first} AND {self.last}"


def key_ranges(connection: Connection, table: Table, rows_per_range: int | None = None) -> list[KeyRange]:
    """Ranges that cover every key that exists now and do not overlap; none for an empty table.

    What is inserted later is above the last range, or is late and comes with the next backup.

    Args:
        connection: of the table's schema.
        table: the table.
        rows_per_range: the most rows in a range (default: 150,000, fewer where rows are wide).
    """
    key = table.quoted_key
    ((first, last),) = query(connection, f"SELECT MIN({key}), MAX({key}) FROM {table.quoted}")
    if first is None:
        return []
    rows, bytes_per_row = _statistics(connection, table)
    step = rows_per_range or max(1, min(ROWS_PER_RANGE, BYTES_PER_RANGE // max(1, bytes_per_row)))
    if last - first < rows * _SPARSE:
        return [KeyRange(start, min(start + step - 1, last)) for start in range(first, last + 1, step)]
    return _ranges_of_existing_keys(connection, table, first, last, step)


def _statistics(connection: Connection, table: Table) -> tuple[int, int]:
    """About how many rows, and bytes in each."""
    ((rows, size),) = query(
        connection,
        "SELECT table_rows, avg_row_length FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = %s",
        (table.name,),
    )
    return int(rows or 0), int(size or 0)


def nth_key(connection: Connection, table: Table, keys: KeyRange, condition: str, rows: int) -> int:
    """The key of row number `rows` of those in the range that fulfil `condition`; its last where it has fewer."""
    found = query(
        connection,
        f"SELECT {table.quoted_key} FROM {table.quoted} WHERE {keys.condition(table)} AND ({condition})"
        f" ORDER BY {table.quoted_key} LIMIT 1 OFFSET {rows - 1}",
    )
    return int(found[0][0]) if found else keys.last


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
