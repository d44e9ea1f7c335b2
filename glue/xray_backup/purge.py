"""Purge: deletes exactly the rows that a verified archive holds, and only while they are what was archived.

There is no DELETE by time anywhere. Each chunk is one database transaction: its rows are locked, counted and
fingerprinted, held against the archive, deleted by explicit keys, children first, and the counts of deleted rows are
checked before the commit. A chunk that does not match is split until the row that differs stands alone; that one is
kept and reported.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import pymysql
from pymysql.constants import ER

from xray_backup import manifest as manifests
from xray_backup.archive import checked_age_days
from xray_backup.committed_copy import database_time
from xray_backup.database import Connection, execute, query
from xray_backup.errors import BackupError, UsageError
from xray_backup.fingerprint import Fingerprint, fingerprint_sql
from xray_backup.layout import PURGES
from xray_backup.manifest import Manifest
from xray_backup.purge_units import Chunk, Rows, chunks, merged, read_units
from xray_backup.run import Run
from xray_backup.schema_check import check_schema
from xray_backup.verification import verify

# Beside the purge records, so that a purge's role needs to write nowhere else.
PURGE_LOCK = f"{PURGES}lock.json"
FINISHED = f"{PURGES}finished/"
CHUNKS_PER_RECORD = 1_000
DEADLOCK_TRIES = 5

Outcome = Literal["deleted", "would_delete", "gone", "changed", "last_key"]


@dataclass
class PurgeResult:
    """What a purge did: `rows` counts deleted (in a dry run, deletable) rows, `kept` holds anchor keys by reason."""

    run_id: str
    mode: Literal["dry-run", "execute"]
    archives: list[str]
    before: str
    rows: dict[str, int]
    units: dict[str, int] = field(default_factory=dict)
    kept: dict[str, list[int]] = field(default_factory=dict)
    completed: bool = False


class ChunkRefusedError(Exception):
    """The chunk's rows are not, all of them, what the archive holds."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def purge(run: Run, older_than_days: int, chunk_rows: int, sleep_ratio: float, execute_it: bool) -> PurgeResult:
    """Deletes the archived rows that are older than `older_than_days`.

    Args:
        run: the run.
        older_than_days: age in days by the time column, 2 or more.
        chunk_rows: rows per database transaction.
        sleep_ratio: pause after each chunk, as a fraction of the time it took.
        execute_it: False finds out what would be deleted, and writes nothing.

    Raises:
        BackupError: refused before anything was deleted, or stopped between two chunks; it can be run again.
    """
    checked_age_days(older_than_days)
    if chunk_rows < 1 or sleep_ratio < 0:
        raise UsageError(
            f"--chunk_rows must be 1 or more and --sleep_ratio 0 or more, got {chunk_rows} and {sleep_ratio}"
        )
    if not execute_it:
        return _purge(run, older_than_days, chunk_rows, sleep_ratio, None)
    with run.exclusive(PURGE_LOCK) as check:
        return _purge(run, older_than_days, chunk_rows, sleep_ratio, check)


def _purge(
    run: Run, older_than_days: int, chunk_rows: int, sleep_ratio: float, check: Callable[[], None] | None
) -> PurgeResult:
    before = f"{database_time(run) - timedelta(days=older_than_days):%Y-%m-%d %H:%M:%S}"
    archives = list(_archives(run))
    for manifest in archives:
        verify(run, manifest)
    result = PurgeResult(
        run.run_id,
        "execute" if check else "dry-run",
        [manifest.name for manifest in archives],
        before,
        {table.name: 0 for table in run.model.purged},
    )
    record = _Record(run, result) if check else None
    try:
        with run.database.session() as connection:
            check_schema(connection, run.database.schema, run.model)
            connection.commit()
            worker = _Worker(run, connection, result, check)
            for manifest in archives:
                _purge_archive(run, manifest, worker, record, chunk_rows, sleep_ratio)
        result.completed = True
    finally:
        # A purge that stops half-way leaves a record of what it deleted, too.
        if record:
            record.finish()
    run.events("purged" if check else "would_purge", **asdict(result))
    return result


def _purge_archive(
    run: Run, manifest: Manifest, worker: _Worker, record: _Record | None, chunk_rows: int, sleep_ratio: float
) -> None:
    total = manifest.tables[run.model.anchor.name].fingerprint.rows
    outcomes: Counter[Outcome] = Counter()
    for chunk in chunks(read_units(run, manifest, worker.result.before), chunk_rows):
        started = time.monotonic()
        of_chunk = worker.purge_chunk(chunk)
        outcomes.update(of_chunk)
        if record:
            record.add(manifest.name, chunk, of_chunk)
        run.events("progress", step=f"purge {manifest.name}", done=outcomes.total(), total=total)
        if sleep_ratio:
            time.sleep((time.monotonic() - started) * sleep_ratio)
    if record and outcomes["deleted"] + outcomes["gone"] == total:
        record.archive_is_finished(manifest.name)


def _archives(run: Run) -> Iterator[Manifest]:
    """Every archive that still has something to purge; an archive is for good, so their number only grows."""
    finished = {item.key for item in run.store.list(FINISHED)}
    for manifest in manifests.load_all(run.store):
        if manifest.kind != "archive" or f"{FINISHED}{manifest.name}.json" in finished:
            continue
        manifests.check_model(manifest, run.model)
        if manifest.schema != run.database.schema:
            raise UsageError(
                f"{manifest.name} is of schema {manifest.schema!r}, the secret names {run.database.schema!r}:"
                " nothing was deleted"
            )
        yield manifest


class _Worker:
    """Takes chunks through their database transactions on one connection."""

    def __init__(self, run: Run, connection: Connection, result: PurgeResult, check: Callable[[], None] | None) -> None:
        self.result, self._connection, self._check = result, connection, check
        self._tables = run.model.purged

    def purge_chunk(self, chunk: Chunk) -> dict[Outcome, int]:
        """Deletes the chunk, or what of it can be deleted; how many units had which outcome."""
        if self._check:
            self._check()
        try:
            self._with_retry(merged(chunk))
        except ChunkRefusedError as refused:
            if refused.outcome != "gone" and len(chunk) > 1:
                middle = len(chunk) // 2
                left, right = self.purge_chunk(chunk[:middle]), self.purge_chunk(chunk[middle:])
                return {key: left.get(key, 0) + right.get(key, 0) for key in left | right}
            if refused.outcome != "gone":
                self.result.kept.setdefault(refused.outcome, []).append(chunk[0].rows[0].keys[0])
            return self._counted(refused.outcome, chunk)
        for table, rows in zip(self._tables, merged(chunk), strict=True):
            self.result.rows[table.name] += len(rows.keys)
        return self._counted("deleted" if self._check else "would_delete", chunk)

    def _counted(self, outcome: Outcome, chunk: Chunk) -> dict[Outcome, int]:
        self.result.units[outcome] = self.result.units.get(outcome, 0) + len(chunk)
        return {outcome: len(chunk)}

    def _with_retry(self, rows: list[Rows]) -> None:
        for attempt in range(DEADLOCK_TRIES):
            try:
                self._transaction(rows)
                return
            except pymysql.MySQLError as error:
                self._connection.rollback()
                if error.args[0] not in (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT) or attempt == DEADLOCK_TRIES - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
            except ChunkRefusedError:
                self._connection.rollback()
                raise

    def _transaction(self, rows: list[Rows]) -> None:
        connection = self._connection
        found = self._locked_fingerprints(rows)
        if all(fingerprint.rows == 0 for fingerprint in found):
            raise ChunkRefusedError("gone")
        if found != [expected.fingerprint for expected in rows]:
            raise ChunkRefusedError("changed")
        for table, expected in zip(self._tables, rows, strict=True):
            ((last,),) = query(connection, f"SELECT MAX(`{table.key}`) FROM {table.quoted}")
            if expected.keys and max(expected.keys) >= last:
                raise ChunkRefusedError("last_key")
        if self._check is None:
            connection.rollback()
            return
        for table, expected in reversed(list(zip(self._tables, rows, strict=True))):
            if not expected.keys:
                continue
            sql = f"DELETE FROM {table.quoted} WHERE `{table.key}` IN ({_listed(expected.keys)})"
            deleted = execute(connection, sql)
            if deleted != len(expected.keys):
                connection.rollback()
                raise BackupError(
                    f"table {table.name}: {deleted} rows would go where {len(expected.keys)} were locked; rolled back"
                )
        connection.commit()

    def _locked_fingerprints(self, rows: list[Rows]) -> list[Fingerprint]:
        """Locks and fingerprints the rows by way of their parents, so that a child that came later shows too."""
        keys = {table.name: expected.keys for table, expected in zip(self._tables, rows, strict=True)}
        lock = " FOR UPDATE" if self._check else ""
        found = []
        for position, table in enumerate(self._tables):
            parent = table.parent
            column, values = (
                (parent.column, keys[parent.table]) if parent and position else (table.key, keys[table.name])
            )
            if not values:
                found.append(Fingerprint())
                continue
            sql = f"SELECT {fingerprint_sql(table)} FROM {table.quoted} WHERE `{column}` IN ({_listed(values)}){lock}"
            ((count, hash_sum),) = query(self._connection, sql)
            found.append(Fingerprint(count, int(hash_sum)))
        return found


class _Record:
    """The purge's own record in the store: an intent before the first delete, what became of each chunk, a result."""

    def __init__(self, run: Run, result: PurgeResult) -> None:
        self._run, self._result = run, result
        self._lines: list[str] = []
        self._parts = 0
        intent = {"archives": result.archives, "before": result.before, "started_at": datetime.now(UTC).isoformat()}
        self._write("intent.json", json.dumps(intent))

    def add(self, archive: str, chunk: Chunk, outcomes: dict[Outcome, int]) -> None:
        """Notes one chunk by its first and last anchor key."""
        first, last = chunk[0].rows[0].keys[0], chunk[-1].rows[0].keys[0]
        self._lines.append(json.dumps({"archive": archive, "first": first, "last": last, "units": outcomes}))
        if len(self._lines) >= CHUNKS_PER_RECORD:
            self._flush()

    def archive_is_finished(self, name: str) -> None:
        """Notes that every unit of an archive is deleted, so that no later purge has to read it again."""
        body = json.dumps({"archive": name, "run_id": self._result.run_id})
        self._run.store.create(f"{FINISHED}{name}.json", f"{body}\n".encode())

    def finish(self) -> None:
        """Writes what is left and the result."""
        self._flush()
        self._write("result.json", json.dumps(asdict(self._result), indent=1))

    def _flush(self) -> None:
        if self._lines:
            self._parts += 1
            self._write(f"chunks-{self._parts:05}.jsonl", "\n".join(self._lines))
            self._lines = []

    def _write(self, name: str, text: str) -> None:
        self._run.store.create(f"{PURGES}{self._run.run_id}/{name}", f"{text}\n".encode())


def _listed(keys: tuple[int, ...]) -> str:
    return ",".join(map(str, keys))
