"""Which periods of the time column an archive takes, so that no row is archived again while it waits for its purge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Period:
    """Times from `since` on and before `before`; None is the beginning.

    Both are `YYYY-MM-DD hh:mm:ss`, in the zone of the time column.
    """

    since: str | None
    before: str

    def condition(self, column: str) -> str:
        """The WHERE clause of the rows whose `column` lies in the period."""
        lower = f"{column} >= '{self.since}' AND " if self.since else ""
        return f"{lower}{column} < '{self.before}'"


def periods_left(taken: Iterable[Period], before: str) -> tuple[Period, ...]:
    """What lies before `before` and in none of the periods `taken`, oldest first."""
    left = []
    since: str | None = None
    for period in sorted(taken, key=lambda period: (period.since or "", period.before)):
        if period.since and period.since > (since or ""):
            left.append(Period(since, min(period.since, before)))
        since = max(since or "", period.before)
    left.append(Period(since, before))
    return tuple(period for period in left if (period.since or "") < period.before)
