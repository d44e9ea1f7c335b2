"""S3, the server and the disk fail in the middle: the run succeeds all the same, or is refused in one line and can be
run again; what is committed is always whole, and nothing is deleted that is not archived."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.faulty_s3 import Fault, FaultyS3
from tests.support.lab import TABLES, Emulator, Lab
from tests.support.reading import backed_up
from xray_backup import manifest as manifests
from xray_backup.archive import archive
from xray_backup.errors import BackupError
from xray_backup.purge import purge
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore, S3Store
from xray_backup.verification import verify


@contextlib.contextmanager
def faulty(lab: Lab, emulator: Emulator, fault: Fault, rate: float) -> Iterator[tuple[S3Store, FaultyS3]]:
    """The lab's bucket through a proxy that fails; Spark takes the same way."""
    assert isinstance(lab.store, S3Store)
    proxy = FaultyS3(emulator.url, fault, rate)
    hadoop = lab.spark.sparkContext._jsc.hadoopConfiguration()
    prefix = f"fs.s3a.bucket.{lab.store.bucket}"
    hadoop.set(f"{prefix}.endpoint", proxy.url)
    hadoop.set(f"{prefix}.retry.interval", "50ms")
    hadoop.set(f"{prefix}.attempts.maximum", "5")
    try:
        yield S3Store(lab.store.bucket, lab.store.prefix, proxy.url), proxy
    finally:
        hadoop.unset(f"{prefix}.endpoint")
        lab.spark._jvm.org.apache.hadoop.fs.FileSystem.closeAll()
        proxy.close()


def unhurt(lab: Lab) -> None:
    """Every manifest that exists is of a backup that verifies."""
    for manifest in manifests.load_all(lab.store):
        verify(lab.run(), manifest)


@pytest.mark.parametrize(
    ("fault", "rate"), [("500", 0.1), ("503", 0.1), ("reset", 0.1), ("lost answer", 0.1), ("slow", 0.05)]
)
def test_s3_fails_now_and_then_and_the_backup_is_whole(
    s3_lab: Lab, emulator: Emulator, fault: Fault, rate: float
) -> None:
    s3_lab.fill(20)
    with faulty(s3_lab, emulator, fault, rate) as (store, proxy):
        for attempt in range(4):
            with contextlib.suppress(BackupError):
                snapshot(s3_lab.run(store=store, lock_ttl_seconds=3), "s", 60)
                break
            time.sleep(3.5)
            print(f"attempt {attempt + 1} was refused")
    assert proxy.faults > 0
    unhurt(s3_lab)
    for table in TABLES:
        assert backed_up(s3_lab, "snapshot-s", table) == s3_lab.rows(table)


def test_s3_cuts_every_answer_short_and_nothing_is_committed(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(20)
    with faulty(s3_lab, emulator, "truncate", 1.0) as (store, proxy):
        with pytest.raises(BackupError) as caught:
            snapshot(s3_lab.run(store=store), "s", 60)
        assert proxy.faults > 0
    assert "\n" not in str(caught.value)
    assert list(manifests.load_all(s3_lab.store)) == []


def test_the_server_is_killed_while_a_backup_reads(lab: Lab) -> None:
    if not lab.server.folder_of_its_own:
        pytest.skip("the server of MYSQL_URL is not ours to kill")
    lab.fill(30_000)
    killed = threading.Event()

    def kill_soon() -> None:
        time.sleep(0.4)
        lab.server.stop(signal.SIGKILL)
        killed.set()
        lab.server.start()

    killer = threading.Thread(target=kill_soon)
    killer.start()
    with contextlib.suppress(BackupError):
        snapshot(lab.run(), "s", 60)
    killer.join()
    assert killed.is_set()
    snapshot(lab.run(), "s", 60)
    unhurt(lab)
    assert {table: manifest.fingerprint.rows for table, manifest in _tables(lab).items()} == {
        table: lab.count(table) for table in TABLES
    }


def test_the_server_is_killed_while_a_purge_deletes(lab: Lab) -> None:
    if not lab.server.folder_of_its_own:
        pytest.skip("the server of MYSQL_URL is not ours to kill")
    lab.fill(3_000)
    before = {table: lab.rows(table) for table in TABLES}
    archive(lab.run(), "a", 2)

    def kill_at_work() -> None:
        while lab.count("transaction") == 3_000:
            time.sleep(0.01)
        lab.server.stop(signal.SIGKILL)
        lab.server.start()

    killer = threading.Thread(target=kill_at_work)
    killer.start()
    with pytest.raises(BackupError, match="connection"):
        purge(lab.run(), 2, 50, 0.5, execute_it=True)
    killer.join()
    for table in TABLES:
        assert lab.rows(table) | backed_up(lab, "archive-a", table) >= before[table]
    time.sleep(1)
    result = purge(lab.run(), 2, 50, 0.0, execute_it=True)
    assert result.units["gone"] + result.units["deleted"] == 2_999
    assert not result.kept


def test_a_full_disk_commits_nothing(lab: Lab, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        not shutil.which("mount")
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).returncode
    ):
        pytest.skip("this user may not mount a small disk")
    try:
        lab.fill(3_000)
        store = FolderStore(disk / "store")
        with pytest.raises(BackupError, match=r"the disk is full|No space left") as caught:
            snapshot(lab.run(store=store), "s", 60)
        assert "\n" not in str(caught.value)
        assert list(manifests.load_all(store)) == []
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize("hours", [-1, 1])
def test_this_machine_s_clock_is_an_hour_off(lab: Lab, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ages and slots come from the database's clock, so a wrong clock here neither archives more nor deletes more."""
    lab.fill(3)
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 47 HOUR WHERE transaction_id = 2")
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + hours * 3600)
    archive(lab.run(), "a", 2)
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {1}


def _tables(lab: Lab) -> dict[str, manifests.TableBackup]:
    (manifest,) = manifests.load_all(lab.store)
    return dict(manifest.tables)
