"""
### The weekly backup of the metadata

Starts the Glue job that backs the metadata up, looks in S3 whether it committed its backup, and, only where a person
asks for it with the parameter `purge`, starts the job that deletes what a verified archive holds.

A run is named by its day, and the job backs a day up once: to clear or to repeat a run never makes a second backup.

It needs a connection `xray_data_lake` (Amazon Web Services, with the region) and the variables `xray_bucket`,
`xray_backup_job_name` and, for a purge, `xray_purge_job_name`; `xray_backup_prefix` is `backup` where it is not set.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

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
# The day that the run is for, also when it runs late or again; a run that is started by hand has no logical date in
# Airflow 3 unless it is given one.
RUN_SLOT = "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"
MANIFEST = "{{ var.value.get('xray_backup_prefix', 'backup') }}/v1/_manifests/snapshot-" + RUN_SLOT + ".json"


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
    backup = GlueJobOperator(
        task_id="backup",
        aws_conn_id=AWS_CONNECTION,
        job_name="{{ var.value.xray_backup_job_name }}",
        script_args={"--run_slot": RUN_SLOT},
        # A run that lost its worker goes on in Glue, which lets no second one in; the next try finds it again or finds
        # its backup committed.
        retries=2,
        # Longer than the job's own hour: the operator waits without an end on a run in ERROR or EXPIRED.
        execution_timeout=timedelta(minutes=90),
    )

    @task
    def check_manifest(bucket: str, key: str) -> dict:
        """Reads the manifest that the run committed: a green job says only that its script ended."""
        try:
            body = S3Hook(AWS_CONNECTION).read_key(key, bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            raise AirflowFailException(
                f"the job succeeded and committed no backup: s3://{bucket}/{key} is not there"
            ) from None
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

    purge = GlueJobOperator(
        task_id="purge",
        aws_conn_id=AWS_CONNECTION,
        job_name="{{ var.value.xray_purge_job_name }}",
        script_args={"--run_mode": "{{ params.purge }}"},
        # It deletes: whoever stops the task stops the job, and a failure is looked at before it is tried again.
        retries=0,
        stop_job_run_on_kill=True,
        # A deferred task has nobody who could stop the job.
        deferrable=False,
        execution_timeout=timedelta(minutes=90),
    )

    checked = check_manifest("{{ var.value.xray_bucket }}", MANIFEST)
    backup >> checked >> purge_is_wanted() >> purge


xray_backup()
