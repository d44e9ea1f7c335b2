"""An Airflow of its own, and the lake that its DAG works on: the emulator with a Glue that runs jobs, and a MySQL."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SUPPORT = Path(__file__).resolve().parent / "support"
FOLDER = REPOSITORY / ".local" / "test" / f"airflow-{os.getpid()}"
BUCKET, BACKUP_JOB, PURGE_JOB = "lake", "lake-backup", "lake-purge"
JOBS = {
    BACKUP_JOB: {"--archive_older_than_days": "30"},
    PURGE_JOB: {"--older_than_days": "30", "--run_mode": "dry-run"},
}
TRIGGER = "lake-backup-on-demand"
PURGE_TRIGGERS = {mode: f"lake-purge-{mode}" for mode in ("dry-run", "execute")}

# Before the first import of Airflow, which reads them then.
os.environ.update(
    AIRFLOW_HOME=str(FOLDER),
    AIRFLOW__CORE__DAGS_FOLDER=str(REPOSITORY / "airflow" / "dags"),
    AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY="1",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW_VAR_XRAY_BACKUP_JOB_NAME=BACKUP_JOB,
    AIRFLOW_VAR_XRAY_BACKUP_TRIGGER_NAME=TRIGGER,
    AIRFLOW_VAR_XRAY_BUCKET=BUCKET,
    AIRFLOW_VAR_XRAY_PURGE_JOB_NAME=PURGE_JOB,
    AIRFLOW_VAR_XRAY_PURGE_TRIGGER_NAMES=json.dumps(PURGE_TRIGGERS),
    AWS_ACCESS_KEY_ID="test",
    AWS_DEFAULT_REGION="eu-west-1",
    AWS_SECRET_ACCESS_KEY="test",
    # No name of a DAG is ever looked up, and nothing of a test is told to anybody.
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)


class Lake:
    """The bucket, the two jobs, and the database behind them."""

    def __init__(self, url: str, metadata: subprocess.Popen[str]) -> None:
        self.url = url
        self._metadata = metadata
        self.s3, self.glue = (boto3.client(name, endpoint_url=url) for name in ("s3", "glue"))

    def sql(self, statement: str) -> list[list[Any]]:
        assert self._metadata.stdin
        assert self._metadata.stdout
        print(statement, file=self._metadata.stdin, flush=True)
        return json.loads(self._metadata.stdout.readline())

    def make_job(self, name: str, timeout_minutes: int = 60) -> None:
        """Makes the job, or makes it anew."""
        self.glue.delete_job(JobName=name)
        self.glue.create_job(
            Name=name,
            Role="job",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/glue-assets/{name}.py"},
            DefaultArguments=JOBS[name],
            NonOverridableArguments={
                "--extra-py-files": f"s3://{BUCKET}/glue-assets/xray_backup.zip",
                "--secret_id": "lake/metadata",
                "--ssl_mode": "REQUIRED",
                "--store": f"s3://{BUCKET}/backup",
            },
            ExecutionProperty={"MaxConcurrentRuns": 1},
            Timeout=timeout_minutes,
        )

    def script(self, job: str, text: str) -> None:
        """Makes `text` the job's script."""
        self.s3.put_object(Bucket=BUCKET, Key=f"glue-assets/{job}.py", Body=text.encode())

    def real_script(self, kind: str, more: str = "") -> None:
        text = (REPOSITORY / "glue" / f"job_{kind}.py").read_text()
        self.script(BACKUP_JOB if kind == "backup" else PURGE_JOB, text + more)

    def runs(self, job: str) -> list[dict[str, Any]]:
        return self.glue.get_job_runs(JobName=job)["JobRuns"]

    def keys(self, prefix: str) -> dict[str, str]:
        """ETags by key."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"backup/v1/{prefix}").get("Contents", [])
        return {item["Key"].removeprefix("backup/v1/"): item["ETag"] for item in listed}


class DagRun:
    """One `airflow dags test`: its exit code, its output, and what became of its tasks."""

    def __init__(self, day: str, purge: str | None, connection: dict[str, Any]) -> None:
        self.day = day
        conf = ["--conf", json.dumps({"purge": purge})] if purge else []
        self.process = subprocess.Popen(
            [Path(sys.executable).with_name("airflow"), "dags", "test", "xray_backup", f"{day}T03:00:00+00:00", *conf],
            env=os.environ | {"AIRFLOW_CONN_XRAY_DATA_LAKE": json.dumps(connection)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""

    def finish(self) -> DagRun:
        self.output, _ = self.process.communicate(timeout=400)
        print(self.output)
        return self

    @property
    def is_green(self) -> bool:
        return self.process.returncode == 0

    @property
    def tasks(self) -> dict[str, str]:
        return {task: state for task, (state, _) in self._rows().items()}

    def tries(self, task: str) -> int:
        return self._rows()[task][1]

    def _rows(self) -> dict[str, tuple[str, int]]:
        with sqlite3.connect(FOLDER / "airflow.db") as database:
            rows = database.execute(
                "SELECT task_id, task_instance.state, try_number FROM task_instance JOIN dag_run USING (dag_id, run_id)"
                " WHERE logical_date LIKE ?",
                (f"{self.day}%",),
            )
            return {task: (state, tries) for task, state, tries in rows}


@pytest.fixture(scope="session")
def airflow_home() -> Iterator[Path]:
    FOLDER.mkdir(parents=True)
    airflow = Path(sys.executable).with_name("airflow")
    subprocess.run([airflow, "db", "migrate"], check=True, capture_output=True, timeout=300)
    yield FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)


@pytest.fixture(scope="session")
def lake(airflow_home: Path) -> Iterator[Lake]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    venv = REPOSITORY / ".local" / "venv"
    # The jobs' runtime, see glue/README.md.
    build = [venv / "glue" / "bin" / "python", "-m", "tests.glue_runtime.runtime", "5.1"]
    subprocess.run(build, cwd=REPOSITORY / "glue", check=True)
    with (airflow_home / "emulator.log").open("w") as log:
        emulator = subprocess.Popen(
            [venv / "emulator" / "bin" / "python", SUPPORT / "glue_runner.py", "-H", "127.0.0.1", "-p", str(port)],
            env=os.environ | {"AWS_ENDPOINT_URL": url, "GLUE_RUNNER_FOLDER": str(airflow_home / "jobs")},
            stdout=log,
            stderr=log,
        )
    metadata = subprocess.Popen(
        [venv / "glue" / "bin" / "python", SUPPORT / "metadata.py", airflow_home / "mysql"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert metadata.stdout
        secret = json.loads(metadata.stdout.readline())
        wait_for(url)
        lake = Lake(url, metadata)
        set_up(lake, secret)
        yield lake
    finally:
        assert metadata.stdin
        metadata.stdin.close()
        metadata.wait(60)
        emulator.terminate()
        emulator.wait(30)


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/moto-api/").close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the emulator does not answer")


def set_up(lake: Lake, secret: dict[str, Any]) -> None:
    """The resources of the constructs, with the jobs' code as the package ships it."""
    lake.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    package = REPOSITORY / "dist" / "assets" / "xray_backup.zip"
    lake.s3.upload_file(str(package), BUCKET, "glue-assets/xray_backup.zip")
    secrets = boto3.client("secretsmanager", endpoint_url=lake.url)
    secrets.create_secret(Name="lake/metadata", SecretString=json.dumps({"engine": "mysql"} | secret))
    for name in JOBS:
        lake.make_job(name)
    lake.glue.create_trigger(Name=TRIGGER, Type="ON_DEMAND", Actions=[{"JobName": BACKUP_JOB}])
    for mode, name in PURGE_TRIGGERS.items():
        action = {"JobName": PURGE_JOB, "Arguments": {"--run_mode": mode}}
        lake.glue.create_trigger(Name=name, Type="ON_DEMAND", Actions=[action])


@pytest.fixture(scope="session")
def dag_run(lake: Lake) -> Any:
    """Starts `airflow dags test` for the run of a day."""

    def start(day: str, purge: str | None = None, key: tuple[str, str] = ("test", "test")) -> DagRun:
        extra = {"region_name": "eu-west-1", "endpoint_url": lake.url}
        return DagRun(day, purge, {"conn_type": "aws", "login": key[0], "password": key[1], "extra": extra})

    return start
