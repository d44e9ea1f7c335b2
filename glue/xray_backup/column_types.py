"""The column types that a backup carries: one entry for each of MySQL's, with the form of its values.

A form knows a value's text in MySQL and from Arrow, its Arrow type, and its literal. Arrow types are those that Athena
reads too, which knows no unsigned integer and 38 digits of a decimal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from xray_backup.bytes_forms import BinaryForm, MembersForm, TextForm
from xray_backup.json_form import JsonForm
from xray_backup.number_forms import DoubleForm, LongDecimalForm, NumberForm, ScaledForm
from xray_backup.time_forms import DateForm, DateTimeForm, TimeForm
from xray_backup.value_forms import BytesForm, PlainForm, ValueForm

_MOST_ARROW_DIGITS = 38
# MariaDB writes int(11); MySQL keeps the width of tinyint(1), which is a BOOL, and that of ZEROFILL.
_DISPLAY_WIDTH = re.compile(r"^((?:tiny|small|medium|big)?int|year)\(\d+\)")
_INTEGERS = {"tinyint": pa.int8(), "smallint": pa.int16(), "mediumint": pa.int32(), "int": pa.int32()}
_INTEGERS |= {"bigint": pa.int64()}
_UNSIGNED = dict.fromkeys(_INTEGERS, pa.int32()) | {"int": pa.int64(), "bigint": pa.decimal128(20, 0)}
# So that all values but 0 are above 1e17: a FLOAT is 1.4e-45 or more, a DOUBLE(m,d) has at most 30 decimals.
_FLOAT_POWER, _DOUBLE_POWER = 210, 160


@dataclass(frozen=True)
class ColumnType:
    """One SQL type: `mysql` as in information_schema without a display width; a text knows its character set."""

    mysql: str
    form: ValueForm
    character_set: str | None = None

    @property
    def arrow(self) -> pa.DataType:
        """The type in the Parquet files."""
        return self.form.arrow

    @property
    def is_integer(self) -> bool:
        """True for the integers that 64 bits with a sign hold: the keys that ranges are made of."""
        return _INTEGER.fullmatch(self.mysql) is not None and pa.types.is_integer(self.arrow)

    @property
    def is_time(self) -> bool:
        """True for the types by which rows grow old."""
        return isinstance(self.form, DateForm | DateTimeForm)

    @property
    def is_text(self) -> bool:
        """True for types whose values may hold any byte, and are told apart by their length."""
        return isinstance(self.form, BytesForm)

    @property
    def plain(self) -> PlainForm:
        """The form of a type that is no text."""
        assert isinstance(self.form, PlainForm)  # noqa: S101
        return self.form

    @property
    def bytes(self) -> BytesForm:
        """The form of a text."""
        assert isinstance(self.form, BytesForm)  # noqa: S101
        return self.form


def _integer(found: re.Match[str], _: str | None) -> ValueForm:
    of_sign = _UNSIGNED if "unsigned" in found[2] else _INTEGERS
    return NumberForm(of_sign[found[1]], "zerofill" in found[2])


def _decimal(found: re.Match[str], _: str | None) -> ValueForm:
    digits, as_number = int(found[1]), "zerofill" in found[3]
    if digits > _MOST_ARROW_DIGITS:
        return LongDecimalForm(as_number)
    return NumberForm(pa.decimal128(digits, int(found[2])), as_number)


def _bit(found: re.Match[str], _: str | None) -> ValueForm:
    return NumberForm(pa.int64() if int(found[1]) < 64 else pa.decimal128(20, 0), as_number=True)


def _double(found: re.Match[str], _: str | None) -> ValueForm:
    # With decimals the column's own text has just those, and with ZEROFILL zeros.
    return ScaledForm(pa.float64(), _DOUBLE_POWER) if found[1] or "zerofill" in found[2] else DoubleForm()


def _members(found: re.Match[str], character_set: str | None) -> ValueForm:
    return MembersForm(character_set, found[0])


_SIGN = "((?: unsigned)?(?: zerofill)?)"
_INTEGER = re.compile(rf"(tinyint|smallint|mediumint|int|bigint){_SIGN}")
_SHAPES = "geometry|point|linestring|polygon|multi(?:point|linestring|polygon)|geom(?:etry)?collection"
_TYPES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str | None], ValueForm]], ...] = tuple(
    (re.compile(pattern, re.S), form)
    for pattern, form in (
        (_INTEGER.pattern, _integer),
        (rf"decimal\((\d+),(\d+)\){_SIGN}", _decimal),
        (rf"float(?:\(\d+,\d+\))?{_SIGN}", lambda *_: ScaledForm(pa.float32(), _FLOAT_POWER)),
        (rf"double(\(\d+,\d+\))?{_SIGN}", _double),
        (r"bit\((\d+)\)", _bit),
        (r"year", lambda *_: NumberForm(pa.int16(), as_number=True)),
        (r"date", lambda *_: DateForm()),
        (r"time(?:\(\d\))?", lambda *_: TimeForm()),
        (r"(?:datetime|timestamp)(?:\((\d)\))?", lambda found, _: DateTimeForm(int(found[1] or 0))),
        (r"(?:var)?char\(\d+\)|(?:tiny|medium|long)?text", lambda _, character_set: TextForm(character_set)),
        (r"(?:var)?binary\(\d+\)|(?:tiny|medium|long)?blob", lambda *_: BinaryForm()),
        (r"(?:enum|set)\(.*\)", _members),
        (r"json", lambda *_: JsonForm()),
        (_SHAPES, lambda *_: BinaryForm()),
    )
)


def parse_column_type(text: str, character_set: str | None = None) -> ColumnType:
    """The column type that `text` names, as MySQL writes it; `character_set` is that of a text.

    Raises:
        ValueError: the type is not one that a backup can carry.
    """
    text = without_display_width(text)
    for pattern, form in _TYPES:
        if found := pattern.fullmatch(text):
            return ColumnType(text, form(found, character_set), character_set)
    raise ValueError(f"column type {text!r} cannot be backed up: use a type of MySQL 8.4")


def without_display_width(text: str) -> str:
    """The type without the width that some servers write behind an integer or a YEAR."""
    return _DISPLAY_WIDTH.sub(r"\1", text)
