"""The facts of `report`: the backups of a store, from manifests and records alone.

Nothing here reads a row, so nothing of a patient can come into the page: names of backups and tables, counts, times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

from xray_backup.errors import UsageError
from xray_backup.events import Events
from xray_backup.layout import PURGES, RESTORES, VERIFICATIONS
from xray_backup.listing import damage
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import load_manifests
from xray_backup.records import load_record, load_records
from xray_backup.store import Store

# A weekly backup that is a day late; a test of the recovery in each quarter.
BACKUP_WITHIN = timedelta(days=8)
TEST_WITHIN = timedelta(days=92)

_PURGE_RECORD = re.compile(rf"{PURGES}(?P<run>[^/]+)/(?P<part>intent|result)\.json")


@dataclass(frozen=True)
class Backup:
    """One committed backup; `damage` is what is wrong with its files now, `proved_at` when its rows were last read."""

    manifest: Manifest
    damage: str | None
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


@dataclass(frozen=True)
class Verification:
    """One run of `verify`: the backups that were found whole, and what was not."""

    at: datetime
    backups: list[str]
    against_database: bool
    completed: bool
    problem: str | None


@dataclass(frozen=True)
class Restore:
    """One run of `restore` that wrote; `tables` counts rows by table and outcome."""

    at: datetime
    seconds: float
    backups: list[str]
    schema: str
    is_drill: bool
    is_everything: bool
    completed: bool
    tables: Mapping[str, Mapping[str, int]]

    def count(self, outcome: str) -> int:
        """Rows of all tables with this outcome."""
        return sum(counts.get(outcome, 0) for counts in self.tables.values())

    @property
    def rows(self) -> int:
        """Rows that are in the target as the backup has them."""
        return self.count("inserted") + self.count("present")

    @property
    def is_clean(self) -> bool:
        """True where every row is in the target as the backup has it."""
        return self.completed and not any(self.count(outcome) for outcome in ("conflicts", "orphans", "refused"))


@dataclass(frozen=True)
class Purge:
    """One run of `purge` that deleted; without `rows` it was killed before it could write its result."""

    at: datetime
    archives: list[str]
    before: str
    completed: bool
    rows: Mapping[str, int] | None
    kept: int


@dataclass(frozen=True)
class Report:
    """Everything that the page shows; lists are newest first."""

    store: str
    made_at: datetime
    snapshots: list[Backup]
    archives: list[Backup]
    verifications: list[Verification]
    restores: list[Restore]
    purges: list[Purge]
    damaged_manifests: list[str]

    @property
    def last_drill(self) -> Restore | None:
        """The newest restore of whole backups into another schema."""
        return next((r for r in self.restores if r.is_drill and r.is_everything), None)

    @property
    def last_proof(self) -> datetime:
        """When the rows of a backup were last read and compared."""
        return max(backup.proved_at for backup in (*self.snapshots, *self.archives))

    @property
    def usual_gap(self) -> float | None:
        """The usual seconds from one snapshot to the next; None before the second."""
        times = [snapshot.started_at for snapshot in self.snapshots]
        gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(times)]
        return median(gaps) if gaps else None

    @property
    def purged_rows(self) -> int:
        """Rows that all purges deleted."""
        return sum(sum(purge.rows.values()) for purge in self.purges if purge.rows)

    @property
    def attention(self) -> list[str]:
        """Findings that need somebody's attention, each in one sentence; empty where all is in order."""
        found = [
            f"{backup.manifest.name} is damaged: {backup.damage}."
            for backup in (*self.snapshots, *self.archives)
            if backup.damage
        ]
        found += [f"The {problem}." for problem in self.damaged_manifests]
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
        if any(purge.rows is None for purge in self.purges):
            found.append("A purge has no result: it is at work or was killed, and its last ten seconds may be missing.")
        return found


def gather(store: Store, events: Events) -> Report:
    """Reads manifests and records, and holds each backup's files against its manifest by name, size and ETag.

    Raises:
        UsageError: there is no snapshot yet.
        VerificationError: a manifest or a record is damaged.
    """
    verifications = [_verification(record) for record in load_records(store, VERIFICATIONS)]
    restores = [_restore(record) for record in load_records(store, RESTORES)]
    purges = _purges(store)
    finished = {record["archive"] for record in load_records(store, f"{PURGES}finished/")}
    proofs = _proofs(verifications, restores, purges)
    damaged: list[str] = []
    found = list(load_manifests(store, lambda _, error: damaged.append(str(error))))
    backups = []
    for done, manifest in enumerate(found, 1):
        proved = max(datetime.fromisoformat(manifest.verified_at), *proofs.get(manifest.name, [_NEVER]))
        backups.append(Backup(manifest, damage(store, manifest), proved, manifest.name in finished))
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
        damaged_manifests=damaged,
    )


_NEVER = datetime.min.replace(tzinfo=UTC)


def _proofs(
    verifications: list[Verification], restores: list[Restore], purges: list[Purge]
) -> dict[str, list[datetime]]:
    """When each backup's rows were read and compared after it was made: a whole restore and a purge do that, too."""
    proofs: dict[str, list[datetime]] = {}
    runs = [(run.at, run.backups) for run in verifications]
    runs += [(run.at, run.backups) for run in restores if run.completed and run.is_everything]
    runs += [(run.at, run.archives) for run in purges]
    for at, names in runs:
        for name in names:
            proofs.setdefault(name, []).append(at)
    return proofs


def _verification(record: dict[str, Any]) -> Verification:
    return Verification(
        at=datetime.fromisoformat(record["finished_at"]),
        backups=record["backups"],
        against_database=record["against_database"],
        completed=record["completed"],
        problem=record["problem"],
    )


def _restore(record: dict[str, Any]) -> Restore:
    finished = datetime.fromisoformat(record["finished_at"])
    return Restore(
        at=finished,
        seconds=(finished - datetime.fromisoformat(record["started_at"])).total_seconds(),
        backups=record["backups"],
        schema=record["schema"],
        is_drill=record["is_drill"],
        is_everything=record["is_everything"],
        completed=record["completed"],
        tables=record["tables"],
    )


def _purges(store: Store) -> list[Purge]:
    parts: dict[str, dict[str, Any]] = {}
    for item in store.list(PURGES):
        match = _PURGE_RECORD.fullmatch(item.key)
        if match:
            parts.setdefault(match["run"], {})[match["part"]] = load_record(store, item.key)
    return [_purge(found["intent"], found.get("result")) for found in parts.values() if "intent" in found]


def _purge(intent: dict[str, Any], result: dict[str, Any] | None) -> Purge:
    return Purge(
        at=datetime.fromisoformat(intent["started_at"]),
        archives=intent["archives"],
        before=intent["before"],
        completed=bool(result and result["completed"]),
        rows=result["rows"] if result else None,
        kept=sum(len(keys) for keys in result["kept"].values()) if result else 0,
    )
