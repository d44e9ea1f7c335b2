"""The units that may be deleted, read back from an archive: one row of the anchor each, with all its descendants.

An archive is gone through in blocks of neighbouring units. Of each block, the descendants' files are read whose parents
are among them, so that memory holds two blocks, however large the archive is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_file import decode, read_file
from xray_backup.data_model import ForeignKey, Table
from xray_backup.keys import Keys, is_in, keys_of, names_one_of, no_keys, owner_columns, shown
from xray_backup.manifest import DataFile, Manifest
from xray_backup.purge_record import Outcome
from xray_backup.restore_proof import RestoreProof
from xray_backup.row_text import row_texts, value_text
from xray_backup.rows_in_order import RowsInOrder, sorted_rows
from xray_backup.store import Store
from xray_backup.verification import FileContent

ANCHORS_PER_BLOCK = 25_000


@dataclass(frozen=True)
class UnitRows:
    """Rows of one table by the anchor that they belong to: sorted by `anchors`, the anchor's key of each."""

    table: Table
    anchors: Keys
    keys: Keys
    texts: pa.Array

    def without(self, anchors: Keys) -> UnitRows:
        """The rows of the other units."""
        left = ~is_in(self.anchors, anchors)
        return UnitRows(self.table, self.anchors[left], self.keys[left], self.texts.filter(pa.array(left)))


@dataclass(frozen=True)
class Block:
    """Neighbouring units: the rows of each purged table, the anchor's first.

    `not_restorable` are the anchors' keys, by reason, of units that a restore could not bring back.
    """

    rows: tuple[UnitRows, ...]
    not_restorable: Mapping[Outcome, Keys] = field(default_factory=dict)

    @cached_property
    def _starts(self) -> tuple[Keys, ...]:
        """By table: where the rows of each unit begin; at the end the number of rows."""
        anchors = self.rows[0].keys
        return tuple(np.append(np.searchsorted(rows.anchors, anchors), len(rows.anchors)) for rows in self.rows)

    def without(self, anchors: Keys) -> Block:
        """The block without these units."""
        return Block(tuple(rows.without(anchors) for rows in self.rows))

    def units(self, first: int, end: int) -> list[RowsInOrder]:
        """By table, the rows of the units from `first` up to `end`, which is not included."""
        found = []
        for rows, starts in zip(self.rows, self._starts, strict=True):
            start, stop = int(starts[first]), int(starts[end])
            found.append(sorted_rows(rows.table, rows.keys[start:stop], rows.texts.slice(start, stop - start)))
        return found

    def chunks(self, rows_per_chunk: int) -> Iterator[Chunk]:
        """Packs units, in order, into chunks of at most so many rows; a larger unit is a chunk of its own."""
        ends = np.sum([starts[1:] for starts in self._starts], axis=0)
        first, count = 0, len(self.rows[0].keys)
        while first < count:
            before = ends[first - 1] if first else 0
            end = max(first + 1, int(np.searchsorted(ends, before + rows_per_chunk, side="right")))
            yield Chunk(self, first, end)
            first = end


@dataclass(frozen=True)
class Chunk:
    """The units of a block from position `first` up to `end`, which is not included."""

    block: Block
    first: int
    end: int

    @property
    def rows(self) -> list[RowsInOrder]:
        """By purged table, the anchor's first."""
        return self.block.units(self.first, self.end)

    @property
    def first_key(self) -> int | str:
        """The anchor's key of the first unit, as a record has it."""
        return shown(self.block.rows[0].keys[self.first : self.first + 1])[0]

    @property
    def last_key(self) -> int | str:
        """The anchor's key of the last unit, as a record has it."""
        return shown(self.block.rows[0].keys[self.end - 1 : self.end])[0]

    def __len__(self) -> int:
        return self.end - self.first

    def halves(self) -> tuple[Chunk, Chunk]:
        """Two chunks of about as many units."""
        middle = (self.first + self.end) // 2
        return Chunk(self.block, self.first, middle), Chunk(self.block, middle, self.end)


def read_blocks(
    store: Store,
    scope: PolicyScope,
    manifest: Manifest,
    contents: Mapping[str, FileContent],
    before: str,
    proof: RestoreProof,
) -> Iterator[Block]:
    """Every unit of the archive whose time is before `before`, each once, in blocks of neighbours.

    Args:
        store: where the archive is.
        scope: the policy, and the tables that it reaches.
        manifest: a verified archive.
        contents: what was found in each file: the ends of the column that names the parent.
        before: `YYYY-MM-DD hh:mm:ss`, in the zone of the time column.
        proof: tells which rows a restore can insert.
    """
    anchor, *descendants = scope.purged
    for file in manifest.tables[anchor.name].files:
        rows = _rows(store, anchor, file)
        # As text, which sorts as time does, and is there for a zero date as well.
        old = rows.filter(pc.less(value_text(scope.time_column, rows), before))
        old = old.take(pa.array(np.argsort(keys_of(anchor, old), kind="stable")))
        for start in range(0, old.num_rows, ANCHORS_PER_BLOCK):
            part = old.slice(start, ANCHORS_PER_BLOCK)
            keys = keys_of(anchor, part)
            failed: dict[Outcome, list[Keys]] = {}
            _note(failed, proof.failures(anchor, part), keys)
            found = {anchor.name: UnitRows(anchor, keys, keys, row_texts(anchor, part))}
            for table in descendants:
                found[table.name] = _descendants(
                    store, scope.owners[table.name], manifest, contents, table, found, proof, failed
                )
            reasons = {reason: np.unique(np.concatenate(anchors)) for reason, anchors in failed.items()}
            yield Block(tuple(found.values()), reasons)


def _note(failed: dict[Outcome, list[Keys]], failures: Mapping[Outcome, pa.Array], anchors: Keys) -> None:
    for reason, rows in failures.items():
        failed.setdefault(reason, []).append(anchors[rows.to_numpy(zero_copy_only=False)])


def _descendants(
    store: Store,
    owner: ForeignKey,
    manifest: Manifest,
    contents: Mapping[str, FileContent],
    table: Table,
    found: Mapping[str, UnitRows],
    proof: RestoreProof,
    failed: dict[Outcome, list[Keys]],
) -> UnitRows:
    """The archived rows whose parents are among those found, sorted by their anchor; `failed` gets anchors' keys."""
    parents = found[owner.table]
    columns = owner_columns(owner, parents.table)
    order = np.argsort(parents.keys, kind="stable")
    parent_keys, parent_anchors = parents.keys[order], parents.anchors[order]
    anchors, keys, texts = [], [], []
    for file in _files_with(manifest.tables[table.name].files, contents, parent_keys):
        rows = _rows(store, table, file)
        part = rows.filter(names_one_of(table, rows, columns, parent_keys))
        if part.num_rows:
            anchors.append(parent_anchors[np.searchsorted(parent_keys, keys_of(table, part, columns))])
            _note(failed, proof.failures(table, part), anchors[-1])
            keys.append(keys_of(table, part))
            texts.append(row_texts(table, part))
    if not keys:
        return UnitRows(table, parent_anchors[:0], no_keys(table), pa.array([], pa.binary()))
    all_anchors, all_keys, all_texts = np.concatenate(anchors), np.concatenate(keys), pa.concat_arrays(texts)
    if not bool(np.all(all_anchors[1:] >= all_anchors[:-1])):
        by_anchor = np.argsort(all_anchors, kind="stable")
        all_anchors, all_keys = all_anchors[by_anchor], all_keys[by_anchor]
        all_texts = all_texts.take(pa.array(by_anchor))
    return UnitRows(table, all_anchors, all_keys, all_texts)


def _files_with(files: Sequence[DataFile], contents: Mapping[str, FileContent], keys: Keys) -> Iterator[DataFile]:
    """The files that may hold a row with one of these parents, which are sorted."""
    if not len(keys):
        return
    if keys.dtype == np.object_:
        yield from files
        return
    for file in files:
        first, last = contents[file.key].first, contents[file.key].last
        if first is not None and last is not None and first <= keys[-1] and last >= keys[0]:
            yield file


def _rows(store: Store, table: Table, file: DataFile) -> pa.Table:
    # With the ETag that was verified: these are the same bytes.
    return decode(table, read_file(store, file.key, file.etag).body, file.key)
