"""The record of a purge in the store: its intent, the outcome of each chunk, and the result."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

from xray_backup.layout import PURGES
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import OnDamage, load_manifests
from xray_backup.run import Run
from xray_backup.store import Store

FINISHED = f"{PURGES}finished/"
CHUNKS_PER_RECORD = 1_000
# A purge that is killed outright may have deleted rows in these last seconds without a record of them.
SECONDS_PER_RECORD = 10.0

Outcome = Literal["deleted", "would_delete", "gone", "changed", "last_key", "locked"]


@dataclass
class ChunkResult:
    """The outcome of the units whose anchor keys lie from `first` to `last`; the fields are as in `PurgeResult`."""

    first: int
    last: int
    rows: Counter[str] = field(default_factory=Counter)
    units: Counter[Outcome] = field(default_factory=Counter)
    kept: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class PurgeResult:
    """The result of a purge: `rows` counts deleted or, in a dry run, deletable rows; `kept` has keys by reason."""

    run_id: str
    mode: Literal["dry-run", "execute"]
    archives: list[str]
    before: str
    rows: dict[str, int]
    units: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)
    completed: bool = False

    def add(self, chunk: ChunkResult) -> None:
        """Adds what became of one chunk."""
        for table, count in chunk.rows.items():
            self.rows[table] += count
        for outcome, count in chunk.units.items():
            self.units[outcome] = self.units.get(outcome, 0) + count
        for reason, keys in chunk.kept.items():
            self.kept[reason] = sorted([*self.kept.get(reason, []), *keys])


class PurgeRecord:
    """The purge's own record in the store: an intent before the first delete, what became of each chunk, a result.

    A dry run leaves none.
    """

    def __init__(self, run: Run, result: PurgeResult) -> None:
        self._run, self._result = run, result
        self._lines: list[str] = []
        self._parts = 0
        self._written = time.monotonic()
        intent = {"archives": result.archives, "before": result.before, "started_at": datetime.now(UTC).isoformat()}
        self._write("intent.json", json.dumps(intent))

    def add(self, archive: str, chunk: ChunkResult) -> None:
        """Notes one chunk by its first and last anchor key."""
        line = {"archive": archive, "first": chunk.first, "last": chunk.last, "units": chunk.units}
        self._lines.append(json.dumps(line))
        if len(self._lines) >= CHUNKS_PER_RECORD or time.monotonic() - self._written >= SECONDS_PER_RECORD:
            self._flush()

    def archive_is_finished(self, name: str) -> None:
        """Notes that an archive has nothing more to purge, so that no later purge has to read it again."""
        body = json.dumps({"archive": name, "run_id": self._result.run_id})
        self._create(f"{FINISHED}{name}.json", body)

    def finish(self) -> None:
        """Writes what is left and the result."""
        self._flush()
        self._write("result.json", json.dumps(asdict(self._result), indent=1))

    def _flush(self) -> None:
        if self._lines:
            self._parts += 1
            self._write(f"chunks-{self._parts:05}.jsonl", "\n".join(self._lines))
            self._lines = []
            self._written = time.monotonic()

    def _write(self, name: str, text: str) -> None:
        self._create(f"{PURGES}{self._run.run_id}/{name}", text)

    def _create(self, key: str, text: str) -> None:
        if not self._run.dry_run:
            self._run.store.create(key, f"{text}\n".encode())


def unpurged_archives(store: Store, on_damage: OnDamage) -> Iterator[Manifest]:
    """Every archive that still has something to purge; an archive is for good, so their number only grows."""
    finished = {item.key for item in store.list(FINISHED)}
    for manifest in load_manifests(store, on_damage):
        if manifest.kind == "archive" and f"{FINISHED}{manifest.name}.json" not in finished:
            yield manifest
