"""Snapshot: every table on its own, every row that exists, committed by a manifest."""

from __future__ import annotations

from datetime import datetime, timedelta

from xray_backup.committed_copy import Wanted, commit_copy, database_time
from xray_backup.data_model import DataModel
from xray_backup.database import Connection
from xray_backup.job_contract import PROVED_SNAPSHOT
from xray_backup.manifest import Manifest
from xray_backup.run import Run
from xray_backup.slots import check_slot_is_due


def snapshot(run: Run, slot: str | None, lag_minutes: int) -> Manifest | None:
    """Backs up every row; the committed manifest, or None after a dry run.

    A slot that has its snapshot already is left as it is. The cut-off is the database's clock minus `lag_minutes`: what
    was committed before it is complete in this snapshot; what came later may be there in part, since the application
    writes an image, its transaction and its boxes in three commits.

    Raises:
        BackupError: nothing was committed; the run can be repeated.
    """

    def every_row(_: Connection, model: DataModel) -> Wanted:
        return Wanted({table.name: "TRUE" for table in model.tables})

    started = database_time(run)
    check_slot_is_due(slot, started)
    cutoff = started - timedelta(minutes=lag_minutes)
    manifest = commit_copy(run, "snapshot", slot, started, cutoff, every_row)
    # One of an earlier run says nothing about what is in the database now.
    if manifest is not None and manifest.run_id == run.run_id:
        _report_proof(run, manifest)
    return manifest


def _report_proof(run: Run, manifest: Manifest) -> None:
    """Tells that rows were copied, read back and committed: what the alarm on a missing backup waits for."""
    rows = sum(table.fingerprint.rows for table in manifest.tables.values())
    if rows == 0:
        run.events("snapshot_without_rows", backup=manifest.name)
        return
    fields = {
        "rows": rows,
        "bytes": sum(table.size for table in manifest.tables.values()),
        "provedAt": int(datetime.fromisoformat(manifest.verified_at).timestamp()),
    }
    run.events(PROVED_SNAPSHOT["event"], **{PROVED_SNAPSHOT[name]: value for name, value in fields.items()})
