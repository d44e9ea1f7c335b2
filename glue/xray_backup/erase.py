"""Erase: takes chosen rows, all that belongs to them and their objects out of database, backups and bucket, for good.

The order makes a second run end what a killed one began: a record that every restore honours comes first, the objects
go while rows still name them, all rows of the database go in one transaction, then each backup is written anew, and at
last the old versions go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from xray_backup.archive_policy import policy_scopes, scope_of_row
from xray_backup.committed_copy import BACKUP_LOCK, database_time
from xray_backup.data_model import DataModel
from xray_backup.database import Connection
from xray_backup.delete_effects import DeleteEffects, find_delete_effects
from xray_backup.erase_backup import rewrite_backup
from xray_backup.erase_objects import RowObjects, count_objects, find_by_digest, remove_objects
from xray_backup.erase_plan import Plan, StorePlan, find_all
from xray_backup.erase_rows import check_alone, delete_rows
from xray_backup.erasure_record import (
    Erasure,
    ErasureBegun,
    ErasureEnded,
    LeftObjects,
    read_erasures,
    write_record,
)
from xray_backup.errors import BackupError, UsageError
from xray_backup.job_contract import STORE
from xray_backup.key_equality import KeyEquality
from xray_backup.keys import Keys, key_digests, shown
from xray_backup.layout import KINDS, ROOT, manifest_key
from xray_backup.manifest import Manifest
from xray_backup.object_versions import Removed, S3Versions, Version, Versions, remove_object, versions_of
from xray_backup.restore_selection import ChosenRows, Selection, chosen_keys
from xray_backup.rights import RIGHTS, check_right
from xray_backup.run import Run
from xray_backup.store import Store


@dataclass(frozen=True)
class ErasureOptions:
    """Options of an erasure.

    `objects` name the object of each row of a table; `database_backup_days` is how long the server's own backups last.
    `former_stores` and `former_schemas` hold the same rows under an earlier name; where `former_schemas` is None, rows
    under the chosen keys in a backup of another schema are an error.
    """

    objects: RowObjects | None
    database_backup_days: int = 35
    bypass_governance: bool = False
    former_stores: Sequence[Store] = ()
    former_schemas: Sequence[str] | None = None


# The versions of a bucket.
VersionsIn = Callable[[str], S3Versions]


def erase(run: Run, selection: Selection, options: ErasureOptions, versions_in: VersionsIn) -> ErasureEnded | None:
    """Erases the chosen rows with all that belongs to them; the record of it, or None after a dry run.

    Args:
        run: the run.
        selection: ids of one table, or rows of one.
        options: see there.
        versions_in: gives the versions of a bucket, for the objects of rows.

    Raises:
        UsageError: no row, or rows of several tables are chosen, or one is nowhere.
        BackupError: a row that would stay is in the way, and nothing was changed; or something is left, and another
            run goes on from there.
    """
    # The lease of the backups: one that is at work has files without a manifest, as a killed one has.
    others = options.former_stores
    places = [StorePlan(run.store, versions_of(run.store, options.bypass_governance))]
    places += [StorePlan(store, versions_of(store, options.bypass_governance), f"{store.url}: ") for store in others]
    if len({place.store.url for place in places}) < len(places):
        raise UsageError("--former_stores names the store itself, or one twice")
    with run.exclusive(BACKUP_LOCK, other_stores=others) as check, run.database.session() as connection:
        found = run.read_tables(connection)
        chosen = _chosen(found.model, run, selection)
        scope = scope_of_row(found.model, run.policies, chosen.table)
        if scope is None:
            raise UsageError(f"the schema has no table {chosen.table!r}")
        for table in scope.purged:
            found.check([table.name, *found.references.get(table.name, ())])
        for right in RIGHTS["erase"]:
            check_right(connection, run.database.schema, right, () if right == "REFERENCES" else scope.purged)
        erasures = _erasures(places)
        now = database_time(run)
        keys = np.unique(chosen_keys(scope.anchor, chosen))
        schemas = {run.database.schema, *(options.former_schemas or ())}
        plan = find_all(run, connection, scope, keys, places, schemas, options.objects, erasures, now)
        _check_found(keys, plan, erasures, KeyEquality(connection, run.database.schema))
        effects = find_delete_effects(connection, run.database.schema, scope)
        check_alone(connection, effects, plan.database)
        connection.rollback()
        return _Erasure(run, options, versions_in, erasures, plan, check).run_it(connection, effects, now)


def _erasures(places: Iterable[StorePlan]) -> list[Erasure]:
    """The erasures that any of the stores knows of, in the order in which they began.

    By the database's clock, since run ids tell no order within a second, nor between machines.
    """
    found: dict[str, Erasure] = {}
    for place in places:
        for erasure in read_erasures(place.store):
            # One that was killed may have ended in the first store alone.
            if erasure.begun.run_id not in found or erasure.is_finished:
                found[erasure.begun.run_id] = erasure
    return sorted(found.values(), key=lambda erasure: datetime.fromisoformat(erasure.begun.began_at))


def _chosen(model: DataModel, run: Run, selection: Selection) -> ChosenRows:
    """The chosen rows by table and key.

    Raises:
        UsageError: none are chosen, or rows of several tables.
    """
    ids = {"parent": selection.parent_ids, "anchor": selection.anchor_ids}
    given = [name for name, value in ids.items() if value is not None]
    if len(given) + (selection.rows is not None) != 1:
        raise UsageError("choose the rows to erase by ids of one table, or by --rows table=key,key")
    if selection.rows:
        return selection.rows
    if not run.policies:
        raise UsageError("--policies is none: choose the rows to erase by --rows table=key,key")
    anchor = policy_scopes(model, run.policies)[0].anchor
    name = anchor.name
    if given == ["parent"]:
        if not anchor.foreign_keys:
            raise UsageError(f"rows cannot be chosen by parent: {anchor.name} has none")
        name = anchor.foreign_keys[0].table
    return ChosenRows(name, tuple(map(str, ids[given[0]] or ())))


def _check_found(chosen: Keys, plan: Plan, erasures: Sequence[Erasure], equality: KeyEquality) -> None:
    """Raises UsageError where a chosen row is nowhere, and was not erased before."""
    anchor = plan.database.scope.anchor
    known = {row.key for erasure in erasures if erasure.begun.table == anchor.name for row in erasure.begun.rows}
    known.update(digest for keys in plan.named for digest in key_digests(keys))
    unknown = chosen[np.array([digest not in known for digest in key_digests(chosen)], np.bool_)]
    for keys in plan.named:
        if keys.dtype == unknown.dtype:
            unknown = unknown[~equality.among(anchor, unknown, keys)]
    if len(unknown):
        raise UsageError(
            f"{len(unknown)} of the {len(chosen)} chosen rows of {anchor.name} are neither in the database nor in a"
            f" backup: {', '.join(map(str, shown(unknown)))}; check the keys, nothing was changed"
        )


class _Erasure:
    """The steps of one run."""

    def __init__(
        self,
        run: Run,
        options: ErasureOptions,
        versions_in: VersionsIn,
        erasures: Sequence[Erasure],
        plan: Plan,
        check: Callable[[], None],
    ) -> None:
        self._run, self._options, self._versions_in, self._plan = run, options, versions_in, plan
        self._check = check
        # Objects that could not be deleted, by the reason.
        self._refused: Counter[str] = Counter()
        left_before = find_by_digest(versions_in, _left_before(erasures, plan), self._refused)
        self._names = sorted(plan.objects | left_before)

    def run_it(self, connection: Connection, effects: DeleteEffects, now: datetime) -> ErasureEnded | None:
        run, plan = self._run, self._plan
        until = (now + timedelta(days=self._options.database_backup_days)).date().isoformat()
        run.events("kept_elsewhere", what="automated backups of the database", until=until)
        if run.dry_run:
            files = sum(len(self._left_over(place, place.manifests)) for place in plan.stores)
            there = count_objects(self._versions_in, self._names, self._refused)
            missing = len(self._names) - there
            run.events("would_erase", rows=plan.counts, objects=there, missing=missing, files=files)
            self._tell_left(Removed())
            return None
        scope = plan.database.scope
        # A refusal of the server, as by a table that references itself, is told before an object goes.
        delete_rows(connection, scope, plan.chosen, effects, is_rehearsal=True)
        self._check()
        former = list(self._options.former_schemas or ())
        began_at, schema = now.isoformat(), run.database.schema
        self._record(ErasureBegun(run.run_id, began_at, schema, former, scope.anchor.name, plan.rows))
        objects = remove_objects(self._versions_in, self._names, self._check)
        self._refused += objects.refused
        if objects.left:
            buckets: dict[str, list[str]] = {}
            for name in objects.left:
                buckets.setdefault(name.bucket, []).append(name.digest)
            self._record(LeftObjects(buckets))
        self._check()
        rows = {"database": delete_rows(connection, scope, plan.chosen, effects)}
        removed = objects.versions
        for place in plan.stores:
            removed.add(self._rewrite(place, rows))
        ended = ErasureEnded(
            ended_at=database_time(run).isoformat(),
            completed=not removed.locks and not self._refused and not any(place.unreadable for place in plan.stores),
            rows=rows,
            objects=objects.gone,
            missing=objects.missing,
            versions=removed.versions,
            left=len(removed.locks) + self._refused.total(),
            left_until=removed.until.isoformat() if removed.until else None,
        )
        self._record(ended)
        run.events(
            "erased", rows=rows, objects=ended.objects, missing=ended.missing, versions=ended.versions, left=ended.left
        )
        self._tell_left(removed)
        return ended

    def _record(self, record: ErasureBegun | LeftObjects | ErasureEnded) -> None:
        """Writes the record in each store, since a restore looks in its own alone."""
        for place in self._plan.stores:
            write_record(place.store, self._run.run_id, record)

    def _rewrite(self, place: StorePlan, rows: dict[str, dict[str, int]]) -> Removed:
        """Writes the backups of a store anew, and deletes what no manifest names any more."""
        run = self._run
        manifests = {manifest.name: manifest for manifest in place.manifests}
        for done, (stored, found) in enumerate(place.backups, 1):
            self._check()
            name = stored.manifest.name
            manifests[name] = rewrite_backup(place.store, place.objects, stored, found)
            rows[place.label + name] = found.rows
            run.events("progress", step="rewrite backups", done=done, total=len(place.backups))
        removed = Removed()
        for versions in self._left_over(place, list(manifests.values())).values():
            self._check()
            removed.add(remove_object(place.objects, versions))
        for manifest in manifests.values():
            if any(table.replaced for table in manifest.tables.values()):
                self._check()
                removed.add(self._remove_old_manifests(place.objects, manifest.name))
        return removed

    def _remove_old_manifests(self, objects: Versions, name: str) -> Removed:
        """Of a manifest only the version that counts is left."""
        key, removed = manifest_key(name), Removed()
        for version in list(objects.below(key)):
            if version.key == key and not version.is_current:
                if lock := objects.remove(version):
                    removed.locks.append(lock)
                else:
                    removed.versions += 1
        return removed

    def _left_over(self, place: StorePlan, manifests: Sequence[Manifest]) -> dict[str, list[Version]]:
        """The versions of files that no manifest names, or whose backup has expired, by key.

        Where a manifest cannot be read, they are only those that an erasure has replaced: others may be that backup's.
        """
        expired = {manifest.name for manifest in place.expired}
        named = {
            file.key
            for manifest in manifests
            if manifest.name not in expired
            for table in manifest.tables.values()
            for file in table.files
        }
        replaced = {key for manifest in manifests for table in manifest.tables.values() for key in table.replaced}
        is_complete = place.unreadable.keys() <= {manifest.name for manifest in manifests}
        found: dict[str, list[Version]] = {}
        for kind in KINDS:
            for version in place.objects.below(f"{ROOT}/{STORE[kind]}/"):
                key = version.key
                if key not in named and not key.endswith("/") and (is_complete or key in replaced):
                    found.setdefault(key, []).append(version)
        return found

    def _tell_left(self, removed: Removed) -> None:
        """Raises BackupError where something is left."""
        plan, left = self._plan, []
        if removed.locks:
            modes = " and ".join(sorted({lock.mode for lock in removed.locks}))
            until = f" until {removed.until:%Y-%m-%d %H:%M} UTC" if removed.until else ""
            left.append(
                f"{len(removed.locks)} versions are locked{until} ({modes}): run it again after that, or, where the"
                " mode is GOVERNANCE and this role may, with --bypass_governance_retention yes"
            )
        left += [f"{count} objects are left: {reason}" for reason, count in sorted(self._refused.items())]
        for place in plan.stores:
            for name, reason in sorted(place.unreadable.items()):
                left.append(f"{place.label}{name} was not looked into: {reason}")
            left += self._in_other_schemas(place)
        if len(plan.left_alone):
            table = plan.database.scope.anchor
            names = ", ".join(map(str, shown(plan.left_alone)))
            left.append(
                f"row {names} of {table.name} came under its key since the erasure that did not end, and is left: to"
                " erase it too, run it again"
            )
        if left:
            raise BackupError(f"not everything is erased: {'; '.join(left)}")

    def _in_other_schemas(self, place: StorePlan) -> Iterator[str]:
        """The backups of schemas that may be this one under an earlier name, where the run was not told."""
        for schema, names in sorted(place.other_schemas.items()):
            if self._options.former_schemas is None:
                yield (
                    f"{place.label}{', '.join(names)} of schema {schema} hold rows under these keys: where they are the"
                    f" same rows, run it again with --former_schemas {schema}, else with --former_schemas none"
                )
            else:
                self._run.events("kept_elsewhere", what=f"rows under these keys in backups of {schema}", until=None)


def _left_before(erasures: Sequence[Erasure], plan: Plan) -> dict[str, set[str]]:
    """The objects of these rows of which an erasure that did not end has left a version."""
    digests = {row.key for row in plan.rows}
    found: dict[str, set[str]] = {}
    for erasure in erasures:
        if erasure.left and not erasure.is_finished and digests & {row.key for row in erasure.begun.rows}:
            for bucket, keys in erasure.left.buckets.items():
                found.setdefault(bucket, set()).update(keys)
    return found
