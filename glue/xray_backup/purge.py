"""Purge: deletes exactly the rows that a verified archive holds, and only while they are what was archived.

There is no DELETE by time anywhere. Each chunk is one database transaction: its rows are locked, counted and
fingerprinted, held against the archive, deleted by explicit keys, children first, and the counts of deleted rows are
checked before the commit. A chunk that does not match is split until the row that differs stands alone; that one is
kept and reported. Several connections work side by side, on chunks of their own.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta

import pymysql
from pymysql.constants import ER

from xray_backup.archive import checked_age_days
from xray_backup.committed_copy import database_time
from xray_backup.data_model import Table
from xray_backup.database import Connection, execute, query
from xray_backup.errors import BackupError, UsageError
from xray_backup.fingerprint import Fingerprint, fingerprint_sql
from xray_backup.in_parallel import in_parallel
from xray_backup.layout import PURGES
from xray_backup.manifest import Manifest
from xray_backup.purge_record import ChunkResult, Outcome, PurgeRecord, PurgeResult, unpurged_archives
from xray_backup.purge_units import Chunk, Rows, chunks, merged, read_groups
from xray_backup.run import Run
from xray_backup.schema_check import check_schema
from xray_backup.verification import verify

# Beside the purge records, so that a purge's role needs to write nowhere else.
PURGE_LOCK = f"{PURGES}lock.json"
DEADLOCK_TRIES = 5


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
    record = PurgeRecord(run, result) if check else None
    try:
        with ExitStack() as sessions:
            connections = [sessions.enter_context(run.database.session()) for _ in range(run.connections)]
            check_schema(connections[0], run.database.schema, run.model)
            for connection in connections:
                # Parents are locked before their children are read, so no child comes in between, and gaps between
                # keys need no lock: the web app's inserts beside a chunk go on.
                execute(connection, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                connection.commit()
            purger = _Purger(run.model.purged, check, sleep_ratio)
            for manifest in archives:
                _purge_archive(run, manifest, purger, connections, result, record, chunk_rows)
        result.completed = True
    finally:
        # A purge that stops half-way leaves a record of what it deleted, too.
        if record:
            record.finish()
    run.events("purged" if check else "would_purge", **asdict(result))
    return result


def _purge_archive(
    run: Run,
    manifest: Manifest,
    purger: _Purger,
    connections: Sequence[Connection],
    result: PurgeResult,
    record: PurgeRecord | None,
    chunk_rows: int,
) -> None:
    total = manifest.tables[run.model.anchor.name].fingerprint.rows
    outcomes: Counter[Outcome] = Counter()

    def done(chunk: ChunkResult) -> None:
        outcomes.update(chunk.units)
        result.add(chunk)
        if record:
            record.add(manifest.name, chunk)
        run.events("progress", step=f"purge {manifest.name}", done=outcomes.total(), total=total)

    in_parallel(connections, chunks(read_groups(run, manifest, result.before), chunk_rows), purger.purge, done)
    # What was changed since is not this archive's any more: the next one takes it as it is now.
    if record and outcomes["deleted"] + outcomes["gone"] + outcomes["changed"] == total:
        record.archive_is_finished(manifest.name)


def _archives(run: Run) -> Iterator[Manifest]:
    for manifest in unpurged_archives(run.store):
        if manifest.data_model != run.model.digest:
            # From before a migration. Its rows are in the next archive too, as they are since: that one is purged.
            run.events("skipped", backup=manifest.name, reason="it is of another data model")
            continue
        if manifest.schema != run.database.schema:
            raise UsageError(
                f"{manifest.name} is of schema {manifest.schema!r}, the secret names {run.database.schema!r}:"
                " nothing was deleted"
            )
        yield manifest


class _Purger:
    """Takes chunks through their database transactions; without `check` it finds out what would become of them."""

    def __init__(self, tables: Sequence[Table], check: Callable[[], None] | None, sleep_ratio: float) -> None:
        self._tables, self._check, self._sleep_ratio = tables, check, sleep_ratio

    def purge(self, connection: Connection, chunk: Chunk) -> ChunkResult:
        """Deletes the chunk, or what of it can be deleted, and pauses."""
        started = time.monotonic()
        result = ChunkResult(chunk[0].rows[0].keys.first, chunk[-1].rows[0].keys.last)
        self._purge(connection, chunk, result)
        time.sleep((time.monotonic() - started) * self._sleep_ratio)
        return result

    def _purge(self, connection: Connection, chunk: Chunk, result: ChunkResult) -> None:
        if self._check:
            self._check()
        rows = merged(chunk)
        try:
            self._with_retry(connection, rows)
        except ChunkRefusedError as refused:
            parts = chunk if len(chunk) > 1 else chunk[0].apart()
            if refused.outcome == "gone" or (len(parts) == 1 and parts == chunk):
                result.units[refused.outcome] += rows[0].keys.count
                if refused.outcome != "gone":
                    result.kept[refused.outcome] = [*result.kept.get(refused.outcome, []), rows[0].keys.first]
                return
            middle = len(parts) // 2
            for half in filter(None, (parts[:middle], parts[middle:])):
                self._purge(connection, half, result)
            return
        for table, deleted in zip(self._tables, rows, strict=True):
            result.rows[table.name] += deleted.keys.count
        result.units["deleted" if self._check else "would_delete"] += rows[0].keys.count

    def _with_retry(self, connection: Connection, rows: list[Rows]) -> None:
        for attempt in range(DEADLOCK_TRIES):
            try:
                self._transaction(connection, rows)
                return
            except pymysql.MySQLError as error:
                connection.rollback()
                if error.args[0] not in (ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT) or attempt == DEADLOCK_TRIES - 1:
                    raise
                time.sleep(0.05 * 2**attempt)
            except ChunkRefusedError:
                connection.rollback()
                raise

    def _transaction(self, connection: Connection, rows: list[Rows]) -> None:
        found = self._locked_fingerprints(connection, rows)
        if all(fingerprint.rows == 0 for fingerprint in found):
            raise ChunkRefusedError("gone")
        if found != [expected.fingerprint for expected in rows]:
            raise ChunkRefusedError("changed")
        highest = ", ".join(f"(SELECT MAX(`{table.key}`) FROM {table.quoted})" for table in self._tables)
        (last_keys,) = query(connection, f"SELECT {highest}")
        if any(
            expected.keys.count and expected.keys.last >= last for expected, last in zip(rows, last_keys, strict=True)
        ):
            raise ChunkRefusedError("last_key")
        if self._check is None:
            connection.rollback()
            return
        for table, expected in reversed(list(zip(self._tables, rows, strict=True))):
            if not expected.keys.count:
                continue
            sql = f"DELETE FROM {table.quoted} WHERE {expected.keys.condition(table.key)}"
            deleted = execute(connection, sql)
            if deleted != expected.keys.count:
                connection.rollback()
                raise BackupError(
                    f"table {table.name}: {deleted} rows would go where {expected.keys.count} were locked; rolled back"
                )
        connection.commit()

    def _locked_fingerprints(self, connection: Connection, rows: list[Rows]) -> list[Fingerprint]:
        """Locks and fingerprints the rows by way of their parents, so that a child that came later shows too."""
        keys = {table.name: expected.keys for table, expected in zip(self._tables, rows, strict=True)}
        lock = " FOR UPDATE" if self._check else ""
        found = []
        for position, table in enumerate(self._tables):
            parent = table.parent if position else None
            wanted = keys[parent.table if parent else table.name]
            if not wanted.count:
                found.append(Fingerprint())
                continue
            # Children by a list, for a range of their parents MySQL may well read, and lock, the whole table.
            condition = f"`{parent.column}` IN ({wanted.listed})" if parent else wanted.condition(table.key)
            sql = f"SELECT {fingerprint_sql(table)} FROM {table.quoted} WHERE {condition}{lock}"
            ((count, hash_sum),) = query(connection, sql)
            found.append(Fingerprint(count, int(hash_sum)))
        return found
