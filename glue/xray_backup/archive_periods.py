"""The rows that an archive takes, by time and key, so that no row is archived again while it waits for its purge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Period:
    """The rows with a time from `since` on and before `before`, and a key above `above_key` and up to `up_to_key`.

    Times are `YYYY-MM-DD hh:mm:ss`, in the zone of the time column; None is no bound. `anchor` is the table of
    the rows; manifests of before there were several policies name none, and are of `transaction`.
    """

    since: str | None
    before: str
    above_key: int | None = None
    up_to_key: int | None = None
    anchor: str = "transaction"

    def condition(self, time_column: str, key: str) -> str:
        """The WHERE clause of the rows in the period; both columns are quoted, `key` only where it is one integer."""
        bounds = [f"{time_column} >= '{self.since}'"] if self.since else []
        bounds.append(f"{time_column} < '{self.before}'")
        if self.above_key is not None:
            bounds.append(f"{key} > {self.above_key}")
        if self.up_to_key is not None:
            bounds.append(f"{key} <= {self.up_to_key}")
        return " AND ".join(bounds)


def periods_left(taken: Iterable[Period], before: str, anchor: str) -> tuple[Period, ...]:
    """The periods of `anchor` before `before` that are in none of `taken`, oldest first."""
    taken = tuple(taken)
    bounds = {time for period in taken for time in (period.since, period.before) if time and time < before}
    left: list[tuple[str | None, str, list[tuple[int | None, int | None]]]] = []
    since: str | None
    for since, end in zip([None, *sorted(bounds)], [*sorted(bounds), before], strict=True):
        keys = _keys_left([p for p in taken if (p.since or "") <= (since or "") and p.before >= end])
        # Joined with its neighbour where the same keys are left, so that a year of archives leaves two periods, not 52.
        if left and left[-1][2] == keys:
            since = left.pop()[0]
        left.append((since, end, keys))
    return tuple(Period(since, end, *between, anchor) for since, end, keys in left for between in keys)


def _keys_left(taken: Sequence[Period]) -> list[tuple[int | None, int | None]]:
    """The gaps between the key ranges of `taken`: above the first number and up to the second."""
    gaps: list[tuple[int | None, int | None]] = []
    reached: int | None = None
    for period in sorted(taken, key=lambda period: -inf if period.above_key is None else period.above_key):
        above, up_to = period.above_key, period.up_to_key
        # An archive that found nothing above its `above_key` may have a highest key below it: it took nothing here.
        if above is not None and up_to is not None and above >= up_to:
            continue
        if above is not None and (reached is None or above > reached):
            gaps.append((reached, above))
        if up_to is None:
            return gaps
        reached = up_to if reached is None else max(reached, up_to)
    return [*gaps, (reached, None)]
