"""The command line as a person runs it: real processes, the emulator's S3, TLS, refusals, kills."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.kill_marathon import marathon
from tests.support.invariant import check_nothing_lost, web_app
from tests.support.lab import Emulator, Lab, command
from xray_backup import manifest as manifests


def finished(*arguments: str, code: int = 0) -> tuple[str, str]:
    process = command(*arguments)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == code, (output, errors)
    assert "Traceback" not in errors
    return output, errors


def test_a_backup_s_life_on_the_command_line(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(30)
    common = s3_lab.options(emulator)
    ca = ["--ssl-mode", "VERIFY_CA", "--ssl-ca", str(s3_lab.server.ca_file)]
    output, _ = finished("backup", *common, *ca, "--run-slot", "w1", "--archive-older-than-days", "2")
    assert "copied and proved pred_bounding_box: 150 rows, 1 files" in output
    assert "committed snapshot-w1 (v1/_manifests/snapshot-w1.json)" in output
    assert "committed archive-w1" in output
    output, _ = finished("verify", *common, "--log", "json", "--against-database")
    (compared,) = [json.loads(line) for line in output.splitlines() if '"compared"' in line]
    assert compared["tables"]["pred_bounding_box"]["equal"] == 150
    output, _ = finished("purge", *common, "--older-than-days", "30")
    assert "dry run: would delete (add --mode execute)" in output
    assert s3_lab.count("transaction") == 30
    finished("purge", *common, "--older-than-days", "30", "--mode", "execute")
    assert s3_lab.count("transaction") == 1
    finished("restore", *common, "--backups", "archive-w1", "--mode", "execute")
    assert s3_lab.count("pred_bounding_box") == 150
    output, _ = finished("list", "--store", s3_lab.store.url, "--endpoint-url", emulator.url)
    lines = output.splitlines()
    assert lines[0].split() == ["backup", "rows", "files", "size", "age", "verified", "state"]
    assert [line.split()[0] for line in lines[1:]] == ["archive-w1", "snapshot-w1"]
    assert all("whole" in line for line in lines[1:])
    # Rows go right: numbers end in the same column.
    assert len({line.index(" 3 ") for line in lines[1:]}) == 1


@pytest.mark.parametrize(
    ("overrides", "more", "message"),
    [
        ({"password": "wrong-secret"}, [], "refused user 'root': check the user and the password in the secret"),
        ({}, ["--ssl-mode", "VERIFY_IDENTITY"], "cannot be reached with --ssl_mode VERIFY_IDENTITY: check --ssl_ca"),
        ({}, ["--ssl-ca", "nowhere.pem"], "cannot use certificates in --ssl_ca nowhere.pem: No such file or directory"),
        ({}, ["--secret-id", "none"], "cannot read secret 'none': ResourceNotFoundException"),
        ({}, ["--store", "s3://no-such-bucket/backup"], "NoSuchBucket; make the bucket first, or correct --store"),
    ],
)
def test_a_refusal_is_one_line(
    s3_lab: Lab, emulator: Emulator, overrides: dict[str, object], more: list[str], message: str
) -> None:
    process = command("backup", *s3_lab.options(emulator, **overrides), *more)
    output, errors = process.communicate(timeout=120)
    assert process.returncode in (1, 2)
    assert message in errors
    assert errors.count("\n") == 1
    assert "wrong-secret" not in output + errors
    assert list(s3_lab.store.list("v1/snapshot/")) == []


def test_a_server_that_demands_tls_refuses_a_plain_connection(s3_lab: Lab, emulator: Emulator) -> None:
    user = f"tls_{s3_lab.schema[-8:]}"
    s3_lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'tls' REQUIRE SSL")
    s3_lab.sql(f"GRANT SELECT ON `{s3_lab.schema}`.* TO '{user}'@'%'")
    common = s3_lab.options(emulator, username=user, password="tls")
    try:
        _, errors = finished("backup", *common, "--ssl-mode", "DISABLED", code=1)
        assert "whether TLS is required" in errors
    finally:
        s3_lab.sql(f"DROP USER '{user}'@'%'")


def test_two_backups_of_one_slot_commit_one(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(5)
    common = s3_lab.options(emulator)
    both = [command("backup", *common, "--run-slot", "same", "--log", "json") for _ in range(2)]
    codes = []
    for process in both:
        process.communicate(timeout=240)
        codes.append(process.returncode)
    assert sorted(codes) in ([0, 0], [0, 4])
    assert [manifest.name for manifest in manifests.load_all(s3_lab.store)] == ["snapshot-same"]


def test_nothing_is_lost_while_the_app_writes(s3_lab: Lab, emulator: Emulator, tmp_path: Path) -> None:
    common = s3_lab.options(emulator)
    journal = tmp_path / "journal.jsonl"
    with web_app(s3_lab, journal, "--meddle"):
        while not journal.exists() or journal.stat().st_size < 60_000:
            time.sleep(0.1)
        finished("backup", *common, "--archive-older-than-days", "2")
        finished("purge", *common, "--older-than-days", "2", "--chunk-rows", "20", "--mode", "execute")
    counts = check_nothing_lost(s3_lab, journal)
    assert counts["purged"] > 100


def test_a_short_kill_marathon(s3_lab: Lab, emulator: Emulator, tmp_path: Path) -> None:
    assert marathon(s3_lab, emulator, tmp_path, kills=3, seed=6).kills == 3
