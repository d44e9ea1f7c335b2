"""The records of erasures: each chosen row as a digest, with the time of its erasure, which every restore honours.

A row that comes later under the same key is another one: a digest counts in backups that began before its time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from xray_backup.data_model import Table
from xray_backup.errors import VerificationError
from xray_backup.keys import Keys, is_in, key_digests
from xray_backup.layout import ERASURES
from xray_backup.manifest import Manifest
from xray_backup.records import OnDamagedRecord, Record, read_record
from xray_backup.store import Store

_RECORD = re.compile(rf"({re.escape(ERASURES)}[^/]+/)(begun|objects|ended)\.json")


@dataclass(frozen=True)
class ErasedRow:
    """A chosen row: the digest of its key, and of its text as the database had it; None where it had no such row.

    `erased_at` is ISO 8601 in UTC, by the database's clock.
    """

    key: str
    row: str | None
    erased_at: str


@dataclass(frozen=True)
class ErasureBegun(Record):
    """The rows of one table that an erasure is about to erase; written before anything is changed.

    `began_at` is ISO 8601 in UTC, by the database's clock; `former_schemas` are other names of the schema, whose
    backups hold the same rows.
    """

    run_id: str
    began_at: str
    schema: str
    former_schemas: Sequence[str]
    table: str
    rows: Sequence[ErasedRow]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See `Record`."""
        rows = [ErasedRow(**row) for row in document["rows"]]
        for at in (document["began_at"], *(row.erased_at for row in rows)):
            datetime.fromisoformat(at)
        return super().from_document({**document, "rows": rows})


@dataclass(frozen=True)
class LeftObjects(Record):
    """Objects of which a version is left, by bucket: digests of their keys, which may hold a name."""

    buckets: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ErasureEnded(Record):
    """The result: rows by place and table, versions that were deleted, and those left, with the last date of a lock.

    `objects` were there and are gone, `missing` are those that rows named and that were not there.
    """

    ended_at: str
    completed: bool
    rows: Mapping[str, Mapping[str, int]]
    objects: int
    missing: int
    versions: int
    left: int
    left_until: str | None


@dataclass(frozen=True)
class Erasure:
    """One run of `erase` that was about to change something; without an end it was killed."""

    begun: ErasureBegun
    ended: ErasureEnded | None
    left: LeftObjects | None = None

    @property
    def is_finished(self) -> bool:
        """True where nothing was left."""
        return self.ended is not None and self.ended.completed


def read_erasures(store: Store, on_damage: OnDamagedRecord | None = None) -> Iterator[Erasure]:
    """Every erasure.

    Args:
        store: where.
        on_damage: told of a record that is damaged, which is left out (default: it ends the run).

    Raises:
        VerificationError: a record is damaged, so that which rows are erased cannot be told.
    """
    folders: dict[str, set[str]] = {}
    for item in store.list(ERASURES):
        if found := _RECORD.fullmatch(item.key):
            folders.setdefault(found[1], set()).add(found[2])
    for folder, names in folders.items():
        try:
            yield Erasure(
                read_record(store, f"{folder}begun.json", ErasureBegun),
                read_record(store, f"{folder}ended.json", ErasureEnded) if "ended" in names else None,
                read_record(store, f"{folder}objects.json", LeftObjects) if "objects" in names else None,
            )
        except VerificationError as error:
            if on_damage is None:
                raise
            on_damage(str(error))


def write_record(store: Store, run_id: str, record: ErasureBegun | LeftObjects | ErasureEnded) -> None:
    """Writes one record of a run."""
    names = {ErasureBegun: "begun", LeftObjects: "objects", ErasureEnded: "ended"}
    store.create(f"{ERASURES}{run_id}/{names[type(record)]}.json", record.to_json())


@dataclass(frozen=True)
class ErasedKeys:
    """Chosen keys of one table that count in one backup, by digest."""

    table: str
    digests: frozenset[str]

    def among(self, table: Table, keys: Keys) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """For each of `keys`, which are of `table`: is it a chosen one?"""
        found = (digest in self.digests for digest in key_digests(keys))
        return np.fromiter(found, np.bool_, len(keys))

    def same(self, table: Table, keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """For each of `keys`, which are of `table`: is it one of `others`?"""
        return is_in(keys, others)


@dataclass(frozen=True)
class Tombstones:
    """The erased rows of a schema: by table and digest the latest time."""

    times: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)

    def of(self, manifest: Manifest) -> list[ErasedKeys]:
        """The keys that count in a backup: what was erased after the backup began to read."""
        began = datetime.fromisoformat(manifest.started_at)
        found = []
        for table, times in self.times.items():
            if digests := frozenset(digest for digest, at in times.items() if began <= at):
                found.append(ErasedKeys(table, digests))
        return found


def tombstones(erasures: Sequence[Erasure], schemas: Collection[str]) -> Tombstones:
    """The tombstones of the rows of a schema, by all names that it has had."""
    times: dict[str, dict[str, datetime]] = {}
    for erasure in erasures:
        begun = erasure.begun
        if not {begun.schema, *begun.former_schemas}.isdisjoint(schemas):
            of_table = times.setdefault(begun.table, {})
            for row in begun.rows:
                at = datetime.fromisoformat(row.erased_at)
                of_table[row.key] = max(at, of_table.get(row.key, at))
    return Tombstones(times)
