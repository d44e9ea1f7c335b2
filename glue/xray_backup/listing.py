"""The backups of a store, and the state of their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from xray_backup.errors import ExpiredError, VerificationError
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import load_manifests
from xray_backup.store import Store
from xray_backup.verification import check_files


@dataclass(frozen=True)
class Listed:
    """One backup: rows, files and bytes over all tables, age in seconds, and what is wrong with it.

    `expired` says that the bucket's own lifecycle rule let its files expire. Where the manifest itself cannot be read
    nothing else is known.
    """

    name: str
    damage: str | None
    expired: str | None = None
    run_id: str = ""
    rows: int = 0
    files: int = 0
    size: int = 0
    age_seconds: float = 0.0
    verified_at: str = ""


def list_backups(store: Store) -> Iterator[Listed]:
    """Every committed backup; compares its files' names, sizes and ETags, and reads none of them from S3."""
    damaged: list[Listed] = []
    for manifest in load_manifests(store, lambda name, error: damaged.append(Listed(name, str(error)))):
        tables = manifest.tables.values()
        found = fault(store, manifest)
        yield Listed(
            name=manifest.name,
            run_id=manifest.run_id,
            rows=sum(table.fingerprint.rows for table in tables),
            files=sum(len(table.files) for table in tables),
            size=sum(table.size for table in tables),
            age_seconds=(datetime.now(UTC) - datetime.fromisoformat(manifest.started_at)).total_seconds(),
            verified_at=manifest.verified_at,
            damage=found.damage,
            expired=found.expired,
        )
    yield from damaged


@dataclass(frozen=True)
class Fault:
    """The first fault of a backup's files, or their expiry; both None where all are there."""

    damage: str | None = None
    expired: str | None = None


def fault(store: Store, manifest: Manifest) -> Fault:
    """Compares the files of the backup with what the store lists."""
    expired: str | None = None
    for table in manifest.tables.values():
        try:
            check_files(store, manifest, table)
        except ExpiredError as error:
            # Another table's file may be damaged all the same.
            expired = str(error)
        except VerificationError as error:
            return Fault(damage=str(error))
    return Fault(expired=expired)
