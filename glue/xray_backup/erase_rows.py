"""The database's part of an erasure: finds the chosen rows and all that belongs to them, and deletes them at once.

One database transaction deletes all of them, children first, so that an erasure that is killed has deleted every row or
none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_model import Table, quoted
from xray_backup.database import Connection, execute, query, retried
from xray_backup.delete_effects import DeleteEffects, changed_rows
from xray_backup.errors import BackupError
from xray_backup.key_lookup import delete_by_key
from xray_backup.keys import Keys, check_found_by_keys, in_statements, keys_condition, keys_of, owner_columns, shown
from xray_backup.row_parser import parse_rows
from xray_backup.row_text import numbers_sql, texts_sql

_STATEMENT_BYTES = 2**20


@dataclass(frozen=True)
class DatabaseRows:
    """The rows of the database that an erasure takes, by table."""

    scope: PolicyScope
    tables: Mapping[str, pa.Table]

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        return {name: rows.num_rows for name, rows in self.tables.items()}

    def keys(self, table: Table) -> Keys:
        """The keys of a table's rows."""
        return np.unique(keys_of(table, self.tables[table.name]))

    @property
    def named(self) -> Keys:
        """The chosen keys as the rows have them, be it in a row that belongs to one alone."""
        anchor = self.scope.anchor
        found = [self.keys(anchor)]
        for name, owner in self.scope.owners.items():
            if owner.table == anchor.name:
                child = self.scope.model.table(name)
                found.append(keys_of(child, self.tables[name], owner_columns(owner, anchor)))
        return np.unique(np.concatenate(found))


def find_rows(connection: Connection, scope: PolicyScope, chosen: Keys, lock: str = "") -> DatabaseRows:
    """The rows of the scope's anchor with the chosen keys, and all that belongs to them."""
    tables: dict[str, pa.Table] = {}
    keys: dict[str, Keys] = {}
    for table in scope.purged:
        if table is scope.anchor:
            columns, parents = table.key, chosen
        else:
            owner = scope.owners[table.name]
            columns, parents = owner_columns(owner, scope.model.table(owner.table)), keys[owner.table]
        tables[table.name] = read_rows(connection, table, columns, parents, lock)
        keys[table.name] = np.unique(keys_of(table, tables[table.name]))
        if table is scope.anchor:
            # A child may be there without its parent where nothing enforces the foreign key.
            keys[table.name] = np.union1d(keys[table.name], chosen)
    return DatabaseRows(scope, tables)


def read_rows(connection: Connection, table: Table, columns: Sequence[str], keys: Keys, lock: str = "") -> pa.Table:
    """The rows in whose columns one of `keys` stands."""
    names = [quoted(column) for column in columns]
    parts = in_statements(np.unique(keys), _STATEMENT_BYTES)
    return read_where(connection, table, (keys_condition(names, part) for part in parts), lock)


def read_where(connection: Connection, table: Table, conditions: Iterable[str], lock: str = "") -> pa.Table:
    """The rows for which one of the conditions holds; no two hold for one row."""
    found = [parse_rows(table, b"", None)]
    selected = ", ".join(filter(None, (numbers_sql(table), texts_sql(table))))
    for condition in conditions:
        answer = query(connection, f"SELECT {selected} FROM {table.quoted} WHERE {condition}{lock}")
        if answer:
            numbers = b"\n".join(_bytes(row[0]) for row in answer)
            texts = b"".join(_bytes(row[1]) for row in answer) if table.text_columns else None
            found.append(parse_rows(table, numbers, texts))
    rows = pa.concat_tables(found, promote_options="default")
    check_found_by_keys(table, rows)
    return rows


def check_alone(connection: Connection, effects: DeleteEffects, found: DatabaseRows) -> None:
    """Looks for rows that reference these and do not belong to them, and for triggers on their delete.

    Raises:
        BackupError: there is one.
    """
    for table in found.scope.purged:
        if found.rows[table.name] and (reasons := effects.blocked.get(table.name)):
            raise BackupError(f"rows of {table.name} cannot be erased: {'; '.join(reasons)}; nothing was changed")
    tables = {table.name: table for table in found.scope.purged}
    for key in effects.foreign_keys:
        deleted = found.keys(tables[key.table]) if effects.is_between_purged(key) else None
        parents = found.keys(tables[key.parent])
        if not len(parents):
            continue
        referenced = effects.referenced(connection, key, parents, _STATEMENT_BYTES, deleted)
        if len(referenced):
            raise BackupError(
                f"a row of {key} references row {shown(referenced)[0]} of {key.parent}, and does not belong to it:"
                " erase or correct that row first; nothing was changed"
            )


def delete_rows(
    connection: Connection, scope: PolicyScope, chosen: Keys, effects: DeleteEffects, *, is_rehearsal: bool = False
) -> dict[str, int]:
    """Deletes the chosen rows and all that belongs to them; how many, by table. A rehearsal is rolled back.

    Raises:
        BackupError: a row that belongs to another references one of them, or the server changed other rows; nothing
            was deleted.
    """
    counts: dict[str, int] = {}

    def transaction() -> None:
        found = find_rows(connection, scope, chosen, " FOR UPDATE")
        effects.check_unchanged(connection)
        check_alone(connection, effects, found)
        before = changed_rows(connection)
        for table in reversed(scope.purged):
            counts[table.name] = _delete(connection, table, found.keys(table))
        if (changed := changed_rows(connection) - before) > sum(counts.values()):
            raise BackupError(
                f"the server changed {changed} rows where {sum(counts.values())} were deleted; rolled back: look for"
                " triggers and foreign keys that this user cannot see"
            )
        if is_rehearsal:
            connection.rollback()
        else:
            connection.commit()

    try:
        retried(connection, transaction)
    except BackupError:
        connection.rollback()
        raise
    return {table.name: counts[table.name] for table in scope.purged}


def _delete(connection: Connection, table: Table, keys: Keys) -> int:
    deleted = 0
    for part in in_statements(keys, _STATEMENT_BYTES):
        condition = keys_condition([column.quoted for column in table.key_columns], part)
        deleted += execute(connection, f"{delete_by_key(table)} WHERE {condition}")
    if deleted != len(keys):
        raise BackupError(f"table {table.name}: {deleted} rows would go where {len(keys)} were locked; rolled back")
    return deleted


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
