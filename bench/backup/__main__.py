"""Measures backup, restore and purge beside mysqldump, mydumper, pt-archiver and the hand-made job, in one run.

    cd glue && PYTHONPATH=.. ../.local/venv/glue/bin/python -m bench.backup --sizes 10000 100000 1000000 5000000

Writes .local/bench/results.json, docs/backup/bench.svg and the figures in docs/backup/bench.md and scale.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.backup.debian_tools import DebianTools
from bench.backup.measure import Measured
from bench.backup.methods import Bench, size_of
from bench.backup.page import write_figures, write_scale
from bench.backup.picture import draw
from bench.backup.results import Results
from rich.console import Console
from rich.table import Table
from tests import conftest  # noqa: F401 (the emulator's credentials)
from tests.support.lab import Emulator, Lab
from tests.support.mysql_server import REPOSITORY, MySqlServer

PAGE = REPOSITORY / "docs" / "backup" / "bench.md"
SCALE_PAGE = PAGE.with_name("scale.md")
PICTURE = PAGE.with_suffix(".svg")
SIZES = [10_000, 100_000, 250_000, 1_000_000, 5_000_000]
# Up to here a run is short enough for chance to show: the median of three counts.
SMALL_BOXES = 250_000
# More would take the hand-made job hours.
HAND_MADE_BOXES = 250_000
console = Console()

Figures = Mapping[str, Measured]


def step(boxes: int, name: str, result: Measured) -> Measured:
    """Prints a result."""
    console.print(f"{boxes:>10,} boxes  {name:<18} {result.seconds:8.2f} s  {result.peak_mb:7.0f} MB")
    return result


@dataclass(frozen=True)
class Processors:
    """Seconds that the processors worked: for MySQL, and for the command and its processes."""

    server: float
    command: float


def one_round(bench: Bench, boxes: int) -> tuple[Figures, dict[str, int], dict[str, Processors]]:
    """Every method but the hand-made job once, what they worked on (rows, files and bytes), and what they used."""
    used: dict[str, Processors] = {}

    def run(name: str, method: Callable[[], Measured]) -> Measured:
        before = bench.server_seconds
        result = step(boxes, name, method())
        used[name] = Processors(bench.server_seconds - before, result.processor_seconds)
        return result

    bench.fill(boxes)
    rows = bench.rows
    methods = {
        "backup": bench.backup, "mysqldump": bench.dump, "load": bench.load, "mydumper": bench.mydumper,
        "myloader": bench.myloader, "restore": bench.restore,
    }  # fmt: skip
    figures = {name: run(name, method) for name, method in methods.items()}
    files, size = size_of(bench.folder / "store" / "v1" / "snapshot")
    run("archive", bench.archive)
    figures["purge"] = run("purge", bench.purge)
    purged = rows - bench.rows
    bench.fill(boxes)
    figures["pt-archiver"] = run("pt-archiver", bench.pt_archiver)
    dump = size_of(bench.folder / "dump")[1]
    return figures, {
        "rows": rows, "purged": purged, "purged by pt-archiver": rows - bench.rows,
        "files": files, "bytes": size, "dump": dump,
    }, used  # fmt: skip


def one_size(bench: Bench, boxes: int, results: Results) -> None:
    """All methods over one size."""
    rounds = [one_round(bench, boxes) for _ in range(3 if boxes <= SMALL_BOXES else 1)]
    _, counts, used = rounds[-1]
    rows = counts["rows"]
    seconds = {name: statistics.median(figures[name].seconds for figures, *_ in rounds) for name in rounds[0][0]}
    dump, mydumper = seconds["mysqldump"] + seconds["load"], seconds["mydumper"] + seconds["myloader"]

    def add(name: str, unit: str, ours: float, theirs: float | None) -> None:
        results.add(name, unit, boxes, ours, theirs)

    add("backup, proved ÷ (mysqldump + load)", "s", seconds["backup"], dump)
    add("backup, proved ÷ (mydumper + myloader)", "s", seconds["backup"], mydumper)
    add("restore into nothing ÷ myloader", "rows/s", rows / seconds["restore"], rows / seconds["myloader"])
    add("restore into nothing ÷ load of the dump", "rows/s", rows / seconds["restore"], rows / seconds["load"])
    add(
        "purge ÷ pt-archiver", "rows/s", counts["purged"] / seconds["purge"],
        counts["purged by pt-archiver"] / seconds["pt-archiver"],
    )  # fmt: skip
    if boxes == min(SIZES):
        add(f"backup of {boxes:,} boxes, process start to commit", "s", seconds["backup"], dump)
        add(f"purge of {boxes:,} boxes, process start to end", "s", seconds["purge"], seconds["pt-archiver"])
    for name in ("backup", "restore", "purge"):
        add(f"most memory of a {name}", "MB", max(figures[name].peak_mb for figures, *_ in rounds), None)
    worked_on = {"purge": counts["purged"], "pt-archiver": counts["purged by pt-archiver"]}
    for name in ("restore", "myloader", "load", "purge", "pt-archiver"):
        millions = worked_on.get(name, rows) / 1e6
        add(f"processor time of MySQL: {name}, each million rows", "s", used[name].server / millions, None)
        add(f"processor time of the command: {name}, each million rows", "s", used[name].command / millions, None)
    add("bytes of a backup ÷ bytes of the dump", "bytes", counts["bytes"], counts["dump"])
    add("files of a backup", "files", counts["files"], None)
    if boxes <= HAND_MADE_BOXES:
        bench.fill(boxes)
        hand_made = step(boxes, "hand-made job", bench.hand_made())
        files, size = size_of(bench.folder / "hand-made")
        results.add_inverse("hand-made job ÷ backup, proved", "s", boxes, seconds["backup"], hand_made.seconds)
        add("files of a backup ÷ those of the hand-made job", "files", counts["files"], files)
        add("bytes of a backup ÷ those of the hand-made job", "bytes", counts["bytes"], size)


def backup_only(bench: Bench, boxes: int, results: Results) -> None:
    """Time and memory of one backup, for sizes at which the other tools would take hours."""
    bench.fill(boxes)
    before = bench.server_seconds
    backup = step(boxes, "backup", bench.backup())
    results.add("backup, proved", "s", boxes, backup.seconds, None)
    results.add("most memory of a backup", "MB", boxes, backup.peak_mb, None)
    # For docs/backup/scale.md.
    millions = bench.rows / 1e6
    server = (bench.server_seconds - before) / millions
    results.add("processor time of MySQL in a backup, each million rows", "s", boxes, server, None)
    workers = backup.processor_seconds / millions
    results.add("processor time of the workers in a backup, each million rows", "s", boxes, workers, None)
    files, size = size_of(bench.folder / "store" / "v1" / "snapshot")
    results.add("files of a backup", "files", boxes, files, None)
    results.add("bytes of a backup", "bytes", boxes, size, None)


def main() -> None:
    """Runs every size and writes results and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument(
        "--backup-only", type=int, nargs="*", default=[], help="sizes of which only a backup is measured"
    )
    options = parser.parse_args()
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
    try:
        lab = Lab(server.start(), None, f"bench_{uuid.uuid4().hex[:6]}")  # type: ignore[arg-type]
        bench = Bench(lab, server, emulator, tools, folder)
        for boxes in options.sizes:
            one_size(bench, boxes, results)
            write(results, folder / "results.json")
        for boxes in options.backup_only:
            backup_only(bench, boxes, results)
        results.add_growth()
        write(results, folder / "results.json")
    finally:
        server.stop()
        emulator.stop()
    draw(results, PICTURE)
    write_figures(results, PAGE)
    write_scale(results, SCALE_PAGE)
    table = Table("what", "boxes", "unit", "ours", "theirs", "ratio", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for result in results.list:
        table.add_row(*(str(result[key]) for key in ("name", "size", "unit", "ours", "theirs", "ratio")))
    console.print(table)


def write(results: Results, file: Path) -> None:
    """Keeps what was measured so far."""
    file.write_text(json.dumps(results.list, indent=1) + "\n")


if __name__ == "__main__":
    main()
