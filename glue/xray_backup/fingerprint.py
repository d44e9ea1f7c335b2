"""An order-free fingerprint of rows that MySQL and Spark compute alike.

A row's hash is the first 60 bits of the SHA-256 of its columns' text; the fingerprint of many rows is the sum of their
hashes. Equal sums and equal counts mean equal sets of rows: two wrong rows cancel with a chance of about 2^-60.
"""

from __future__ import annotations

from dataclasses import dataclass

from xray_backup.data_model import Table

# Sums of 60-bit hashes leave 64 bits after 16 rows, so Spark sums the two halves on their own, which is far faster than
# a decimal: with 30 bits each there is room for 2^33 rows.
HALF_BITS = 30
_HALF_MASK = (1 << HALF_BITS) - 1
HASH_COLUMN = "row_hash"


@dataclass(frozen=True)
class Fingerprint:
    """How many rows, and the sum of their hashes."""

    rows: int = 0
    hash_sum: int = 0

    def __add__(self, other: Fingerprint) -> Fingerprint:
        return Fingerprint(self.rows + other.rows, self.hash_sum + other.hash_sum)

    @classmethod
    def from_halves(cls, rows: int, high: int | None, low: int | None) -> Fingerprint:
        """From Spark's `halves`; the sum of no rows is None there."""
        return cls(rows, ((high or 0) << HALF_BITS) + (low or 0))


def row_hash_sql(table: Table) -> str:
    """MySQL expression: the hash of one row, BIGINT."""
    texts = ", ".join(column.type.text_sql.format(column.quoted) for column in table.columns)
    return f"CAST(CONV(SUBSTRING(SHA2(CONCAT_WS('|', {texts}), 256), 1, 15), 16, 10) AS SIGNED)"


def row_hash_spark(table: Table) -> str:
    """Spark expression: the hash of one row, BIGINT."""
    texts = ", ".join(column.type.text_spark.format(column.quoted) for column in table.columns)
    return f"CAST(CONV(SUBSTRING(SHA2(CONCAT_WS('|', {texts}), 256), 1, 15), 16, 10) AS BIGINT)"


def fingerprint_sql(table: Table) -> str:
    """MySQL select list: count and hash sum of the selected rows."""
    return f"COUNT(*), CAST(COALESCE(SUM({row_hash_sql(table)}), 0) AS DECIMAL(38,0))"


def halves_spark(row_hash: str) -> list[str]:
    """Spark aggregates of a row hash: count, sum of the high halves, sum of the low halves."""
    return [
        "COUNT(*) AS fingerprint_rows",
        f"SUM(SHIFTRIGHT({row_hash}, {HALF_BITS})) AS fingerprint_high",
        f"SUM({row_hash} & {_HALF_MASK}L) AS fingerprint_low",
    ]
