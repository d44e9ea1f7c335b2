"""Proof that a restore brings back what a purge deletes, by the code that a restore itself uses.

By table: a trigger that may change what is inserted. By row: a parent that neither the
archive nor, where a foreign key asks for it, the database has, and a text that no statement can carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_file import decode, read_file
from xray_backup.data_model import DataModel, Table
from xray_backup.database import Connection, query
from xray_backup.keys import Keys, is_one_of, keys_of
from xray_backup.literals import without_statement
from xray_backup.manifest import Manifest
from xray_backup.purge_record import Outcome
from xray_backup.row_text import one_chunk
from xray_backup.store import Store

# Room in an INSERT for the names of the columns.
_NAMES_BYTES = 2**14


@dataclass(frozen=True)
class RestoreProof:
    """The rows of one archive that a restore can insert; `parents` are the keys it inserts before the anchor's rows."""

    anchor: Table
    parents: Keys | None
    most_bytes: int

    def failures(self, table: Table, rows: pa.Table) -> dict[Outcome, pa.Array]:
        """For each row, by reason: is it one that a restore could not insert? Without reasons that no row has."""
        failures: dict[Outcome, pa.Array] = {}
        lost = without_statement(table, rows, self.most_bytes)
        if lost is not None:
            failures["not_insertable"] = lost
        if table is self.anchor and table.parent and self.parents is not None:
            named = one_chunk(rows.column(table.parent.column))
            alone = pc.and_(
                pc.is_valid(named), pc.invert(one_chunk(is_one_of(rows, table.parent.column, self.parents)))
            )
            if pc.any(alone).as_py():
                failures["no_parent"] = alone
        return failures


def restore_proof(connection: Connection, store: Store, model: DataModel, manifest: Manifest) -> RestoreProof:
    """The proof for the rows of `manifest`, held against the schema as it is now."""
    anchor = model.anchor
    parents = None
    if anchor.parent and _has_foreign_key(connection, anchor):
        parents = _with_their_parents(connection, store, model, manifest, model.table(anchor.parent.table))
    ((packet,),) = query(connection, "SELECT @@max_allowed_packet")
    connection.rollback()
    return RestoreProof(anchor, parents, int(packet) - _NAMES_BYTES)


def blocked_by_inserts(connection: Connection, schema: str, model: DataModel) -> Mapping[str, Sequence[str]]:
    """By purged table: the reasons why no row of it is sure to come back."""
    names = [table.name for table in model.purged]
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
    return blocked


def _has_foreign_key(connection: Connection, table: Table) -> bool:
    assert table.parent is not None  # noqa: S101
    found = query(
        connection,
        "SELECT 1 FROM information_schema.key_column_usage WHERE table_schema = DATABASE() AND table_name = %s"
        " AND column_name = %s AND referenced_table_name IS NOT NULL LIMIT 1",
        (table.name, table.parent.column),
    )
    return bool(found)


def _with_their_parents(
    connection: Connection, store: Store, model: DataModel, manifest: Manifest, table: Table
) -> Keys:
    """The keys that the archive has of `table`; a row whose own parent it lacks does not count under a foreign key."""
    columns = [table.key, *([table.parent.column] if table.parent else [])]
    parts = [
        decode(table, read_file(store, file.key, file.etag).body, file.key, columns)
        for file in manifest.tables[table.name].files
    ]
    if not parts:
        return keys_of(pa.table({table.key: pa.array([], pa.int64())}), table.key)
    rows = pa.concat_tables(parts)
    if table.parent and _has_foreign_key(connection, table):
        above = _with_their_parents(connection, store, model, manifest, model.table(table.parent.table))
        named = rows.column(table.parent.column)
        rows = rows.filter(pc.or_(pc.is_null(named), is_one_of(rows, table.parent.column, above)))
    return keys_of(rows, table.key)
