"""Batches of rows for a restore, as ready VALUES, made by Arrow and not row by row by Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_file import decode, read_file
from xray_backup.data_model import Table
from xray_backup.errors import VerificationError
from xray_backup.in_parallel import ahead
from xray_backup.keys import Keys, keys_of, names_one_of
from xray_backup.literals import row_literals
from xray_backup.manifest import DataFile, Manifest
from xray_backup.row_text import row_texts, separated
from xray_backup.rows_in_order import RowsInOrder
from xray_backup.store import Store
from xray_backup.target_columns import TargetTable
from xray_backup.verification import is_as_written

ROWS_PER_BATCH = 5_000
ROWS_PER_STATEMENT = 1_000


@dataclass(frozen=True)
class Batch:
    """Rows of one table, sorted by key, and the literals of each: `('a', 1)`."""

    rows: RowsInOrder
    literals: pa.Array

    def slice(self, start: int, end: int) -> Batch:
        """The rows from position `start` up to `end`, which is not included."""
        return Batch(self.rows.slice(start, end), self.literals.slice(start, end - start))

    def subset(self, positions: Sequence[int]) -> Batch:
        """The rows at these positions, which are in order."""
        return Batch(self.rows.take(np.array(positions, np.int64)), self.literals.take(pa.array(positions, pa.int64())))

    @property
    def values(self) -> Iterator[memoryview]:
        """The rows as they stand behind VALUES, in parts: MySQL takes longer for each row of a longer statement."""
        for start in range(0, len(self.literals), ROWS_PER_STATEMENT):
            yield separated(self.literals.slice(start, ROWS_PER_STATEMENT), b",")


def read_batches(
    store: Store,
    table: Table,
    target: TargetTable,
    manifest: Manifest,
    keys: Keys | None,
    text_bytes_at_once: int,
    erased: Keys | None = None,
) -> Iterator[Batch]:
    """The rows of one table, file by file, with the columns that the target has.

    Args:
        store: where the backup is.
        table: the table.
        target: its columns in the target.
        manifest: the backup.
        keys: of the rows (default: all).
        text_bytes_at_once: bounds the text of a batch.
        erased: keys of rows that are left out.

    Raises:
        VerificationError: a file is not what the manifest says; nothing of it is sent.
    """
    files = manifest.tables[table.name].files
    for batch in ahead(_read_batch(store, table, target, manifest, file, keys, erased) for file in files):
        for start, end in batch.rows.parts(ROWS_PER_BATCH, text_bytes_at_once):
            yield batch.slice(start, end)


def _read_batch(
    store: Store,
    table: Table,
    target: TargetTable,
    manifest: Manifest,
    file: DataFile,
    keys: Keys | None,
    erased: Keys | None,
) -> Batch:
    """The rows of a file with these keys (None: all) that were not erased."""
    rows = decode(table, read_file(store, file.key, file.etag).body, file.key)
    if not is_as_written(table, [rows], file, manifest.format_version):
        raise VerificationError(f"{manifest.name}: the rows in file {file.key} are not those that were written")
    if keys is not None:
        rows = rows.filter(names_one_of(table, rows, table.key, keys))
    if erased is not None:
        rows = rows.filter(pc.invert(names_one_of(table, rows, table.key, erased)))
    if table.key:
        order = np.argsort(found := keys_of(table, rows), kind="stable")
        rows, found = rows.take(pa.array(order)), found[order]
    else:
        # Rows that nothing tells apart have their places for keys.
        found = np.arange(rows.num_rows)
    return Batch(
        RowsInOrder(target.compared, found, row_texts(target.compared, rows)), row_literals(target.inserted, rows)
    )
