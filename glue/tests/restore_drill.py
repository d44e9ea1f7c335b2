"""The loss of a database, played: back up, archive, purge, back up again, restore all of it into an empty server.

    .local/venv/glue/bin/python -m tests.restore_drill --boxes 1000000        (in the folder glue)

Each command is a process of its own. What the empty server holds afterwards must be what the first one held before the
purge: the same rows by number, by our fingerprint and by MySQL's own CHECKSUM TABLE.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from tests.support.lab import TABLES, Emulator, Lab, command
from tests.support.mysql_server import MySqlServer
from xray_backup.data_model import X_RAY
from xray_backup.fingerprint import fingerprint_sql

BOXES_EACH = 5
Contents = dict[str, tuple[int, ...]]


def contents(lab: Lab) -> Contents:
    """Of each table: number of rows, sum of the rows' hashes, MySQL's checksum."""
    found: Contents = {}
    for name in TABLES:
        ((rows, hash_sum),) = lab.sql(f"SELECT {fingerprint_sql(X_RAY.table(name))} FROM `{name}`")
        ((_, checksum),) = lab.sql(f"CHECKSUM TABLE `{name}`")
        found[name] = (rows, int(hash_sum), checksum)
    return found


def drill(
    lab: Lab, emulator: Emulator, empty: MySqlServer, boxes: int, start: Callable[..., subprocess.Popen[str]]
) -> tuple[Contents, Contents, dict[str, float]]:
    """The tables of `lab` before the purge, those of `empty` after the restore, and the seconds of each step.

    Args:
        lab: on the server that will be lost.
        emulator: keeps the secrets.
        empty: the server that takes its place.
        boxes: how many; a fifth of it in transactions and in images.
        start: starts a command of the backup package.
    """
    seconds: dict[str, float] = {}

    def run(step: str, on: Lab, *arguments: str) -> None:
        started = time.monotonic()
        process = start(*arguments, *on.options(emulator))
        output, errors = process.communicate()
        assert process.returncode == 0, (step, process.returncode, output[-2000:], errors)
        seconds[step] = time.monotonic() - started

    lab.fill(boxes // BOXES_EACH, BOXES_EACH)
    before = contents(lab)
    run("backup and archive", lab, "backup", "--run-slot", "1", "--archive-older-than-days", "2")
    run("purge", lab, "purge", "--older-than-days", "2", "--mode", "execute")
    # The transaction with the highest key stays, with its boxes.
    assert lab.count("transaction") == 1
    run("backup after the purge", lab, "backup", "--run-slot", "2")
    replacement = Lab(empty, lab.store, f"{lab.schema}_restored")
    where = ["--target-schema", replacement.schema, "--mode", "execute"]
    run("restore", replacement, "restore", "--backups", "snapshot-2,archive-1", *where)
    return before, contents(replacement), seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    boxes = parser.parse_args().boxes
    from tests import conftest
    from tests.support.mysql_server import REPOSITORY, start_server

    folder = REPOSITORY / ".local" / "test" / "drill"
    folder.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(folder / "moto.log")
    server, empty = start_server(folder / "mysql"), start_server(folder / "empty")
    console = Console()
    try:
        lab = Lab(server, conftest.new_s3_store(emulator), f"drill_{uuid.uuid4().hex[:8]}")
        with console.status(f"{boxes:,} boxes: back up, purge, restore into an empty server"):
            before, after, seconds = drill(lab.create_schema(), emulator, empty, boxes, command)
    finally:
        server.stop()
        empty.stop()
        emulator.stop()
    steps = Table("step", "seconds", box=None)
    steps.columns[1].justify = "right"
    for step, taken in seconds.items():
        steps.add_row(step, f"{taken:.1f}")
    console.print(steps)
    tables = Table("table", "rows", "fingerprint", "CHECKSUM TABLE", "restored", box=None)
    for column in tables.columns[1:4]:
        column.justify = "right"
    for name, (rows, hash_sum, checksum) in before.items():
        tables.add_row(
            name, f"{rows:,}", f"{hash_sum:x}", str(checksum), "alike" if after[name] == before[name] else "NOT ALIKE"
        )
    console.print(tables)
    console.print(f"{sum(rows for rows, *_ in after.values()):,} rows came back in {seconds['restore']:.1f} s")
    return 0 if after == before else 1


if __name__ == "__main__":
    sys.exit(main())
