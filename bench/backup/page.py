"""Writes the measured figures into docs/backup/bench.md and docs/backup/scale.md, between their two marks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.backup.results import Results

START, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"
DUMP, MYDUMPER = "backup, proved ÷ (mysqldump + load)", "backup, proved ÷ (mydumper + myloader)"
HAND_MADE = "hand-made job ÷ backup, proved"
MYLOADER, LOAD = "restore into nothing ÷ myloader", "restore into nothing ÷ load of the dump"
PURGE = "purge ÷ pt-archiver"
SMALL_PURGE = "purge of 10,000 boxes, process start to end"
MEMORY = "most memory of a backup"
SERVER_TIME = "processor time of MySQL in a backup, each million rows"
WORKER_TIME = "processor time of the workers in a backup, each million rows"

# With each box go a fifth of a transaction and of an image.
ROWS_OF_A_BOX = 1.4

# Of each column: its head, the pair, and which figure of it.
TIMES = (
    ("backup, proved (s)", DUMP, "ours"), ("mysqldump + load (s)", DUMP, "theirs"),
    ("mydumper + myloader (s)", MYDUMPER, "theirs"), ("hand-made job (s)", HAND_MADE, "theirs"),
    ("restore (rows/s)", MYLOADER, "ours"), ("myloader (rows/s)", MYLOADER, "theirs"),
    ("load (rows/s)", LOAD, "theirs"), ("purge (rows/s)", PURGE, "ours"), ("pt-archiver (rows/s)", PURGE, "theirs"),
)  # fmt: skip
SIZES = (
    ("memory: backup (MB)", MEMORY, "ours"), ("restore (MB)", "most memory of a restore", "ours"),
    ("purge (MB)", "most memory of a purge", "ours"), ("files", "files of a backup", "ours"),
    ("bytes", "bytes of a backup ÷ bytes of the dump", "ours"),
    ("bytes of the dump", "bytes of a backup ÷ bytes of the dump", "theirs"),
)  # fmt: skip


@dataclass(frozen=True)
class Aim:
    """A goal; `figure` is `ratio` or `ours`."""

    text: str
    name: str
    size: int
    figure: str
    limit: float
    at_most: bool


AIMS = (
    Aim("backup, proved ÷ (mysqldump + load), 5 M boxes: at most 0.40", DUMP, 5_000_000, "ratio", 0.4, True),
    Aim("backup, proved ÷ (mydumper + myloader), 5 M: at most 0.50", MYDUMPER, 5_000_000, "ratio", 0.5, True),
    Aim("hand-made job ÷ backup, proved, 250,000: at least 150", HAND_MADE, 250_000, "ratio", 150, False),
    Aim("backup of 10,000 boxes: at most 1.5 s", DUMP, 10_000, "ours", 1.5, True),
    Aim("restore into nothing ÷ myloader, 5 M: at least 1.0", MYLOADER, 5_000_000, "ratio", 1.0, False),
    Aim("restore into nothing ÷ load of the dump, 5 M: at least 1.2", LOAD, 5_000_000, "ratio", 1.2, False),
    Aim("purge ÷ pt-archiver, 5 M: at least 1.3", PURGE, 5_000_000, "ratio", 1.3, False),
    Aim("purge of 10,000 boxes: at most 1.5 s", SMALL_PURGE, 10_000, "ours", 1.5, True),
    Aim("most memory of a backup, 5 M: at most 400 MB", MEMORY, 5_000_000, "ours", 400, True),
    Aim("the same, 1 M: at most 400 MB", MEMORY, 1_000_000, "ours", 400, True),
)  # fmt: skip


# Of a Glue job: its workers, one of which drives the others; a G.1X worker has four processors.
WORKERS = (2, 10, 50)
PROCESSORS_OF_A_WORKER = 4
# Of database instances.
SERVER_PROCESSORS = (2, 8, 32)
BILLION_IN_MILLIONS = 1000


def write_figures(results: Results, page: Path) -> None:
    """Replaces what stands between the marks of the bench page."""
    parts = [_by_size(results, TIMES), _by_size(results, SIZES), _processors(results), _aims(results), _growth(results)]
    _replace(page, [part for part in parts if part])


def write_scale(results: Results, page: Path) -> None:
    """Replaces what stands between the marks of the page on scale, if the cost of a unit was measured."""
    if not results.of(SERVER_TIME):
        return
    measured = max(results.of(SERVER_TIME), key=lambda result: result["size"])
    size, server = int(measured["size"]), float(measured["ours"])
    workers = _figure(results, WORKER_TIME, size, "ours") or 0
    files = (_figure(results, "files of a backup", size, "ours") or 0) / (size * ROWS_OF_A_BOX / 1e6)
    written = (_figure(results, "bytes of a backup", size, "ours") or 0) / size / ROWS_OF_A_BOX
    cost = _table(
        ["measured, for each million rows", "", "a billion rows"],
        [
            ["processor time of MySQL", f"{server:.2f} s", f"{_hours(server)}"],
            ["processor time of the workers", f"{workers:.2f} s", f"{_hours(workers)}"],
            ["files, each put once and read back once", f"{files:.1f}", f"{files * BILLION_IN_MILLIONS:,.0f}"],
            ["bytes in the store", f"{written:.1f} MB", f"{written:.1f} GB"],
        ],
    )
    rows = []
    for number in WORKERS:
        units = (number - 1) * PROCESSORS_OF_A_WORKER
        alone = BILLION_IN_MILLIONS * (server + workers) / units
        times = (max(alone, BILLION_IN_MILLIONS * server / processors) for processors in SERVER_PROCESSORS)
        busy = units * server / (server + workers)
        rows.append([str(number), str(units), f"{busy:.1f}", *(f"{time / 60:,.1f}" for time in times)])
    head = ["workers", "units at once", "database processors that they keep busy"]
    head += [f"minutes, {processors} database processors" for processors in SERVER_PROCESSORS]
    _replace(
        page, [f"Measured over {size:,} boxes, which are {size * ROWS_OF_A_BOX:,.0f} rows.", cost, _table(head, rows)]
    )


def _hours(seconds_for_a_million: float) -> str:
    return f"{BILLION_IN_MILLIONS * seconds_for_a_million / 3600:.2f} h"


def _replace(page: Path, parts: Sequence[str]) -> None:
    before, _, rest = page.read_text().partition(START)
    after = rest.partition(END)[2]
    figures = "\n\n".join(parts)
    page.write_text(f"{before}{START}\n\n{figures}\n\n{END}{after}")


def _by_size(results: Results, columns: Sequence[tuple[str, str, str]]) -> str:
    sizes = sorted({point["size"] for _, name, _ in columns for point in results.of(name)})
    rows = []
    for size in sizes:
        cells = [_figure(results, name, size, figure) for _, name, figure in columns]
        rows.append([f"{size:,}", *("" if cell is None else _shown(cell) for cell in cells)])
    return _table(["boxes", *(head for head, _, _ in columns)], rows) if rows else ""


def _processors(results: Results) -> str:
    rows = []
    for name in ("restore", "myloader", "load", "purge", "pt-archiver"):
        server = results.of(f"processor time of MySQL: {name}, each million rows")
        if server:
            size = max(one["size"] for one in server)
            command = _figure(results, f"processor time of the command: {name}, each million rows", size, "ours")
            of_server = _figure(results, server[0]["name"], size, "ours")
            rows.append([name, f"{size:,}", f"{of_server:.1f}", f"{command:.1f}"])
    head = ["each million rows", "boxes", "processor time of MySQL (s)", "of the command (s)"]
    return _table(head, rows) if rows else ""


def _aims(results: Results) -> str:
    rows = []
    for aim in AIMS:
        got = _figure(results, aim.name, aim.size, aim.figure)
        if got is not None:
            rows.append([aim.text, _shown(got), "met" if (got <= aim.limit) == aim.at_most else "no"])
    return _table(["aim", "measured", ""], rows) if rows else ""


def _growth(results: Results) -> str:
    found = [result for result in results.list if "growth" in result["name"]]
    rows = [[result["name"].rpartition("from ")[2], f"{result['size']:,} boxes", f"{result['theirs']:g}",
             f"{result['ours']:g}"] for result in found]  # fmt: skip
    return _table(["from", "to", "times the rows", "times the seconds of a backup"], rows) if rows else ""


def _figure(results: Results, name: str, size: int, figure: str) -> float | None:
    return next((point[figure] for point in results.of(name) if point["size"] == size), None)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
