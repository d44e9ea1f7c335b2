"""The AWS emulator with the project's patches, whose Glue runs the jobs: `python job_emulator.py -p PORT`.

moto keeps a job's runs and runs nothing. Here each run is a process of `tests.support.job_run`, by the name of the
job's script; its events go to the job's log group, and its last line of errors is the run's message, as in Glue.
"""

# mypy: allow-untyped-decorators
from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

GLUE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(GLUE.parent / "local" / "servers" / "aws" / "patched_moto"))

import aws_patches  # type: ignore[import-not-found]  # noqa: E402, F401
import boto3  # noqa: E402
from moto.glue.models import FakeJob, FakeJobRun  # noqa: E402
from moto.logs.responses import LogsResponse  # noqa: E402
from moto.s3.models import FakeKey  # noqa: E402
from moto.server import main  # noqa: E402
from patch import patch  # type: ignore[import-not-found]  # noqa: E402

URL = f"http://127.0.0.1:{sys.argv[sys.argv.index('-p') + 1]}"
API = "https://docs.aws.amazon.com/glue/latest/webapi"


def _run(run: Any, job: Any) -> None:
    arguments = [word for pair in run.arguments.items() for word in pair]
    script = Path(job.command["ScriptLocation"]).stem
    process = subprocess.run(
        [
            os.environ.get("JOB_PYTHON", sys.executable), "-m", "tests.support.job_run", script.removeprefix("job_"),
            *arguments, "--JOB_NAME", job.name, "--JOB_RUN_ID", run.job_run_id,
        ],
        cwd=GLUE,
        env=os.environ | {"AWS_ENDPOINT_URL": URL},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    logs = boto3.client("logs", endpoint_url=URL)
    found = logs.describe_log_groups(logGroupNamePrefix=f"/aws-glue/jobs/{job.name}/")["logGroups"]
    group = next(group["logGroupName"] for group in found if group["logGroupName"].endswith("/output"))
    logs.create_log_stream(logGroupName=group, logStreamName=run.job_run_id)
    now = int(run.started_on.timestamp() * 1000)
    events = [{"timestamp": now, "message": line} for line in process.stdout.splitlines()]
    if events:
        logs.put_log_events(logGroupName=group, logStreamName=run.job_run_id, logEvents=events)
    if process.returncode:
        run.error = (process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
    run.state = "FAILED" if process.returncode else "SUCCEEDED"


@patch(FakeJob, aws=f"{API}/API_StartJobRun.html")
def start_job_run(start: Callable[..., str], self: FakeJob, *args: Any, **kwargs: Any) -> str:
    """moto runs nothing."""
    run_id = start(self, *args, **kwargs)
    run: Any = self.job_runs[-1]
    run.state, run.error = "RUNNING", None
    threading.Thread(target=_run, args=(run, self), daemon=True).start()
    return run_id


@patch(FakeJob, aws=f"{API}/API_GetJobRuns.html")
def get_job_runs(_moto: Callable[..., Any], self: FakeJob) -> list[FakeJobRun]:
    """moto has the oldest run first."""
    return self.job_runs[::-1]


@patch(FakeJobRun, aws=f"{API}/API_JobRun.html")
def status(_moto: Callable[..., Any], self: Any) -> str:
    """moto's runs end when they are asked about."""
    return str(self.state)


@patch(FakeJobRun, aws=f"{API}/API_JobRun.html")
def as_dict(moto: Callable[..., dict[str, Any]], self: Any) -> dict[str, Any]:
    """moto knows no error."""
    return moto(self) | ({"ErrorMessage": self.error} if self.error else {})


@patch(
    LogsResponse, aws="https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"
)
def filter_log_events(moto: Callable[..., str], self: LogsResponse) -> str:
    """moto takes no notice of the prefix of the streams."""
    answer = json.loads(moto(self))
    prefix = self._get_param("logStreamNamePrefix", "")
    events = [event for event in answer["events"] if event["logStreamName"].startswith(prefix)]
    return json.dumps(answer | {"events": events})


@patch(FakeKey, aws="https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html")
def etag(moto: Callable[[FakeKey], str], self: FakeKey) -> str:
    """moto gives the MD5 of the content, also under a KMS key, where S3 gives each copy another ETag."""
    if self.encryption != "aws:kms":
        return moto(self)
    return f'"{hashlib.md5(f"{self.version_id}".encode()).hexdigest()}"'


if __name__ == "__main__":
    main(sys.argv[1:])
