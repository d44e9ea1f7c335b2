"""The job scripts as the build makes them, run in the rebuilt runtimes of Glue with the arguments of the stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.glue_runtime.job import JobRun
from tests.glue_runtime.rig import GlueLake, GlueRig
from tests.glue_runtime.runtime import GlueRuntime, glue_runtime
from tests.support.client_killer import ClientKiller
from tests.support.lab import TABLES
from xray_backup.job_contract import PROVED_SNAPSHOT
from xray_backup.manifest import Manifest

SLOT = {"--run_slot": "w1"}
Note = Callable[[str, JobRun, int], None]


@pytest.fixture
def lake(rig: GlueRig) -> Iterator[GlueLake]:
    with rig.lake() as lake:
        lake.lab.fill(400)
        yield lake


@pytest.fixture
def note(runtime: GlueRuntime, lake: GlueLake, figures: list[dict[str, Any]]) -> Note:
    """Notes a run that has to succeed."""

    def note(name: str, run: JobRun, rows: int) -> None:
        seconds = round(run.seconds, 1)
        row = {"glue": runtime.release.version, "run": name, "exit": run.code, "rows": rows, "seconds": seconds}
        row |= lake.versions()
        figures.append(row)
        print(row)

    return note


def succeeded(run: JobRun) -> JobRun:
    assert run.code == 0, f"{run.log[-2000:]}\n{run.output[-3000:]}"
    return run


def rows_of(manifest: Manifest) -> dict[str, int]:
    return {name: table.fingerprint.rows for name, table in manifest.tables.items()}


def data_files(*manifests: Manifest) -> list[str]:
    tables = [table for manifest in manifests for table in manifest.tables.values()]
    return [f"backup/{file.key}" for table in tables for file in table.files]


def test_the_jobs_back_up_restore_purge_and_erase(runtime: GlueRuntime, lake: GlueLake, note: Note) -> None:
    lake.lab.sql(f"UPDATE image SET bucket = '{lake.resources.bucket}'")
    before = {table: lake.lab.rows(table) for table in TABLES}

    backup = succeeded(lake.run(runtime, "Backup", SLOT))
    snapshot, archive = lake.manifest("snapshot-w1"), lake.manifest("archive-w1")
    note("backup and archive", backup, sum(rows_of(snapshot).values()) + sum(rows_of(archive).values()))
    assert [event["event"] for event in backup.events].count("committed") == 2
    assert [event["event"] for event in backup.events].count(PROVED_SNAPSHOT["event"]) == 1
    assert rows_of(snapshot) == {table: len(rows) for table, rows in before.items()}
    assert snapshot.job_run_id == f"jr_{'2e' * 32}"
    files = data_files(snapshot, archive)
    assert lake.keys("snapshot/") | lake.keys("archive/") == set(files)
    assert len(files) == len(set(files))
    # The security configuration's name has gone where it takes effect, and the job was committed at the end.
    start = "job.init local-data-lake-backup, security configuration local-data-lake-backup-security-configuration"
    assert backup.log.index(start) < backup.log.index("job.commit")

    drill = f"{lake.lab.schema}_drill"
    rights = "CREATE, CREATE VIEW, ALTER, REFERENCES, SELECT, INSERT"
    lake.lab.sql(f"GRANT {rights} ON `{drill}`.* TO 'xray_restore'@'%'")
    restore = succeeded(lake.run(runtime, "Restore", {"--run_mode": "execute", "--target_schema": drill}))
    note("restore", restore, lake.lab.rows_in(drill))
    assert {table: lake.lab.rows(table, drill) for table in TABLES} == before
    # On a bucket that keeps every version there is one of each object, and nothing was deleted.
    assert lake.written_twice_or_deleted() == set()

    purge = succeeded(lake.run(runtime, "Purge", {"--run_mode": "execute"}))
    purged = {table: len(rows) - lake.lab.count(table) for table, rows in before.items()}
    note("purge", purge, sum(purged.values()))
    # The row with the highest id stays for the web app, its boxes with it, and images stay.
    assert purged == {"image": 0, "transaction": 399, "pred_bounding_box": 399 * 5}
    assert lake.written_twice_or_deleted() == set()

    erasure = succeeded(lake.run(runtime, "Erase", {"--image_ids": "17", "--run_mode": "execute"}))
    note("erase", erasure, 1)
    assert lake.lab.rows("image") == {row for row in before["image"] if row[0] != 17}
    assert rows_of(lake.manifest("snapshot-w1")) == {"image": 399, "transaction": 399, "pred_bounding_box": 399 * 5}


def test_a_unit_whose_worker_is_killed_is_done_again(runtime: GlueRuntime, lake: GlueLake, note: Note) -> None:
    put = r"PUT /[\w-]+/backup/v1/snapshot/{}/.*\.parquet"
    killer = ClientKiller(
        lake.rig.emulator.url, before=put.format("transaction"), after=put.format("pred_bounding_box")
    )  # fmt: skip
    try:
        run = succeeded(lake.run(runtime, "Backup", SLOT, endpoint_url=killer.url))
    finally:
        killer.close()
    assert len(killer.killed) == 2
    # Python's workers, not an executor: Spark starts them again by itself.
    assert all("-m pyspark.daemon" in command for command in killer.killed.values())
    assert run.log.count("Lost task") == 2
    snapshot, archive = lake.manifest("snapshot-w1"), lake.manifest("archive-w1")
    rows = sum(rows_of(snapshot).values()) + sum(rows_of(archive).values())
    note("backup and archive, one worker killed before its object is put, one after", run, rows)
    assert rows_of(snapshot) == {table: lake.lab.count(table) for table in TABLES}
    # Each file once, and none beside those of the manifests.
    files = data_files(snapshot, archive)
    assert len(files) == len(set(files))
    assert lake.keys("snapshot/") | lake.keys("archive/") == set(files)
    assert lake.written_twice_or_deleted() == set()


def test_a_refused_job_ends_with_one_line(runtime: GlueRuntime, lake: GlueLake) -> None:
    run = lake.run(runtime, "Restore", {"--target-scheme": "drill"})
    assert run.code == 1
    assert run.last_line.startswith("xray_backup: ")
    assert "--target-scheme" in run.last_line
    assert "Traceback" not in run.output
    assert "job.commit" not in run.log


def test_a_server_with_another_name_is_refused(runtime: GlueRuntime, lake: GlueLake) -> None:
    secrets = lake.rig.client("secretsmanager")
    arn = lake.resources.secrets["xray_backup"]
    document = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    # The same server, by a name that its certificate does not have.
    secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(document | {"host": "127.0.0.1"}))
    run = lake.run(runtime, "Backup")
    assert run.code == 1
    assert "VERIFY_IDENTITY" in run.last_line
    assert lake.keys() == set()


def test_a_job_without_the_right_to_write_is_refused(lake: GlueLake) -> None:
    """The emulator does hold the jobs to their roles: the purge's has no right to write a backup."""
    run = lake.run(glue_runtime("5.1"), "Backup", SLOT, role_of="Purge")
    assert run.code == 1
    assert "AccessDenied" in run.last_line
    assert lake.keys() == set()


@pytest.mark.parametrize("job", ["Backup", "Purge", "Restore"])
def test_the_check_finds_all_that_a_job_needs(runtime: GlueRuntime, lake: GlueLake, job: str, note: Note) -> None:
    run = succeeded(lake.run(runtime, job, {"--run_mode": "check"}))
    note(f"check of {job.lower()}", run, 0)
    steps = {event["step"]: event["state"] for event in run.events if event["event"] == "check"}
    assert len(steps) > 10
    assert set(steps.values()) == {"passed"}
    # One object that proves the conditional put, and nothing else.
    (key,) = lake.keys()
    assert key.startswith("backup/v1/_checks/")
    assert lake.written_twice_or_deleted() == set()
