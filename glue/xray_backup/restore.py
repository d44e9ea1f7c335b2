"""Restore: inserts what is missing, parents first; never overwrites what is there, and tells of conflicts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

import pymysql
from pymysql.constants import ER

from xray_backup.data_model import Table
from xray_backup.database import Connection, execute, query, retried
from xray_backup.errors import BackupError
from xray_backup.in_parallel import in_parallel
from xray_backup.layout import LOCKS, RESTORES
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import load_manifest
from xray_backup.restore_batches import Batch, Selection, check_selection, read_batches, selected_keys
from xray_backup.restore_schema import Target, definitions, find_target, finish_tables, make_tables
from xray_backup.row_text import row_text_sql
from xray_backup.rows_in_order import count_and_digest, digest
from xray_backup.run import Run
from xray_backup.run_records import RestoreRecord, RowCounts, RunRecord, recorded
from xray_backup.schema_check import check_schema
from xray_backup.verification import check_files

RESTORE_LOCK = f"{LOCKS}restore/"
# Errors that are about a row: 3819 and 4025 are a CHECK in MySQL and MariaDB, 1300 a text that the server does not
# take, 1526 a value that no partition is for.
_ROW_ERRORS = frozenset(
    {
        ER.NO_REFERENCED_ROW_2, ER.DUP_ENTRY, ER.BAD_NULL_ERROR, ER.DATA_TOO_LONG,
        ER.WARN_DATA_OUT_OF_RANGE, ER.TRUNCATED_WRONG_VALUE, ER.TRUNCATED_WRONG_VALUE_FOR_FIELD,
        ER.WARN_DATA_TRUNCATED, 3819, 4025, 1300, 1526,
    }
)  # fmt: skip

# SQLSTATE of a trigger's SIGNAL, which may have given it any number.
_SIGNALLED = "45000"


@dataclass
class TableResult:
    """Rows of one table: put in, there already, in conflict, without their parent in the target, or refused.

    A row conflicts where its key has other values, or where another row has a value that must be unique; it is refused
    by a CHECK, a trigger or a type. `conflicts`, `orphans` and `refused` hold keys; these rows are not written.
    """

    inserted: int = 0
    present: int = 0
    conflicts: list[int] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def add(self, other: TableResult) -> None:
        """Adds what became of more rows of the table."""
        self.inserted += other.inserted
        self.present += other.present
        # Each once: a row may be in two of the backups that are restored.
        self.conflicts = sorted({*self.conflicts, *other.conflicts})
        self.orphans = sorted({*self.orphans, *other.orphans})
        self.refused = sorted({*self.refused, *other.refused})

    @property
    def counts(self) -> RowCounts:
        """Number of rows of each outcome."""
        return RowCounts(self.inserted, self.present, len(self.conflicts), len(self.orphans), len(self.refused))


RestoreResult = dict[str, TableResult]


def restore(run: Run, names: Sequence[str], schema: str | None, selection: Selection) -> RestoreResult:
    """Restores rows of the backups `names` into `schema`.

    Args:
        run: the run.
        names: backups as `list` shows them; `latest` is the newest snapshot. Where two hold one key, the first wins.
        schema: the target; the secret's where None. One that does not exist is made, with its tables.
        selection: which rows.

    Raises:
        BackupError: a backup is damaged, or the target refused; what was inserted is whole batches, and another run
            goes on from there.
    """
    target = schema or run.database.schema
    backups = [load_manifest(run.store, name, run.model) for name in names]
    for manifest in backups:
        for table in run.model.tables:
            check_files(run.store, manifest.name, manifest.tables[table.name])
    check_selection(run.store, run.model, backups, selection)
    result = {table.name: TableResult() for table in run.model.tables}

    def record(ended: RunRecord) -> RestoreRecord:
        return RestoreRecord(
            **vars(ended),
            backups=[manifest.name for manifest in backups],
            schema=target,
            is_drill=all(manifest.schema != target for manifest in backups),
            is_everything=selection.is_everything,
            tables={name: table.counts for name, table in result.items()},
        )

    with run.exclusive(RESTORE_LOCK, target) as check, recorded(run, RESTORES, record):
        tables = definitions(backups[0], run.model)
        found = _find_target(run, target)
        if not run.dry_run:
            make_tables(run.database, found, tables)
        _restore(run, backups, found, selection, result, check)
        if not run.dry_run:
            finish_tables(run.database, found, tables)
    event = "would_restore" if run.dry_run else "restored"
    run.events(event, schema=target, tables={name: asdict(table) for name, table in result.items()})
    return result


def _find_target(run: Run, schema: str) -> Target:
    with run.database.session("") as connection:
        return find_target(connection, schema, run.model)


def _restore(
    run: Run,
    backups: Sequence[Manifest],
    target: Target,
    selection: Selection,
    result: RestoreResult,
    check: Callable[[], None],
) -> None:
    # A dry run makes no table, so there may be none to look at.
    exists = not run.dry_run or not target.missing
    with ExitStack() as sessions:
        connections = [
            sessions.enter_context(run.database.session(target.schema if exists else ""))
            for _ in range(run.connections)
        ]
        if exists:
            check_schema(connections[0], target.schema, run.model)
        ((limit,),) = query(connections[0], "SELECT @@group_concat_max_len")
        connections[0].rollback()
        for manifest in backups:
            keys = selected_keys(run.store, run.model, manifest, selection)
            for table in run.model.tables:
                writer = _Writer(run, table, exists and _has_rows(connections[0], table), check)
                batches = read_batches(run.store, table, manifest, keys[table.name], int(limit) // 4)
                total = manifest.tables[table.name].fingerprint.rows
                _write_table(run, connections, writer, batches, result[table.name], total)


def _has_rows(connection: Connection, table: Table) -> bool:
    found = bool(query(connection, f"SELECT 1 FROM {table.quoted} LIMIT 1"))
    connection.rollback()
    return found


def _write_table(
    run: Run,
    connections: Sequence[Connection],
    writer: _Writer,
    batches: Iterator[Batch],
    result: TableResult,
    total: int,
) -> None:
    """Writes the batches side by side."""
    done_rows = 0

    def done(written: TableResult) -> None:
        nonlocal done_rows
        result.add(written)
        done_rows += written.counts.total
        run.events("progress", step=f"restore {writer.table.name}", done=done_rows, total=total)

    in_parallel(connections, batches, writer.write, done)


class _Writer:
    """Puts batches into one table, one database transaction each; in a dry run it finds out what it would put.

    A table that had no row is not asked for each batch whether it has it.
    """

    def __init__(self, run: Run, table: Table, had_rows: bool, check: Callable[[], None]) -> None:
        self.table = table
        self._dry_run, self._had_rows, self._check = run.dry_run, had_rows, check

    def write(self, connection: Connection, batch: Batch) -> TableResult:
        """Inserts the missing rows of the batch; one that is all there, or not there at all, goes as a whole."""
        self._check()
        result = TableResult()
        self._write(connection, batch, result)
        connection.rollback()
        return result

    def _write(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        count, found = self._found(connection, batch) if self._had_rows else (0, None)
        if count == 0:
            self._insert(connection, batch, result)
        elif count == len(batch.rows) and found == digest(batch.rows):
            result.present += count
        else:
            self._write_missing(connection, batch, result)

    def _write_missing(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        existing = self._existing(connection, batch)
        missing = []
        for position, (key, text) in enumerate(zip(batch.rows.keys.tolist(), batch.rows.texts, strict=True)):
            if key not in existing:
                missing.append(position)
            elif existing[key] == hashlib.sha256(text.as_py()).hexdigest():
                result.present += 1
            else:
                result.conflicts.append(key)
        if missing:
            self._insert(connection, batch.subset(missing), result)

    def _existing(self, connection: Connection, batch: Batch) -> dict[int, str]:
        """The digest of each row's text that is there already, by key."""
        table = self.table
        sql = f"SELECT {table.quoted_key}, SHA2({row_text_sql(table)}, 256) FROM {table.quoted}"
        return dict(query(connection, f"{sql} WHERE {batch.rows.condition}"))

    def _insert(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        if self._dry_run:
            result.inserted += len(batch.rows)
            return
        try:
            self._insert_all(connection, batch)
            result.inserted += len(batch.rows)
        except pymysql.MySQLError as error:
            connection.rollback()
            if error.args[0] not in _ROW_ERRORS and error.sqlstate != _SIGNALLED:  # type: ignore[attr-defined]
                raise
            if error.args[0] == ER.NO_REFERENCED_ROW_2:
                self._insert_halves(connection, batch, result, result.orphans)
            elif error.args[0] != ER.DUP_ENTRY:
                self._insert_halves(connection, batch, result, result.refused)
            elif self._existing(connection, batch):
                # Another backup of this restore, or somebody else, inserted one of these keys since we looked.
                self._write_missing(connection, batch, result)
            else:
                # A unique index that is not the key's.
                self._insert_halves(connection, batch, result, result.conflicts)

    def _insert_all(self, connection: Connection, batch: Batch) -> None:
        """One transaction, done again where somebody else's was in the way."""
        table = self.table
        insert = f"INSERT INTO {table.quoted} ({table.column_list}) VALUES ".encode()

        def insert_rows() -> None:
            for values in batch.values:
                execute(connection, b"".join((insert, values)))

        retried(connection, insert_rows)
        if self._found(connection, batch) != (len(batch.rows), digest(batch.rows)):
            connection.rollback()
            raise BackupError(f"table {table.name}: the server did not keep the rows as they were sent; rolled back")
        connection.commit()

    def _insert_halves(self, connection: Connection, batch: Batch, result: TableResult, refused: list[int]) -> None:
        """The server refuses a row among these: finds it, notes its key in `refused`, inserts the others."""
        count = len(batch.rows)
        if count == 1:
            refused.append(int(batch.rows.keys[0]))
            return
        middle = count // 2
        self._insert(connection, batch.subset(range(middle)), result)
        self._insert(connection, batch.subset(range(middle, count)), result)

    def _found(self, connection: Connection, batch: Batch) -> tuple[int, str | None]:
        return count_and_digest(connection, self.table, batch.rows.condition)
