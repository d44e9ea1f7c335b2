"""
### The weekly backup of the metadata

Starts the Glue job that backs the metadata up, looks in S3 whether it committed its backup, and, only where a person
asks for it with the parameter `purge`, starts the job that deletes what a verified archive holds.

The jobs are started by their triggers on demand, whose arguments nobody here can change. The job backs a day up once:
to clear or to repeat a run never makes a second backup of the day.

It needs a connection `xray_data_lake` (Amazon Web Services, with the region) and the variables `xray_bucket`,
`xray_backup_job_name`, `xray_backup_trigger_name` and, for a purge, `xray_purge_job_name` and
`xray_purge_trigger_names`; `xray_backup_prefix` is `backup` where it is not set.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.glue import GlueJobOperator
from botocore.exceptions import ClientError

try:
    from airflow.sdk import CronTriggerTimetable, Param, dag, task
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.exceptions import AirflowFailException
    from airflow.models.param import Param
    from airflow.timetables.trigger import CronTriggerTimetable

AWS_CONNECTION = "xray_data_lake"
# A run of a trigger is listed within seconds of its start.
SECONDS_TO_LIST = 120


class GlueTriggerHook(GlueJobHook):
    """Starts a job by one of its triggers: the request names the trigger, and has no field for arguments."""

    def initialize_job(self, _arguments: dict | None = None, run_kwargs: dict | None = None) -> dict[str, str]:
        """Starts the trigger `TriggerName` and finds the run that it made, whose id no answer tells."""
        trigger = (run_kwargs or {})["TriggerName"]
        earlier = {run["Id"] for run in self._runs(trigger)}
        self.conn.start_trigger(Name=trigger)
        deadline = time.monotonic() + SECONDS_TO_LIST
        while time.monotonic() < deadline:
            made = [run["Id"] for run in self._runs(trigger) if run["Id"] not in earlier]
            if made:
                return {"JobRunId": made[0]}
            time.sleep(2)
        raise RuntimeError(
            f"trigger {trigger} started no run of job {self.job_name} in {SECONDS_TO_LIST} seconds: "
            "is another run active, or is the trigger another job's?"
        )

    def _runs(self, trigger: str) -> list[dict]:
        """The newest runs that the trigger started, newest first."""
        runs = self.conn.get_job_runs(JobName=self.job_name)["JobRuns"]
        return [run for run in runs if run.get("TriggerName") == trigger]


class GlueTriggerOperator(GlueJobOperator):
    """Provider's operator, which waits for the run, finds it again and stops it; the trigger starts it."""

    aws_hook_class = GlueTriggerHook


def read(bucket: str, key: str) -> str | None:
    """Text of an object, if there is one."""
    try:
        return S3Hook(AWS_CONNECTION).read_key(key, bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise


@dag(
    schedule=CronTriggerTimetable("0 3 * * SUN", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    params={
        "purge": Param(
            "off",
            type="string",
            enum=["off", "dry-run", "execute"],
            title="Purge",
            description="After the backup: dry-run tells which rows would be deleted, execute deletes them.",
        )
    },
    doc_md=__doc__,
    tags=["xray", "backup"],
)
def xray_backup():
    """The backup of one week."""
    backup = GlueTriggerOperator(
        task_id="backup",
        aws_conn_id=AWS_CONNECTION,
        job_name="{{ var.value.xray_backup_job_name }}",
        run_job_kwargs={"TriggerName": "{{ var.value.xray_backup_trigger_name }}"},
        # A run that lost its worker goes on in Glue, which lets no second one in; the next try finds it again or finds
        # its backup committed.
        retries=2,
        # Longer than the job's own hour: the operator waits without an end on a run in ERROR or EXPIRED.
        execution_timeout=timedelta(minutes=90),
    )

    @task
    def check_manifest(bucket: str, prefix: str, job: str, job_run_id: str) -> dict:
        """Reads the manifest that the run committed: a green job says only that its script ended."""
        run = GlueJobHook(aws_conn_id=AWS_CONNECTION).conn.get_job_run(JobName=job, RunId=job_run_id)["JobRun"]
        # The job takes its day when its script begins, which a run that starts before midnight may do after it.
        days = sorted({run[at].astimezone(timezone.utc).date() for at in ("StartedOn", "CompletedOn")}, reverse=True)
        keys = [f"{prefix}/v1/_manifests/snapshot-{day}.json" for day in days]
        body = next((body for key in keys if (body := read(bucket, key)) is not None), None)
        if body is None:
            raise AirflowFailException(
                f"the job succeeded and committed no backup: s3://{bucket}/{' and '.join(keys)} is not there"
            )
        manifest = json.loads(body)
        rows = {
            table: sum(file["fingerprint"]["rows"] for file in copied["files"])
            for table, copied in manifest["tables"].items()
        }
        return {"rows": rows, "run_id": manifest["run_id"], "verified_at": manifest["verified_at"]}

    @task.short_circuit
    def purge_is_wanted(params: dict | None = None) -> bool:
        """Skips the purge unless this run was started with it."""
        return params["purge"] != "off"

    purge = GlueTriggerOperator(
        task_id="purge",
        aws_conn_id=AWS_CONNECTION,
        job_name="{{ var.value.xray_purge_job_name }}",
        run_job_kwargs={"TriggerName": "{{ var.json.xray_purge_trigger_names[params.purge] }}"},
        # It deletes: whoever stops the task stops the job, and a failure is looked at before it is tried again.
        retries=0,
        stop_job_run_on_kill=True,
        # A deferred task has nobody who could stop the job.
        deferrable=False,
        execution_timeout=timedelta(minutes=90),
    )

    checked = check_manifest(
        "{{ var.value.xray_bucket }}",
        "{{ var.value.get('xray_backup_prefix', 'backup') }}",
        "{{ var.value.xray_backup_job_name }}",
        backup.output,
    )
    backup >> checked >> purge_is_wanted() >> purge


xray_backup()
