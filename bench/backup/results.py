"""The measurements, as `bench/results.json` lists them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any


class Results:
    """Pairs of figures; `ratio` is the quotient that the name tells of: ours ÷ theirs, but for `add_inverse`."""

    def __init__(self) -> None:
        self.list: list[dict[str, Any]] = []

    def add(self, name: str, unit: str, size: int, ours: float, theirs: float | None) -> None:
        """Notes one pair; `theirs` is None where there is nothing to compare with."""
        self._note(name, unit, size, ours, theirs, ours / theirs if theirs else None)

    def add_inverse(self, name: str, unit: str, size: int, ours: float, theirs: float) -> None:
        """Notes a pair whose name and ratio are theirs ÷ ours."""
        self._note(name, unit, size, ours, theirs, theirs / ours)

    def add_growth(self) -> None:
        """Notes from one size to the next: how many times the seconds, beside how many times the rows."""
        seconds = sorted(
            (result["size"], result["ours"]) for result in self.list
            if result["name"] in ("backup, proved", "backup, proved ÷ (mysqldump + load)")
        )  # fmt: skip
        for (small, before), (large, after) in pairwise(seconds):
            name = f"backup, proved: growth of seconds ÷ growth of rows, from {small:,} boxes"
            self.add(name, "times", large, after / before, large / small)

    def of(self, name: str) -> list[dict[str, Any]]:
        """All sizes of one pair."""
        return [result for result in self.list if result["name"] == name]

    def _note(self, name: str, unit: str, size: int, ours: float, theirs: float | None, ratio: float | None) -> None:
        self.list.append(
            {"name": name, "unit": unit, "ours": round(ours, 2), "theirs": theirs and round(theirs, 2),
             "ratio": ratio and round(ratio, 3), "size": size}
        )  # fmt: skip
