"""The command line as a person runs it: real processes, the emulator's S3, TLS, refusals, kills."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from tests.kill_marathon import Course, marathon, workload_course, x_ray
from tests.restore_drill import drill
from tests.support.invariant import check_nothing_lost
from tests.support.lab import TABLES, Emulator, Lab, command
from tests.support.model_lab import new_model_lab
from tests.support.mysql_server import MySqlServer
from tests.support.workloads import WORKLOADS, on_every_model
from xray_backup.archive import archive
from xray_backup.manifest_store import load_manifests
from xray_backup.store import Store


def finished(process: Popen[str], code: int = 0) -> tuple[str, str]:
    output, errors = process.communicate(timeout=240)
    assert process.returncode == code, (output, errors)
    assert "Traceback" not in errors
    return output, errors


def test_a_backup_s_life_on_the_command_line(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(30)
    common = s3_lab.options(emulator)
    ca = ["--ssl-mode", "VERIFY_CA", "--ssl-ca", str(s3_lab.server.ca_file)]
    output, _ = finished(command("backup", *common, *ca, "--run-slot", "w1", "--archive-older-than-days", "2"))
    assert "copied and proved pred_bounding_box: 150 rows, 1 files" in output
    assert "committed snapshot-w1 (v1/_manifests/snapshot-w1.json)" in output
    assert "committed archive-w1" in output
    output, _ = finished(command("purge", *common, "--older-than-days", "30"))
    assert "dry run: would delete (add --mode execute)" in output
    assert s3_lab.count("transaction") == 30
    output, _ = finished(command("verify", *common, "--log", "json", "--against-database"))
    (compared,) = [json.loads(line) for line in output.splitlines() if '"compared"' in line]
    assert compared["tables"]["pred_bounding_box"]["equal"] == 150
    finished(command("purge", *common, "--older-than-days", "30", "--mode", "execute"))
    assert s3_lab.count("transaction") == 1
    finished(command("restore", *common, "--backups", "archive-w1", "--mode", "execute"))
    assert s3_lab.count("pred_bounding_box") == 150
    output, _ = finished(command("list", "--store", s3_lab.store.url, "--endpoint-url", emulator.url))
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


@pytest.fixture
def user(s3_lab: Lab) -> Iterator[str]:
    """A name that no other test's user has."""
    name = f"user_{s3_lab.schema[-8:]}"
    yield name
    s3_lab.sql(f"DROP USER '{name}'@'%'")


@pytest.mark.parametrize(
    "arguments",
    [["backup"], ["archive", "--older-than-days", "2"], ["purge", "--older-than-days", "2", "--mode", "execute"],
     ["restore", "--backups", "latest", "--mode", "execute"]],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_a_server_that_demands_tls_refuses_a_plain_connection(
    s3_lab: Lab, emulator: Emulator, user: str, arguments: list[str]
) -> None:
    s3_lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'tls' REQUIRE SSL")
    s3_lab.sql(f"GRANT ALL ON `{s3_lab.schema}`.* TO '{user}'@'%'")
    common = s3_lab.options(emulator, username=user, password="tls")
    _, errors = finished(command(*arguments, *common, "--ssl-mode", "DISABLED"), code=1)
    assert "whether TLS is required" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("rights", "arguments", "message"),
    [
        ("", ["backup"], "has no schema|lacks a privilege|may not read it"),
        ("INSERT", ["backup"], "lacks SELECT on image, transaction, pred_bounding_box: GRANT SELECT"),
        ("SELECT", ["purge", "--older-than-days", "2", "--mode", "execute"], "lacks DELETE on"),
        ("SELECT", ["restore", "--backups", "archive-a", "--mode", "execute"], "lacks a privilege"),
        ("SELECT", ["restore", "--backups", "archive-a", "--mode", "execute", "--target-schema", "x_ray_not_there"],
         "may not make the tables and views of schema x_ray_not_there"),
    ],
)  # fmt: skip
def test_a_database_user_without_the_right_is_refused(
    s3_lab: Lab, emulator: Emulator, user: str, rights: str, arguments: list[str], message: str
) -> None:
    s3_lab.fill(3)
    archive(s3_lab.run(), "a", 2)
    s3_lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 2")
    before = {table: s3_lab.rows(table) for table in TABLES}
    s3_lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'user'")
    if rights:
        s3_lab.sql(f"GRANT {rights} ON `{s3_lab.schema}`.* TO '{user}'@'%'")
    common = s3_lab.options(emulator, username=user, password="user")
    _, errors = finished(command(*arguments, *common), code=1)
    assert re.search(message, errors)
    assert errors.count("\n") == 1
    assert {table: s3_lab.rows(table) for table in TABLES} == before
    assert [manifest.name for manifest in load_manifests(s3_lab.store)] == ["archive-a"]


def both(first: Popen[str], second: Popen[str]) -> list[int]:
    """Exit codes, in order of size."""
    for process in (first, second):
        print(process.communicate(timeout=240))
    return sorted((first.returncode, second.returncode))


def test_two_backups_of_one_slot_commit_one(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(5)
    start = ["backup", *s3_lab.options(emulator), "--run-slot", "same", "--log", "json"]
    assert both(command(*start), command(*start)) in ([0, 0], [0, 4])
    assert [manifest.name for manifest in load_manifests(s3_lab.store)] == ["snapshot-same"]


@pytest.mark.parametrize("other", [["purge", "--older-than-days", "2", "--mode", "execute"], ["backup"]])
def test_a_purge_and_another_run_at_once(s3_lab: Lab, emulator: Emulator, other: list[str]) -> None:
    s3_lab.fill(40)
    archive(s3_lab.run(), "a", 2)
    common = [*s3_lab.options(emulator), "--log", "json"]
    slow = ["purge", "--older-than-days", "2", "--chunk-rows", "24", "--sleep-ratio", "5", "--mode", "execute"]
    codes = both(command(*slow, *common), command(*other, *common))
    assert codes in ([0, 0], [0, 4])
    finished(command(*slow, *common))
    assert s3_lab.count("transaction") == 1
    results = [
        json.loads(content.body)
        for item in s3_lab.store.list("v1/_purges/")
        if item.key.endswith("/result.json") and (content := s3_lab.store.read(item.key))
    ]
    assert sum(result["rows"]["transaction"] for result in results) == 39


@pytest.fixture
def course(request: pytest.FixtureRequest, server: MySqlServer, s3_store: Store) -> Iterator[Course]:
    """A model with its client."""
    if request.param == "x-ray":
        found = x_ray(Lab(server, s3_store, f"x_ray_{uuid.uuid4().hex[:8]}").create_schema())
    else:
        found = workload_course(new_model_lab(server, s3_store, WORKLOADS[request.param]))
    yield found
    found.lab.drop_schema()


@pytest.mark.parametrize("course", on_every_model(), indirect=True)
def test_nothing_is_lost_while_the_client_writes(course: Course, emulator: Emulator, tmp_path: Path) -> None:
    """Rows are inserted in several commits, changed and deleted while each command runs."""
    lab, journal = course.lab, tmp_path / "journal.jsonl"
    common = [*lab.options(emulator), *course.options]
    with course.client(emulator, journal):
        while not journal.exists() or journal.stat().st_size < 60_000:
            time.sleep(0.1)
        finished(command("backup", *common, "--run-slot", "s"))
        archiving = ["archive", *common, "--older-than-days", "2", "--run-slot"]
        finished(command(*archiving, "a"))
        purge = ["purge", *common, "--older-than-days", "2", "--chunk-rows", "20", "--mode", "execute"]
        finished(command(*purge))
        # Rows that were changed or deleted since are conflicts or orphans, which is exit code 3.
        restore = command("restore", *common, "--backups", "archive-a", "--mode", "execute")
        output, errors = restore.communicate(timeout=240)
        assert restore.returncode in (0, 3), (output, errors)
        # Restored rows are for a new archive: the first one is done with.
        finished(command(*archiving, "b"))
        finished(command(*purge))
        until_deleted(journal)
    counts = check_nothing_lost(lab, journal, course.rows)
    assert counts["purged"] > 100


def until_deleted(journal: Path) -> None:
    """The client deletes a row now and then."""
    for _ in range(600):
        if '"deleted"' in journal.read_text():
            return
        time.sleep(0.1)
    raise AssertionError("the client deleted nothing")


@pytest.mark.parametrize(
    ("course", "kills"), [("x-ray", 5), *((name, 4) for name in WORKLOADS)], indirect=["course"]
)  # fmt: skip
def test_a_short_kill_marathon(course: Course, emulator: Emulator, tmp_path: Path, kills: int) -> None:
    assert marathon(course, emulator, tmp_path, kills, seed=6).kills >= kills


def test_a_small_restore_drill(s3_lab: Lab, emulator: Emulator, server: MySqlServer) -> None:
    before, after, _ = drill(s3_lab, emulator, server, 1_000, command)
    assert after == before
    assert [rows for rows, *_ in before.values()] == [200, 200, 1_000]
