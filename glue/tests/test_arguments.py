"""Arguments: the same for a person and for Glue; a mistake is one line and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.lab import GLUE
from xray_backup.arguments import parse_command_line, parse_job_arguments
from xray_backup.errors import UsageError

STORE = ["--store", "s3://lake/backup", "--secret-id", "s"]


def test_glue_s_own_arguments_are_left_alone() -> None:
    options = parse_job_arguments(
        "purge",
        ["--JOB_NAME", "purge", "--JOB_RUN_ID", "jr_1", "--job-bookmark-option", "job-bookmark-disable",
         "--store", "s3://lake/backup", "--secret_id", "arn:x", "--older_than_days", "90", "--run_mode", "execute",
         "--TempDir", "s3://x/tmp", "--enable-metrics", "true"],
    )  # fmt: skip
    assert (options.older_than_days, options.mode, options.secret_id) == (90, "execute", "arn:x")
    assert options.JOB_RUN_ID == "jr_1"


@pytest.mark.parametrize("command", ["purge", "restore"])
def test_what_changes_the_database_is_a_dry_run_by_default(command: str) -> None:
    more = {"purge": ["--older-than-days", "90"], "restore": ["--backups", "latest"]}[command]
    assert parse_command_line([command, *STORE, *more]).mode == "dry-run"


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
        (["restore", *STORE, "--backups", "latest", "--since", "yesterday"], "got 'yesterday', YYYY-MM-DD"),
        (["restore", *STORE, "--backups", "latest", "--transaction-ids", "1;drop"], "ids with commas between"),
        (["restore", *STORE, "--backups", "latest", "--target-schema", "x`y"], "letters, digits and underscores"),
        (["backup", *STORE, "--ssl-mode", "PREFERRED"], "invalid choice: 'PREFERRED'"),
        (["backup", *STORE, "--lock-ttl-seconds", "1"], "a whole number from 3 to 1,000,000"),
        (["backup", *STORE, "--password", "x"], "unrecognized arguments: --password x"),
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


@pytest.mark.parametrize("second", ["--secret-id", "--secret_id", "--secret-id=other"])
def test_a_run_cannot_undo_an_argument_of_the_job_in_another_spelling(second: str) -> None:
    arguments = ["--store", "s3://bucket/backup", "--secret_id", "own", second, "other"]
    with pytest.raises(UsageError, match=r"job_backup.py: --secret-id is given twice; see job_backup.py --help"):
        parse_job_arguments("backup", arguments)


def test_a_run_of_a_job_cannot_have_another_host_asked_for_the_secret() -> None:
    arguments = ["--store", "s3://bucket/backup", "--secret_id", "own", "--endpoint_url", "https://elsewhere"]
    with pytest.raises(UsageError, match="--endpoint-url is not allowed in a job"):
        parse_job_arguments("backup", arguments)


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
