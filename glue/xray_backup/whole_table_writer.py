"""Restores a table without a key: only where it is empty, as a whole, in one database transaction.

Nothing tells a row from another that is alike, so a part of the rows could be completed by no later run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import pyarrow as pa
import pymysql
from pymysql.constants import ER

from xray_backup.data_model import Table, quoted
from xray_backup.database import Connection, execute, query
from xray_backup.errors import BackupError, UsageError
from xray_backup.fingerprint import Fingerprint, fingerprint_sql, hashes_of
from xray_backup.manifest import Manifest
from xray_backup.restore_batches import Batch
from xray_backup.restore_result import TableResult
from xray_backup.restore_writer import is_of_a_row
from xray_backup.target_columns import TargetTable


def check_whole_table(
    connection: Connection, schema: str, table: Table, target: TargetTable, manifest: Manifest
) -> None:
    """Looks at a table without a key that is there already.

    Raises:
        UsageError: it has rows, and they are not those of the backup.
    """
    rows = manifest.tables[table.name].fingerprint
    there = _fingerprint(connection, target.compared, f"{quoted(schema)}.")
    if there.rows and rows.rows and (there != rows or len(target.compared.columns) != len(table.columns)):
        raise UsageError(
            f"table {schema}.{table.name} has no key and has {there.rows} rows already: nothing tells which of"
            f" {manifest.name} are among them; restore into another schema, or empty the table first"
        )


class WholeTableWriter:
    """Puts batches into one empty table that has no key, all or none."""

    def __init__(self, target: TargetTable, check: Callable[[], None]) -> None:
        self.table, self._inserted, self._check = target.compared, target.inserted, check
        self._expected = Fingerprint()

    def write(self, connection: Connection, batches: Iterable[Batch], result: TableResult) -> None:
        """Inserts every row that the server takes.

        Raises:
            BackupError: the table has other rows at the end; nothing was inserted.
        """
        written = TableResult()
        for batch in batches:
            self._check()
            self._insert(connection, batch, written)
        if _fingerprint(connection, self.table) != self._expected:
            connection.rollback()
            raise BackupError(
                f"table {self.table.name} has other rows than were sent, by a trigger, a type or another's insert:"
                " nothing was inserted, since without a key nothing tells which they are"
            )
        connection.commit()
        result.inserted += written.inserted
        result.conflicts += written.conflicts
        result.orphans += written.orphans
        result.refused += written.refused

    def _insert(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        execute(connection, "SAVEPOINT batch")
        try:
            for values in batch.values:
                insert = f"INSERT INTO {self._inserted.quoted} ({self._inserted.column_list}) VALUES ".encode()
                execute(connection, b"".join((insert, values)))
        except pymysql.MySQLError as error:
            if not is_of_a_row(error):
                raise
            execute(connection, "ROLLBACK TO SAVEPOINT batch")
            count = len(batch.rows)
            if count > 1:
                self._insert(connection, batch.slice(0, count // 2), result)
                self._insert(connection, batch.slice(count // 2, count), result)
            else:
                _refused_by(error, result).extend(shown_rows(batch.rows.texts))
            return
        result.inserted += len(batch.rows)
        self._expected += Fingerprint.of(hashes_of(batch.rows.texts))


def shown_rows(texts: pa.Array) -> list[str]:
    """Rows as a record may have them, where they have no key: the beginning of the SHA-256 of their text."""
    return [f"sha2:{hashlib.sha256(text).hexdigest()[:12]}" for text in texts.to_pylist()]


def _refused_by(error: pymysql.MySQLError, result: TableResult) -> list[int | str]:
    if error.args[0] in (ER.NO_REFERENCED_ROW, ER.NO_REFERENCED_ROW_2):
        return result.orphans
    return result.conflicts if error.args[0] == ER.DUP_ENTRY else result.refused


def _fingerprint(connection: Connection, table: Table, schema: str = "") -> Fingerprint:
    ((rows, hash_sum),) = query(connection, f"SELECT {fingerprint_sql(table)} FROM {schema}{table.quoted}")
    return Fingerprint(rows, int(hash_sum))
