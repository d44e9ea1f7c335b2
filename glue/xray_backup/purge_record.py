"""The record of a purge in the store: its intent, the outcome of each chunk, and the result."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self

from xray_backup.archive_policy import PolicyScope
from xray_backup.errors import VerificationError
from xray_backup.layout import PURGES
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import OnDamage, load_manifests
from xray_backup.records import OnDamagedRecord, Record, read_record, read_records
from xray_backup.run import Run
from xray_backup.store import Store

FINISHED = f"{PURGES}finished/"
CHUNKS_PER_RECORD = 1_000
# A purge that is killed outright may have deleted rows in these last seconds without a record of them.
SECONDS_PER_RECORD = 10.0

# `referenced` by a row of a table that is not purged; `no_parent` in the archive, though a foreign key asks for it;
# `not_insertable` as it is by any statement; `blocked` by what concerns every row of a table.
Outcome = Literal[
    "deleted", "would_delete", "gone", "changed", "last_key", "locked",
    "referenced", "no_parent", "not_insertable", "blocked",
]  # fmt: skip
KEPT_FOR_GOOD: tuple[Outcome, ...] = ("referenced", "no_parent", "not_insertable", "blocked")

_INTENT = re.compile(rf"({PURGES}[^/]+/)intent\.json")


@dataclass
class ChunkResult:
    """The outcome of the units whose anchor keys lie from `first` to `last`; the fields are as in `PurgeResult`."""

    first: int | str
    last: int | str
    rows: Counter[str] = field(default_factory=Counter)
    units: Counter[Outcome] = field(default_factory=Counter)
    kept: dict[str, list[int | str]] = field(default_factory=dict)


@dataclass(frozen=True)
class PurgeIntent(Record):
    """The archives whose rows of before `before` a purge is about to delete; `anchor` is the table of its policy."""

    archives: Sequence[str]
    before: str
    started_at: str
    anchor: str | None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """As of every record; earlier versions named no anchor."""
        return super().from_document({"anchor": None} | dict(document))


@dataclass(frozen=True)
class PurgedChunk(Record):
    """Units by outcome, of those whose anchor keys lie from `first` to `last`."""

    archive: str
    first: int | str
    last: int | str
    units: Mapping[Outcome, int]


@dataclass(frozen=True)
class PurgeResult(Record):
    """The result of a purge: `rows` counts deleted or, in a dry run, deletable rows; `kept` has keys by reason.

    `obstacles` are the reasons of what was kept for good, in words; units that are `blocked` are counted, not named.
    """

    run_id: str
    mode: Literal["dry-run", "execute"]
    archives: Sequence[str]
    before: str
    rows: Mapping[str, int]
    units: Mapping[Outcome, int]
    kept: Mapping[str, Sequence[int | str]]
    obstacles: Sequence[str]
    completed: bool

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """As of every record; earlier versions knew no obstacles."""
        return super().from_document({"obstacles": []} | dict(document))


@dataclass(frozen=True)
class PurgedArchive(Record):
    """An archive that has nothing more to purge, and the run that found so."""

    archive: str
    run_id: str


@dataclass(frozen=True)
class PurgeRecord:
    """One run of `purge` that deleted; without a result it was killed before it could write that."""

    intent: PurgeIntent
    result: PurgeResult | None

    @property
    def at(self) -> datetime:
        """The start of the run."""
        return datetime.fromisoformat(self.intent.started_at)

    @property
    def completed(self) -> bool:
        """True where the purge came to its end."""
        return self.result is not None and self.result.completed

    @property
    def deleted(self) -> int | None:
        """Deleted rows of all tables; None where they are not known."""
        return None if self.result is None else sum(self.result.rows.values())

    @property
    def kept(self) -> int:
        """Units that were kept."""
        return 0 if self.result is None else sum(len(keys) for keys in self.result.kept.values())


class PurgeRecorder:
    """Writes a purge's record: the intent before the first delete, each chunk's outcome, at the end the result.

    A purge that stops half-way leaves a result of what it deleted, too; a dry run writes nothing.
    """

    def __init__(self, run: Run, scope: PolicyScope, archives: Sequence[str], before: str) -> None:
        self._run, self._scope, self._archives, self._before = run, scope, archives, before
        number = run.policies.index(scope.policy)
        # The first policy's record is named after the run alone, as every record was when there was one policy.
        self._folder = f"{PURGES}{run.run_id}{f'.{number + 1}' if number else ''}/"
        self._rows = Counter({table.name: 0 for table in scope.purged})
        self._units: Counter[Outcome] = Counter()
        self._kept: dict[str, list[int | str]] = {}
        self.obstacles: Sequence[str] = []
        self._completed = False
        self._lines: list[bytes] = []
        self._parts = 0
        self._written = time.monotonic()

    def __enter__(self) -> PurgeRecorder:
        intent = PurgeIntent(self._archives, self._before, datetime.now(UTC).isoformat(), self._scope.anchor.name)
        self._write("intent.json", intent.to_json())
        return self

    def add(self, archive: str, chunk: ChunkResult) -> None:
        """Notes one chunk by its first and last anchor key."""
        self._rows.update(chunk.rows)
        self._units.update(chunk.units)
        for reason, keys in chunk.kept.items():
            self._kept[reason] = sorted([*self._kept.get(reason, []), *keys])
        self._lines.append(PurgedChunk(archive, chunk.first, chunk.last, dict(chunk.units)).to_json())
        if len(self._lines) >= CHUNKS_PER_RECORD or time.monotonic() - self._written >= SECONDS_PER_RECORD:
            self._flush()

    def archive_is_finished(self, manifest: Manifest) -> None:
        """Notes that an archive has nothing more to purge, so that no later purge has to read it again."""
        record = PurgedArchive(manifest.name, self._run.run_id)
        self._create(_finished_key(manifest, self._scope.anchor.name), record.to_json())

    @property
    def result(self) -> PurgeResult:
        """The result so far."""
        return PurgeResult(
            run_id=self._run.run_id,
            mode="dry-run" if self._run.dry_run else "execute",
            archives=self._archives,
            before=self._before,
            rows=dict(self._rows),
            units=dict(self._units),
            kept=dict(self._kept),
            obstacles=self.obstacles,
            completed=self._completed,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._completed = kind is None
        self._flush()
        self._write("result.json", self.result.to_json())

    def _flush(self) -> None:
        if self._lines:
            self._parts += 1
            self._write(f"chunks-{self._parts:05}.jsonl", b"".join(self._lines))
            self._lines = []
            self._written = time.monotonic()

    def _write(self, name: str, body: bytes) -> None:
        self._create(f"{self._folder}{name}", body)

    def _create(self, key: str, body: bytes) -> None:
        if not self._run.dry_run:
            self._run.store.create(key, body)


def purge_records(store: Store, on_damage: OnDamagedRecord) -> Iterator[PurgeRecord]:
    """Every purge that was about to delete; one whose record is damaged is told of and left out."""
    keys = dict.fromkeys(item.key for item in store.list(PURGES))
    for key in keys:
        if intent := _INTENT.fullmatch(key):
            result = f"{intent[1]}result.json"
            try:
                yield PurgeRecord(
                    read_record(store, key, PurgeIntent),
                    read_record(store, result, PurgeResult) if result in keys else None,
                )
            except VerificationError as error:
                on_damage(str(error))


def purged_archives(store: Store, on_damage: OnDamagedRecord) -> set[str]:
    """Names of the archives that have nothing more to purge; a damaged record is told of."""
    return {record.archive for record in read_records(store, FINISHED, PurgedArchive, on_damage)}


def unpurged_archives(store: Store, on_damage: OnDamage) -> Iterator[Manifest]:
    """Every archive that still has something to purge; an archive is for good, so their number only grows."""
    finished = {item.key for item in store.list(FINISHED)}
    for manifest in load_manifests(store, on_damage):
        if manifest.kind == "archive":
            anchors = {period.anchor for period in manifest.archived_periods}
            if not anchors or any(_finished_key(manifest, anchor) not in finished for anchor in anchors):
                yield manifest


def _finished_key(manifest: Manifest, anchor: str) -> str:
    """The record that an archive has nothing more to purge of one policy, which most often is its only one."""
    anchors = sorted({period.anchor for period in manifest.archived_periods})
    return f"{FINISHED}{manifest.name}{f'.{anchors.index(anchor) + 1}' if len(anchors) > 1 else ''}.json"
