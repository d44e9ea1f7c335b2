"""Archive: the rows old enough to be purged, with all that they reference, kept for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from xray_backup.archive_periods import Period, periods_left
from xray_backup.archive_policy import ArchivePolicy, PolicyScope, policy_scopes
from xray_backup.committed_copy import Wanted, commit_copy, database_time
from xray_backup.data_model import DataModel, ForeignKey, Table, quoted
from xray_backup.database import Connection, query
from xray_backup.errors import UsageError
from xray_backup.manifest import Manifest
from xray_backup.purge_record import unpurged_archives
from xray_backup.run import Run
from xray_backup.slots import check_slot_is_due

# Nobody knows the zone of the time column, the application host's: two days cover every zone and a wrong clock.
MIN_AGE_DAYS = 2


def checked_age_days(days: int) -> int:
    """`days` itself.

    Raises:
        UsageError: younger than two days: zones and clocks could make today's rows look old.
    """
    if days < MIN_AGE_DAYS:
        raise UsageError(f"an age of {days} days is not allowed: use {MIN_AGE_DAYS} or more")
    return days


def time_before(now: datetime, policy: ArchivePolicy, older_than_days: int) -> str:
    """The time before which the policy's rows are old, `YYYY-MM-DD hh:mm:ss`; the larger age wins.

    Raises:
        UsageError: as of `checked_age_days`.
    """
    days = max(checked_age_days(older_than_days), policy.older_than_days or 0)
    return f"{now - timedelta(days=days):%Y-%m-%d %H:%M:%S}"


def archive(run: Run, slot: str | None, older_than_days: int) -> Manifest | None:
    """Archives what is older than `older_than_days`, or than a policy's own larger age.

    The committed manifest, or None after a dry run.

    What an earlier archive took and no purge has gone through yet is not taken again. What a purge found changed is,
    and so is what was inserted after the earlier archive, whatever its time, where its key is one integer: that is
    higher than any that was taken. A slot that has its archive already is left as it is.

    Raises:
        BackupError: nothing was committed; the run can be repeated.
    """
    started = database_time(run)
    check_slot_is_due(slot, started)
    before = {policy.anchor: time_before(started, policy, older_than_days) for policy in run.policies}

    def old_rows(connection: Connection, model: DataModel) -> Wanted:
        scopes = policy_scopes(model, run.policies)
        periods: list[Period] = []
        for scope in scopes:
            end = before[scope.anchor.name]
            taken = [*_taken(run, scope), *_held_back(connection, scope, end)]
            periods += periods_left(taken, end, scope.anchor.name)
        return Wanted(archive_conditions(model, scopes, periods), tuple(periods))

    return commit_copy(run, "archive", slot, started, started, old_rows)


def _taken(run: Run, scope: PolicyScope) -> Iterator[Period]:
    """The periods of the archives that wait for their purge: no key higher than the highest that they hold."""
    # The rows of a damaged archive are archived again: rather twice than not at all.
    for manifest in unpurged_archives(run.store, lambda _, error: run.events("damaged", problem=str(error))):
        if manifest.schema == run.database.schema and scope.is_same_in(manifest.model):
            backup = manifest.tables[scope.anchor.name]
            last = backup.max_key
            if last is None and (scope.anchor.has_integer_key or not backup.files):
                continue
            for period in manifest.archived_periods:
                if period.anchor != scope.anchor.name:
                    continue
                bounds = [key for key in (period.up_to_key, last) if key is not None]
                yield replace(period, up_to_key=min(bounds, default=None))


def _held_back(connection: Connection, scope: PolicyScope, before: str) -> Iterator[Period]:
    """The old units with the highest key of a table, for the next archive or a later one.

    An application may take the highest key plus one for the next row, so deleting it would give a key out twice.
    """
    if scope.anchor.has_integer_key:
        for table in scope.purged:
            if table.has_integer_key:
                for key in _anchor_of_last_row(connection, scope, table, before):
                    yield Period(None, before, key - 1, key, scope.anchor.name)


def archive_conditions(model: DataModel, scopes: Sequence[PolicyScope], periods: Sequence[Period]) -> dict[str, str]:
    """The WHERE clause of each table: the anchors in the periods, their descendants, and all that both reference.

    Of a table that references itself, by way of others or not, all rows are taken where any is referenced.
    """
    wanted: dict[str, list[str]] = {table.name: [] for table in model.tables}
    for scope in scopes:
        key = scope.anchor.quoted_key
        parts = [p.condition(scope.time_column.quoted, key) for p in periods if p.anchor == scope.anchor.name]
        conditions = {scope.anchor.name: f"({' OR '.join(parts) or 'FALSE'})"}
        for table in scope.purged[1:]:
            owner = scope.owners[table.name]
            parent = model.table(owner.table)
            conditions[table.name] = _in(owner.columns, parent, owner.referenced_columns, conditions[parent.name])
        for table in reversed(scope.ancestors):
            conditions[table.name] = _referenced(model, table, conditions)
        for name, condition in conditions.items():
            wanted[name].append(condition)
    return {name: " OR ".join(conditions) or "FALSE" for name, conditions in wanted.items()}


def _referenced(model: DataModel, table: Table, conditions: dict[str, str]) -> str:
    if table.name in model.in_cycles:
        return "TRUE"
    parts = [
        _in(key.referenced_columns, child, key.columns, conditions[child.name])
        for child, key in model.children(table)
        if child.name in conditions
    ]
    return " OR ".join(parts) or "FALSE"


def _in(columns: Sequence[str], other: Table, other_columns: Sequence[str], condition: str) -> str:
    selected = ", ".join(map(quoted, other_columns))
    return f"({', '.join(map(quoted, columns))}) IN (SELECT {selected} FROM {other.quoted} WHERE {condition})"


def _anchor_of_last_row(connection: Connection, scope: PolicyScope, table: Table, before: str) -> list[int]:
    path = scope.path_to_anchor(table)
    last = len(path) - 1
    joins = "".join(
        f" JOIN {parent.quoted} t{position + 1} ON {_joined(scope.owners[child.name], position)}"
        for position, (child, parent) in enumerate(pairwise(path))
    )
    rows = query(
        connection,
        f"SELECT t{last}.{scope.anchor.quoted_key} FROM {table.quoted} t0{joins}"
        f" WHERE t0.{table.quoted_key} = (SELECT MAX({table.quoted_key}) FROM {table.quoted})"
        f" AND t{last}.{scope.time_column.quoted} < '{before}'",
    )
    return [key for (key,) in rows]


def _joined(key: ForeignKey, position: int) -> str:
    pairs = zip(key.columns, key.referenced_columns, strict=True)
    return " AND ".join(f"t{position + 1}.{quoted(parent)} = t{position}.{quoted(child)}" for child, parent in pairs)
