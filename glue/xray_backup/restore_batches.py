"""Batches of rows for a restore, as ready VALUES, made by Arrow and not row by row by Python."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_file import decode, read_file
from xray_backup.data_model import DataModel, Table
from xray_backup.errors import UsageError, VerificationError
from xray_backup.in_parallel import ahead
from xray_backup.keys import Keys, in_key_order, is_one_of, keys_of
from xray_backup.literals import row_literals
from xray_backup.manifest import DataFile, Manifest
from xray_backup.row_text import row_texts, separated, value_text
from xray_backup.rows_in_order import RowsInOrder
from xray_backup.store import Store
from xray_backup.target_columns import TargetTable
from xray_backup.verification import is_as_written

ROWS_PER_BATCH = 5_000
ROWS_PER_STATEMENT = 1_000


@dataclass(frozen=True)
class Selection:
    """Rows to restore; everything where all is None. `since` and `until` are `YYYY-MM-DD[ hh:mm:ss]`."""

    parent_ids: Sequence[int] | None = None
    anchor_ids: Sequence[int] | None = None
    since: str | None = None
    until: str | None = None

    @property
    def is_everything(self) -> bool:
        """True where no row is left out."""
        return self == Selection()


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
) -> Iterator[Batch]:
    """The rows of one table with these keys (None: all), file by file, with the columns that the target has.

    Raises:
        VerificationError: a file is not what the manifest says; nothing of it is sent.
    """
    files = manifest.tables[table.name].files
    for batch in ahead(_read_batch(store, table, target, manifest, file, keys) for file in files):
        for start, end in batch.rows.parts(ROWS_PER_BATCH, text_bytes_at_once):
            yield batch.slice(start, end)


def _read_batch(
    store: Store, table: Table, target: TargetTable, manifest: Manifest, file: DataFile, keys: Keys | None
) -> Batch:
    """The rows of a file with these keys (None: all)."""
    rows = _read(store, table, file)
    if not is_as_written(table, [rows], file, manifest.format_version):
        raise VerificationError(f"{manifest.name}: the rows in file {file.key} are not those that were written")
    if keys is not None:
        rows = rows.filter(is_one_of(rows, table.key, keys))
    rows = in_key_order(rows, table.key)
    ordered = RowsInOrder(target.compared, keys_of(rows, table.key), row_texts(target.compared, rows))
    return Batch(ordered, row_literals(target.inserted, rows))


def _read(store: Store, table: Table, file: DataFile, columns: Sequence[str] | None = None) -> pa.Table:
    return decode(table, read_file(store, file.key, file.etag).body, file.key, columns)


def selected_keys(
    store: Store, model: DataModel, manifest: Manifest, selection: Selection
) -> Mapping[str, Keys | None]:
    """The keys to restore, by table: the chosen rows, what belongs to them, and the parents they need; None for all."""
    if selection.is_everything:
        return {table.name: None for table in model.tables}
    anchor = model.anchor
    if selection.parent_ids is not None and anchor.parent is None:
        raise UsageError(f"rows cannot be chosen by parent: {anchor.name} has none")
    chosen: dict[str, Keys] = {}
    # The keys of the parents that the chosen rows name, by table.
    parents: dict[str, list[Keys]] = {}
    for table in model.purged:
        keys = []
        for file in manifest.tables[table.name].files:
            rows = _read(store, table, file)
            if table is anchor:
                rows = rows.filter(_is_chosen(anchor, rows, selection))
            elif table.parent:
                rows = rows.filter(is_one_of(rows, table.parent.column, chosen[table.parent.table]))
            keys.append(keys_of(rows, table.key))
            if table.parent:
                parents.setdefault(table.parent.table, []).append(keys_of(rows, table.parent.column))
        chosen[table.name] = _together(keys)
    for table in reversed(model.tables):
        if table.name in chosen:
            continue
        needed = parents.get(table.name, [])
        if selection.parent_ids is not None and anchor.parent and table.name == anchor.parent.table:
            # A chosen parent without any row of the anchor is restored too.
            needed.append(np.array(selection.parent_ids, np.int64))
        chosen[table.name] = _together(needed)
        if table.parent:
            for file in manifest.tables[table.name].files:
                rows = _read(store, table, file)
                rows = rows.filter(is_one_of(rows, table.key, chosen[table.name]))
                parents.setdefault(table.parent.table, []).append(keys_of(rows, table.parent.column))
    return chosen


def check_selection(
    store: Store, backups: Sequence[Manifest], models: Sequence[DataModel], selection: Selection
) -> None:
    """Looks for each chosen id in the backups.

    Raises:
        UsageError: none of them holds it.
    """
    model = models[0]
    anchor = model.anchor
    chosen = [(anchor, selection.anchor_ids)]
    if anchor.parent:
        chosen.append((model.table(anchor.parent.table), selection.parent_ids))
    for table, ids in chosen:
        left = np.array(sorted(ids or []), np.int64)
        for manifest, of_backup in zip(backups, models, strict=True):
            for file in manifest.tables[table.name].files:
                if len(left):
                    rows = _read(store, of_backup.table(table.name), file, [table.key])
                    left = np.setdiff1d(left, keys_of(rows, table.key))
        if len(left):
            raise UsageError(
                f"--{table.name}-ids {', '.join(map(str, left.tolist()))}: not in"
                f" {' or '.join(manifest.name for manifest in backups)}; `list` shows other backups"
            )


def _is_chosen(anchor: Table, rows: pa.Table, selection: Selection) -> pa.Array:
    assert anchor.time_column is not None  # noqa: S101
    chosen = pa.array(np.ones(rows.num_rows, np.bool_))
    if selection.parent_ids is not None and anchor.parent:
        chosen = pc.and_(chosen, is_one_of(rows, anchor.parent.column, selection.parent_ids))
    if selection.anchor_ids is not None:
        chosen = pc.and_(chosen, is_one_of(rows, anchor.key, selection.anchor_ids))
    # As text, which sorts as time does.
    times = value_text(anchor.column(anchor.time_column), rows)
    if selection.since:
        chosen = pc.and_(chosen, pc.greater_equal(times, selection.since))
    if selection.until:
        chosen = pc.and_(chosen, pc.less(times, selection.until))
    return chosen


def _together(keys: Sequence[Keys]) -> Keys:
    return np.unique(np.concatenate(keys)) if keys else np.array([], np.int64)
