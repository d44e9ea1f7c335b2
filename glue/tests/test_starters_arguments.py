"""Arguments that a starter of a job gives: none reaches below what the construct fixed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.lab import Emulator, Lab
from tests.support.reading import backed_up
from xray_backup.archive import archive
from xray_backup.arguments import parse_job_arguments
from xray_backup.commands import execute_command
from xray_backup.errors import UsageError

Start = Callable[..., None]


@pytest.fixture
def start(s3_lab: Lab, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Starts a job as Glue does: what the construct fixed, then what the starter says."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)

    def run(job: str, fixed: str, *given: str) -> None:
        known = ["--JOB_NAME", job, "--store", s3_lab.store.url, "--secret_id", s3_lab.secret(emulator)]
        options = parse_job_arguments(job, [*known, "--ssl_mode", "REQUIRED", *fixed.split(), *given])
        options.engine = "local"
        execute_command(options, s3_lab.events)

    return run


@pytest.fixture
def lab(s3_lab: Lab) -> Lab:
    """14 transactions, of 5 days ago but for the first two, which are of 2022, and the last, which is of today."""
    s3_lab.fill(14)
    s3_lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 5 DAY WHERE transaction_id > 2")
    s3_lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() WHERE transaction_id = 14")
    return s3_lab


def test_a_starter_cannot_purge_what_is_younger_than_the_job_s_age(lab: Lab, start: Start) -> None:
    archive(lab.run(), "a", 2)
    start("purge", "--least_age_days 90", "--older_than_days", "2", "--run_mode", "execute")
    assert {row[0] for row in lab.rows("transaction")} == set(range(3, 15))
    assert lab.events.of("age_raised") == [{"asked_days": 2, "least_age_days": 90}]
    # Without an age of the job's own, as release 0.1.0 deploys it, the run's counts.
    start("purge", "", "--older_than_days", "2", "--run_mode", "execute")
    assert {row[0] for row in lab.rows("transaction")} == {14}


def test_without_a_policy_a_backup_archives_nothing_and_a_run_cannot_ask_for_it(lab: Lab, start: Start) -> None:
    start("backup", "--policies none", "--run_slot", "a")
    assert [item.key for item in lab.store.list("v1/_manifests/")] == ["v1/_manifests/snapshot-a.json"]
    for job, given in (
        ("backup", ["--archive_older_than_days", "2", "--run_slot", "b"]),
        ("purge", ["--older_than_days", "2"]),
        ("restore", ["--backups", "snapshot-a", "--since", "2022-01-01"]),
    ):
        with pytest.raises(UsageError, match="--policies is none"):
            start(job, "--policies none", *given)
    assert [item.key for item in lab.store.list("v1/_manifests/")] == ["v1/_manifests/snapshot-a.json"]


def test_a_starter_can_ask_for_a_higher_age(lab: Lab, start: Start) -> None:
    archive(lab.run(), "a", 2)
    start("purge", "--least_age_days 2", "--older_than_days", "90", "--run_mode", "execute")
    assert {row[0] for row in lab.rows("transaction")} == set(range(3, 15))
    assert lab.events.of("age_raised") == []


def test_a_starter_cannot_archive_what_is_younger_than_the_job_s_age(lab: Lab, start: Start) -> None:
    start("backup", "--least_age_days 90", "--archive_older_than_days", "2", "--run_slot", "a")
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {1, 2}


def test_a_purge_goes_no_further_than_the_archive_whatever_its_own_age(lab: Lab, start: Start) -> None:
    archive(lab.run(), "a", 90)
    start("purge", "--least_age_days 2", "--older_than_days", "2", "--run_mode", "execute")
    assert {row[0] for row in lab.rows("transaction")} == set(range(3, 15))


@pytest.mark.parametrize(
    ("job", "given", "message"),
    [
        ("purge", ["--least-age-days", "2"], "--least_age_days is given twice"),
        ("purge", ["--older_than_days", "0"], "got '0', a whole number from 2 to 36,500 is needed"),
        ("purge", ["--lock_ttl_seconds", "1000000"], "got '1000000', a whole number from 3 to 3,600 is needed"),
        ("backup", ["--lag_minutes", "1000000"], "got '1000000', a whole number from 0 to 1,440 is needed"),
        ("backup", ["--lag_minutes", "1441"], "got '1441', a whole number from 0 to 1,440 is needed"),
    ],
)
def test_arguments_that_would_harm_are_refused(start: Start, job: str, given: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        start(
            job,
            "--least_age_days 90",
            *(["--older_than_days", "90"] if "older" not in given[0] and job == "purge" else []),
            *given,
        )
