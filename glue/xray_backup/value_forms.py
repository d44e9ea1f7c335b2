"""The two forms in which a row's text holds values: plain, and as bytes behind their length."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class PlainForm(ABC):
    """Values that are a field of their own in the numbers part: neither U+001F nor a newline is ever in one.

    `parsed` is the Arrow type that a parser reads them as.
    """

    @property
    @abstractmethod
    def arrow(self) -> pa.DataType:
        """The type in the Parquet files."""

    @property
    def parsed(self) -> pa.DataType:
        """The type by which a value is read from its text."""
        return self.arrow

    @property
    def is_checked(self) -> bool:
        """True where a text that `parsed` takes need not be the one that its value is written as."""
        return False

    def sql(self, column: str) -> str:
        """MySQL expression: the text of a value, as CONCAT takes it; `column` is quoted."""
        return column

    def typed(self, values: pa.Array) -> pa.Array:
        """Values of the type `parsed` in the type `arrow`."""
        return values

    def text(self, values: pa.Array) -> pa.Array:
        """Values of the type `arrow` as MySQL writes them; null for NULL."""
        return pc.cast(values, pa.string())

    def literal(self, text: pa.Array) -> pa.Array:
        """These texts, binary, as they stand in an INSERT; null for NULL."""
        return pc.cast(text, pa.binary())


@dataclass(frozen=True)
class BytesForm(ABC):
    """Values that may hold any byte: their length is in the numbers part, they themselves are in the texts part.

    A value that would not come back as it was is odd: it is told by other, *raw* bytes, and an x before their length.
    """

    @property
    @abstractmethod
    def arrow(self) -> pa.DataType:
        """The type in the Parquet files."""

    @property
    @abstractmethod
    def introducer(self) -> bytes:
        """The character set of a literal."""

    @abstractmethod
    def sql(self, column: str) -> str:
        """MySQL expression: the value's bytes; `column` is quoted."""

    def odd_sql(self, column: str) -> str | None:  # noqa: ARG002
        """MySQL condition: the value is odd; None where none is."""
        return None

    def raw_sql(self, column: str) -> str:
        """MySQL expression: the raw bytes of an odd value."""
        return f"CAST({column} AS BINARY)"

    @property
    def has_odd_values(self) -> bool:
        """True where a value may be odd."""
        return self.odd_sql("c") is not None

    def literal(self, values: pa.Array) -> pa.Array:
        """These bytes as they stand in an INSERT; null for NULL."""
        for character in (b"\\", b"'"):
            values = pc.replace_substring(values, pattern=character, replacement=b"\\" + character)
        return pc.binary_join_element_wise(self.introducer + b"'", values, b"'", b"")

    def exact_literal(self, value: bytes) -> bytes | None:  # noqa: ARG002
        """What the typed column cannot hold, as it stands in an INSERT; None where no literal gives it."""
        return None


ValueForm = PlainForm | BytesForm


def mapped(values: pa.Array, function: Any, kind: pa.DataType) -> pa.Array:
    """Each value through a Python function, one by one; null stays null."""
    return pa.array([None if value is None else function(value) for value in values.to_pylist()], kind)


def quoted_text(text: pa.Array) -> pa.Array:
    """These texts, which hold no quote, in quotes; binary."""
    return pc.cast(pc.binary_join_element_wise("'", text, "'", ""), pa.binary())
