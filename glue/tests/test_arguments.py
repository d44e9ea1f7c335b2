"""Arguments: the same for a person and for Glue; a mistake is one line and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.lab import GLUE
from xray_backup import layout
from xray_backup.arguments import COMMANDS, parse_command_line, parse_job_arguments
from xray_backup.database import SSL_MODES
from xray_backup.errors import UsageError
from xray_backup.job_contract import JOBS, Argument
from xray_backup.lock import MIN_TTL_SECONDS

STORE = ["--store", "s3://lake/backup", "--secret-id", "s"]
JOB_STORE = ["--store", "s3://lake/backup", "--secret_id", "s"]


def test_glue_s_own_arguments_are_left_alone() -> None:
    options = parse_job_arguments(
        "purge",
        ["--JOB_NAME", "purge", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1",
         "--job-bookmark-option", "job-bookmark-disable", "--store", "s3://lake/backup", "--secret_id", "arn:x",
         "--older_than_days", "90", "--run_mode", "execute", "--TempDir", "s3://x/tmp", "--enable-metrics",
         "--enable-auto-scaling", "true", "--custom-logGroup-prefix", "/aws-glue/jobs/x", "--conf", "a=1 --conf b=2",
         "--SECURITY_CONFIGURATION", "sc", "--encryption-type", "sse-s3", "--WORKFLOW_NAME", "w", "--mode", "glue"],
    )  # fmt: skip
    assert (options.command, options.older_than_days, options.mode, options.secret_id) == (
        "purge",
        90,
        "execute",
        "arn:x",
    )
    assert (options.JOB_NAME, options.JOB_RUN_ID, options.log, options.endpoint_url) == ("purge", "jr_1", "json", None)


@pytest.mark.parametrize("command", ["purge", "restore"])
def test_what_changes_the_database_is_a_dry_run_by_default(command: str) -> None:
    more = {"purge": ["--older-than-days", "90"], "restore": ["--backups", "latest"]}[command]
    assert parse_command_line([command, *STORE, *more]).mode == "dry-run"
    assert parse_job_arguments(command, [*JOB_STORE, *more]).mode == "dry-run"


def test_what_a_job_and_a_person_need_not_say() -> None:
    job = parse_job_arguments("backup", JOB_STORE)
    person = parse_command_line(["backup", *STORE])
    assert (job.mode, person.mode) == ("execute", "execute")
    # As many as the workers have cores, which nobody knows here.
    assert (job.connections, person.connections) == (None, 2)
    assert (job.engine, person.engine) == ("spark", "local")
    for options in (job, person):
        assert (options.ssl_mode, options.ssl_ca) == ("VERIFY_IDENTITY", None)
        assert (options.lag_minutes, options.lock_ttl_seconds, options.archive_older_than_days) == (60, 300, None)
    purge = parse_job_arguments("purge", [*JOB_STORE, "--older_than_days", "90"])
    assert (purge.connections, purge.chunk_rows, purge.sleep_ratio) == (3, 10_000, 0.0)
    assert parse_command_line(["verify", "--store", "/tmp/x"]).backups == ["latest"]


def test_a_job_and_a_person_get_a_restore_s_selection_in_the_same_names() -> None:
    given = ["--transaction{}ids", "3,17", "--image{}ids", "4", "--since", "2026-01-01", "--target{}schema", "drill"]
    more = ["--backups", "archive-1,latest", "--ssl{}ca", "ca.pem"]
    job = parse_job_arguments("restore", [text.format("_") for text in [*JOB_STORE, *given, *more]])
    person = parse_command_line(["restore", *(text.format("-") for text in [*STORE, *given, *more])])
    for options in (job, person):
        assert (options.anchor_ids, options.parent_ids, options.since) == ([3, 17], [4], "2026-01-01 00:00:00")
        assert (options.target_schema, options.backups, options.until) == ("drill", ["archive-1", "latest"], None)
        assert options.ssl_ca == Path("ca.pem")


def test_a_check_is_a_command_on_a_laptop_and_a_mode_of_each_job() -> None:
    assert parse_command_line(["check", *STORE, "--for", "purge"]).job == "purge"
    assert parse_command_line(["check", *STORE]).job == "backup"
    more = {"backup": [], "purge": ["--older_than_days", "90"], "restore": ["--backups", "latest"], "erase": []}
    for job in JOBS:
        options = parse_job_arguments(job, [*JOB_STORE, "--run_mode", "check", *more[job]])
        assert (options.command, options.job, options.mode) == ("check", job, "check")
    with pytest.raises(UsageError, match="invalid choice: 'check'"):
        parse_command_line(["purge", *STORE, "--older-than-days", "90", "--mode", "check"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["backup", "--store", "s3://a/b"], "the following arguments are required: --secret-id"),
        (["purge", *STORE], "required: --older-than-days"),
        (["purge", *STORE, "--older-than-days", "1"], "got '1', a whole number from 2 to 36,500 is needed"),
        (["purge", *STORE, "--older-than-days", "1000000"], "got '1000000', a whole number from 2 to 36,500"),
        (
            ["purge", *STORE, "--older-than-days", "90", "--chunk-rows", "0"],
            "got '0', a whole number from 1 to 1,000,000",
        ),
        (["purge", *STORE, "--older-than-days", "90", "--sleep-ratio", "nan"], "got 'nan', a number from 0 to 1,000"),
        (["restore", *STORE, "--backups", "latest", "--since", "yesterday"], "got 'yesterday', YYYY-MM-DD"),
        (["restore", *STORE, "--backups", "latest", "--transaction-ids", "1;drop"], "ids with commas between"),
        (["erase", *STORE, "--former-stores", "s3://a/b,"], "got 's3://a/b,', stores with commas between"),
        (["restore", *STORE, "--backups", "latest", "--target-schema", "x`y"], "a schema's name is needed"),
        (["backup", *STORE, "--run-slot", "a/b"], "run slot 'a/b' is not allowed: use 1 to 63 letters"),
        (["backup", *STORE, "--ssl-mode", "PREFERRED"], "invalid choice: 'PREFERRED'"),
        (["backup", *STORE, "--ssl-ca", ""], "got '', a value is needed"),
        (["backup", *STORE, "--engine", "ray"], "invalid choice: 'ray'"),
        (["backup", *STORE, "--lock-ttl-seconds", "1"], "a whole number from 3 to 3,600"),
        (["backup", *STORE, "--password", "x"], "unrecognized arguments: --password; see"),
        (["check", *STORE, "--for", "list"], "invalid choice: 'list'"),
        (["drop"], "invalid choice: 'drop'"),
        ([], "required: COMMAND"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_command_line(arguments)
    assert "\n" not in str(caught.value)


def test_a_mistake_ends_the_process_with_code_2_and_no_stack_trace() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xray_backup", "list", "--store", "s3://only-a-bucket"],
        cwd=GLUE, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "xray_backup: store 's3://only-a-bucket' is not complete: use s3://bucket/prefix, for example s3://my-lake/backup\n"
    )


@pytest.mark.parametrize(
    ("job", "arguments", "message"),
    [
        # Either slip would do the harmful thing: restore into production, archive nothing, delete after a "dry run".
        (
            "restore",
            ["--backups", "latest", "--target-scheme", "drill"],
            "--target-scheme is no argument of this job; the nearest one is --target_schema",
        ),
        (
            "backup",
            ["--archive_older_then_days", "90"],
            "--archive_older_then_days is no argument of this job; the nearest one is --archive_older_than_days",
        ),
        (
            "purge",
            ["--older_than_days", "90", "--mode", "dry-run"],
            "--mode is Glue's own argument: use --run_mode dry-run",
        ),
        ("purge", ["--older_than_days", "90", "--dry-run"], "--dry-run is no argument of this job; the nearest one is"),
        (
            "backup",
            ["--older_than_days", "90"],
            "--older_than_days is no argument of this job; the nearest one is --archive_older_than_days",
        ),
        ("backup", ["--job_bookmark_option", "x"], "--job_bookmark_option is no argument of this job"),
        ("backup", ["--extra-py-file", "x"], "the nearest one is --extra-py-files"),
        ("backup", ["drill"], "'drill' is a value without an argument's name before it"),
        ("backup", ["--run_slot"], "argument --run-slot/--run_slot: expected one argument"),
        ("backup", ["--run_mode", "now"], "invalid choice: 'now'"),
        ("purge", [], "required: --older-than-days/--older_than_days"),
        ("purge", ["--older_than_days", "1"], "got '1', a whole number from 2 to 36,500 is needed"),
        ("backup", ["--endpoint_url", "https://elsewhere"], "--endpoint_url is not allowed in a job"),
        ("backup", ["--endpoint-url=https://elsewhere"], "--endpoint_url is not allowed in a job"),
    ],
)
def test_a_job_refuses_what_it_does_not_know(job: str, arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_job_arguments(job, [*JOB_STORE, *arguments])
    assert f"job_{job}.py: " in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("second", [["--secret-id", "other"], ["--secret_id", "other"], ["--secret-id=other"]])
def test_a_run_cannot_undo_an_argument_of_the_job_in_another_spelling(second: list[str]) -> None:
    with pytest.raises(UsageError, match=r"job_backup.py: --secret_id is given twice"):
        parse_job_arguments("backup", [*JOB_STORE, *second])


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--endpoint-url", "localhost:5000"], {}, "Invalid endpoint: localhost:5000"),
        ([], {"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
    ],
)
def test_a_wrong_endpoint_or_profile_is_one_line(
    arguments: list[str], environment: dict[str, str], message: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xray_backup", "list", "--store", "s3://lake/backup", *arguments],
        cwd=GLUE, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    assert done.stderr == (f"xray_backup: no access to AWS s3: {message}; check profile, region and --endpoint-url\n")
    assert done.returncode == 2


def test_the_contract_says_what_the_modules_hold() -> None:
    assert set(JOBS) < set(COMMANDS)
    for job in JOBS.values():
        assert tuple(job["ssl_mode"].choices) == SSL_MODES
        assert job["lock_ttl_seconds"].minimum == MIN_TTL_SECONDS


def test_the_store_s_folders_are_those_of_0_1_0_and_one_for_checks() -> None:
    found = [layout.MANIFESTS, layout.PURGES, layout.LOCKS, layout.VERIFICATIONS, layout.RESTORES, layout.REPORTS]
    names = ("manifests", "purges", "locks", "verifications", "restores", "reports")
    assert found == [f"v1/_{name}/" for name in names]
    assert layout.CHECKS == "v1/_checks/"
    assert layout.run_prefix("archive", "image", "2026-11-22", "r") == "v1/archive/image/run_date=2026-11-22/run_id=r/"


def test_the_readme_s_table_is_the_contract_s() -> None:
    def cell(argument: Argument | None) -> str:
        if argument is None:
            return ""
        if argument.fixed:
            return "fixed"
        if argument.required:
            return "required"
        return "yes" if argument.default is None else f"`{argument.default}`"

    names = list(dict.fromkeys(name for job in JOBS.values() for name in job))
    rows = []
    for name in names:
        found = [job.get(name) for job in JOBS.values()]
        text = next(argument.help for argument in found if argument)
        cells = [f"`--{name}`", *map(cell, found), text]
        rows.append(f"| {' | '.join(cells)} |".replace("  ", " "))
    table = "\n".join(
        [
            "| argument | `job_backup.py` | `job_purge.py` | `job_restore.py` | `job_erase.py` | |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )
    assert table in (GLUE / "README.md").read_text(), f"write this into glue/README.md:\n{table}"
