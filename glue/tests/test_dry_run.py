"""A dry run of any command: it reads, waits for no other run, and leaves store and database as they were."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.lab import TABLES, Lab, Recorded
from xray_backup.archive import archive
from xray_backup.committed_copy import BACKUP_LOCK
from xray_backup.lock import DatabaseLock, Lease
from xray_backup.purge import PURGE_LOCK, purge
from xray_backup.restore import RESTORE_LOCK, restore
from xray_backup.restore_selection import Selection
from xray_backup.run import Run
from xray_backup.snapshot import snapshot

COMMANDS: dict[str, tuple[Callable[[Run], object], str]] = {
    "snapshot": (lambda run: snapshot(run, "new", 60), "would_copy"),
    "archive": (lambda run: archive(run, "new", 2), "would_copy"),
    "purge": (lambda run: purge(run, 2, 100, 0.0), "would_purge"),
    "restore": (lambda run: restore(run, ["snapshot-s"], None, Selection()), "would_restore"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_dry_run_changes_nothing_while_another_run_holds_every_lock(lab: Lab, command: str) -> None:
    lab.fill(5)
    snapshot(lab.run(), "s", 60)
    archive(lab.run(), "a", 2)
    lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 2")
    rows = {table: lab.rows(table) for table in TABLES}
    with ExitStack() as locks:
        locks.enter_context(DatabaseLock(lab.database()))
        for prefix in (BACKUP_LOCK, PURGE_LOCK, RESTORE_LOCK):
            locks.enter_context(Lease(lab.store, prefix, "other", "another run", 60))
        objects = [item.key for item in lab.store.list("v1/")]
        told = Recorded()
        work, event = COMMANDS[command]
        work(lab.run(command, dry_run=True, events=told))
        assert told.of(event)
        assert [item.key for item in lab.store.list("v1/")] == objects
    assert {table: lab.rows(table) for table in TABLES} == rows
