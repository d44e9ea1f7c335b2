"""The rows of a backup that were erased, or are about to be: the chosen ones, and all that belongs to them there.

What belongs to a row is told by each backup's own rows: a key of a descendant may have been given to another's row
since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.archive_policy import ArchivePolicy, PolicyScope, scope_of_row
from xray_backup.data_file import decode, read_file
from xray_backup.data_model import Table
from xray_backup.erasure_record import ErasedKeys
from xray_backup.errors import BackupError
from xray_backup.in_parallel import ahead
from xray_backup.keys import Keys, keys_of, names_one_of, no_keys, owner_columns, shown
from xray_backup.manifest import DataFile, Manifest
from xray_backup.store import Store

# By table, the key of each row.
RowKeys: TypeAlias = Mapping[str, Keys]


@dataclass(frozen=True)
class FoundRows:
    """The rows of one backup that a choice takes: by table their keys, and by file their number.

    `named` are the chosen keys as the backup writes them, be it in a row that belongs to one alone.
    """

    scope: PolicyScope
    keys: RowKeys
    files: Mapping[str, Mapping[str, int]]
    named: Keys

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        return {name: len(keys) for name, keys in self.keys.items()}


def find_erased(
    store: Store, manifest: Manifest, policies: Sequence[ArchivePolicy], chosen: ErasedKeys
) -> FoundRows | None:
    """The rows of the backup that are chosen or belong to chosen ones; None where it has no such table.

    Raises:
        BackupError: a file cannot be read, or what belongs to a row cannot be told.
    """
    scope = scope_of_row(manifest.model, policies, chosen.table)
    if scope is None:
        return None
    keys: dict[str, Keys] = {}
    files: dict[str, dict[str, int]] = {}
    named = [no_keys(scope.anchor)]
    for table in scope.purged:
        parent, columns = _parent(scope, table)
        found, hits = [no_keys(table)], {}
        for file, rows in columns_of(store, manifest, table, {*table.key, *columns}):
            parents = np.unique(keys_of(table, rows, columns))
            if parent is scope.anchor:
                # A child of a chosen row may be there without it.
                parents = parents[chosen.among(parent, parents)]
                named.append(parents)
            else:
                parents = parents[chosen.same(parent, parents, keys[parent.name])]
            erased = keys_of(table, rows.filter(names_one_of(table, rows, columns, parents)))
            if len(erased):
                found.append(erased)
                hits[file.key] = len(erased)
        keys[table.name], files[table.name] = np.unique(np.concatenate(found)), hits
    return FoundRows(scope, keys, files, np.unique(np.concatenate(named)))


def erased_of(
    store: Store, manifest: Manifest, policies: Sequence[ArchivePolicy], tombstones: Iterable[ErasedKeys]
) -> RowKeys:
    """The keys of all rows of a backup that were erased since it was made, by table."""
    together: dict[str, Keys] = {}
    for chosen in tombstones:
        if found := find_erased(store, manifest, policies, chosen):
            for name, keys in found.keys.items():
                together[name] = np.union1d(together[name], keys) if name in together else keys
    return {name: keys for name, keys in together.items() if len(keys)}


def check_not_referenced(store: Store, manifest: Manifest, found: FoundRows, chosen: ErasedKeys) -> None:
    """Looks for rows of the backup that reference the found ones and do not belong to them.

    Raises:
        BackupError: there is one, which would be left without its parent, and may be another person's.
    """
    model, purged = manifest.model, {table.name for table in found.scope.purged}
    for table in model.tables:
        for key in table.foreign_keys:
            parents = found.keys.get(key.table, no_keys(table))
            if key.table not in purged or not len(parents) or found.scope.owners.get(table.name) == key:
                continue
            parent = model.table(key.table)
            if set(key.referenced_columns) != set(parent.key):
                continue
            columns = owner_columns(key, parent)
            for _, rows in columns_of(store, manifest, table, {*table.key, *columns}):
                named = np.unique(keys_of(table, rows, columns))
                named = named[chosen.same(parent, named, parents)]
                naming = rows.filter(names_one_of(table, rows, columns, named))
                if table.name in purged:
                    naming = naming.filter(pc.invert(names_one_of(table, naming, table.key, found.keys[table.name])))
                if naming.num_rows:
                    which = f" {shown(keys_of(table, naming))[0]}" if table.key else ""
                    raise BackupError(
                        f"{manifest.name}: row{which} of {table.name} references a row of {key.table} that would be"
                        f" erased (foreign key {key.name or ', '.join(key.columns)}), and does not belong to it: erase"
                        f" or correct it first; nothing was changed"
                    )


def _parent(scope: PolicyScope, table: Table) -> tuple[Table, Sequence[str]]:
    """The table whose rows a table's rows belong to, the anchor's to themselves; and the columns that name them."""
    if table is scope.anchor:
        return table, table.key
    owner = scope.owners[table.name]
    parent = scope.model.table(owner.table)
    return parent, owner_columns(owner, parent)


def columns_of(
    store: Store, manifest: Manifest, table: Table, columns: set[str]
) -> Iterable[tuple[DataFile, pa.Table]]:
    """These columns of each file of a table; the next is read meanwhile."""
    named = [column.name for column in table.columns if column.name in columns]
    files = manifest.tables[table.name].files
    return ahead((file, decode(table, read_file(store, file.key, file.etag).body, file.key, named)) for file in files)
