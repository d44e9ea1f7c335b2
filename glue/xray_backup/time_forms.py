"""Dates and times in a row's text; sessions are in UTC."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.value_forms import PlainForm, quoted_text

# A DATETIME has no zone: it is kept as the same wall clock in UTC, whatever zone any machine has.
_ARROW = pa.timestamp("us", "UTC")
_WALL_CLOCK = pa.timestamp("us")
_SECONDS_LENGTH = len("2022-05-24 11:08:23")


@dataclass(frozen=True)
class DateTimeForm(PlainForm):
    """DATETIME and TIMESTAMP with so many digits of a second."""

    digits: int = 0

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return _ARROW

    @property
    def parsed(self) -> pa.DataType:
        """See `PlainForm`."""
        return _WALL_CLOCK

    def typed(self, values: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        # By `view`: a cast to a zone asks the machine for its time zone database.
        return values.view(pa.int64()).view(_ARROW)

    def text(self, values: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        # By `view`, since a cast between zones asks the machine for its time zone database.
        values = values.view(pa.int64()).view(_WALL_CLOCK)
        if not self.digits:
            return pc.cast(values.cast(pa.timestamp("s")), pa.string())
        text = pc.cast(values, pa.string())
        return pc.utf8_slice_codeunits(text, 0, _SECONDS_LENGTH + 1 + self.digits) if self.digits < 6 else text

    def literal(self, text: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        return quoted_text(text)


@dataclass(frozen=True)
class DateForm(PlainForm):
    """DATE."""

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return pa.date32()

    def literal(self, text: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        return quoted_text(text)


@dataclass(frozen=True)
class TimeForm(PlainForm):
    """TIME, which goes from -838 to 838 hours: no Arrow type does."""

    @property
    def arrow(self) -> pa.DataType:
        """See `PlainForm`."""
        return pa.string()

    def literal(self, text: pa.Array) -> pa.Array:
        """See `PlainForm`."""
        return quoted_text(text)
