"""The gain of a second worker: the backup job on one worker and on two, in the rebuilt runtimes of Glue.

    .local/venv/glue/bin/python -m tests.glue_runtime.measure --boxes 1000000        (in the folder glue)

A worker has one core here, and shares the machine with MySQL, the emulator and the driver: on a machine of two cores
the second worker has little of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.glue_runtime.job import ONE_WORKER, TWO_WORKERS, JobRun
from tests.glue_runtime.rig import GlueLake, GlueRig
from tests.glue_runtime.runtime import RELEASES, find_python, glue_runtime
from tests.support.mysql_server import REPOSITORY

FIGURES = REPOSITORY / ".local" / "test-results" / "glue-workers.json"
BOXES_EACH = 5


def measure(lake: GlueLake, version: str, workers: int) -> dict[str, object]:
    """One backup, without an archive of its rows."""
    slot = f"glue-{version.replace('.', '-')}-workers-{workers}"
    arguments = {"--run_slot": slot, "--archive_older_than_days": "36500"}
    run = lake.run(glue_runtime(version), "Backup", arguments, master=TWO_WORKERS if workers == 2 else ONE_WORKER)
    if run.code != 0:
        raise SystemExit(f"the job failed: {run.last_line}")
    tables = lake.manifest(f"snapshot-{slot}").tables.values()
    return {
        "glue": version,
        "workers": workers,
        "exit": run.code,
        "rows": sum(table.fingerprint.rows for table in tables),
        "files": sum(len(table.files) for table in tables),
        "seconds": round(run.seconds, 1),
        "copying": copying(run),
    }


def copying(run: JobRun) -> float:
    """Seconds of the run in which tables were copied and proved."""
    seconds: float = sum(event["seconds"] for event in run.events if event["event"] == "copied")
    return round(seconds, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=int, default=1_000_000)
    parser.add_argument("--glue", nargs="+", choices=RELEASES, default=[*RELEASES])
    options = parser.parse_args()
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="eu-west-1")
    folder = REPOSITORY / ".local" / "test" / f"glue-measure-{os.getpid()}"
    folder.mkdir(parents=True)
    rig = GlueRig(folder, Path(folder) / "moto.log")
    try:
        with rig.lake() as lake:
            lake.lab.fill(options.boxes // BOXES_EACH, BOXES_EACH)
            versions = [version for version in options.glue if find_python(RELEASES[version].python)]
            rows = [measure(lake, version, workers) for version in versions for workers in (1, 2)]
    finally:
        rig.close()
        shutil.rmtree(folder)
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(rows, indent=1) + "\n")
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
