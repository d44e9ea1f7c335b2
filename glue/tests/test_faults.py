"""S3, the server and the disk fail in the middle: the run succeeds all the same, or is refused in one line and can be
run again; what is committed is always whole, and nothing is deleted that is not archived."""

from __future__ import annotations

import contextlib
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
from tests.support.lab import TABLES, Emulator, Lab
from tests.support.reading import backed_up
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


@contextlib.contextmanager
def faulty(
    lab: Lab, emulator: Emulator, *faults: Fault, rate: float = 1.0, only: str = ""
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


def all_rows(lab: Lab) -> dict[str, set[tuple[Any, ...]]]:
    return {table: lab.rows(table) for table in TABLES}


def unhurt(lab: Lab) -> None:
    """Every manifest that exists is of a backup that verifies."""
    for manifest in load_manifests(lab.store):
        verify(lab.run(), manifest)


def test_s3_fails_now_and_then_all_through_a_backup_s_life(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    lab.fill(20)
    before = all_rows(lab)
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
            print(proxy.hits, lab.count("transaction"))
            assert proxy.hits.total() > already
    assert set(proxy.hits) == set(faults)
    assert all_rows(lab) == before
    unhurt(lab)
    for table in TABLES:
        assert backed_up(lab, "snapshot-s", table) == before[table]


def test_s3_cuts_every_answer_short_and_nothing_is_committed(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(20)
    with faulty(s3_lab, emulator, "truncate") as (store, proxy):
        refused(lambda: snapshot(s3_lab.run(store=store), "s", 60), "cannot (list|read) s3://.*: ")
        assert proxy.hits
    assert list(load_manifests(s3_lab.store)) == []


def test_s3_cuts_files_short_and_they_are_asked_for_again(s3_lab: Lab, emulator: Emulator) -> None:
    """Half a file must never pass for a file: the backup is proved by what is read back through the same proxy."""
    s3_lab.fill(20)
    with faulty(s3_lab, emulator, "truncate", rate=0.5, only="GET .*/snapshot/.*parquet") as (store, proxy):
        snapshot(s3_lab.run(store=store), "s", 60)
        assert proxy.hits["truncate"]
    for table in TABLES:
        assert backed_up(s3_lab, "snapshot-s", table) == s3_lab.rows(table)


def test_a_role_without_rights_in_s3_is_refused_and_nothing_is_deleted(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    lab.fill(3)
    with faulty(lab, emulator, "denied", only="PUT .*/snapshot/") as (store, _):
        refused(
            lambda: snapshot(lab.run(store=store), "s", 60),
            "cannot write s3://.*/snapshot/pred_bounding_box/.*: AccessDenied; this role may not write there",
        )
    with faulty(lab, emulator, "denied", only="PUT .*/_manifests/") as (store, _):
        words = "cannot write s3://.*/_manifests/snapshot-s.json: AccessDenied; this role may not write there"
        refused(lambda: snapshot(lab.run(store=store), "s", 60), words)
    assert list(load_manifests(lab.store)) == []
    archive(lab.run(), "a", 2)
    before = all_rows(lab)
    with faulty(lab, emulator, "denied", only="PUT .*/_purges/.*/intent") as (store, _):
        refused(lambda: purge(lab.run(store=store), 2, 100, 0.0), "cannot write .*AccessDenied")
    with faulty(lab, emulator, "denied", only="GET .*/archive/.*parquet") as (store, _):
        for work in (
            lambda: purge(lab.run(store=store), 2, 100, 0.0),
            lambda: restore(lab.run(store=store), ["archive-a"], None, EVERYTHING),
        ):
            refused(work, "cannot read s3://.*/archive/image/.*: AccessDenied; this role may not read there")
    assert all_rows(lab) == before


def skip_unless_ours(lab: Lab) -> None:
    if not lab.server.folder_of_its_own:
        pytest.skip("the server of MYSQL_URL is not ours to kill")


@contextlib.contextmanager
def server_dies(lab: Lab, when: Callable[[], bool]) -> Iterator[None]:
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


@pytest.mark.parametrize("kind", ["snapshot", "archive"])
def test_the_server_is_killed_while_a_backup_reads(lab: Lab, kind: str) -> None:
    skip_unless_ours(lab)
    lab.fill(20_000)

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
    kept = 20_000 if kind == "snapshot" else 19_999
    assert [manifest.tables[table].fingerprint.rows for table in TABLES] == [kept, kept, kept * 5]


def test_the_server_is_killed_while_a_purge_deletes(lab: Lab) -> None:
    skip_unless_ours(lab)
    lab.fill(3_000)
    before = all_rows(lab)
    archive(lab.run(), "a", 2)
    with server_dies(lab, lambda: lab.count("transaction") < 3_000):
        refused(lambda: purge(lab.run(), 2, 50, 0.5), "connection")
    for table in TABLES:
        assert lab.rows(table) | backed_up(lab, "archive-a", table) == before[table]
    result = purge(lab.run(), 2, 50, 0.0)
    assert result.units["gone"] + result.units["deleted"] == 2_999
    assert not result.kept


def test_the_server_is_killed_while_a_restore_inserts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_unless_ours(lab)
    monkeypatch.setattr(restore_batches, "ROWS_PER_BATCH", 20)
    lab.fill(2_000)
    before = all_rows(lab)
    snapshot(lab.run(), "s", 60)
    lab.sql("DELETE FROM pred_bounding_box")
    lab.sql("DELETE FROM `transaction`")

    def again() -> Any:
        return restore(lab.run(), ["snapshot-s"], None, EVERYTHING)

    with server_dies(lab, lambda: lab.count("transaction") > 0):
        refused(again, "connection")
    assert all(lab.rows(table) <= before[table] for table in TABLES)
    result = again()
    assert all_rows(lab) == before
    assert result["transaction"].present > 0


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


def test_a_full_disk_commits_nothing_and_deletes_nothing(lab: Lab, small_disk: Path) -> None:
    full = r"the disk is full|No space left"
    store = FolderStore(small_disk / "store")
    lab.fill(40)
    archive(lab.run(store=store), "a", 2)
    before = all_rows(lab)
    (small_disk / "filler").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    refused(lambda: snapshot(lab.run(store=store), "s", 60), full)
    refused(lambda: purge(lab.run(store=store), 2, 100, 0.0), full)
    assert all_rows(lab) == before
    assert [manifest.name for manifest in load_manifests(store)] == ["archive-a"]
    # Room for the lock and for no more than a part of a table.
    (small_disk / "filler").write_bytes(b"")
    (small_disk / "filler").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 24_000))
    lab.fill(3_000, first=1_001)
    refused(lambda: snapshot(lab.run(store=store), "s", 60), full)
    assert [manifest.name for manifest in load_manifests(store)] == ["archive-a"]
    (small_disk / "filler").unlink()
    assert purge(lab.run(store=store), 2, 100, 0.0).rows["transaction"] == 39


@pytest.mark.parametrize("hours", [-1, 1])
def test_this_machine_s_clock_is_an_hour_off(lab: Lab, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ages and slots come from the database's clock, so a wrong clock here neither archives more nor deletes more."""
    lab.fill(4)
    for key, age in ((1, 47), (2, 49), (3, 49)):
        lab.sql(
            "UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL %s HOUR WHERE transaction_id = %s", (age, key)
        )
    set_this_machine_s_clock(monkeypatch, hours)
    archive(lab.run(), "a", 2)
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {2, 3}
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 47 HOUR WHERE transaction_id = 3")
    purge(lab.run(), 2, 100, 0.0)
    assert {row[0] for row in lab.rows("transaction")} == {1, 3, 4}


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_database_s_clock_is_an_hour_off_between_archive_and_purge(lab: Lab, hours: int) -> None:
    """A purge takes what the archive has, whatever either thinks of its age."""
    lab.fill(10)
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 2820 + 20 * transaction_id MINUTE")
    before = all_rows(lab)
    archive(lab.run(database=WrongClock(lab.database().secret, "REQUIRED", hours=hours)), "a", 2)
    purge(lab.run(database=WrongClock(lab.database().secret, "REQUIRED", hours=-hours)), 2, 100, 0.0)
    for table in TABLES:
        assert lab.rows(table) | backed_up(lab, "archive-a", table) == before[table]


def test_a_store_that_says_slow_down_without_end_is_given_up(
    s3_lab: Lab, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight requests, and a little over a minute at the most between them."""
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time", types.SimpleNamespace(sleep=pauses.append, time=time.time))
    s3_lab.fill(3)
    with faulty(s3_lab, emulator, "503", only="PUT .*parquet") as (store, proxy):
        words = r"cannot write s3://\S+/pred_bounding_box/\S+: SlowDown; try again; the run can be repeated safely"
        refused(lambda: snapshot(s3_lab.run(store=store), "s", 60), words)
        assert proxy.hits["503"] == 8
    assert len(pauses) == 7
    assert all(pause <= min(20, 2**attempt) for attempt, pause in enumerate(pauses))
    assert list(load_manifests(s3_lab.store)) == []
    snapshot(s3_lab.run(), "s", 60)
    unhurt(s3_lab)
