"""The DAG in a real Airflow: what it is, and what its tasks show for every end of a job's run."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import BACKUP_JOB, BUCKET, PURGE_JOB, REPOSITORY, TRIGGER, DagRun, Lake

Start = Callable[..., DagRun]
# The job does its work, and its answer is lost: Airflow tries again.
LOST_ONCE = """
import pathlib
lost = pathlib.Path(__file__).with_name("lost")
if not lost.exists():
    lost.touch()
    sys.exit("the answer of this run is lost")
"""


@pytest.mark.usefixtures("airflow_home")
def test_it_loads_without_a_warning() -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(REPOSITORY / "airflow" / "dags")
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}
    assert list(bag.dags) == ["xray_backup"]


@pytest.mark.usefixtures("airflow_home")
def test_it_runs_once_a_week_one_at_a_time_and_purges_only_when_told_to() -> None:
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(REPOSITORY / "airflow" / "dags").dags["xray_backup"]
    assert (dag.timetable.expression, dag.timetable.timezone) == ("0 3 * * SUN", "UTC")
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert dag.params["purge"] == "off"
    order = ["backup", "check_manifest", "purge_is_wanted", "purge"]
    assert [dag.task_dict[task].downstream_task_ids for task in order] == [{task} for task in order[1:]] + [set()]
    assert (dag.task_dict["backup"].retries, dag.task_dict["purge"].retries) == (2, 0)
    # A run in ERROR or EXPIRED is waited for without an end; the job itself stops after an hour.
    assert dag.task_dict["backup"].execution_timeout > timedelta(hours=1)


@pytest.fixture(scope="module")
def backed_up(lake: Lake, dag_run: Start) -> DagRun:
    lake.real_script("backup", LOST_ONCE)
    return dag_run("2026-11-01").finish()


def test_a_retry_does_not_back_up_twice(lake: Lake, backed_up: DagRun) -> None:
    assert backed_up.is_green
    assert backed_up.tasks == {
        "backup": "success", "check_manifest": "success", "purge_is_wanted": "success", "purge": "skipped",
    }  # fmt: skip
    assert backed_up.tries("backup") == 2
    assert [run["JobRunState"] for run in lake.runs(BACKUP_JOB)] == ["FAILED", "SUCCEEDED"]
    assert {run["TriggerName"] for run in lake.runs(BACKUP_JOB)} == {TRIGGER}
    # The backup's day is the one on which it was made, whatever day the run is for.
    day = lake.runs(BACKUP_JOB)[-1]["StartedOn"].astimezone(UTC).date()
    assert list(lake.keys("_manifests/")) == [
        f"_manifests/archive-{day}.json",
        f"_manifests/snapshot-{day}.json",
    ]
    assert len(lake.keys("snapshot/")) == 3


@pytest.mark.usefixtures("backed_up")
def test_a_second_run_of_a_day_makes_no_second_backup_and_purges_where_it_is_asked_to(
    lake: Lake, dag_run: Start
) -> None:
    lake.real_script("purge")
    before = lake.keys("_manifests/"), lake.keys("snapshot/"), lake.keys("archive/")
    run = dag_run("2026-11-01", purge="execute").finish()
    assert run.is_green
    assert set(run.tasks.values()) == {"success"}
    assert (lake.keys("_manifests/"), lake.keys("snapshot/"), lake.keys("archive/")) == before
    assert [job_run["Arguments"]["--run_mode"] for job_run in lake.runs(PURGE_JOB)] == ["execute"]
    # All 40 are old; the one that holds the highest key stays.
    assert lake.sql("SELECT transaction_id FROM `transaction`") == [[40]]


def test_a_failed_job_turns_the_task_red(lake: Lake, dag_run: Start) -> None:
    lake.script(BACKUP_JOB, "raise SystemExit('xray_backup: cannot read secret')")
    before = len(lake.runs(BACKUP_JOB))
    run = dag_run("2026-11-03").finish()
    assert not run.is_green
    assert run.tasks["backup"] == "failed"
    assert {run.tasks[task] for task in ("check_manifest", "purge_is_wanted", "purge")} == {"upstream_failed"}
    assert len(lake.runs(BACKUP_JOB)) == before + 3
    assert "Run State: FAILED" in run.output


def test_a_stopped_job_turns_the_task_red(lake: Lake, dag_run: Start) -> None:
    lake.script(BACKUP_JOB, "import time; time.sleep(600)")
    before = len(lake.runs(BACKUP_JOB))
    run = dag_run("2026-11-04")
    # Whoever stops it means it: each of its tries.
    stopped = 0
    while run.process.poll() is None:
        for job_run in lake.runs(BACKUP_JOB)[before:]:
            if job_run["JobRunState"] == "RUNNING":
                lake.glue.batch_stop_job_run(JobName=BACKUP_JOB, JobRunIds=[job_run["Id"]])
                stopped += 1
        time.sleep(0.5)
        assert run.process.stdout
    run.finish()
    assert stopped == 3
    assert not run.is_green
    assert run.tasks["backup"] == "failed"
    assert "ended in state 'STOPPED'" in run.output


def test_a_job_that_times_out_turns_the_task_red(lake: Lake, dag_run: Start) -> None:
    lake.script(BACKUP_JOB, "import time; time.sleep(600)")
    lake.make_job(BACKUP_JOB, timeout_minutes=1)
    run = dag_run("2026-11-05").finish()
    lake.make_job(BACKUP_JOB)
    assert not run.is_green
    assert run.tasks["backup"] == "failed"
    assert "Run State: TIMEOUT" in run.output


def test_a_green_job_without_a_backup_is_red(lake: Lake, dag_run: Start) -> None:
    lake.script(BACKUP_JOB, "")
    for key in lake.keys("_manifests/"):
        lake.s3.delete_object(Bucket=BUCKET, Key=f"backup/v1/{key}")
    run = dag_run("2026-11-06", purge="execute").finish()
    assert not run.is_green
    assert run.tasks["check_manifest"] == "failed"
    assert {run.tasks[task] for task in ("purge_is_wanted", "purge")} == {"upstream_failed"}
    assert run.tries("check_manifest") == 1
    day = lake.runs(BACKUP_JOB)[-1]["StartedOn"].astimezone(UTC).date()
    assert f"committed no backup: s3://{BUCKET}/backup/v1/_manifests/snapshot-{day}.json is not there" in run.output


@pytest.fixture
def granted(lake: Lake) -> Iterator[tuple[str, str]]:
    """The key of a user that may do what `grantStart` gives, on an emulator that enforces it."""
    # The jobs themselves would be refused: they are not what is looked at.
    for job in (BACKUP_JOB, PURGE_JOB):
        lake.script(job, "")
    manifest = {"tables": {}, "run_id": "r", "verified_at": "now"}
    key = f"backup/v1/_manifests/snapshot-{datetime.now(UTC).date()}.json"
    lake.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(manifest).encode())
    node = subprocess.run(["node", REPOSITORY / "airflow/tests/support/granted.js"], capture_output=True, check=True)
    iam = boto3.client("iam", endpoint_url=lake.url)
    iam.create_user(UserName="airflow")
    policy = {"Version": "2012-10-17", "Statement": [in_the_emulator(given) for given in json.loads(node.stdout)]}
    iam.put_user_policy(UserName="airflow", PolicyName="granted", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="airflow")["AccessKey"]
    enforce(lake, "0")
    yield key["AccessKeyId"], key["SecretAccessKey"]
    enforce(lake, "inf")


def in_the_emulator(given: dict[str, object]) -> dict[str, object]:
    """The statement with this bucket's ARN; the emulator knows resources of S3 only, of Glue it knows the action."""
    resources = ["*" if str(given["actions"]).startswith("['glue:") else to_arn(text) for text in given["resources"]]
    return {"Effect": "Allow", "Action": given["actions"], "Resource": resources}


def to_arn(expression: str) -> str:
    """`${join("/", [aws_s3_bucket.X.arn, "backup/v1", "*"])}` or `${aws_s3_bucket.X.arn}` with the bucket's ARN."""
    parts = [part.strip(' "') for part in expression.removeprefix('${join("/", [').removesuffix("])}").split(",")]
    return "/".join([f"arn:aws:s3:::{BUCKET}", *parts[1:]])


def enforce(lake: Lake, after_requests: str) -> None:
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{lake.url}/moto-api/reset-auth", after_requests.encode(), headers)
    urllib.request.urlopen(request).close()


def test_the_rights_that_the_construct_grants_are_enough(lake: Lake, dag_run: Start, granted: tuple[str, str]) -> None:
    stranger = dag_run("2026-11-07", key=("AKIAOTHER", "wrong")).finish()
    assert stranger.tasks["backup"] == "failed"
    run = dag_run("2026-11-01", purge="dry-run", key=granted).finish()
    assert run.is_green
    assert run.tasks["purge"] == "success"
    # A run with arguments of its own could bring code along.
    session = boto3.Session(aws_access_key_id=granted[0], aws_secret_access_key=granted[1])
    glue = session.client("glue", endpoint_url=lake.url)
    with pytest.raises(ClientError, match="AccessDenied"):
        glue.start_job_run(JobName=BACKUP_JOB, Arguments={"--extra-jars": "s3://loot/jar"})
