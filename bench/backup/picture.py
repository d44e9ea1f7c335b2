"""Draws what was measured."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from bench.backup.results import Results

# Of each panel: its title, and the pairs whose figures of the other tools it shows, all beside ours.
PANELS = {
    "backup, proved": {
        "mysqldump + load": "backup, proved ÷ (mysqldump + load)",
        "mydumper + myloader": "backup, proved ÷ (mydumper + myloader)",
        "hand-made job": "hand-made job ÷ backup, proved",
    },
    "restore into nothing": {
        "load of the dump": "restore into nothing ÷ load of the dump",
        "myloader": "restore into nothing ÷ myloader",
    },
    "purge": {"pt-archiver": "purge ÷ pt-archiver"},
}


def draw(results: Results, path: Path) -> None:
    """Seconds and rows per second over the size, both axes logarithmic."""
    mpl.rcParams["svg.hashsalt"] = "xray-backup"
    figure, axes = plt.subplots(1, len(PANELS), figsize=(12, 3.6), layout="constrained")
    for axis, (title, pairs) in zip(axes, PANELS.items(), strict=True):
        ours = {point["size"]: point for name in (*pairs.values(), title) for point in results.of(name)}
        points = [ours[size] for size in sorted(ours)]
        axis.loglog([point["size"] for point in points], [point["ours"] for point in points], "o-", label="xray_backup")
        for label, name in pairs.items():
            theirs = results.of(name)
            axis.loglog([one["size"] for one in theirs], [one["theirs"] for one in theirs], "o-", label=label)
        axis.set(title=title, xlabel="boxes", ylabel=points[0]["unit"] if points else "")
        axis.grid(visible=True, which="major", alpha=0.3)
        axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
