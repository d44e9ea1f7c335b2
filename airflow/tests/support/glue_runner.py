"""The emulator with a Glue that runs its jobs: a process each, with the job's own script and arguments.

moto keeps a job's runs and lets their states pass by themselves. Here a run succeeds when its script does, fails with
the last line of its error output, is stopped when it is told to be, and times out. Run by the emulator's own Python.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import threading
from pathlib import Path
from typing import Any

from moto.core.responses import ActionResult
from moto.glue.models import FakeJob, FakeJobRun
from moto.glue.responses import GlueResponse
from moto.s3.models import s3_backends

REPOSITORY = Path(__file__).resolve().parents[3]
PYTHON = REPOSITORY / ".local" / "glue-runtime" / "5.1" / "bin" / "python"
FOLDER = Path(os.environ["GLUE_RUNNER_FOLDER"])
# So that a test does not wait for a whole one.
SECONDS_PER_MINUTE = 5


def object_of(account: str, url: str) -> bytes:
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return s3_backends[account]["aws"].get_object(bucket, key).value


class RunningJob(threading.Thread):
    """One run, from its start to its end."""

    def __init__(self, job: FakeJob, run: FakeJobRun) -> None:
        super().__init__(daemon=True)
        self.job, self.job_run = job, run
        self.process: subprocess.Popen[bytes] | None = None
        run.status = "STARTING"
        run.thread = self

    def run(self) -> None:
        run = self.job_run
        account = self.job.backend.account_id
        folder = FOLDER / self.job.name
        folder.mkdir(parents=True, exist_ok=True)
        script = folder / "script.py"
        script.write_bytes(object_of(account, self.job.command["ScriptLocation"]))
        arguments = {"--JOB_NAME": self.job.name, "--JOB_RUN_ID": run.job_run_id, **run.arguments}
        package = folder / "package.zip"
        if "--extra-py-files" in arguments:
            package.write_bytes(object_of(account, arguments["--extra-py-files"]))
        log = folder / f"{run.job_run_id}.log"
        with log.open("wb") as output:
            given = [part for pair in arguments.items() for part in pair]
            self.process = subprocess.Popen(
                [PYTHON, Path(__file__).with_name("run_job.py"), script, *given],
                env=os.environ | {"GLUE_PACKAGE": str(package)},
                stdout=output,
                stderr=output,
            )
        run.status = "RUNNING"
        try:
            code = self.process.wait((run.timeout or self.job.timeout or 2880) * SECONDS_PER_MINUTE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            run.status = "TIMEOUT"
            return
        if run.status == "STOPPING":
            run.status = "STOPPED"
        elif code == 0:
            run.status = "SUCCEEDED"
        else:
            run.error_message = log.read_text().strip().splitlines()[-1]
            run.status = "FAILED"

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.job_run.status = "STOPPING"
            self.process.kill()


def run_jobs() -> None:
    start_job_run, as_dict = FakeJob.start_job_run, FakeJobRun.as_dict

    def start(self: FakeJob, *args: Any, **kwargs: Any) -> str:
        run_id = start_job_run(self, *args, **kwargs)
        RunningJob(self, self.job_runs[-1]).start()
        return run_id

    def as_dict_with_error(self: FakeJobRun) -> dict[str, Any]:
        told = {"ErrorMessage": "error_message", "TriggerName": "trigger_name"}
        return as_dict(self) | {name: getattr(self, key) for name, key in told.items() if hasattr(self, key)}

    def batch_stop_job_run(self: GlueResponse) -> ActionResult:
        name, ids = self._get_param("JobName"), self._get_param("JobRunIds")
        for run_id in ids:
            self.glue_backend.get_job_run(name, run_id).thread.stop()
        submissions = [{"JobName": name, "JobRunId": run_id} for run_id in ids]
        return ActionResult({"SuccessfulSubmissions": submissions, "Errors": []})

    def start_trigger(self: GlueResponse) -> ActionResult:
        """Starts the job of a trigger on demand, which moto does not."""
        name = self._get_param("Name")
        for action in self.glue_backend.get_trigger(name).actions:
            job = action.job_name
            run_id = self.glue_backend.start_job_run(job, action.arguments, *[None] * 8)
            self.glue_backend.get_job_run(job, run_id).trigger_name = name
        return ActionResult({"Name": name})

    FakeJobRun.status = "STARTING"  # in place of moto's, which moves on by itself
    FakeJobRun.advance = lambda _: None
    FakeJobRun.as_dict = as_dict_with_error
    FakeJob.start_job_run = start
    GlueResponse.start_trigger = start_trigger
    GlueResponse.batch_stop_job_run = batch_stop_job_run


if __name__ == "__main__":
    run_jobs()
    runpy.run_path(str(REPOSITORY / "local" / "servers" / "aws" / "patched_moto"), run_name="__main__")
