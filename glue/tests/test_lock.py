"""Locks: one run at a time, whatever the clocks say; a silent holder can be taken over and then stops."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.support.lab import Lab
from xray_backup.errors import LockedError, VerificationError
from xray_backup.lock import DatabaseLock, Lease
from xray_backup.store import FolderStore, Store

KEY = "v1/_locks/test.json"


def abandoned(store: Store, ttl_seconds: int, owner: str = "backup killed") -> None:
    document = {"owner": owner, "ttl_seconds": ttl_seconds, "released": False, "renewed": 0}
    store.create(KEY, json.dumps(document).encode())


def test_a_second_run_is_refused_and_told_who_is_at_work(store: Store) -> None:
    with Lease(store, KEY, "backup one", 3), pytest.raises(LockedError, match=r"backup one is at work .* after 3 s"):
        Lease(store, KEY, "backup two", 3).__enter__()
    with Lease(store, KEY, "backup two", 3) as lease:
        lease.check()


def test_a_lease_is_renewed_while_its_holder_lives(store: Store) -> None:
    with Lease(store, KEY, "one", 3) as lease:
        time.sleep(4.5)
        lease.check()
        with pytest.raises(LockedError):
            Lease(store, KEY, "two", 3).__enter__()


def test_a_silent_holder_is_taken_over_after_its_own_time(store: Store) -> None:
    abandoned(store, 2)
    with pytest.raises(LockedError, match="can be taken over after 2 s"):
        Lease(store, KEY, "two", 30).__enter__()
    time.sleep(3.1)
    with Lease(store, KEY, "two", 30) as lease:
        lease.check()


def test_a_holder_that_was_taken_over_stops(store: Store) -> None:
    first = Lease(store, KEY, "one", 3).__enter__()
    content = store.read(KEY)
    assert content is not None
    # Another run took over while this one slept.
    assert store.replace(KEY, b'{"owner": "two", "ttl_seconds": 300, "released": false}', content.etag)
    time.sleep(1.5)
    with pytest.raises(LockedError, match="another may have taken over"):
        first.check()
    first.__exit__(None, None, None)
    content = store.read(KEY)
    assert content is not None
    assert b"two" in content.body


def test_a_holder_that_cannot_renew_stops_in_time(tmp_path: Path) -> None:
    class Silent(FolderStore):
        def replace(self, *_: object) -> str | None:
            time.sleep(60)
            return None

    lease = Lease(Silent(tmp_path), KEY, "one", 3).__enter__()
    lease.check()
    time.sleep(3.2)
    with pytest.raises(LockedError, match="silent for too long"):
        lease.check()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_with_a_wrong_clock_neither_steals_nor_loses(
    hours: int, monkeypatch: pytest.MonkeyPatch, s3_store: Store
) -> None:
    store = s3_store
    with Lease(store, KEY, "one", 3) as lease:
        wrong = time.time() + hours * 3600
        monkeypatch.setattr(time, "time", lambda: wrong)
        with pytest.raises(LockedError):
            Lease(store, KEY, "two", 3).__enter__()
        lease.check()


def test_two_takers_of_an_abandoned_lease_one_wins(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    abandoned(store, 1)
    old = time.time() - 100
    os.utime(tmp_path / KEY, (old, old))
    with Lease(store, KEY, "two", 3), pytest.raises(LockedError):
        Lease(store, KEY, "three", 3).__enter__()


def test_the_database_s_lock_keeps_others_out_and_goes_with_its_connection(lab: Lab) -> None:
    database = lab.database()
    with DatabaseLock(database) as held:
        held.check()
        with pytest.raises(LockedError, match="another backup, purge or restore is at work"):
            DatabaseLock(database).__enter__()
        ((holder,),) = lab.sql(
            "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root' AND db IS NULL"
            " ORDER BY id DESC LIMIT 1"
        )
        lab.sql(f"KILL {holder}")
        time.sleep(0.2)
        with pytest.raises(LockedError, match="closed the connection that holds the lock"):
            held.check()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"owner": "x", "ttl_seconds": "3", "released": false}'])
def test_a_damaged_lock_is_one_line(folder_store: Store, body: bytes) -> None:
    folder_store.create(KEY, body)
    with pytest.raises(VerificationError, match=r"the lock .*/v1/_locks/test.json is damaged: .* delete it") as caught:
        Lease(folder_store, KEY, "one", 3).__enter__()
    assert "\n" not in str(caught.value)
