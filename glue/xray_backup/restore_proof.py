"""Proof that a restore brings back what a purge deletes, by the code that a restore itself uses.

By table: a trigger that may change what is inserted. By row: a parent that neither the
archive nor, where a foreign key asks for it, the database has, and a value that no statement can carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_file import decode, read_file
from xray_backup.data_model import DataModel, ForeignKey, Table
from xray_backup.database import Connection, is_mariadb, query
from xray_backup.keys import Keys, has_key, keys_of, names_one_of, no_keys
from xray_backup.literals import without_statement
from xray_backup.manifest import Manifest
from xray_backup.purge_record import Outcome
from xray_backup.store import Store

# Room in an INSERT for the names of the columns.
_NAMES_BYTES = 2**14


@dataclass(frozen=True)
class RestoreProof:
    """The rows of one archive that a restore can insert.

    `parents` are, by table and foreign key, the keys that it inserts before the rows of the purged tables.
    """

    parents: Mapping[str, Sequence[tuple[ForeignKey, Keys]]]
    most_bytes: int
    is_mariadb: bool

    def failures(self, table: Table, rows: pa.Table) -> dict[Outcome, pa.Array]:
        """For each row, by reason: is it one that a restore could not insert? Without reasons that no row has."""
        failures: dict[Outcome, pa.Array] = {}
        lost = without_statement(table, rows, self.most_bytes, self.is_mariadb)
        if lost is not None:
            failures["not_insertable"] = lost
        for key, parents in self.parents.get(table.name, ()):
            named = has_key(table, rows, key.columns)
            alone = pc.and_(named, pc.invert(names_one_of(table, rows, key.columns, parents)))
            if pc.any(alone).as_py():
                failures["no_parent"] = pc.or_(alone, failures.get("no_parent", alone))
        return failures


def restore_proof(connection: Connection, store: Store, scope: PolicyScope, manifest: Manifest) -> RestoreProof:
    """The proof for the rows of `manifest`, held against the schema as it is now."""
    model = scope.model
    purged = {table.name for table in scope.purged}
    parents = {
        table.name: [
            (key, _with_their_parents(store, model, manifest, key, purged))
            for key in _enforced(table)
            if key.table not in purged
        ]
        for table in scope.purged
    }
    ((packet,),) = query(connection, "SELECT @@max_allowed_packet")
    connection.rollback()
    return RestoreProof(parents, int(packet) - _NAMES_BYTES, is_mariadb(connection))


def blocked_by_inserts(connection: Connection, schema: str, scope: PolicyScope) -> Mapping[str, Sequence[str]]:
    """By purged table: the reasons why no row of it is sure to come back."""
    names = [table.name for table in scope.purged]
    listed = ", ".join(["%s"] * len(names))
    triggers = query(
        connection,
        "SELECT event_object_table, trigger_name FROM information_schema.triggers WHERE event_object_schema = %s"
        f" AND event_object_table IN ({listed}) AND action_timing = 'BEFORE' AND event_manipulation LIKE %s ORDER BY 2",
        (schema, *names, "%INSERT%"),
    )
    connection.rollback()
    blocked: dict[str, list[str]] = {}
    for table, name in triggers:
        text = f"trigger {schema}.{name} (BEFORE INSERT) may change what a restore inserts into {table}"
        blocked.setdefault(table, []).append(text)
    for table, name, parent in _references_elsewhere(connection, schema, names):
        text = f"foreign key {name} of {table} references {parent}, whose rows no archive of this schema holds"
        blocked.setdefault(table, []).append(text)
    return blocked


def _references_elsewhere(connection: Connection, schema: str, names: Sequence[str]) -> Sequence[tuple[str, str, str]]:
    """The foreign keys of these tables to tables of other schemas: table, name and referenced table."""
    listed = ", ".join(["%s"] * len(names))
    found = query(
        connection,
        "SELECT DISTINCT table_name, constraint_name, CONCAT(referenced_table_schema, '.', referenced_table_name)"
        " FROM information_schema.key_column_usage WHERE table_schema = %s"
        f" AND table_name IN ({listed}) AND referenced_table_schema <> %s ORDER BY 1, 2",
        (schema, *names, schema),
    )
    connection.rollback()
    return found


def _enforced(table: Table) -> list[ForeignKey]:
    return [key for key in table.foreign_keys if key.name]


def _with_their_parents(store: Store, model: DataModel, manifest: Manifest, key: ForeignKey, below: set[str]) -> Keys:
    """The values that the archive has to be named by `key`; a row whose own parents it lacks does not count.

    `below` are the tables on the way to it: in a cycle, each table counts once.
    """
    table = model.table(key.table)
    above = [other for other in _enforced(table) if other.table not in below | {table.name}]
    columns = [*key.referenced_columns, *(column for other in above for column in other.columns)]
    parts = [
        decode(table, read_file(store, file.key, file.etag).body, file.key, columns)
        for file in manifest.tables[table.name].files
    ]
    if not parts:
        return no_keys(table, key.referenced_columns)
    rows = pa.concat_tables(parts, promote_options="default")
    for other in above:
        there = _with_their_parents(store, model, manifest, other, below | {table.name})
        alone = pc.invert(has_key(table, rows, other.columns))
        rows = rows.filter(pc.or_(alone, names_one_of(table, rows, other.columns, there)))
    return keys_of(table, rows, key.referenced_columns)
