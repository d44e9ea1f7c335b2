"""JSON in a row's text: by its text, and where that does not tell the types of the values in it, by those besides.

A number that SQL put in may be a DECIMAL or UNSIGNED, and a text a DATE, a TIME, a DATETIME or bytes. Raw bytes are the
text, a newline, and a letter for each value: the whole and all members of objects, then after a newline all cells of
arrays, each container's own before those of the containers in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from xray_backup.bytes_forms import TextForm, not_of_unicode

_USUAL, _OTHER = "-", "?"
# Types that the text tells have no letter.
_LETTERS = {"UNSIGNED INTEGER": "u", "DECIMAL": "n", "DATE": "d", "TIME": "t", "DATETIME": "m", "BLOB": "b"}
_CASTS = {"u": "UNSIGNED", "d": "DATE", "t": "TIME(6)", "m": "DATETIME(6)"}
_TOLD_BY_TEXT = ("OBJECT", "ARRAY", "STRING", "INTEGER", "DOUBLE", "BOOLEAN", "NULL")
# All members of objects, all cells of arrays.
_PATHS = ("$**.*", "$**[*]")
_BYTES = re.compile(r"base64:type15:([A-Za-z0-9+/=]*)")


@dataclass(frozen=True)
class JsonForm(TextForm):
    """JSON."""

    def odd_sql(self, column: str) -> str | None:
        """See `BytesForm`."""
        text = self.sql(column)
        within = " OR ".join(
            f"IFNULL((SELECT MAX({_is_other('part.v')}) {_parts(column, path)}), 0)" for path in _PATHS
        )
        # Half of a surrogate pair, which MySQL takes, begins with this byte.
        is_no_utf8 = f"LOCATE(0xED, CAST({text} AS BINARY)) > 0 AND {not_of_unicode(text, 'utf8mb4')}"
        return f"({_is_other(column)} OR {within} OR ({is_no_utf8}))"

    def raw_sql(self, column: str) -> str:
        """See `BytesForm`."""
        members, cells = (_letters(column, path) for path in _PATHS)
        types = f"{_letter(column)}, {members}, '\\n', {cells}"
        return f"CAST(CONCAT({self.sql(column)}, '\\n', {types}) AS BINARY)"

    def exact_literal(self, value: bytes) -> bytes | None:
        """See `BytesForm`."""
        text, members, cells = value.split(b"\n")
        try:
            document = json.loads(text, parse_int=_Number, parse_float=_Number, object_pairs_hook=_Object)
            letters = iter(members.decode())
            made = _literal(document, next(letters), letters, iter(cells.decode()))
        except (UnicodeDecodeError, _NoLiteralError):
            return None
        return f"CAST({made} AS JSON)".encode()


def _is_other(value: str) -> str:
    """MySQL condition: the value's type is not the one that its text is read as; NULL for a null within JSON."""
    kind = f"JSON_TYPE({value})"
    usual = ", ".join(f"'{name}'" for name in _TOLD_BY_TEXT)
    # An integer with room for a sign is read as one that has it.
    return f"({kind} NOT IN ({usual}) AND NOT ({kind} = 'UNSIGNED INTEGER' AND {value} > 9223372036854775807))"


def _letter(value: str) -> str:
    """MySQL expression: the letter of one value."""
    named = " ".join(f"WHEN '{name}' THEN '{letter}'" for name, letter in _LETTERS.items())
    return f"IF({_is_other(value)}, CASE JSON_TYPE({value}) {named} ELSE '{_OTHER}' END, '{_USUAL}')"


def _letters(column: str, path: str) -> str:
    """MySQL expression: the letters of all values at `path`."""
    letters = f"GROUP_CONCAT({_letter('part.v')} ORDER BY part.n SEPARATOR '')"
    return f"IFNULL((SELECT {letters} {_parts(column, path)}), '')"


def _parts(column: str, path: str) -> str:
    return f"FROM JSON_TABLE({column}, '{path}' COLUMNS (n FOR ORDINALITY, v JSON PATH '$')) AS part"


class _Number(str):
    """A number by its digits."""


class _Object(list[tuple[str, object]]):
    """An object by its members."""


class _NoLiteralError(Exception):
    """No literal gives a value of this type."""


def _literal(value: object, letter: str, members: Iterator[str], cells: Iterator[str]) -> str:
    """An expression for the value, and for those in it, whose letters follow."""
    if isinstance(value, _Object):
        own = [next(members) for _ in value]
        parts = [
            f"{_text(key)},{_literal(item, kind, members, cells)}" for (key, item), kind in zip(value, own, strict=True)
        ]
        return f"JSON_OBJECT({','.join(parts)})"
    if isinstance(value, list):
        own = [next(cells) for _ in value]
        return f"JSON_ARRAY({','.join(_literal(*part, members, cells) for part in zip(value, own, strict=True))})"
    return _scalar(value, letter)


def _scalar(value: object, letter: str) -> str:
    if isinstance(value, _Number):
        if letter == "n":
            return str(value) if "." in value else f"CAST({value} AS DECIMAL(65,0))"
        if letter == "u":
            return f"CAST({value} AS UNSIGNED)"
        # With an exponent it is a DOUBLE.
        return f"{value}e0" if "." in value and "e" not in value else str(value)
    if isinstance(value, str):
        if letter == _USUAL:
            return _text(value)
        if letter in _CASTS:
            return f"CAST({_text(value)} AS {_CASTS[letter]})"
        found = _BYTES.fullmatch(value)
        if letter == "b" and found:
            return f"FROM_BASE64('{found[1]}')"
        raise _NoLiteralError
    return json.dumps(value)


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"_utf8mb4'{escaped}'"
