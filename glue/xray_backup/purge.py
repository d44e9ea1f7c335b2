"""Purge: deletes exactly the rows that a verified archive holds, and only while they are what was archived.

There is no DELETE by time anywhere. Each chunk is one database transaction: its rows are locked and counted, the digest
of their text is held against the archive's, they are deleted by explicit keys, children first, and the counts of
deleted rows are checked before the commit. A chunk that does not match is split until the unit that differs stands
alone; that one is kept and reported. Several connections work side by side, on chunks of their own.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict

import pymysql
from pymysql.constants import ER

from xray_backup.archive import time_before
from xray_backup.archive_policy import ArchivePolicy, PolicyScope, policy_scopes
from xray_backup.committed_copy import database_time
from xray_backup.data_model import ForeignKey, Table, quoted
from xray_backup.database import OVERTAKEN, Connection, execute, query, retried
from xray_backup.database_model import SchemaTables
from xray_backup.delete_effects import changed_rows, find_delete_effects
from xray_backup.errors import BackupError, NewerFormatError, UsageError, VerificationError
from xray_backup.in_parallel import ahead, in_parallel
from xray_backup.kept_units import KeptUnits
from xray_backup.key_lookup import delete_by_key
from xray_backup.keys import highest_integer, keys_condition, owner_columns
from xray_backup.layout import PURGES
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import OnDamage
from xray_backup.purge_record import ChunkResult, Outcome, PurgeRecorder, PurgeResult, unpurged_archives
from xray_backup.purge_units import Block, Chunk, read_blocks
from xray_backup.restore_proof import blocked_by_inserts, restore_proof
from xray_backup.rights import check_right, check_rights
from xray_backup.rows_in_order import RowsInOrder, count_and_digest, digest
from xray_backup.run import Run
from xray_backup.verification import FileContent, verify

# Beside the purge records, so that a purge's role needs to write nowhere else.
PURGE_LOCK = f"{PURGES}lock/"
# A row that somebody else holds longer keeps its own unit only; the others go on.
LOCK_WAIT_SECONDS = 3
_INTEGER = re.compile(r"(tiny|small|medium|big)?int\b")


def keys_at_once(text_bytes: int) -> int:
    """Keys in one statement of so many bytes, 20 digits each at most."""
    return max(1, text_bytes // 25)


class ChunkRefusedError(Exception):
    """The chunk's rows are not, all of them, what the archive holds."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def purge(
    run: Run,
    older_than_days: int,
    chunk_rows: int,
    sleep_ratio: float,
    policy: ArchivePolicy | None = None,
) -> PurgeResult:
    """Deletes the archived rows of one policy that are older than `older_than_days`, or than its own larger age.

    Args:
        run: the run.
        older_than_days: age in days by the time column, 2 or more.
        chunk_rows: rows per database transaction.
        sleep_ratio: pause after each chunk, as a fraction of the time it took.
        policy: one of the run's (default: its first).

    Raises:
        BackupError: refused before anything was deleted, or stopped between two chunks; it can be run again.
    """
    policy = policy or run.policies[0]
    before = time_before(database_time(run), policy, older_than_days)
    if chunk_rows < 1 or sleep_ratio < 0:
        raise UsageError(
            f"--chunk_rows must be 1 or more and --sleep_ratio 0 or more, got {chunk_rows} and {sleep_ratio}"
        )
    with run.exclusive(PURGE_LOCK) as check:
        return _purge(run, _scope(run, policy), before, chunk_rows, sleep_ratio, check)


def _scope(run: Run, policy: ArchivePolicy) -> PolicyScope:
    """The policy's scope in the database as it is, once the user has shown its rights."""
    with run.database.session() as connection:
        found = _tables(run, connection, policy)
        found.check(policy.named_tables)
        scope = policy_scopes(found.model, run.policies)[run.policies.index(policy)]
        for table in (*scope.purged, *scope.ancestors):
            # A restore needs the rows that these reference before their own.
            found.check(found.references.get(table.name, ()))
        check_rights(connection, run.database.schema, "purge", found.model, [scope])
    return scope


def _tables(run: Run, connection: Connection, policy: ArchivePolicy) -> SchemaTables:
    try:
        return run.read_tables(connection, policy.named_tables)
    except UsageError:
        # Without this right the tables that a purge does not read look as if they were not there.
        check_right(connection, run.database.schema, "REFERENCES", ())
        raise


def _purge(
    run: Run,
    scope: PolicyScope,
    before: str,
    chunk_rows: int,
    sleep_ratio: float,
    check: Callable[[], None],
) -> PurgeResult:
    damaged: list[VerificationError | NewerFormatError] = []
    archives = list(_archives(run, scope, lambda _, error: damaged.append(error)))
    # Where one integer names the parent, its ends tell which files may hold a unit's rows.
    parents = {
        name: key.columns[0] for name, key in scope.owners.items() if scope.model.table(key.table).has_integer_key
    }
    contents: dict[str, FileContent] = {}
    for manifest in archives:
        contents |= verify(run, manifest, parents)
    recorder = PurgeRecorder(run, scope, [manifest.name for manifest in archives], before)
    with recorder, ExitStack() as sessions:
        connections = [sessions.enter_context(run.database.session()) for _ in range(run.connections)]
        effects = find_delete_effects(connections[0], run.database.schema, scope)
        effects = effects.also_blocked(blocked_by_inserts(connections[0], run.database.schema, scope))
        for connection in connections:
            # Parents are locked before their children are read, so no child comes in between; READ COMMITTED
            # locks no gap between keys, so the web app's inserts beside a chunk go on.
            execute(connection, f"SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}")
            connection.commit()
        ((limit,),) = query(connections[0], "SELECT @@group_concat_max_len")
        connections[0].rollback()
        text_bytes = int(limit) // 2
        kept = KeptUnits(scope.anchor, effects, text_bytes)
        purger = _Purger(run, scope, check, sleep_ratio, text_bytes, kept)
        looking = sessions.enter_context(run.database.session())
        for manifest in archives:
            proof = restore_proof(looking, run.store, scope, manifest)
            blocks = ahead(read_blocks(run.store, scope, manifest, contents, before, proof))
            sorted_out = (kept.take_out(looking, block) for block in blocks)
            _purge_archive(run, scope, manifest, purger, connections, sorted_out, chunk_rows, recorder)
            recorder.obstacles = kept.reasons
    result = recorder.result
    run.events("would_purge" if run.dry_run else "purged", **asdict(result))
    if damaged:
        raise VerificationError(f"{damaged[0]}; the other archives were gone through")
    return result


def _purge_archive(
    run: Run,
    scope: PolicyScope,
    manifest: Manifest,
    purger: _Purger,
    connections: Sequence[Connection],
    blocks: Iterator[tuple[Block, ChunkResult | None]],
    chunk_rows: int,
    recorder: PurgeRecorder,
) -> None:
    total = manifest.tables[scope.anchor.name].fingerprint.rows
    outcomes: Counter[Outcome] = Counter()

    def done(chunk: ChunkResult) -> None:
        outcomes.update(chunk.units)
        recorder.add(manifest.name, chunk)
        run.events("progress", step=f"purge {manifest.name}", done=outcomes.total(), total=total)

    def chunks() -> Iterator[Chunk]:
        for block, kept in blocks:
            if kept:
                done(kept)
            yield from block.chunks(min(chunk_rows, purger.keys_at_once))

    in_parallel(connections, chunks(), purger.purge, done)
    # A row that was changed since is not this archive's any more: the next one takes it as it is now.
    if outcomes["deleted"] + outcomes["gone"] + outcomes["changed"] == total:
        recorder.archive_is_finished(manifest)


def _archives(run: Run, scope: PolicyScope, on_damage: OnDamage) -> Iterator[Manifest]:
    """The archives that hold rows of this policy, as its tables are now."""
    for manifest in unpurged_archives(run.store, on_damage):
        if manifest.schema != run.database.schema:
            raise UsageError(
                f"{manifest.name} is of schema {manifest.schema!r}, the secret names {run.database.schema!r}:"
                " nothing was deleted"
            )
        if not any(period.anchor == scope.anchor.name for period in manifest.archived_periods):
            continue
        if not scope.is_same_in(manifest.model):
            # From before a migration. Its rows are in the next archive too, as they are since: that one is purged.
            run.events("skipped", backup=manifest.name, reason="it is of another data model")
            continue
        yield manifest


class _Purger:
    """Takes chunks through their database transactions; in a dry run it finds out what would become of them.

    `text_bytes` bounds the text of rows, and about the length of a statement, that MySQL handles at once.
    """

    def __init__(
        self,
        run: Run,
        scope: PolicyScope,
        check: Callable[[], None],
        sleep_ratio: float,
        text_bytes: int,
        kept: KeptUnits,
    ) -> None:
        self._scope, self._dry_run = scope, run.dry_run
        self._check, self._sleep_ratio, self._text_bytes = check, sleep_ratio, text_bytes
        self._kept = kept
        self.keys_at_once = keys_at_once(text_bytes)

    def purge(self, connection: Connection, chunk: Chunk) -> ChunkResult:
        """Deletes the chunk, or what of it can be deleted, and pauses."""
        started = time.monotonic()
        result = ChunkResult(chunk.first_key, chunk.last_key)
        self._purge(connection, chunk, result)
        time.sleep((time.monotonic() - started) * self._sleep_ratio)
        return result

    def _purge(self, connection: Connection, chunk: Chunk, result: ChunkResult) -> None:
        self._check()
        rows = chunk.rows
        try:
            self._with_retry(connection, rows)
        except ChunkRefusedError as refused:
            if refused.outcome == "gone":
                result.units["gone"] += len(chunk)
            elif len(chunk) == 1:
                result.units[refused.outcome] += 1
                result.kept[refused.outcome] = [*result.kept.get(refused.outcome, []), chunk.first_key]
            else:
                for half in chunk.halves():
                    self._purge(connection, half, result)
            return
        for deleted in rows:
            result.rows[deleted.table.name] += len(deleted)
        result.units["would_delete" if self._dry_run else "deleted"] += len(chunk)

    def _with_retry(self, connection: Connection, rows: Sequence[RowsInOrder]) -> None:
        try:
            retried(connection, lambda: self._transaction(connection, rows), {ER.LOCK_DEADLOCK})
        except pymysql.MySQLError as error:
            if error.args[0] in OVERTAKEN:
                raise ChunkRefusedError("locked") from None
            if error.args[0] in (ER.ROW_IS_REFERENCED, ER.ROW_IS_REFERENCED_2):
                raise ChunkRefusedError("referenced") from None
            raise
        except ChunkRefusedError:
            connection.rollback()
            raise

    def _transaction(self, connection: Connection, rows: Sequence[RowsInOrder]) -> None:
        self._compare(connection, rows)
        self._check_last_keys(connection, rows)
        self._kept.check_unchanged(connection)
        if self._kept.is_referenced(connection, rows):
            raise ChunkRefusedError("referenced")
        if self._dry_run:
            connection.rollback()
            return
        before = changed_rows(connection)
        for archived in reversed(rows):
            for start, end in archived.parts(self.keys_at_once, self._text_bytes):
                self._delete(connection, archived.slice(start, end))
        deleted = sum(map(len, rows))
        if (changed := changed_rows(connection) - before) > deleted:
            connection.rollback()
            raise BackupError(
                f"the server changed {changed} rows where {deleted} were deleted; rolled back: look for triggers and"
                " foreign keys that the user of the purge cannot see"
            )
        connection.commit()

    def _check_last_keys(self, connection: Connection, rows: Sequence[RowsInOrder]) -> None:
        """Refuses the chunk with the highest of a table's integers: an application may give it out again plus one."""
        counted = [archived for archived in rows if len(archived) and _is_counted(archived.table)]
        if not counted:
            return
        highest = ", ".join(f"(SELECT MAX({rows.table.quoted_key}) FROM {rows.table.quoted})" for rows in counted)
        (last_keys,) = query(connection, f"SELECT {highest}")
        if any(highest_integer(rows.keys) >= last for rows, last in zip(counted, last_keys, strict=True)):
            raise ChunkRefusedError("last_key")

    def _delete(self, connection: Connection, rows: RowsInOrder) -> None:
        deleted = execute(connection, f"{delete_by_key(rows.table)} WHERE {rows.condition}")
        if deleted != len(rows):
            connection.rollback()
            raise BackupError(
                f"table {rows.table.name}: {deleted} rows would go where {len(rows)} were locked; rolled back"
            )

    def _compare(self, connection: Connection, rows: Sequence[RowsInOrder]) -> None:
        """Locks the rows, and holds them against the archive's.

        Children are counted by way of their parents, too, so that one that came later shows: its parent is locked by
        then, so no other can come.

        Raises:
            ChunkRefusedError: they are gone, or not what was archived.
        """
        by_table = {archived.table.name: archived for archived in rows}
        found, equal = 0, True
        for position, archived in enumerate(rows):
            count, same = self._locked(connection, archived)
            found += count
            owner = self._scope.owners.get(archived.table.name)
            if position and owner and len(by_table[owner.table]):
                belonging = self._count(connection, archived.table, owner, by_table[owner.table])
                found += belonging
                same = same and belonging == count
            equal = equal and same
        if not found:
            raise ChunkRefusedError("gone")
        if not equal:
            raise ChunkRefusedError("changed")

    def _locked(self, connection: Connection, archived: RowsInOrder) -> tuple[int, bool]:
        """Number of the rows that are there, now locked; True where all are as they were archived."""
        found, same = 0, True
        for start, end in archived.parts(self.keys_at_once, self._text_bytes):
            part = archived.slice(start, end)
            lock = "" if self._dry_run else " FOR UPDATE"
            count, found_digest = count_and_digest(connection, part.table, part.condition, lock)
            found += count
            same = same and count == len(part) and found_digest == digest(part)
        return found, same

    def _count(self, connection: Connection, table: Table, owner: ForeignKey, parents: RowsInOrder) -> int:
        """Number of rows of `table` that belong to these parents."""
        found, columns = 0, list(map(quoted, owner_columns(owner, parents.table)))
        for start, end in parents.parts(self.keys_at_once, self._text_bytes):
            condition = keys_condition(columns, parents.keys[start:end])
            ((count,),) = query(connection, f"SELECT COUNT(*) FROM {table.quoted} WHERE {condition}")
            found += count
        return found


def _is_counted(table: Table) -> bool:
    """True where the key is one integer, of whatever size."""
    return len(table.key) == 1 and _INTEGER.match(table.key_columns[0].type.mysql) is not None
