"""Draws rows, bytes and seconds per week: `python -m usage.picture report.json picture` makes picture.svg and .png."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

BARS = {"uploads": "#9bb8d3", "backup": "#2f6690", "purge": "#d98e32", "drill": "#6a994e", "schema": "#8d6b94"}


def draw(report: Path, picture: Path) -> None:
    """Three charts, one below the other, a bar or a point for each week."""
    weeks = json.loads(report.read_text(encoding="utf-8"))["weeks"]
    numbers = [week["week"] for week in weeks]
    archived = [sum(week["archiveRows"] for week in weeks[: index + 1]) for index in range(len(weeks))]
    # The same file gives the same picture.
    mpl.rcParams.update({"svg.hashsalt": "year", "svg.fonttype": "none", "font.size": 9, "axes.grid": True})
    mpl.rcParams.update({"grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False})
    figure, (rows, size, seconds) = plt.subplots(3, 1, figsize=(8, 8.5), sharex=True, layout="constrained")

    rows.plot(numbers, [week["rowsInDatabase"] / 1000 for week in weeks], label="in the database")
    rows.plot(numbers, [count / 1000 for count in archived], label="in archives, images again in each")
    rows.set_ylabel("thousand rows")
    size.plot(numbers, [week["databaseBytes"] / 1e6 for week in weeks], label="tables and indexes in MySQL")
    size.plot(numbers, [week["snapshotBytes"] / 1e6 for week in weeks], label="snapshot in the bucket")
    size.set_ylabel("MB")
    bottom = [0.0] * len(weeks)
    for name, colour in BARS.items():
        heights = [week["seconds"].get(name, 0.0) for week in weeks]
        seconds.bar(numbers, heights, bottom=bottom, color=colour, label=name, width=0.8)
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]
    seconds.set_ylabel("seconds")
    seconds.set_xlabel("week")
    for axes in (rows, size, seconds):
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=8)
    for week in weeks:
        events = [event for event in week["events"] if event not in ("purge", "restore drill")]
        if events:
            rows.axvline(week["week"], color="#999999", linestyle=":", linewidth=1)
            rows.annotate(
                ", ".join(events), (week["week"], 0.02), xycoords=("data", "axes fraction"), rotation=90, fontsize=7
            )
    figure.savefig(picture.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(picture.with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
