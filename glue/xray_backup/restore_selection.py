"""The rows that a restore is asked for, with all that belongs to them and all that they reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.archive_policy import ArchivePolicy, PolicyScope, policy_scopes
from xray_backup.data_file import decode, read_file
from xray_backup.data_model import DataModel, ForeignKey, Table
from xray_backup.errors import UsageError
from xray_backup.keys import Keys, is_in, keys_of, names_one_of, no_keys, owner_columns
from xray_backup.manifest import Manifest
from xray_backup.row_parser import parse_rows
from xray_backup.row_text import SEPARATOR, value_text
from xray_backup.store import Store


@dataclass(frozen=True)
class ChosenRows:
    """Rows of one table by their keys, as MySQL writes them.

    A key of several columns is a text with `/` between its parts, or the parts.
    """

    table: str
    keys: tuple[str | tuple[str, ...], ...]

    def __str__(self) -> str:
        return f"{self.table}={','.join(key if isinstance(key, str) else '/'.join(key) for key in self.keys)}"


@dataclass(frozen=True)
class Selection:
    """Rows to restore; everything where all is None. `since` and `until` are `YYYY-MM-DD[ hh:mm:ss]`.

    `parent_ids` are keys of the table that the policy's anchor references first, `anchor_ids` of the anchor itself;
    `rows` are of any anchor, or of a table that it references.
    """

    parent_ids: Sequence[int] | None = None
    anchor_ids: Sequence[int] | None = None
    since: str | None = None
    until: str | None = None
    rows: ChosenRows | None = None

    @property
    def is_everything(self) -> bool:
        """True where no row is left out."""
        return self == Selection()


def selected_scope(model: DataModel, policies: Sequence[ArchivePolicy], selection: Selection) -> PolicyScope:
    """The policy that the chosen rows are of.

    Raises:
        UsageError: there is none.
    """
    scopes = policy_scopes(model, policies)
    if selection.rows is None:
        return scopes[0]
    for scope in scopes:
        if selection.rows.table in _choices(scope):
            return scope
    known = ", ".join(sorted({name for scope in scopes for name in _choices(scope)}))
    raise UsageError(f"--rows {selection.rows}: rows can be chosen of {known}")


def _choices(scope: PolicyScope) -> list[str]:
    return [scope.anchor.name, *(key.table for key in scope.anchor.foreign_keys if scope.model.table(key.table).key)]


def chosen_keys(table: Table, rows: ChosenRows) -> Keys:
    """The keys that are written in `rows`.

    Raises:
        UsageError: a key has another number of parts than the table's.
    """
    key = replace(table, columns=table.key_columns, foreign_keys=())
    numbers, texts = [], []
    for written in rows.keys:
        parts = list(written)
        if isinstance(written, str):
            parts = written.split("/") if len(table.key) > 1 else [written]
        if len(parts) != len(table.key):
            raise UsageError(f"--rows {rows}: the key of {table.name} is {'/'.join(table.key)}, got {written!r}")
        values = [part.encode() for part in parts]
        pairs = list(zip(key.columns, values, strict=True))
        numbers.append(SEPARATOR.encode().join(b"%d" % len(v) if c.type.is_text else v for c, v in pairs))
        texts += [value for column, value in pairs if column.type.is_text]
    try:
        return keys_of(key, parse_rows(key, b"\n".join(numbers), b"".join(texts)))
    except (ValueError, pa.ArrowInvalid):
        raise UsageError(f"--rows {rows}: these are no keys of table {table.name}") from None


def selected_keys(
    store: Store, scope: PolicyScope, manifest: Manifest, selection: Selection
) -> Mapping[str, Keys | None]:
    """The keys to restore, by table: the chosen rows, what belongs to them, and all that these reference.

    Of a table without a key it is none: its rows cannot be told apart.
    """
    purged = {table.name: table for table in scope.purged}
    chosen: dict[str, Keys] = {table.name: no_keys(table) for table in scope.model.tables if table.key}
    # By table and columns, the values that rows which are chosen already name, and that are not followed yet.
    named: dict[_Reference, list[Keys]] = {}
    for table in scope.purged:
        keys = [no_keys(table)]
        for rows in _rows(store, table, manifest):
            if table is scope.anchor:
                rows = rows.filter(_is_chosen(scope, rows, selection))
            else:
                owner = scope.owners[table.name]
                columns = owner_columns(owner, scope.model.table(owner.table))
                rows = rows.filter(names_one_of(table, rows, columns, chosen[owner.table]))
            keys.append(keys_of(table, rows))
            _note_named(table, rows, purged, named)
        chosen[table.name] = np.unique(np.concatenate(keys))
    if selection.parent_ids is not None and (parent := _first_parent(scope)):
        # A chosen parent without any row of the anchor is restored too.
        ids = np.array(selection.parent_ids, np.int64)
        named.setdefault((parent.table, parent.referenced_columns), []).append(ids)
    if selection.rows and selection.rows.table != scope.anchor.name:
        table = scope.model.table(selection.rows.table)
        named.setdefault((table.name, table.key), []).append(chosen_keys(table, selection.rows))
    while named:
        (name, columns), more = named.popitem()
        table = scope.model.table(name)
        if not table.key:
            continue
        values = np.unique(np.concatenate(more))
        new = values if columns == table.key else _keys_with(store, table, manifest, columns, values)
        new = new[~is_in(new, chosen[name])]
        chosen[name] = np.union1d(chosen[name], new)
        if len(new) and table.foreign_keys:
            for rows in _rows(store, table, manifest):
                _note_named(table, rows.filter(names_one_of(table, rows, table.key, new)), purged, named)
    return {table.name: chosen.get(table.name, np.array([], np.int64)) for table in scope.model.tables}


# A table, and columns of it that a foreign key references.
_Reference = tuple[str, tuple[str, ...]]


def _note_named(table: Table, rows: pa.Table, purged: Mapping[str, Table], named: dict[_Reference, list[Keys]]) -> None:
    for key in table.foreign_keys:
        if key.table not in purged and rows.num_rows:
            named.setdefault((key.table, key.referenced_columns), []).append(keys_of(table, rows, key.columns))


def _keys_with(store: Store, table: Table, manifest: Manifest, columns: Sequence[str], values: Keys) -> Keys:
    """The keys of the rows with these values in other columns than the key's."""
    found = [no_keys(table)]
    for rows in _rows(store, table, manifest):
        found.append(keys_of(table, rows.filter(names_one_of(table, rows, columns, values))))
    return np.unique(np.concatenate(found))


def check_selection(store: Store, backups: Sequence[Manifest], scope: PolicyScope, selection: Selection) -> None:
    """Looks for each chosen id in the backups.

    Raises:
        UsageError: none of them holds it.
    """
    if selection.rows:
        _check_rows(store, backups, selection.rows)
    parent = _first_parent(scope)
    if selection.parent_ids is not None and parent is None:
        raise UsageError(f"rows cannot be chosen by parent: {scope.anchor.name} has none")
    chosen = [(scope.anchor.name, selection.anchor_ids)]
    if parent:
        chosen.append((parent.table, selection.parent_ids))
    for name, ids in chosen:
        if ids is not None and not scope.model.table(name).has_integer_key:
            raise UsageError(
                f"rows of {name} cannot be chosen by id, since its key is not one integer: choose by --rows"
            )
        left = np.array(sorted(ids or []), np.int64)
        for manifest in backups if len(left) else ():
            table = manifest.model.table(name)
            for rows in _rows(store, table, manifest, table.key):
                left = np.setdiff1d(left, keys_of(table, rows))
        if len(left):
            raise UsageError(
                f"--{name}-ids {', '.join(map(str, left.tolist()))}: not in"
                f" {' or '.join(manifest.name for manifest in backups)}; `list` shows other backups"
            )


def _check_rows(store: Store, backups: Sequence[Manifest], rows: ChosenRows) -> None:
    missing = set(rows.keys)
    for manifest in backups:
        table = manifest.model.table(rows.table)
        wanted = {key: chosen_keys(table, replace(rows, keys=(key,))) for key in missing}
        for found in _rows(store, table, manifest, table.key):
            there = keys_of(table, found)
            missing -= {key for key, value in wanted.items() if is_in(value, there).all()}
    if missing:
        raise UsageError(
            f"--rows {rows}: {min(missing, key=str)} is not in {' or '.join(manifest.name for manifest in backups)};"
            " `list` shows other backups"
        )


def _first_parent(scope: PolicyScope) -> ForeignKey | None:
    return next(iter(scope.anchor.foreign_keys), None)


def _is_chosen(scope: PolicyScope, rows: pa.Table, selection: Selection) -> pa.Array:
    chosen = pa.array(np.ones(rows.num_rows, np.bool_))
    if selection.parent_ids is not None and (parent := _first_parent(scope)):
        ids = np.array(selection.parent_ids, np.int64)
        chosen = pc.and_(chosen, names_one_of(scope.anchor, rows, parent.columns, ids))
    if selection.anchor_ids is not None:
        ids = np.array(selection.anchor_ids, np.int64)
        chosen = pc.and_(chosen, names_one_of(scope.anchor, rows, scope.anchor.key, ids))
    if selection.rows:
        table = scope.model.table(selection.rows.table)
        columns = table.key
        if table is not scope.anchor:
            reference = next(key for key in scope.anchor.foreign_keys if key.table == table.name)
            columns = owner_columns(reference, table)
        keys = chosen_keys(table, selection.rows)
        chosen = pc.and_(chosen, names_one_of(scope.anchor, rows, columns, keys))
    # As text, which sorts as time does.
    times = value_text(scope.time_column, rows)
    if selection.since:
        chosen = pc.and_(chosen, pc.greater_equal(times, selection.since))
    if selection.until:
        chosen = pc.and_(chosen, pc.less(times, selection.until))
    return chosen


def _rows(store: Store, table: Table, manifest: Manifest, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a table, file by file."""
    for file in manifest.tables[table.name].files:
        yield decode(table, read_file(store, file.key, file.etag).body, file.key, columns)
