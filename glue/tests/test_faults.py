"""S3, the server and the disk fail in the middle: the run succeeds all the same, or is refused in one line and can be
run again; what is committed is always whole, and nothing is deleted that is not archived."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import WrongClock, set_this_machine_s_clock
from tests.support.faulty_s3 import Fault, FaultyS3
from tests.support.lab import Emulator
from tests.support.model_lab import ModelLab
from tests.support.workloads import on_every_model
from xray_backup import restore_batches
from xray_backup.archive import archive
from xray_backup.errors import BackupError, LockedError
from xray_backup.manifest_store import load_manifests
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore, S3Store
from xray_backup.verification import verify

EVERYTHING = Selection()
# Tests that `make test` runs on the X-ray model alone.
FULL = pytest.mark.parametrize("model", on_every_model(), indirect=True)


@contextlib.contextmanager
def faulty(
    lab: ModelLab, emulator: Emulator, *faults: Fault, rate: float = 1.0, only: str = ""
) -> Iterator[tuple[S3Store, FaultyS3]]:
    """The lab's bucket through a proxy that fails."""
    assert isinstance(lab.store, S3Store)
    proxy = FaultyS3(emulator.url, faults, rate, only)
    try:
        yield S3Store(lab.store.bucket, lab.store.prefix, proxy.url), proxy
    finally:
        proxy.close()


def until_done(work: Callable[[], object]) -> None:
    """Runs it again as a person would who reads what the refusal says."""
    refusals: list[BackupError] = []
    while len(refusals) < 6:
        try:
            work()
            break
        except BackupError as error:
            refusals.append(error)
            if isinstance(error, LockedError):
                time.sleep(3.1)
    print(*refusals, sep="\n")
    assert len(refusals) < 6
    assert not any("\n" in str(error) for error in refusals)


def refused(work: Callable[[], object], message: str) -> None:
    with pytest.raises(BackupError, match=message) as caught:
        work()
    assert "\n" not in str(caught.value)


def unhurt(lab: ModelLab) -> None:
    """Every manifest that exists is of a backup that verifies."""
    for manifest in load_manifests(lab.store):
        verify(lab.run(), manifest)


def test_s3_fails_now_and_then_all_through_a_backup_s_life(s3_model_lab: ModelLab, emulator: Emulator) -> None:
    lab = s3_model_lab
    lab.fill_units(20)
    before = lab.everything()
    faults: list[Fault] = ["500", "503", "reset", "truncate", "slow", "lost answer"]
    with faulty(lab, emulator, *faults, rate=0.3) as (store, proxy):

        def run() -> Any:
            return lab.run(store=store, lock_ttl_seconds=3)

        for work in (
            lambda: snapshot(run(), "s", 60),
            lambda: archive(run(), "a", 2),
            lambda: purge(run(), 2, 30, 0.0),
            lambda: restore(run(), ["archive-a"], None, EVERYTHING),
        ):
            already = proxy.hits.total()
            until_done(work)
            print(proxy.hits, lab.units())
            assert proxy.hits.total() > already
    assert set(proxy.hits) == set(faults)
    assert lab.everything() == before
    unhurt(lab)
    assert lab.backed_up("snapshot-s") == before


@FULL
def test_s3_cuts_every_answer_short_and_nothing_is_committed(s3_model_lab: ModelLab, emulator: Emulator) -> None:
    s3_model_lab.fill_units(20)
    with faulty(s3_model_lab, emulator, "truncate") as (store, proxy):
        refused(lambda: snapshot(s3_model_lab.run(store=store), "s", 60), "cannot (list|read) s3://.*: ")
        assert proxy.hits
    assert list(load_manifests(s3_model_lab.store)) == []


@FULL
def test_s3_cuts_files_short_and_they_are_asked_for_again(s3_model_lab: ModelLab, emulator: Emulator) -> None:
    """Half a file must never pass for a file: the backup is proved by what is read back through the same proxy."""
    s3_model_lab.fill_units(20)
    with faulty(s3_model_lab, emulator, "truncate", rate=0.5, only="GET .*/snapshot/.*parquet") as (store, proxy):
        snapshot(s3_model_lab.run(store=store), "s", 60)
        assert proxy.hits["truncate"]
    assert s3_model_lab.backed_up("snapshot-s") == s3_model_lab.everything()


def test_a_role_without_rights_in_s3_is_refused_and_nothing_is_deleted(
    s3_model_lab: ModelLab, emulator: Emulator
) -> None:
    lab = s3_model_lab
    lab.fill_units(3)
    with faulty(lab, emulator, "denied", only="PUT .*/snapshot/") as (store, _):
        refused(
            lambda: snapshot(lab.run(store=store), "s", 60),
            r"cannot write s3://.*/snapshot/\w+/.*: AccessDenied; this role may not write there",
        )
    with faulty(lab, emulator, "denied", only="PUT .*/_manifests/") as (store, _):
        words = "cannot write s3://.*/_manifests/snapshot-s.json: AccessDenied; this role may not write there"
        refused(lambda: snapshot(lab.run(store=store), "s", 60), words)
    assert list(load_manifests(lab.store)) == []
    # The line for Athena: the backup stands without it.
    with faulty(lab, emulator, "denied", only="PUT .*/catalog/") as (store, _):
        assert archive(lab.run(store=store), "a", 2) is not None
    (told,) = lab.events.of("catalog_incomplete")
    assert re.match("cannot write s3://.*/catalog/archive-a.json: AccessDenied", told["problem"])
    before = lab.everything()
    with faulty(lab, emulator, "denied", only="PUT .*/_purges/.*/intent") as (store, _):
        refused(lambda: purge(lab.run(store=store), 2, 100, 0.0), "cannot write .*AccessDenied")
    with faulty(lab, emulator, "denied", only="GET .*/archive/.*parquet") as (store, _):
        for work in (
            lambda: purge(lab.run(store=store), 2, 100, 0.0),
            lambda: restore(lab.run(store=store), ["archive-a"], None, EVERYTHING),
        ):
            refused(work, r"cannot read s3://.*/archive/\w+/.*: AccessDenied; this role may not read there")
    assert lab.everything() == before


def skip_unless_ours(lab: ModelLab) -> None:
    if not lab.server.folder_of_its_own:
        pytest.skip("the server of MYSQL_URL is not ours to kill")


@contextlib.contextmanager
def server_dies(lab: ModelLab, when: Callable[[], bool]) -> Iterator[None]:
    """SIGKILL for the server as soon as `when` holds, and a new start; both have happened at the end."""

    ended, killed = threading.Event(), threading.Event()

    def kill_at_work() -> None:
        while not when():
            if ended.wait(0.005):
                return
        lab.server.stop(signal.SIGKILL)
        lab.server.start()
        killed.set()

    killer = threading.Thread(target=kill_at_work)
    killer.start()
    yield
    ended.set()
    killer.join()
    assert killed.is_set(), "it ended before the server could be killed"


@FULL
@pytest.mark.parametrize("kind", ["snapshot", "archive"])
def test_the_server_is_killed_while_a_backup_reads(model_lab: ModelLab, kind: str) -> None:
    lab = model_lab
    skip_unless_ours(lab)
    lab.fill_units(20_000)

    def copy() -> Any:
        run = lab.run(lock_ttl_seconds=3)
        return snapshot(run, "s", 60) if kind == "snapshot" else archive(run, "s", 2)

    def reads() -> bool:
        return bool(lab.sql("SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT%AS answer%'"))

    with server_dies(lab, reads), contextlib.suppress(BackupError):
        copy()
    copy()
    (manifest,) = load_manifests(lab.store)
    verify(lab.run(), manifest)
    rows = lab.everything()
    if kind == "snapshot":
        assert lab.backed_up("snapshot-s") == rows
    else:
        archived = lab.backed_up("archive-s")
        assert all(archived[name] <= rows[name] for name in rows)
        assert len(archived[lab.scope.anchor.name]) >= 19_999


def test_the_server_is_killed_while_a_purge_deletes(model_lab: ModelLab) -> None:
    lab = model_lab
    skip_unless_ours(lab)
    lab.fill_units(3_000)
    before = lab.everything()
    archive(lab.run(), "a", 2)
    with server_dies(lab, lambda: lab.units() < 3_000):
        refused(lambda: purge(lab.run(), 2, 50, 0.5), "connection")
    assert lab.together("archive-a") == before
    result = purge(lab.run(), 2, 50, 0.0)
    assert result.units["gone"] + result.units["deleted"] >= 2_999
    # An archive of slides holds the one with the highest annotation, which the purge keeps.
    assert result.kept.keys() <= {"last_key"}


@FULL
def test_the_server_is_killed_while_a_restore_inserts(model_lab: ModelLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = model_lab
    skip_unless_ours(lab)
    monkeypatch.setattr(restore_batches, "ROWS_PER_BATCH", 20)
    lab.fill_units(2_000)
    before = lab.everything()
    snapshot(lab.run(), "s", 60)
    lab.empty_units()

    def again() -> Any:
        return restore(lab.run(), ["snapshot-s"], None, EVERYTHING)

    with server_dies(lab, lambda: lab.units() > 0):
        refused(again, "connection")
    assert all(rows <= before[name] for name, rows in lab.everything().items())
    result = again()
    assert lab.everything() == before
    assert result[lab.scope.anchor.name].present > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount).returncode:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@FULL
def test_a_full_disk_commits_nothing_and_deletes_nothing(model_lab: ModelLab, small_disk: Path) -> None:
    lab = model_lab
    full = r"the disk is full|No space left"
    store = FolderStore(small_disk / "store")
    lab.fill_units(40)
    archive(lab.run(store=store), "a", 2)
    before = lab.everything()
    (small_disk / "filler").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    refused(lambda: snapshot(lab.run(store=store), "s", 60), full)
    refused(lambda: purge(lab.run(store=store), 2, 100, 0.0), full)
    assert lab.everything() == before
    assert [manifest.name for manifest in load_manifests(store)] == ["archive-a"]
    # Room for the lock and for no more than a part of a table.
    (small_disk / "filler").write_bytes(b"")
    (small_disk / "filler").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 24_000))
    lab.fill_units(3_000, first=1_001)
    refused(lambda: snapshot(lab.run(store=store), "s", 60), full)
    assert [manifest.name for manifest in load_manifests(store)] == ["archive-a"]
    (small_disk / "filler").unlink()
    assert purge(lab.run(store=store), 2, 100, 0.0).rows[lab.scope.anchor.name] >= 39


@FULL
@pytest.mark.parametrize("hours", [-1, 1])
def test_this_machine_s_clock_is_an_hour_off(model_lab: ModelLab, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ages and slots come from the database's clock, so a wrong clock here neither archives more nor deletes more."""
    lab = model_lab
    lab.fill_units(4)
    for number, hours_old in ((1, 47), (2, 49), (3, 49), (4, 47)):
        lab.set_age(number, hours_old * 60)
    set_this_machine_s_clock(monkeypatch, hours)
    archive(lab.run(), "a", 2)
    assert len(lab.backed_up("archive-a")[lab.scope.anchor.name]) == 2
    lab.set_age(3, 47 * 60)
    purge(lab.run(), 2, 100, 0.0)
    assert lab.numbers() == {1, 3, 4}


@FULL
@pytest.mark.parametrize("hours", [-1, 1])
def test_the_database_s_clock_is_an_hour_off_between_archive_and_purge(model_lab: ModelLab, hours: int) -> None:
    """A purge takes what the archive has, whatever either thinks of its age."""
    lab = model_lab
    lab.fill_units(10)
    for number in range(1, 11):
        lab.set_age(number, 2820 + 20 * number)
    before = lab.everything()
    archive(lab.run(database=WrongClock(lab.database().secret, "REQUIRED", hours=hours)), "a", 2)
    purge(lab.run(database=WrongClock(lab.database().secret, "REQUIRED", hours=-hours)), 2, 100, 0.0)
    assert lab.together("archive-a") == before


@FULL
def test_a_store_that_says_slow_down_without_end_is_given_up(
    s3_model_lab: ModelLab, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight requests, and a little over a minute at the most between them."""
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=pauses.append, time=time.time))
    s3_model_lab.fill_units(3)
    with faulty(s3_model_lab, emulator, "503", only="PUT .*parquet") as (store, proxy):
        words = r"cannot write s3://\S+/snapshot/\S+: SlowDown; try again; the run can be repeated safely"
        refused(lambda: snapshot(s3_model_lab.run(store=store), "s", 60), words)
        assert proxy.hits["503"] == 8
    assert len(pauses) == 7
    assert all(pause <= min(20, 2**attempt) for attempt, pause in enumerate(pauses))
    assert list(load_manifests(s3_model_lab.store)) == []
    snapshot(s3_model_lab.run(), "s", 60)
    unhurt(s3_model_lab)
