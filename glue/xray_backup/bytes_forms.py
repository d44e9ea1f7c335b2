"""Texts, bytes, members of lists and shapes in a row's text."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa

from xray_backup.value_forms import BytesForm

# Every value of these comes back from UTF-8 as it was.
_UNICODE = frozenset({"utf8mb4", "utf8mb3", "utf8", "ascii", "ucs2", "utf16", "utf16le", "utf32"})
_MEMBER = re.compile(r"'((?:[^']|'')*)'")
_ZEROS = ("0", "00", "000", "0000", "00000")


@dataclass(frozen=True)
class TextForm(BytesForm):
    """CHAR, VARCHAR and the TEXT types, in UTF-8; in its own bytes where those would not come back the same."""

    character_set: str | None = None

    @property
    def arrow(self) -> pa.DataType:
        """See `BytesForm`."""
        return pa.string()

    @property
    def introducer(self) -> bytes:
        """See `BytesForm`."""
        return b"_utf8mb4"

    def sql(self, column: str) -> str:
        """See `BytesForm`."""
        # Not CONVERT: that ends at the first bytes that are no UTF-8, which a utf8mb4 column may hold. Joined with
        # nothing, such a column stays as it is, and one of another character set is converted.
        return f"CONCAT(_utf8mb4'' COLLATE utf8mb4_bin, {column})"

    def odd_sql(self, column: str) -> str | None:
        """See `BytesForm`."""
        return _changed_by_utf8(column, self.character_set)

    def exact_literal(self, value: bytes) -> bytes | None:
        """See `BytesForm`."""
        if self.has_odd_values:
            return f"_{self.character_set} 0x{value.hex()}".encode() if value else b"''"
        return _in_ucs2(value)


def _changed_by_utf8(column: str, character_set: str | None) -> str | None:
    """MySQL condition: the value is another one after a way to UTF-8 and back; None where none ever is."""
    return None if character_set is None or character_set in _UNICODE else not_of_unicode(column, character_set)


def not_of_unicode(value: str, character_set: str) -> str:
    """MySQL condition: the bytes of `value` are others after a way to Unicode and back."""
    # UTF-16 has every character, and no half of a surrogate pair, which UTF-8 as MySQL writes it has.
    there_and_back = f"CONVERT(CONVERT({value} USING utf16) USING {character_set})"
    return f"NOT (CAST({there_and_back} AS BINARY) <=> CAST({value} AS BINARY))"


def _in_ucs2(value: bytes) -> bytes | None:
    """A text that is no UTF-8: MySQL takes a half of a surrogate pair by way of UCS-2 alone."""
    try:
        text = value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    # UCS-2 has no other character: the server is left to refuse the row.
    return None if max(text) > "\uffff" else b"_ucs2 0x" + text.encode("utf-16-be", "surrogatepass").hex().encode()


@dataclass(frozen=True)
class BinaryForm(BytesForm):
    """BINARY, VARBINARY and the BLOB types; a shape is MySQL's own bytes, its SRID and its well-known binary."""

    @property
    def arrow(self) -> pa.DataType:
        """See `BytesForm`."""
        return pa.binary()

    @property
    def introducer(self) -> bytes:
        """See `BytesForm`."""
        return b"_binary"

    def sql(self, column: str) -> str:
        """See `BytesForm`."""
        return f"CONCAT(_binary'', {column})"


@dataclass(frozen=True)
class MembersForm(TextForm):
    """ENUM and SET by their members; by their number where the members do not tell it."""

    definition: str = ""

    def odd_sql(self, column: str) -> str | None:
        """See `BytesForm`."""
        number = f"CAST({column} AS UNSIGNED)"
        # An ENUM may hold what is none of its members, and a SET the empty member or none: all are ''.
        alike = f"{number} = 0" if self.definition.startswith("enum") else f"{number} > 0 AND LENGTH({column}) = 0"
        changed = _changed_by_utf8(column, self.character_set)
        return f"({alike} OR {changed})" if changed else f"({alike})"

    def raw_sql(self, column: str) -> str:
        """See `BytesForm`."""
        return f"CAST(CAST({column} AS UNSIGNED) AS BINARY)"

    def exact_literal(self, value: bytes) -> bytes | None:
        """See `BytesForm`."""
        if value != b"0":
            return value
        # A strict server refuses the number 0, and takes a text of it that is no member for what it says.
        members = set(_MEMBER.findall(self.definition))
        return next((f"'{zero}'".encode() for zero in _ZEROS if zero not in members), None)
