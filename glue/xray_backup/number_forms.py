"""Numbers in a row's text."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as PythonDecimal

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.value_forms import PlainForm, mapped, quoted_text

# Above it Arrow writes a small number with an exponent, MySQL never does.
_PLAIN_SCALE = 6
# Characters that MySQL has for a DOUBLE.
_DOUBLE_LENGTH = 24


def wide(text: str) -> str:
    """MySQL expression: `text` with room for all of it.

    GROUP_CONCAT cuts what is longer than the server takes its type for: a DOUBLE for 22 characters.
    """
    return f"CAST({text} AS CHAR(50))"


@dataclass(frozen=True)
class NumberForm(PlainForm):
    """Integers and decimals; `as_number` where the column's own text is another one: zeros before it, or bits."""

    type: pa.DataType
    as_number: bool = False

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return self.type

    def sql(self, column: str) -> str:
        """See `PlainForm`."""
        value = f"({column} + 0)" if self.as_number else column
        # MariaDB has no room for the 0 before the point of a number that is all decimals.
        only_decimals = pa.types.is_decimal(self.type) and self.type.scale == self.type.precision
        return wide(value) if only_decimals else value

    def text(self, values: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        scale = self.type.scale if pa.types.is_decimal(self.type) else 0
        if scale <= _PLAIN_SCALE:
            return pc.cast(values, pa.string())
        whole = pa.decimal128(self.type.precision, 0)
        unscaled = pc.cast(
            pa.Array.from_buffers(whole, len(values), values.buffers(), offset=values.offset), pa.string()
        )
        digits = pc.utf8_lpad(pc.utf8_ltrim(unscaled, "-"), scale + 1, "0")
        point = pc.binary_join_element_wise(
            pc.utf8_slice_codeunits(digits, 0, -scale), pc.utf8_slice_codeunits(digits, -scale), "."
        )
        sign = pc.if_else(pc.starts_with(unscaled, "-"), "-", "")
        return pc.binary_join_element_wise(sign, point, "")


@dataclass(frozen=True)
class LongDecimalForm(PlainForm):
    """Decimals with more digits than an Arrow decimal that query engines know, as text."""

    as_number: bool = False

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return pa.string()

    def sql(self, column: str) -> str:
        """See `PlainForm`."""
        return f"({column} + 0)" if self.as_number else column


@dataclass(frozen=True)
class DoubleForm(PlainForm):
    """DOUBLE: the shortest digits that give every bit back, which is how MySQL writes the column itself."""

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return pa.float64()

    @property
    def is_checked(self) -> bool:
        """See `PlainForm`."""
        return True

    def sql(self, column: str) -> str:
        """See `PlainForm`."""
        return wide(column)

    def text(self, values: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        text = pc.cast(values, pa.string())
        is_other = pc.or_(pc.match_substring(text, "e"), pc.greater(pc.utf8_length(text), _DOUBLE_LENGTH))
        is_other = pc.fill_null(is_other, False)
        if not pc.any(is_other).as_py():
            return text
        return pc.coalesce(mapped(pc.if_else(is_other, text, None), _as_mysql_writes, pa.string()), text)

    def literal(self, text: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        # As a text: a number without an exponent would be a DECIMAL, and lose the sign of -0.
        return quoted_text(text)


def _as_mysql_writes(text: str) -> str:
    """The same digits, with an exponent or without one as MySQL has it; MariaDB has fewer exponents."""
    number = PythonDecimal(text)
    exponent, digits = number.adjusted(), text.partition("e")[0]
    without_exponent = f"{number:f}"
    is_short = len(without_exponent) <= _DOUBLE_LENGTH
    if is_short and (-15 <= exponent <= 14 or ("." in without_exponent and exponent > 0)):
        return without_exponent
    if "e" not in text:
        digits, _, _ = f"{number:e}".partition("e")
    return f"{digits}e{exponent}"


@dataclass(frozen=True)
class ScaledForm(PlainForm):
    """FLOAT, and DOUBLE(m,d): as the DOUBLE that is the value times two to the power of `power`.

    The server writes a FLOAT with six digits only, and a calculated DOUBLE with as many as fit into 22 characters: of a
    small one some are missing, or the layout differs between servers. Above 1e17 none is missing, and all have an
    exponent. Two to some power changes no other bit.
    """

    type: pa.DataType
    power: int

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return self.type

    @property
    def parsed(self) -> pa.DataType:
        """See `PlainForm`."""
        return pa.float64()

    @property
    def is_checked(self) -> bool:
        """See `PlainForm`."""
        return True

    def sql(self, column: str) -> str:
        """See `PlainForm`."""
        factor = _exponent_form(2.0**self.power)
        # The sign apart, which would take a digit's place.
        return wide(f"IF({column} < 0, CONCAT('-', -{column} * {factor}), {column} * {factor})")

    def typed(self, values: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        return pc.cast(pc.multiply(values, 2.0**-self.power), self.type)

    def text(self, values: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        scaled = pc.multiply(pc.cast(values, pa.float64()), 2.0**self.power)
        return pc.replace_substring(pc.cast(scaled, pa.string()), "+", "")

    def literal(self, text: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        # -0 is the integer 0, -0e0 is not.
        number = pc.if_else(pc.equal(text, "-0"), "-0e0", text)
        divided = pc.binary_join_element_wise(number, _exponent_form(2.0**self.power), "/")
        return pc.cast(divided, pa.binary())


def _exponent_form(number: float) -> str:
    return repr(number).replace("+", "")
