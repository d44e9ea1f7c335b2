"""The rows that a dry run of several backups would put in: the second backup finds those of the first there."""

from __future__ import annotations

import threading

import numpy as np

from xray_backup.data_model import Table
from xray_backup.fingerprint import Hashes, hashes_of
from xray_backup.keys import Keys, is_in, shown
from xray_backup.restore_result import TableResult
from xray_backup.rows_in_order import RowsInOrder


class PlannedRows:
    """Rows of one table by key and hash; `settle` ends one backup and begins the next.

    Without `keep`, where no other backup follows, none is kept.
    """

    def __init__(self, keep: bool) -> None:
        self._keep = keep
        self._columns: tuple[str, ...] = ()
        self._keys: Keys | None = None
        self._hashes: Hashes = np.array([], np.uint64)
        self._new: list[tuple[Keys, Hashes]] = []
        self._lock = threading.Lock()

    def plan(self, rows: RowsInOrder, result: TableResult) -> None:
        """Counts rows that the target lacks as an insert would: an earlier backup may have put them in."""
        known = is_in(rows.keys, self._keys) if self._keys is not None else np.zeros(len(rows), np.bool_)
        if known.any():
            self._compare(rows.take(np.flatnonzero(known)), result)
            rows = rows.take(np.flatnonzero(~known))
        result.inserted += len(rows)
        if self._keep:
            hashes = hashes_of(rows.texts)
            with self._lock:
                self._new.append((rows.keys, hashes))

    def _compare(self, rows: RowsInOrder, result: TableResult) -> None:
        same = np.ones(len(rows), np.bool_)
        # Backups with different columns are compared by those that both have, which these hashes are not of.
        if self._keys is not None and _columns(rows.table) == self._columns:
            same = self._hashes[np.searchsorted(self._keys, rows.keys)] == hashes_of(rows.texts)
        result.present += int(same.sum())
        result.conflicts += shown(rows.keys[~same])

    def settle(self, table: Table) -> None:
        """The rows of this backup, with these columns, are those that the next one finds."""
        if not self._new:
            return
        before = [] if self._keys is None else [self._keys]
        keys = np.concatenate([*before, *(keys for keys, _ in self._new)])
        hashes = np.concatenate([self._hashes, *(hashes for _, hashes in self._new)])
        order = np.argsort(keys, kind="stable")
        self._keys, self._hashes, self._columns = keys[order], hashes[order], _columns(table)
        self._new.clear()


def _columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)
