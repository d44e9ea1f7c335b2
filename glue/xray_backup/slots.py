"""Slots that are named by a day: none is taken before its day has come, by the database's clock."""

from __future__ import annotations

import contextlib
import re
from datetime import date, datetime

from xray_backup.errors import UsageError

# 2026-11-22 and 20261122, 2026-W47-7, 2026-W47, 2026-11, 2026: a week, a month and a year are their first day.
_FORMS = (
    (re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)"), "%Y%m%d", ""),
    (re.compile(r"(?<!\d)(\d{4})-?[Ww](\d\d)-?([1-7])(?!\d)"), "%G%V%u", ""),
    (re.compile(r"(?<!\d)(\d{4})-?[Ww](\d\d)(?!\d)"), "%G%V%u", "1"),
    (re.compile(r"(?<!\d)(\d{4})-(\d\d)(?!\d)"), "%Y%m%d", "01"),
    (re.compile(r"^(\d{4})$"), "%Y%m%d", "0101"),
)


def day_of(slot: str) -> date | None:
    """The day in the slot's name; None where there is none."""
    for pattern, form, rest in _FORMS:
        if found := pattern.search(slot):
            # Digits that are no day, as of a 30th of February, are part of a name.
            with contextlib.suppress(ValueError):
                return datetime.strptime("".join(found.groups()) + rest, form).date()
    return None


def check_slot_is_due(slot: str | None, now: datetime) -> None:
    """Looks at the day in the slot's name, if there is one.

    Raises:
        UsageError: it is later than `now`, the database's time: a backup made today must not stand for that day's.
    """
    if slot and (day := day_of(slot)) and day > now.date():
        raise UsageError(
            f"run slot {slot!r} is of a day to come, the database's clock says {now:%Y-%m-%d} (UTC): use a day up to"
            " today, or a name without a day"
        )


def check_made_on_its_day(name: str, slot: str, started_at: str) -> None:
    """Looks at a committed backup.

    Raises:
        UsageError: it was made before its slot's day, and must not stand for that day's.
    """
    if (day := day_of(slot)) and started_at[:10] < day.isoformat():
        raise UsageError(
            f"{name} was made on {started_at[:10]}, before the day of its slot, and does not hold that day's rows: give"
            " this run its own --run_slot"
        )
