"""One table of a restore: puts batches of rows in, each as a database transaction that proves what it has put in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pymysql
from pymysql.constants import ER

from xray_backup.database import OVERTAKEN, Connection, execute, query, retried
from xray_backup.keys import found_keys, key_sql, shown
from xray_backup.planned_rows import PlannedRows
from xray_backup.restore_batches import Batch
from xray_backup.restore_result import TableResult
from xray_backup.row_text import row_text_sql
from xray_backup.rows_in_order import count_and_digest, digest
from xray_backup.run import Run
from xray_backup.target_columns import TargetTable

# By SQLSTATE: connection, log-in, transaction thrown back, syntax and rights, statement ended from outside. None of
# them is about a row.
_NOT_OF_A_ROW = ("08", "28", "40", "42", "70", "XA")
# The same of those that have none of their own: no space, no memory, no lock, a server or a table that is read only, a
# time limit, a table that was altered.
_NOT_OF_A_ROW_CODES = frozenset(
    {
        1021, 1026, 1030, 1037, 1038, 1040, 1041, 1114, 1180, 1197, 1206, 1290, 1412, 1615, 1792, 1836, 1874, 3024,
        3100, 3101, 3572, *OVERTAKEN,
    }
)  # fmt: skip
# A trigger's SELECT … INTO that finds more than one row, and its SIGNAL, whatever SQLSTATE they have.
_OF_A_ROW_CODES = frozenset({1172, 1642, 1643, 1644})


class _NotKeptError(Exception):
    """The server has the rows otherwise than they were sent: a trigger changed a value, or a type rounded it."""


def is_of_a_row(error: pymysql.MySQLError) -> bool:
    """True where the statement may pass without one of its rows."""
    code, state = error.args[0] if error.args else None, str(getattr(error, "sqlstate", None) or "")
    if code in _OF_A_ROW_CODES:
        return True
    # An error without SQLSTATE did not come from the server.
    return bool(state) and not state.startswith(_NOT_OF_A_ROW) and code not in _NOT_OF_A_ROW_CODES


class TableWriter:
    """Puts batches into one table, one database transaction each; in a dry run it finds out what it would put.

    A table that had no row is not asked for each batch whether it has it. `planned` are the rows of a dry run so far.
    """

    def __init__(
        self, run: Run, target: TargetTable, had_rows: bool, check: Callable[[], None], planned: PlannedRows
    ) -> None:
        self.table, self._inserted = target.compared, target.inserted
        self._dry_run, self._had_rows, self._check, self._planned = run.dry_run, had_rows, check, planned

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
        missing, conflicts = [], []
        for position, (key, text) in enumerate(zip(batch.rows.keys.tolist(), batch.rows.texts, strict=True)):
            if key not in existing:
                missing.append(position)
            elif existing[key] == hashlib.sha256(text.as_py()).hexdigest():
                result.present += 1
            else:
                conflicts.append(position)
        result.conflicts += shown(batch.rows.keys[conflicts])
        if missing:
            self._insert(connection, batch.subset(missing), result)

    def _existing(self, connection: Connection, batch: Batch) -> dict[int | bytes, str]:
        """The digest of each row's text that is there already, by key."""
        table = self.table
        sql = f"SELECT {key_sql(table.key_columns)}, SHA2({row_text_sql(table)}, 256) FROM {table.quoted}"
        rows = query(connection, f"{sql} WHERE {batch.rows.condition}")
        keys = found_keys(table.key_columns, (key for key, _ in rows)).tolist()
        return dict(zip(keys, (digest for _, digest in rows), strict=True))

    def _insert(self, connection: Connection, batch: Batch, result: TableResult) -> None:
        if self._dry_run:
            self._planned.plan(batch.rows, result)
            return
        try:
            self._insert_all(connection, batch)
            result.inserted += len(batch.rows)
        except _NotKeptError:
            connection.rollback()
            self._insert_halves(connection, batch, result, result.refused)
        except pymysql.MySQLError as error:
            connection.rollback()
            if not is_of_a_row(error):
                raise
            if error.args[0] in (ER.NO_REFERENCED_ROW, ER.NO_REFERENCED_ROW_2):
                self._insert_halves(connection, batch, result, result.orphans)
            elif error.args[0] != ER.DUP_ENTRY:
                self._insert_halves(connection, batch, result, result.refused)
            elif not self._existing(connection, batch).keys().isdisjoint(batch.rows.keys.tolist()):
                # Another backup of this restore, or somebody else, inserted one of these keys since we looked.
                self._write_missing(connection, batch, result)
            else:
                # A unique index that is not the key's, or a key that is another one only by its bytes.
                self._insert_halves(connection, batch, result, result.conflicts)

    def _insert_all(self, connection: Connection, batch: Batch) -> None:
        """One transaction, done again where somebody else's was in the way."""
        table = self._inserted
        insert = f"INSERT INTO {table.quoted} ({table.column_list}) VALUES ".encode()

        def insert_rows() -> None:
            for values in batch.values:
                execute(connection, b"".join((insert, values)))

        retried(connection, insert_rows)
        if self._found(connection, batch) != (len(batch.rows), digest(batch.rows)):
            raise _NotKeptError
        connection.commit()

    def _insert_halves(
        self, connection: Connection, batch: Batch, result: TableResult, refused: list[int | str]
    ) -> None:
        """The server refuses a row among these: finds it, notes its key in `refused`, inserts the others."""
        count = len(batch.rows)
        if count == 1:
            refused += shown(batch.rows.keys)
            return
        middle = count // 2
        self._insert(connection, batch.subset(range(middle)), result)
        self._insert(connection, batch.subset(range(middle, count)), result)

    def _found(self, connection: Connection, batch: Batch) -> tuple[int, str | None]:
        return count_and_digest(connection, self.table, batch.rows.condition)
