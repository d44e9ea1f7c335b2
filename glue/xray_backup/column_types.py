"""The column types that a backup carries, each with its names in MySQL and in Arrow."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

# Arrow writes a smaller number with an exponent, MySQL never does.
MAX_SCALE = 6
# A DATETIME has no zone: it is kept as the same wall clock in UTC, whatever zone any machine has.
DATETIME = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class ColumnType:
    """One SQL type: `mysql` as in information_schema without a display width, `arrow` as in the Parquet files."""

    mysql: str
    arrow: pa.DataType

    @property
    def is_integer(self) -> bool:
        """True for the types that a key can have."""
        return bool(pa.types.is_integer(self.arrow))

    @property
    def is_datetime(self) -> bool:
        """True for DATETIME."""
        return bool(pa.types.is_timestamp(self.arrow))

    @property
    def is_text(self) -> bool:
        """True for types whose values may hold any byte, and are told apart by their length."""
        return bool(pa.types.is_string(self.arrow))


def parse_column_type(text: str) -> ColumnType:
    """The column type that `text` names, as MySQL writes it.

    Raises:
        ValueError: the type is not one that a backup can carry.
    """
    if text in ("int", "bigint"):
        return ColumnType(text, pa.int32() if text == "int" else pa.int64())
    if text == "datetime":
        return ColumnType(text, DATETIME)
    if re.fullmatch(r"varchar\(\d+\)", text):
        return ColumnType(text, pa.string())
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", text)
    if decimal and int(decimal[1]) <= 38 and int(decimal[2]) <= MAX_SCALE:
        return ColumnType(text, pa.decimal128(int(decimal[1]), int(decimal[2])))
    raise ValueError(
        f"column type {text!r} cannot be backed up:"
        f" use int, bigint, datetime, varchar(n), or decimal(p,s) with p up to 38 and s up to {MAX_SCALE}"
    )
