"""All that an erasure takes, found before anything is changed: rows of the database and of each backup, and objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_file import decode, read_file
from xray_backup.data_model import Table
from xray_backup.database import Connection
from xray_backup.erase_backup import StoredManifest
from xray_backup.erase_objects import ObjectName, RowObjects, check_named_by_no_other
from xray_backup.erase_rows import DatabaseRows, find_rows
from xray_backup.erased_rows import FoundRows, check_not_referenced, find_erased
from xray_backup.erasure_record import ErasedKeys, ErasedRow, Erasure
from xray_backup.errors import BackupError, ExpiredError
from xray_backup.keys import Keys, is_in, key_digests, keys_of, names_one_of
from xray_backup.layout import manifest_key
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import committed_names
from xray_backup.row_text import row_texts
from xray_backup.run import Run
from xray_backup.verification import as_stored


@dataclass
class Plan:
    """Rows, backups and objects that were found.

    `rows` are the chosen ones, `chosen` their keys in the database; `left_alone` are keys under which another row has
    come since an erasure that was killed. `unreadable` are backups that could not be looked at, with the reason.
    """

    database: DatabaseRows
    rows: Sequence[ErasedRow]
    chosen: Keys
    left_alone: Keys
    backups: list[tuple[StoredManifest, FoundRows]] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    expired: list[Manifest] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    objects: set[ObjectName] = field(default_factory=set)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by place and table."""
        found = {"database": self.database.rows}
        return found | {stored.manifest.name: rows.rows for stored, rows in self.backups}

    @property
    def total(self) -> int:
        """Rows in all places."""
        return sum(sum(tables.values()) for tables in self.counts.values())


def chosen_rows(
    table: Table, chosen: Keys, there: pa.Table, erasures: Sequence[Erasure], schema: str, now: datetime
) -> tuple[list[ErasedRow], Keys]:
    """The chosen rows as a record has them, and the keys under which another row has come since.

    A row that an erasure deleted before it was killed keeps the time of that one: what came later is not it.
    """
    unfinished = _unfinished(erasures, schema, table.name)
    keys = keys_of(table, there)
    texts = (hashlib.sha256(text).hexdigest() for text in row_texts(table, there).to_pylist())
    in_database = dict(zip(key_digests(keys), texts, strict=True))
    rows, others = [], set()
    for digest in sorted({*key_digests(chosen), *in_database}):
        row, before = in_database.get(digest), unfinished.get(digest)
        if before is None or (row is not None and row == before.row):
            rows.append(ErasedRow(digest, row, now.isoformat()))
            continue
        rows.append(before)
        if row is not None:
            others.add(digest)
    is_other = np.fromiter((digest in others for digest in key_digests(keys)), np.bool_, len(keys))
    return rows, keys[is_other]


def _unfinished(erasures: Sequence[Erasure], schema: str, table: str) -> dict[str, ErasedRow]:
    """The rows of erasures that did not end, each as its latest erasure has it."""
    found: dict[str, ErasedRow] = {}
    for erasure in erasures:
        if (erasure.begun.schema, erasure.begun.table) == (schema, table):
            for row in erasure.begun.rows:
                if erasure.is_finished:
                    found.pop(row.key, None)
                else:
                    found[row.key] = row
    return found


def find_all(
    run: Run,
    connection: Connection,
    scope: PolicyScope,
    chosen: Keys,
    objects: RowObjects | None,
    erasures: Sequence[Erasure],
    now: datetime,
) -> Plan:
    """Looks in the database and in every backup of its schema that is older than the erasure.

    Raises:
        BackupError: a row that would stay references one that would go, or names its object.
    """
    table = scope.anchor
    there = find_rows(connection, scope, chosen).tables[table.name]
    rows, left_alone = chosen_rows(table, chosen, there, erasures, run.database.schema, now)
    own = np.union1d(chosen, keys_of(table, there))
    own = own[~is_in(own, left_alone)]
    plan = Plan(find_rows(connection, scope, own), rows, own, left_alone)
    stored = list(_manifests(run, plan))
    for done, one in enumerate(stored, 1):
        _look_into(run, plan, one)
        run.events("progress", step="look into backups", done=done, total=len(stored))
    if objects:
        _find_objects(run, connection, plan, objects)
    connection.rollback()
    return plan


def _manifests(run: Run, plan: Plan) -> Iterator[StoredManifest]:
    """Every manifest of the store that can be read."""
    for name in committed_names(run.store):
        content = run.store.read(manifest_key(name))
        if content is None:
            continue
        try:
            manifest = Manifest.from_json(content.body, name)
        except BackupError as error:
            plan.unreadable[name] = str(error)
            continue
        plan.manifests.append(manifest)
        yield StoredManifest(manifest, content.etag)


def _look_into(run: Run, plan: Plan, stored: StoredManifest) -> None:
    manifest, table = stored.manifest, plan.database.scope.anchor.name
    began = datetime.fromisoformat(manifest.started_at)
    digests = frozenset(row.key for row in plan.rows if began <= datetime.fromisoformat(row.erased_at))
    if manifest.schema != run.database.schema or not digests:
        return
    try:
        whole = as_stored(run.store, manifest)
        found = find_erased(run.store, whole, run.policies, ErasedKeys(table, digests))
    except ExpiredError:
        plan.expired.append(manifest)
        return
    except BackupError as error:
        # Damaged, or in Glacier: the others are gone through, and this one is told of.
        plan.unreadable[manifest.name] = str(error)
        return
    if found and any(found.rows.values()):
        check_not_referenced(run.store, whole, found)
        plan.backups.append((StoredManifest(whole, stored.etag), found))


def _find_objects(run: Run, connection: Connection, plan: Plan, objects: RowObjects) -> None:
    scope = plan.database.scope
    table = next((table for table in scope.purged if table.name == objects.table), None)
    if table is None:
        return
    objects.check(table)
    sources = [(table, plan.database.tables[table.name])]
    for stored, found in plan.backups:
        if hits := found.files.get(table.name):
            its_own = stored.manifest.model.table(table.name)
            rows = _erased(run, stored.manifest, its_own, found, hits)
            sources.append((its_own, rows))
    for its_own, rows in sources:
        plan.objects.update(name for name in objects.names(its_own, rows) if name)
    # A row that came under a chosen key since is none of these.
    check_named_by_no_other(connection, objects, table, plan.objects, plan.database.keys(table))


def _erased(run: Run, manifest: Manifest, table: Table, found: FoundRows, hits: Mapping[str, int]) -> pa.Table:
    parts = []
    for file in manifest.tables[table.name].files:
        if file.key in hits:
            rows = decode(table, read_file(run.store, file.key, file.etag).body, file.key)
            parts.append(rows.filter(names_one_of(table, rows, table.key, found.keys[table.name])))
    return pa.concat_tables(parts, promote_options="default")
