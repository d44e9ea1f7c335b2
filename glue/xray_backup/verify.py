"""Verify: proves that backups are whole, compares them with the database on request, and writes a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from xray_backup.comparison import compare
from xray_backup.errors import VerificationError
from xray_backup.layout import VERIFICATIONS
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import load_manifest
from xray_backup.run import Run
from xray_backup.run_records import RunRecord, VerificationRecord, recorded
from xray_backup.verification import as_stored, verify


def verify_backups(run: Run, names: Sequence[str], against_database: bool = False) -> None:
    """Proves that each backup is whole.

    Args:
        run: the run.
        names: backups as `list` shows them; `latest` is the newest snapshot.
        against_database: also compares each with the database.

    Raises:
        VerificationError: a backup is not whole, or differs from the database.
    """
    whole: list[str] = []

    def record(ended: RunRecord) -> VerificationRecord:
        return VerificationRecord(**vars(ended), backups=whole, against_database=against_database)

    with recorded(run, VERIFICATIONS, record):
        for name in names:
            manifest = as_stored(run.store, load_manifest(run.store, name))
            verify(run, manifest)
            whole.append(manifest.name)
            if against_database:
                _compare(run, manifest)


def _compare(run: Run, manifest: Manifest) -> None:
    differences = compare(run, manifest)
    run.events("compared", backup=manifest.name, tables={name: asdict(d) for name, d in differences.items()})
    for table, difference in differences.items():
        if difference.changed or difference.only_in_database or difference.only_in_backup:
            raise VerificationError(
                f"{manifest.name} differs from the database: table {table} has {difference.changed} changed rows,"
                f" {difference.only_in_backup} only in the backup,"
                f" {difference.only_in_database} only in the database"
            )
