"""Restore: inserts what is missing, parents first; never overwrites what is there, and tells of conflicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field

import pymysql
from pymysql.constants import ER

from xray_backup import manifest as manifests
from xray_backup.data_model import Table, quoted
from xray_backup.database import Connection, execute, query
from xray_backup.errors import BackupError, VerificationError
from xray_backup.fingerprint import Fingerprint, fingerprint_sql, row_hash_sql
from xray_backup.in_parallel import in_parallel
from xray_backup.layout import LOCKS, RESTORES
from xray_backup.manifest import Manifest
from xray_backup.records import recorded
from xray_backup.restore_batches import Batch, Selection, batches, selected
from xray_backup.run import Run
from xray_backup.schema_check import check_schema
from xray_backup.verification import check_files, read_rows

RESTORE_LOCK = f"{LOCKS}restore.json"


@dataclass
class TableResult:
    """Rows of one table: put in, there already, in conflict with what is there, or without their parent in the target.

    A row conflicts where its key has other values, or where another row has a value that must be unique. `conflicts`
    and `orphans` hold keys; neither kind of row is written.
    """

    inserted: int = 0
    present: int = 0
    conflicts: list[int] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)

    def add(self, other: TableResult) -> None:
        """Adds what became of more rows of the table."""
        self.inserted += other.inserted
        self.present += other.present
        self.conflicts = sorted(self.conflicts + other.conflicts)
        self.orphans = sorted(self.orphans + other.orphans)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows of each kind."""
        return {name: len(value) if isinstance(value, list) else value for name, value in asdict(self).items()}


RestoreResult = dict[str, TableResult]


def restore(
    run: Run, names: Sequence[str], schema: str | None, selection: Selection, execute_it: bool
) -> RestoreResult:
    """Restores rows of the backups `names` into `schema`.

    Args:
        run: the run.
        names: backups as `list` shows them; `latest` is the newest snapshot. Where two hold one key, the first wins.
        schema: the target; the secret's where None. One that does not exist is made, with its tables.
        selection: which rows.
        execute_it: False finds out what would be inserted, and writes nothing.

    Raises:
        BackupError: a backup is damaged, or the target refused; what was inserted is whole batches, and another run
            goes on from there.
    """
    target = schema or run.database.schema
    backups = [manifests.load(run.store, name, run.model) for name in names]
    for manifest in backups:
        for table in run.model.tables:
            check_files(run.store, manifest.name, manifest.tables[table.name])
    result = {table.name: TableResult() for table in run.model.tables}
    if not execute_it:
        _restore(run, backups, target, selection, result, None)
        return result
    with (
        run.exclusive(RESTORE_LOCK, target) as check,
        recorded(run, RESTORES) as record,
    ):
        record["backups"] = [manifest.name for manifest in backups]
        record["schema"] = target
        record["is_drill"] = all(manifest.schema != target for manifest in backups)
        record["is_everything"] = selection.is_everything
        try:
            _create_schema(run, target)
            _restore(run, backups, target, selection, result, check)
        finally:
            record["tables"] = {name: table.counts for name, table in result.items()}
    return result


def _restore(
    run: Run,
    backups: list[Manifest],
    target: str,
    selection: Selection,
    result: RestoreResult,
    check: Callable[[], None] | None,
) -> None:
    exists = not _tables_to_make(run, target)
    with ExitStack() as sessions:
        connections = [
            sessions.enter_context(run.database.session(target if exists else "")) for _ in range(run.connections)
        ]
        if exists:
            check_schema(connections[0], target, run.model)
            connections[0].commit()
        for manifest in backups:
            files = {
                table.name: read_rows(run, table, [file.key for file in manifest.tables[table.name].files])
                for table in run.model.tables
            }
            rows = selected(run.model, files, selection)
            for table in run.model.tables:
                expected = manifest.tables[table.name].fingerprint
                writer = _Writer(table, exists, check)
                found = batches(run, table, rows[table.name], expected.rows)
                read = _write_table(run, connections, writer, found, result[table.name], expected.rows)
                if selection.is_everything and read != expected:
                    raise VerificationError(
                        f"{manifest.name}: the rows of {table.name} are not those that were written"
                    )
    run.events(
        "restored" if check else "would_restore", schema=target, tables={k: asdict(v) for k, v in result.items()}
    )


def _write_table(
    run: Run,
    connections: Sequence[Connection],
    writer: _Writer,
    batches_of_table: Iterable[Batch],
    result: TableResult,
    total: int,
) -> Fingerprint:
    """Writes the batches side by side; the fingerprint of all rows that were read from the backup."""
    read = Fingerprint()

    def done(written: tuple[Fingerprint, TableResult]) -> None:
        nonlocal read
        read += written[0]
        result.add(written[1])
        run.events("progress", step=f"restore {writer.table.name}", done=read.rows, total=total)

    in_parallel(connections, batches_of_table, writer.write, done)
    return read


class _Writer:
    """Puts batches into one table, one database transaction each; without `check` it finds out what it would put."""

    def __init__(self, table: Table, exists: bool, check: Callable[[], None] | None) -> None:
        self.table = table
        self._exists, self._check = exists, check

    def write(self, connection: Connection, batch: Batch) -> tuple[Fingerprint, TableResult]:
        """Inserts the missing rows of the batch; one that is all there, or not there at all, goes as a whole."""
        if self._check:
            self._check()
        result = TableResult()
        found = self._fingerprint(connection, batch) if self._exists else Fingerprint()
        if found == batch.fingerprint:
            result.present += batch.keys.count
        elif found.rows == 0:
            self._insert(connection, batch, result)
        else:
            self._write_missing(connection, batch, result)
        connection.rollback()
        return batch.fingerprint, result

    def _write_missing(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        existing = self._existing(connection, batch)
        missing = []
        for position, (key, row_hash) in enumerate(batch.hash_of.items()):
            if key not in existing:
                missing.append(position)
            elif existing[key] == row_hash:
                result.present += 1
            else:
                result.conflicts.append(key)
        if missing:
            self._insert(connection, batch.subset(missing), result)

    def _existing(self, connection: Connection, batch: Batch) -> dict[int, int]:
        """The hash of each row that is there already, by key."""
        table = self.table
        sql = f"SELECT `{table.key}`, {row_hash_sql(table)} FROM {table.quoted} WHERE `{table.key}` BETWEEN %s AND %s"
        found = dict(query(connection, sql, (batch.keys.first, batch.keys.last)))
        return {key: found[key] for key in batch.hash_of if key in found}

    def _insert(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        if self._check is None:
            result.inserted += batch.keys.count
            return
        table = self.table
        try:
            execute(connection, f"INSERT INTO {table.quoted} ({table.column_list}) VALUES {batch.values}")
        except pymysql.IntegrityError as error:
            connection.rollback()
            if error.args[0] == ER.NO_REFERENCED_ROW_2:
                self._insert_halves(connection, batch, result, result.orphans)
            elif error.args[0] != ER.DUP_ENTRY:
                raise
            elif self._existing(connection, batch):
                # Somebody inserted one of these keys since we looked.
                self._write_missing(connection, batch, result)
            else:
                # A unique index that is not the key's.
                self._insert_halves(connection, batch, result, result.conflicts)
            return
        if self._fingerprint(connection, batch) != batch.fingerprint:
            connection.rollback()
            raise BackupError(f"table {table.name}: the server did not keep the rows as they were sent; rolled back")
        connection.commit()
        result.inserted += batch.keys.count

    def _insert_halves(self, connection: Connection, batch: Batch, result: TableResult, refused: list[int]) -> None:
        """The server refuses a row among these: finds it, notes its key in `refused`, inserts the others."""
        count = batch.keys.count
        if count == 1:
            refused.append(batch.keys.first)
            return
        middle = count // 2
        self._insert(connection, batch.subset(range(middle)), result)
        self._insert(connection, batch.subset(range(middle, count)), result)

    def _fingerprint(self, connection: Connection, batch: Batch) -> Fingerprint:
        table = self.table
        condition = batch.keys.condition(table.key)
        sql = f"SELECT {fingerprint_sql(table)} FROM {table.quoted} WHERE {condition}"
        ((count, hash_sum),) = query(connection, sql)
        return Fingerprint(count, int(hash_sum))


def _tables_to_make(run: Run, schema: str) -> list[Table]:
    """What a scratch schema lacks: every table where there is no schema, some where a restore died while it made them.

    A schema that holds a row, or a table that is not of the model, is nobody's unfinished work and is left as it is.
    """
    with run.database.session("") as connection:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        found = {name for (name,) in query(connection, sql, (schema,))}
        made = [table for table in run.model.tables if table.name in found]
        if len(made) < len(found) or any(
            query(connection, f"SELECT 1 FROM {quoted(schema)}.{table.quoted} LIMIT 1") for table in made
        ):
            return []
    return [table for table in run.model.tables if table not in made]


def _create_schema(run: Run, schema: str) -> None:
    """Makes a scratch schema: keys but no foreign keys, so that a row without a parent can be restored as well."""
    tables = _tables_to_make(run, schema)
    if not tables:
        return
    with run.database.session("") as connection:
        if not query(connection, "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (schema,)):
            execute(connection, f"CREATE DATABASE {quoted(schema)} CHARACTER SET utf8mb4")
        for table in tables:
            columns = ", ".join(f"{column.quoted} {column.type.mysql} NOT NULL" for column in table.columns)
            execute(
                connection, f"CREATE TABLE {quoted(schema)}.{table.quoted} ({columns}, PRIMARY KEY (`{table.key}`))"
            )
