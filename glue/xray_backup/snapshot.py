"""Snapshot: every table on its own, every row that exists, committed by a manifest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from xray_backup import manifest as manifests
from xray_backup.database import query
from xray_backup.layout import LOCKS, checked_slot, manifest_key, run_prefix
from xray_backup.manifest import Manifest
from xray_backup.run import Run
from xray_backup.schema_check import check_schema
from xray_backup.table_copy import copy_table

BACKUP_LOCK = f"{LOCKS}backup.json"


def database_time(run: Run) -> datetime:
    """Now, in UTC, by the database's clock: the one clock that all machines share."""
    with run.database.session() as connection:
        ((now,),) = query(connection, "SELECT UTC_TIMESTAMP(6)")
    return now.replace(tzinfo=UTC)  # type: ignore[no-any-return]


def snapshot(run: Run, slot: str | None, lag_minutes: int, dry_run: bool = False) -> Manifest | None:
    """Backs up every row; the committed manifest, or None after a dry run.

    A slot that has its snapshot already is left as it is. The cut-off is the database's clock minus `lag_minutes`: what
    was committed before it is complete in this snapshot; what came later may be there in part, since the application
    writes an image, its transaction and its boxes in three commits.

    Raises:
        BackupError: nothing was committed; the run can be repeated.
    """
    started = database_time(run)
    slot = checked_slot(slot or f"{started:%Y-%m-%d}")
    with run.exclusive(BACKUP_LOCK) as check:
        existing = manifests.find(run.store, "snapshot", slot)
        if existing:
            run.events("already_committed", backup=existing.name, run_id=existing.run_id)
            return existing
        with run.database.session() as connection:
            check_schema(connection, run.database.schema, run.model)
            if dry_run:
                for table in run.model.tables:
                    ((rows,),) = query(connection, f"SELECT COUNT(*) FROM {table.quoted}")
                    run.events("would_copy", table=table.name, rows=rows)
                return None
        tables = {}
        # Children first: a parent that a child needs was committed before it, so it is there when its table is read.
        for table in reversed(run.model.tables):
            prefix = run_prefix("snapshot", table.name, f"{started:%Y-%m-%d}", run.run_id)
            tables[table.name] = copy_table(run, table, prefix)
            check()
        manifest = Manifest(
            kind="snapshot",
            slot=slot,
            run_id=run.run_id,
            schema=run.database.schema,
            data_model=run.model.digest,
            started_at=started.isoformat(),
            cutoff=(started - timedelta(minutes=lag_minutes)).isoformat(),
            verified_at=database_time(run).isoformat(),
            tables=tables,
            job_run_id=run.job_run_id,
        )
        check()
        manifests.commit(run.store, manifest)
    run.events("committed", backup=manifest.name, manifest=manifest_key(manifest.name))
    return manifest
