"""The Glue entry points as processes, with a real Spark and a stand-in for Glue's own library."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.lab import GLUE, Emulator, Lab
from tests.support.mysql_server import REPOSITORY
from xray_backup import manifest as manifests
from xray_backup.spark import PACKAGES


def run_job(lab: Lab, emulator: Emulator, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Glue brings S3 and the MySQL driver; here Spark's own packages do.
    submit = {
        "spark.jars.packages": ",".join(PACKAGES),
        "spark.jars.ivy": str(REPOSITORY / ".local" / "ivy"),
        "spark.hadoop.fs.s3a.endpoint": emulator.url,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.ui.enabled": "false",
        "spark.master": "local[2]",
    }
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(GLUE / "tests" / "support" / "glue_stand_in"), str(GLUE)]),
        "PYSPARK_SUBMIT_ARGS": " ".join(f"--conf {k}={v}" for k, v in submit.items()) + " pyspark-shell",
        "AWS_ENDPOINT_URL": emulator.url,
    }
    own = [
        "--JOB_NAME", "x", "--JOB_RUN_ID", "jr_7", "--job-bookmark-option", "job-bookmark-disable",
        "--store", lab.store.url, "--secret_id", lab.secret(emulator), "--ssl_mode", "REQUIRED",
    ]  # fmt: skip
    return subprocess.run(
        [sys.executable, script, *own, *arguments],
        cwd=GLUE, env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def test_the_backup_job_commits_a_snapshot_and_an_archive(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(10)
    done = run_job(s3_lab, emulator, "job_backup.py", "--run_slot", "w1", "--archive_older_than_days", "2")
    assert done.returncode == 0, done.stderr[-3000:]
    found = {manifest.name: manifest for manifest in manifests.load_all(s3_lab.store)}
    assert set(found) == {"archive-w1", "snapshot-w1"}
    assert found["snapshot-w1"].job_run_id == "jr_7"
    assert done.stderr.index("job.init x") < done.stderr.index("job.commit")
    events = [json.loads(line)["event"] for line in done.stdout.splitlines() if line.startswith("{")]
    assert events.count("committed") == 2


def test_a_refused_job_ends_with_one_line(s3_lab: Lab, emulator: Emulator) -> None:
    done = run_job(s3_lab, emulator, "job_purge.py", "--older_than_days", "1")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "--older-than-days/--older_than_days: got '1', a whole number from 2 to 36,500" in last
    assert "Traceback" not in done.stderr
