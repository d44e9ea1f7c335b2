"""All that an erasure takes, found before anything is changed: rows of the database and of each backup, and objects."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_file import decode, read_file
from xray_backup.data_model import Table
from xray_backup.database import Connection
from xray_backup.erase_backup import StoredManifest
from xray_backup.erase_objects import ObjectName, RowObjects, check_named_by_no_other, check_named_in_no_backup
from xray_backup.erase_rows import DatabaseRows, find_rows
from xray_backup.erased_rows import FoundRows, check_not_referenced, find_erased
from xray_backup.erasure_record import ErasedKeys, ErasedRow, Erasure
from xray_backup.errors import BackupError, ExpiredError
from xray_backup.key_equality import KeyEquality
from xray_backup.keys import Keys, is_in, key_digests, keys_of, names_one_of
from xray_backup.layout import MANIFESTS, manifest_key
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import committed_names, manifest_name
from xray_backup.object_versions import Versions
from xray_backup.row_text import row_texts
from xray_backup.run import Run
from xray_backup.store import Store
from xray_backup.verification import as_stored


@dataclass
class StorePlan:
    """One store: its backups with rows to erase, and all others.

    `label` goes before the names of its backups. `unreadable` are backups that could not be looked at, with the
    reason; `other_schemas` those of schemas that the erasure is not of, with rows under the chosen keys.
    """

    store: Store
    objects: Versions
    label: str = ""
    backups: list[tuple[StoredManifest, FoundRows]] = field(default_factory=list)
    looked_into: list[tuple[Manifest, FoundRows | None]] = field(default_factory=list)
    manifests: list[Manifest] = field(default_factory=list)
    expired: list[Manifest] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    other_schemas: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Plan:
    """Rows, backups and objects that were found.

    `rows` are the chosen ones, `chosen` their keys in the database; `left_alone` are keys under which another row has
    come since an erasure that was killed.
    """

    database: DatabaseRows
    rows: list[ErasedRow]
    chosen: Keys
    left_alone: Keys
    stores: Sequence[StorePlan]
    objects: set[ObjectName] = field(default_factory=set)

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Rows by place and table."""
        counts = {"database": self.database.rows}
        for place in self.stores:
            counts |= {place.label + stored.manifest.name: found.rows for stored, found in place.backups}
        return counts

    @property
    def named(self) -> list[Keys]:
        """The chosen keys as rows have them, by place: a backup may have them in another type."""
        in_backups = [rows.named for place in self.stores for _, rows in place.backups]
        return [self.database.named, self.left_alone, *in_backups]


@dataclass(frozen=True)
class _EqualKeys(ErasedKeys):
    """Chosen keys in all the ways to write them that MySQL takes for the same."""

    keys: Keys
    equality: KeyEquality

    def among(self, table: Table, keys: Keys) -> npt.NDArray[np.bool_]:
        """See `ErasedKeys`."""
        return super().among(table, keys) | self.same(table, keys, self.keys)

    def same(self, table: Table, keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:
        """See `ErasedKeys`."""
        return self.equality.among(table, keys, others)


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
    stores: Sequence[StorePlan],
    schemas: Collection[str],
    objects: RowObjects | None,
    erasures: Sequence[Erasure],
    now: datetime,
) -> Plan:
    """Looks in the database and in every backup of its schemas that is older than the erasure.

    Raises:
        BackupError: a row that would stay references one that would go, or names its object.
    """
    table = scope.anchor
    there = find_rows(connection, scope, chosen).tables[table.name]
    rows, left_alone = chosen_rows(table, chosen, there, erasures, run.database.schema, now)
    own = np.union1d(chosen, keys_of(table, there))
    own = own[~is_in(own, left_alone)]
    plan = Plan(find_rows(connection, scope, own), rows, own, left_alone, stores)
    equality = KeyEquality(connection, run.database.schema)
    for place in stores:
        stored = list(_manifests(place))
        for done, one in enumerate(stored, 1):
            _look_into(run, plan, place, one, schemas, equality)
            run.events("progress", step="look into backups", done=done, total=len(stored))
    _add_other_spellings(plan)
    if objects:
        _find_objects(connection, plan, objects)
    connection.rollback()
    return plan


def _manifests(place: StorePlan) -> Iterator[StoredManifest]:
    """Every manifest of the store that can be read."""
    for name in committed_names(place.store):
        content = place.store.read(manifest_key(name))
        if content is None:
            continue
        try:
            manifest = Manifest.from_json(content.body, name)
        except BackupError as error:
            place.unreadable[name] = str(error)
            continue
        place.manifests.append(manifest)
        yield StoredManifest(manifest, content.etag)
    known = {*place.unreadable, *(manifest.name for manifest in place.manifests)}
    for version in place.objects.below(MANIFESTS):
        # It can be brought back, with its files.
        if (hidden := manifest_name(version.key)) and hidden not in known and not version.is_marker:
            place.unreadable[hidden] = (
                "its manifest is deleted, with older versions left: delete the marker on it, or all its versions"
            )


def _chosen_in(plan: Plan, manifest: Manifest, equality: KeyEquality) -> _EqualKeys:
    """The chosen keys that count in a backup: those erased after it began to read."""
    began = datetime.fromisoformat(manifest.started_at)
    digests = frozenset(row.key for row in plan.rows if began <= datetime.fromisoformat(row.erased_at))
    known = np.union1d(plan.chosen, plan.left_alone)
    keys = known[[digest in digests for digest in key_digests(known)]] if len(known) else known
    return _EqualKeys(plan.database.scope.anchor.name, digests, keys, equality)


def _look_into(
    run: Run,
    plan: Plan,
    place: StorePlan,
    stored: StoredManifest,
    schemas: Collection[str],
    equality: KeyEquality,
) -> None:
    manifest = stored.manifest
    chosen = _chosen_in(plan, manifest, equality)
    if not chosen.digests:
        return
    try:
        whole = as_stored(place.store, manifest)
        found = find_erased(place.store, whole, run.policies, chosen)
    except ExpiredError:
        place.expired.append(manifest)
        return
    except BackupError as error:
        # Damaged, or in Glacier: the others are gone through, and this one is told of.
        place.unreadable[manifest.name] = str(error)
        return
    place.looked_into.append((whole, found))
    if not found or not any(found.rows.values()):
        return
    if manifest.schema not in schemas:
        place.other_schemas.setdefault(manifest.schema, []).append(manifest.name)
        return
    check_not_referenced(place.store, whole, found, chosen)
    place.backups.append((StoredManifest(whole, stored.etag), found))


def _add_other_spellings(plan: Plan) -> None:
    """Adds the keys that only backups write so, so that a restore from a copy of them finds them too."""
    latest = max(row.erased_at for row in plan.rows)
    found = {digest for keys in plan.named for digest in key_digests(keys)}
    plan.rows += [ErasedRow(digest, None, latest) for digest in sorted(found - {row.key for row in plan.rows})]


def _find_objects(connection: Connection, plan: Plan, objects: RowObjects) -> None:
    scope = plan.database.scope
    table = next((table for table in scope.purged if table.name == objects.table), None)
    if table is None:
        return
    objects.check(table)
    sources = [(table, plan.database.tables[table.name])]
    for place in plan.stores:
        for stored, found in place.backups:
            if hits := found.files.get(table.name):
                its_own = stored.manifest.model.table(table.name)
                rows = _erased(place.store, stored.manifest, its_own, found, hits)
                sources.append((its_own, rows))
    for its_own, rows in sources:
        plan.objects.update(name for name in objects.names(its_own, rows) if name)
    # A row that came under a chosen key since is none of these.
    check_named_by_no_other(connection, objects, table, plan.objects, plan.database.keys(table))
    looked_into = ((place.store, *pair) for place in plan.stores for pair in place.looked_into)
    check_named_in_no_backup(connection, objects, table, plan.objects, looked_into)


def _erased(store: Store, manifest: Manifest, table: Table, found: FoundRows, hits: Mapping[str, int]) -> pa.Table:
    parts = []
    for file in manifest.tables[table.name].files:
        if file.key in hits:
            rows = decode(table, read_file(store, file.key, file.etag).body, file.key)
            parts.append(rows.filter(names_one_of(table, rows, table.key, found.keys[table.name])))
    return pa.concat_tables(parts, promote_options="default")
