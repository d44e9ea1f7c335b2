"""Cuts a table into ranges of keys that hold about the same number of rows, whatever gaps the keys have."""

from __future__ import annotations

from dataclasses import dataclass

from xray_backup.data_model import Table
from xray_backup.database import Connection, query


@dataclass(frozen=True)
class IdRange:
    """Keys from `first` to `last`, both included."""

    first: int
    last: int

    def predicate(self, table: Table) -> str:
        """The WHERE clause."""
        return f"`{table.key}` BETWEEN {self.first} AND {self.last}"


def id_ranges(connection: Connection, table: Table, rows_per_range: int) -> list[IdRange]:
    """Ranges that cover every key that exists now and do not overlap; none for an empty table.

    Each range but the last holds `rows_per_range` rows. What is inserted later is above the last range, or is late and
    comes with the next backup.
    """
    key = f"`{table.key}`"
    ((first, last),) = query(connection, f"SELECT MIN({key}), MAX({key}) FROM {table.quoted}")
    if first is None:
        return []
    ranges: list[IdRange] = []
    while True:
        step = query(
            connection,
            f"SELECT {key} FROM {table.quoted} WHERE {key} > %s ORDER BY {key} LIMIT 1 OFFSET %s",
            (first, rows_per_range - 1),
        )
        if not step or step[0][0] > last:
            return [*ranges, IdRange(first, last)]
        ranges.append(IdRange(first, step[0][0] - 1))
        first = step[0][0]
