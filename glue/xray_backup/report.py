"""The facts of `report`: the backups of a store, from manifests and records alone.

Nothing here reads a row, so nothing of a patient can come into the page: names of backups and tables, counts, times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from statistics import median

from xray_backup.errors import UsageError
from xray_backup.events import Events
from xray_backup.layout import RESTORES, VERIFICATIONS
from xray_backup.listing import fault
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import load_manifests
from xray_backup.purge_record import PurgeRecord, purge_records, purged_archives
from xray_backup.records import read_records
from xray_backup.run_records import RestoreRecord, VerificationRecord
from xray_backup.schema_definition import NO_DEFINITION
from xray_backup.store import Store

# A weekly backup that is a day late; a test of the recovery in each quarter.
BACKUP_WITHIN = timedelta(days=8)
TEST_WITHIN = timedelta(days=92)


@dataclass(frozen=True)
class Backup:
    """One committed backup; `proved_at` is when its rows were last read.

    `damage` is what is wrong with its files now, `expired` the lifecycle rule that let them expire.
    """

    manifest: Manifest
    damage: str | None
    expired: str | None
    proved_at: datetime
    is_purged: bool

    @property
    def started_at(self) -> datetime:
        """By the database's clock."""
        return datetime.fromisoformat(self.manifest.started_at)

    @property
    def seconds(self) -> float:
        """From the start until the last row was read back."""
        return (datetime.fromisoformat(self.manifest.verified_at) - self.started_at).total_seconds()

    @cached_property
    def rows_of(self) -> dict[str, int]:
        """Rows by table."""
        return {name: table.fingerprint.rows for name, table in self.manifest.tables.items()}

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(self.rows_of.values())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(table.size for table in self.manifest.tables.values())

    @property
    def not_held(self) -> tuple[str, ...]:
        """All that it lacks of the schema, and the kinds of programs that it may lack."""
        definition = self.manifest.schema_definition or NO_DEFINITION
        return (*definition.not_held, *(f"perhaps {kind}" for kind in definition.unseen))

    @property
    def holds_every_table(self) -> bool:
        """False where a table was left out."""
        return not any(name.startswith("table ") for name in self.not_held)


@dataclass(frozen=True)
class Report:
    """Everything that the page shows; lists are newest first."""

    store: str
    made_at: datetime
    snapshots: list[Backup]
    archives: list[Backup]
    verifications: list[VerificationRecord]
    restores: list[RestoreRecord]
    purges: list[PurgeRecord]
    damaged_documents: list[str]

    @property
    def last_drill(self) -> RestoreRecord | None:
        """The newest restore of whole backups into another schema."""
        return next((r for r in self.restores if r.is_drill and r.is_everything), None)

    @property
    def last_proof(self) -> datetime:
        """Time at which the rows of a backup were last read and compared."""
        return max(backup.proved_at for backup in (*self.snapshots, *self.archives))

    @property
    def left_out(self) -> list[tuple[list[Backup], tuple[str, ...]]]:
        """Tables and programs that backups lack, each with the backups that lack just that; the newest first."""
        found: dict[tuple[str, ...], list[Backup]] = {}
        for backup in (*self.snapshots, *self.archives):
            if backup.not_held:
                found.setdefault(backup.not_held, []).append(backup)
        return [(backups, objects) for objects, backups in found.items()]

    @property
    def usual_gap(self) -> float | None:
        """The usual seconds from one snapshot to the next; None before the second."""
        times = [snapshot.started_at for snapshot in self.snapshots]
        gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
        return median(gaps) if gaps else None

    @property
    def purged_rows(self) -> int:
        """Rows that all purges deleted."""
        return sum(purge.deleted or 0 for purge in self.purges)

    @property
    def newest_problem(self) -> str | None:
        """The reason why the newest snapshot cannot be relied on, in a few words; None where it can."""
        newest = self.snapshots[0]
        if newest.damage:
            return "damaged"
        if newest.expired:
            return "expired"
        if any(problem.startswith("manifest snapshot-") for problem in self.damaged_documents):
            return "a snapshot's manifest cannot be read"
        return "too old" if self.made_at - newest.started_at > BACKUP_WITHIN else None

    @property
    def attention(self) -> list[str]:
        """Findings that need somebody's attention, each in one sentence; empty where all is in order."""
        found = [
            f"{backup.manifest.name} is damaged: {backup.damage}."
            for backup in (*self.snapshots, *self.archives)
            if backup.damage
        ]
        found += [f"The {problem}." for problem in self.damaged_documents]
        if self.snapshots[0].expired:
            found.append(f"The newest snapshot has expired: {self.snapshots[0].expired}.")
        if self.made_at - self.snapshots[0].started_at > BACKUP_WITHIN:
            found.append(f"The newest snapshot is more than {BACKUP_WITHIN.days} days old.")
        drill = self.last_drill
        if drill is None:
            found.append("No restore drill is on record.")
        elif not drill.is_clean:
            found.append("The last restore drill did not give every row back.")
        elif self.made_at - drill.at > TEST_WITHIN:
            found.append(f"The last restore drill is more than {TEST_WITHIN.days} days old.")
        found += [f"The last verification failed: {v.problem}." for v in self.verifications[:1] if v.problem]
        if any(purge.result is None for purge in self.purges):
            found.append("A purge has no result: it is at work or was killed, and its last ten seconds may be missing.")
        return found


def gather(store: Store, events: Events) -> Report:
    """Reads manifests and records, and holds each backup's files against its manifest by name, size and ETag.

    A manifest or a record that is damaged is named in the report, which has all others.

    Raises:
        UsageError: there is no snapshot yet.
    """
    damaged: list[str] = []
    verifications = list(read_records(store, VERIFICATIONS, VerificationRecord, damaged.append))
    restores = list(read_records(store, RESTORES, RestoreRecord, damaged.append))
    purges = list(purge_records(store, damaged.append))
    purged = purged_archives(store, damaged.append)
    proofs = _proofs(verifications, restores, purges)
    found = list(load_manifests(store, lambda _, error: damaged.append(str(error))))
    backups = []
    for done, manifest in enumerate(found, 1):
        proved = max(datetime.fromisoformat(manifest.verified_at), *proofs.get(manifest.name, [_NEVER]))
        files = fault(store, manifest)
        backups.append(Backup(manifest, files.damage, files.expired, proved, manifest.name in purged))
        events("progress", step="look at the files", done=done, total=len(found))
    backups.sort(key=lambda backup: backup.started_at, reverse=True)
    snapshots = [backup for backup in backups if backup.manifest.kind == "snapshot"]
    if not snapshots:
        raise UsageError(f"there is no snapshot in {store.url}: run `backup` first")
    return Report(
        store=store.url,
        made_at=datetime.now(UTC),
        snapshots=snapshots,
        archives=[backup for backup in backups if backup.manifest.kind == "archive"],
        verifications=sorted(verifications, key=lambda v: v.at, reverse=True),
        restores=sorted(restores, key=lambda r: r.at, reverse=True),
        purges=sorted(purges, key=lambda p: p.at, reverse=True),
        damaged_documents=damaged,
    )


_NEVER = datetime.min.replace(tzinfo=UTC)


def _proofs(
    verifications: list[VerificationRecord], restores: list[RestoreRecord], purges: list[PurgeRecord]
) -> dict[str, list[datetime]]:
    """Times at which a backup's rows were read and compared after it was made: a restore and a purge do that, too."""
    proofs: dict[str, list[datetime]] = {}
    runs: list[tuple[datetime, Sequence[str]]] = [(run.at, run.backups) for run in verifications]
    runs += [(run.at, run.backups) for run in restores if run.completed and run.is_everything]
    runs += [(run.at, run.intent.archives) for run in purges]
    for at, names in runs:
        for name in names:
            proofs.setdefault(name, []).append(at)
    return proofs
