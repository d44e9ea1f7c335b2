"""Locks: one run at a time, whatever the clocks say; a silent holder can be taken over and then stops."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest

from tests.support.lab import Lab
from xray_backup.database import query
from xray_backup.errors import LockedError, VerificationError
from xray_backup.lock import CLAIM, WAIT_SECONDS, DatabaseLock, Lease
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore, Store

PREFIX = "v1/_locks/test/"


def lease(store: Store, run_id: str, ttl_seconds: int = 3) -> Lease:
    return Lease(store, PREFIX, run_id, f"backup {run_id}", ttl_seconds)


def abandoned(store: Store, ttl_seconds: int) -> None:
    document = {"owner": "backup killed", "ttl_seconds": ttl_seconds}
    store.create(f"{PREFIX}killed/{CLAIM}", json.dumps(document).encode())


def test_a_second_run_is_refused_and_told_who_is_at_work(store: Store) -> None:
    with lease(store, "one"), pytest.raises(LockedError, match=r"backup one is at work .* after 3\.0 s"):
        lease(store, "two").__enter__()
    with lease(store, "three") as held:
        held.check()


def test_a_lease_is_renewed_while_its_holder_lives(store: Store) -> None:
    with lease(store, "one") as held:
        time.sleep(4.5)
        held.check()
        with pytest.raises(LockedError):
            lease(store, "two").__enter__()


def test_a_silent_holder_is_taken_over_after_its_own_time(store: Store) -> None:
    abandoned(store, 2)
    with pytest.raises(LockedError, match=r"can be taken over after 2\.0 s"):
        lease(store, "two", 30).__enter__()
    time.sleep(3.1)
    with lease(store, "two", 30) as held:
        held.check()


def test_a_holder_that_was_taken_over_stops(store: Store) -> None:
    first = lease(store, "one").__enter__()
    # Another run took over while this one slept.
    store.create(f"{PREFIX}two/{CLAIM}", b'{"owner": "two", "ttl_seconds": 300}')
    time.sleep(1.5)
    with pytest.raises(LockedError, match="another may have taken over"):
        first.check()
    first.__exit__(None, None, None)
    with pytest.raises(LockedError, match="two is at work"):
        lease(store, "three").__enter__()


def test_of_many_that_claim_at_one_moment_never_two_hold(store: Store) -> None:
    """All may leave; that two go on must not be."""
    for attempt in range(5):
        start = threading.Barrier(4)
        held: list[str] = []

        def claim(name: str, start: threading.Barrier = start, held: list[str] = held) -> None:
            start.wait()
            with contextlib.suppress(LockedError), lease(store, name):
                held.append(name)
                time.sleep(0.5)

        threads = [threading.Thread(target=claim, args=(f"{attempt}-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(held) <= 1
    with lease(store, "last") as alone:
        alone.check()


def test_a_holder_that_cannot_renew_stops_in_time(tmp_path: Path) -> None:
    class Silent(FolderStore):
        def create(self, key: str, body: bytes) -> str | None:
            if "renewal" in key:
                time.sleep(60)
            return super().create(key, body)

    held = lease(Silent(tmp_path), "one").__enter__()
    held.check()
    time.sleep(3.2)
    with pytest.raises(LockedError, match="silent for too long"):
        held.check()


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_machine_with_a_wrong_clock_neither_steals_nor_loses(
    hours: int, monkeypatch: pytest.MonkeyPatch, s3_store: Store
) -> None:
    store = s3_store
    with lease(store, "one") as held:
        wrong = time.time() + hours * 3600
        monkeypatch.setattr(time, "time", lambda: wrong)
        with pytest.raises(LockedError):
            lease(store, "two").__enter__()
        held.check()


def test_two_takers_of_an_abandoned_lease_one_wins(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    abandoned(store, 1)
    old = time.time() - 100
    os.utime(tmp_path / PREFIX / "killed" / CLAIM, (old, old))
    with lease(store, "two"), pytest.raises(LockedError):
        lease(store, "three").__enter__()


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


def test_another_user_that_holds_the_database_s_lock_is_named_and_waited_for_a_moment(lab: Lab) -> None:
    """Any account of the server may take a named lock, the web app's too."""
    lab.fill(3)
    accounts = {"app": "SELECT, INSERT", "backup": "SELECT"}
    users = {name: f"{name}_{lab.schema[-8:]}" for name in accounts}
    for name, rights in accounts.items():
        lab.sql(f"CREATE USER '{users[name]}'@'%' IDENTIFIED BY 'x'")
        lab.sql(f"GRANT {rights} ON `{lab.schema}`.* TO '{users[name]}'@'%'")
    run = lab.run(database=lab.database(username=users["backup"], password="x"))
    app = lab.database(username=users["app"], password="x").connect()
    try:
        name = f"xray_backup.{hashlib.sha256(lab.schema.encode()).hexdigest()[:16]}"
        ((taken, connection),) = query(app, "SELECT GET_LOCK(%s, 0), CONNECTION_ID()", (name,))
        assert taken == 1
        started = time.monotonic()
        with pytest.raises(LockedError, match=rf"connection {connection} holds the lock {name}; .*KILL"):
            snapshot(run, "s", 60)
        assert WAIT_SECONDS <= time.monotonic() - started < WAIT_SECONDS + 5
        # One that lets go within the time is waited for.
        release = threading.Timer(1.0, lambda: query(app, "SELECT RELEASE_LOCK(%s)", (name,)))
        release.start()
        assert snapshot(run, "s", 60) is not None
        release.join()
    finally:
        app.close()
        for user in users.values():
            lab.sql(f"DROP USER '{user}'@'%'")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"owner": "x", "ttl_seconds": "x"}'])
def test_a_damaged_lock_is_one_line(folder_store: Store, body: bytes) -> None:
    folder_store.create(f"{PREFIX}cut/{CLAIM}", body)
    with pytest.raises(VerificationError, match=r"the lock .*/v1/_locks/test/cut/claim.json is damaged: .*") as caught:
        lease(folder_store, "one").__enter__()
    assert "\n" not in str(caught.value)
