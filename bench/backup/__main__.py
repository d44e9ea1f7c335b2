"""Measures backup, restore and purge beside the hand-made job, mysqldump and pt-archiver, in one run.

    cd glue && PYTHONPATH=.. ../.local/venv/glue/bin/python -m bench.backup --sizes 10000 100000 1000000 5000000

Writes .local/bench/results.json and docs/backup/bench.svg.
"""

from __future__ import annotations

import argparse
import json
import os
import uuid
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from bench.backup.debian_tools import DebianTools
from bench.backup.measure import Measured
from bench.backup.methods import Bench, size_of
from rich.console import Console
from rich.table import Table
from tests import conftest  # noqa: F401 (the emulator's credentials)
from tests.support.lab import Emulator, Lab
from tests.support.mysql_server import REPOSITORY, MySqlServer

PICTURE = REPOSITORY / "docs" / "backup" / "bench.svg"
HAND_MADE_BOXES = 250_000
console = Console()


class Results:
    """Pairs of figures; `ratio` is ours ÷ theirs, so under 1 is good for seconds and over 1 for rows per second."""

    def __init__(self) -> None:
        self.list: list[dict[str, object]] = []

    def add(self, name: str, unit: str, size: int, ours: float, theirs: float | None) -> None:
        """Notes one pair; `theirs` is None where there is nothing to compare with."""
        ratio = None if theirs is None else round(ours / theirs, 3)
        self.list.append(
            {"name": name, "unit": unit, "ours": round(ours, 2), "theirs": theirs and round(theirs, 2), "ratio": ratio,
             "size": size}
        )  # fmt: skip


def one_size(bench: Bench, boxes: int, results: Results) -> None:
    """All methods over one size."""

    def step(text: str, result: Measured) -> Measured:
        console.print(f"{boxes:>9,} boxes  {text:<28} {result.seconds:8.1f} s  {result.peak_mb:7.0f} MB")
        return result

    bench.fill(boxes)
    rows = bench.rows
    backup = step("backup, proved", bench.backup())
    files, size = size_of(bench.folder / "store" / "v1" / "snapshot")
    dump = step("mysqldump", bench.dump())
    load = step("load of the dump", bench.load())
    restore = step("restore, proved", bench.restore())
    step("archive, proved", bench.archive())
    purge = step("purge, proved", bench.purge())
    deleted = rows - bench.rows
    bench.fill(boxes)
    before = bench.rows
    archiver = step("pt-archiver", bench.pt_archiver())
    results.add("backup against dump and load", "s", boxes, backup.seconds, dump.seconds + load.seconds)
    results.add("restore against load", "rows/s", boxes, rows / restore.seconds, rows / load.seconds)
    purged = before - bench.rows
    results.add("purge against pt-archiver", "rows/s", boxes, deleted / purge.seconds, purged / archiver.seconds)
    results.add("backup size against dump", "bytes", boxes, size, size_of(bench.folder / "dump")[1])
    results.add("backup files", "files", boxes, files, None)
    results.add("backup memory", "MB", boxes, backup.peak_mb, None)
    if boxes <= HAND_MADE_BOXES:
        bench.fill(boxes)
        hand_made = step("hand-made job", bench.hand_made())
        count, bytes_ = size_of(bench.folder / "hand-made")
        results.add("backup against hand-made job", "s", boxes, backup.seconds, hand_made.seconds)
        results.add("files against hand-made job", "files", boxes, files, count)
        results.add("size against hand-made job", "bytes", boxes, size, bytes_)


def draw(results: Results, path: Path) -> None:
    """Seconds and rows per second over the size, both axes logarithmic."""
    mpl.rcParams["svg.hashsalt"] = "xray-backup"
    names = ["backup against dump and load", "restore against load", "purge against pt-archiver"]
    figure, axes = plt.subplots(1, len(names), figsize=(12, 3.6), layout="constrained")
    for axis, name in zip(axes, names, strict=True):
        points = [result for result in results.list if result["name"] == name]
        for key, label in (("ours", "xray_backup"), ("theirs", name.split("against ")[1])):
            axis.loglog([point["size"] for point in points], [point[key] for point in points], marker="o", label=label)
        axis.set(title=name, xlabel="boxes", ylabel=points[0]["unit"])
        axis.grid(visible=True, which="major", alpha=0.3)
        axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Runs every size and writes results and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 250_000, 1_000_000, 5_000_000])
    sizes = parser.parse_args().sizes
    folder = REPOSITORY / ".local" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.pop("JAVA_TOOL_OPTIONS", None)
    tools = DebianTools(folder / "tools")
    server = MySqlServer(
        folder / "mysql", "--innodb-buffer-pool-size=2G", "--innodb-redo-log-capacity=2G", "--skip-log-bin"
    )
    server.initialize()
    emulator = Emulator(folder / "moto.log")
    results = Results()
    figures = folder / "results.json"
    try:
        lab = Lab(server.start(), None, None, f"bench_{uuid.uuid4().hex[:6]}")  # type: ignore[arg-type]
        bench = Bench(lab, emulator, tools, folder)
        for boxes in sizes:
            one_size(bench, boxes, results)
            figures.write_text(json.dumps(results.list, indent=1) + "\n")
    finally:
        server.stop()
        emulator.stop()
    draw(results, PICTURE)
    table = Table("what", "boxes", "unit", "ours", "theirs", "ours ÷ theirs", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for result in results.list:
        table.add_row(*(str(result[key]) for key in ("name", "size", "unit", "ours", "theirs", "ratio")))
    console.print(table)


if __name__ == "__main__":
    main()
