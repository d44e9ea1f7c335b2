"""The column types a backup can carry, each with its forms in MySQL and in Spark.

Every type has one text form that MySQL and Spark write alike; the row fingerprint is made from it. What is read through
JDBC takes another way (a DATETIME as a number of seconds), so that a fault of either way shows as a difference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_SCALE = 6


@dataclass(frozen=True)
class ColumnType:
    """One SQL type: its names, and templates in which `{0}` is a quoted column.

    `mysql` is as in information_schema without a display width, `spark` as in a Spark schema. `read` is the MySQL
    expression that JDBC carries and `typed` the Spark expression that gives it its type again. `text_sql` and
    `text_spark` write the canonical text. `literal` is the Spark expression of a MySQL literal; it is made of digits,
    letters, quotes and points only, whatever the value is.
    """

    mysql: str
    spark: str
    read: str = "{0}"
    typed: str = ""
    text_sql: str = "{0}"
    text_spark: str = "CAST({0} AS STRING)"
    literal: str = "CAST({0} AS STRING)"

    @property
    def is_integer(self) -> bool:
        """Whether it can be a key."""
        return self.spark in ("int", "bigint")


def _number(name: str) -> ColumnType:
    return ColumnType(name, name, typed=f"CAST({{0}} AS {name})")


# A DATETIME has no zone: it is kept as the same wall clock in UTC, whatever zone any machine has.
_DATETIME_TEXT = "DATE_FORMAT({0}, 'yyyy-MM-dd HH:mm:ss')"
DATETIME = ColumnType(
    "datetime",
    "timestamp",
    read="TIMESTAMPDIFF(SECOND, '1970-01-01 00:00:00', {0})",
    typed="TIMESTAMP_SECONDS({0})",
    text_sql="CAST({0} AS CHAR)",
    text_spark=_DATETIME_TEXT,
    literal=f'CONCAT("\'", {_DATETIME_TEXT}, "\'")',
)


def _text(name: str) -> ColumnType:
    # The length comes first, so that no two rows have one text.
    return ColumnType(
        name,
        "string",
        typed="{0}",
        text_sql="CHAR_LENGTH({0}), CONVERT({0} USING utf8mb4)",
        text_spark="CAST(CHAR_LENGTH({0}) AS STRING), {0}",
        literal='CONCAT("_utf8mb4 X\'", HEX({0}), "\'")',
    )


def parse_column_type(text: str) -> ColumnType:
    """The column type that `text` names, as MySQL writes it.

    Raises:
        ValueError: the type is not one that a backup can carry.
    """
    if text in ("int", "bigint"):
        return _number(text)
    if text == "datetime":
        return DATETIME
    if re.fullmatch(r"varchar\(\d+\)", text):
        return _text(text)
    decimal = re.fullmatch(r"decimal\(\d+,(\d+)\)", text)
    # Java writes a smaller number with an exponent.
    if decimal and int(decimal[1]) <= MAX_SCALE:
        return _number(text)
    raise ValueError(
        f"column type {text!r} cannot be backed up:"
        f" use int, bigint, datetime, varchar(n), or decimal(p,s) with s up to {MAX_SCALE}"
    )
