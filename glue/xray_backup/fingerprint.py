"""An order-free fingerprint of rows that MySQL and Arrow compute alike.

A row's hash is the first 60 bits of the SHA-256 of its text; the fingerprint of many rows is the sum of their hashes.
Equal sums and equal counts mean equal sets of rows: two wrong rows cancel with a chance of about 2^-60.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_model import Table
from xray_backup.row_text import lines, one_chunk, row_text_sql, row_texts, text_bytes, value_text

# Sums of 60-bit hashes leave 64 bits after 16 rows, so the two halves are summed on their own.
_HALF_BITS = 30
_HALF_MASK = (1 << _HALF_BITS) - 1

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Fingerprint:
    """Number of rows, and the sum of their hashes."""

    rows: int = 0
    hash_sum: int = 0

    def __add__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(self.rows + other.rows, self.hash_sum + other.hash_sum)

    @classmethod
    def of(cls, hashes: Hashes) -> Fingerprint:
        """The fingerprint of the rows with these hashes."""
        high, low = int((hashes >> _HALF_BITS).sum()), int((hashes & _HALF_MASK).sum())
        return cls(len(hashes), (high << _HALF_BITS) + low)


def hash_sql(text: str) -> str:
    """MySQL expression: the hash of a text, BIGINT."""
    return f"CAST(CONV(LEFT(SHA2({text}, 256), 15), 16, 10) AS SIGNED)"


def row_hash_sql(table: Table) -> str:
    """MySQL expression: the hash of one row, BIGINT."""
    return hash_sql(row_text_sql(table))


def fingerprint_sql(table: Table) -> str:
    """MySQL select list: count and hash sum of the selected rows."""
    return f"COUNT(*), CAST(COALESCE(SUM({row_hash_sql(table)}), 0) AS DECIMAL(38,0))"


def row_hashes(table: Table, rows: pa.Table, manifest_format: int) -> Hashes:
    """The hash of each row, as manifests of that format have it."""
    return hashes_of(_texts_of_format_1(table, rows) if manifest_format == 1 else row_texts(table, rows))


def hashes_of(texts: pa.Array) -> Hashes:
    """The hashes of rows with these texts."""
    sha256 = hashlib.sha256
    digests = b"".join([sha256(text).digest() for text in texts.to_pylist()])
    return np.frombuffer(digests, dtype=">u8")[::4].astype(np.uint64) >> np.uint64(4)


class RowsDigest:
    """The SHA-256 of the rows of one file, in its order: cheaper than a hash of each row, where the order is known."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.rows = 0

    def add(self, texts: pa.Array) -> None:
        """The texts of the next rows."""
        if self.rows and len(texts):
            self._digest.update(b"\n")
        self._digest.update(lines(texts))
        self.rows += len(texts)

    def hexdigest(self) -> str:
        """In hexadecimal digits."""
        return self._digest.hexdigest()


def fingerprint(table: Table, parts: Iterable[pa.Table], manifest_format: int) -> Fingerprint:
    """The fingerprint of the rows of all parts, as manifests of that format have it."""
    return sum((Fingerprint.of(row_hashes(table, rows, manifest_format)) for rows in parts), Fingerprint())


def _texts_of_format_1(table: Table, rows: pa.Table) -> pa.Array:
    """Version 0.1.0 wrote every column with `|` between, a text after its length in characters."""
    fields: list[pa.Array] = []
    for column in table.columns:
        if column.type.is_text:
            lengths = pc.utf8_length(one_chunk(rows.column(column.name)))
            fields.append(pc.cast(pc.cast(lengths, pa.string()), pa.binary()))
            fields.append(text_bytes(column, rows))
        else:
            fields.append(pc.cast(value_text(column, rows), pa.binary()))
    return pc.binary_join_element_wise(*fields, b"|")
