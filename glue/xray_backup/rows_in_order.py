"""Archived rows in the order of their keys, with their text: what MySQL's answer is compared with.

MySQL orders the texts of an answer by integer keys. By other keys its order is a collation's: there the order is that
of the texts' hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.key_lookup import from_by_key
from xray_backup.keys import Keys, key_sizes, keys_condition
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
        return keys_condition([column.quoted for column in self.table.key_columns], self.keys)

    def parts(self, rows: int, size: int) -> Iterator[tuple[int, int]]:
        """Positions that cut the rows into parts of at most so many rows and bytes of text, but at least one row."""
        # A long key may take more bytes in a statement than in the row's text.
        sizes = text_sizes(self.texts)
        ends = np.cumsum(sizes if self.table.has_integer_key else np.maximum(sizes, key_sizes(self.keys)))
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
    """Number of rows that fulfil `condition`, and the SHA-256 (hexadecimal) of their text in order."""
    row = row_text_sql(table)
    order = table.quoted_key if table.has_integer_key else f"SHA2({row}, 256)"
    text = f"GROUP_CONCAT({row} ORDER BY {order} SEPARATOR '\\n')"
    sql = f"SELECT COUNT(*), SHA2({text}, 256) {from_by_key(table)} WHERE {condition}{lock}"
    ((count, digest),) = query(connection, sql)
    return int(count), digest


def digest(rows: RowsInOrder) -> str:
    """The digest that MySQL gives for these rows while they are as they were archived."""
    texts = rows.texts
    if not rows.table.has_integer_key:
        hashes = np.array([hashlib.sha256(text).digest() for text in texts.to_pylist()], np.object_)
        texts = texts.take(pa.array(np.argsort(hashes, kind="stable")))
    return hashlib.sha256(lines(texts)).hexdigest()
