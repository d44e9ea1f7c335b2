"""Archived rows in the order of their keys, with their text: what MySQL's answer is compared with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.keys import Keys, keys_condition
from xray_backup.row_text import lines, row_text_sql


@dataclass(frozen=True)
class RowsInOrder:
    """Rows of one table, sorted by key; `texts` has the text of each."""

    table: Table
    keys: Keys
    texts: pa.Array

    def __len__(self) -> int:
        return len(self.keys)

    def slice(self, start: int, end: int) -> RowsInOrder:
        """The rows from position `start` up to `end`, which is not included."""
        return RowsInOrder(self.table, self.keys[start:end], self.texts.slice(start, end - start))

    def take(self, positions: Keys) -> RowsInOrder:
        """The rows at these positions, which are in order."""
        return RowsInOrder(self.table, self.keys[positions], self.texts.take(pa.array(positions)))

    @property
    def condition(self) -> str:
        """The WHERE clause: exactly these keys."""
        return keys_condition(self.table.quoted_key, self.keys)

    def parts(self, rows: int, size: int) -> Iterator[tuple[int, int]]:
        """Positions that cut the rows into parts of at most so many rows and bytes of text, but at least one row."""
        ends = np.cumsum(text_sizes(self.texts))
        start = 0
        while start < len(self):
            before = ends[start - 1] if start else 0
            end = max(start + 1, min(start + rows, int(np.searchsorted(ends, before + size, side="right"))))
            end = min(end, len(self))
            yield start, end
            start = end


def sorted_rows(table: Table, keys: Keys, texts: pa.Array) -> RowsInOrder:
    """The rows, sorted by key where they are not yet."""
    if len(keys) > 1 and not bool(np.all(keys[1:] > keys[:-1])):
        order = np.argsort(keys, kind="stable")
        keys, texts = keys[order], texts.take(pa.array(order))
    return RowsInOrder(table, keys, texts)


def text_sizes(texts: pa.Array) -> Keys:
    """Bytes of each text."""
    _, offsets, _ = texts.buffers()
    numbers = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.diff(numbers).astype(np.int64)


def count_and_digest(connection: Connection, table: Table, condition: str, lock: str = "") -> tuple[int, str | None]:
    """Number of rows that fulfil `condition`, and the SHA-256 (hexadecimal) of their text in the order of keys."""
    text = f"GROUP_CONCAT({row_text_sql(table)} ORDER BY {table.quoted_key} SEPARATOR '\\n')"
    sql = f"SELECT COUNT(*), SHA2({text}, 256) FROM {table.quoted} WHERE {condition}{lock}"
    ((count, digest),) = query(connection, sql)
    return int(count), digest


def digest(rows: RowsInOrder) -> str:
    """The digest that MySQL gives for these rows while they are as they were archived."""
    return hashlib.sha256(lines(rows.texts)).hexdigest()
