"""Archive: the rows old enough to be purged, with their parents, kept for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from xray_backup.archive_periods import Period, periods_left
from xray_backup.committed_copy import Wanted, commit_copy, database_time
from xray_backup.data_model import DataModel, Table, quoted
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


def archive(run: Run, slot: str | None, older_than_days: int) -> Manifest | None:
    """Archives what is older than `older_than_days`; the committed manifest, or None after a dry run.

    What an earlier archive took and no purge has gone through yet is not taken again. What a purge found changed is,
    and so is what was inserted after the earlier archive, whatever its time: its key is higher than any that was taken.
    A slot that has its archive already is left as it is.

    Raises:
        BackupError: nothing was committed; the run can be repeated.
    """
    started = database_time(run)
    check_slot_is_due(slot, started)
    before = f"{started - timedelta(days=checked_age_days(older_than_days)):%Y-%m-%d %H:%M:%S}"

    def old_rows(connection: Connection) -> Wanted:
        taken = [*_taken(run), *_held_back(connection, run.model, before)]
        periods = periods_left(taken, before)
        return Wanted(_conditions(run.model, periods), periods)

    return commit_copy(run, "archive", slot, started, started, old_rows)


def _taken(run: Run) -> Iterator[Period]:
    """The periods of the archives that wait for their purge: no key higher than the highest that they hold."""
    # The rows of a damaged archive are archived again: rather twice than not at all.
    for manifest in unpurged_archives(run.store, lambda _, error: run.events("damaged", problem=str(error))):
        if manifest.schema == run.database.schema and manifest.data_model == run.model.digest:
            last = manifest.tables[run.model.anchor.name].max_key
            if last is not None:
                for period in manifest.archived_periods:
                    yield replace(period, up_to_key=last if period.up_to_key is None else min(last, period.up_to_key))


def _held_back(connection: Connection, model: DataModel, before: str) -> Iterator[Period]:
    """The old units with the highest key of a table, for the next archive or a later one.

    The application takes the highest key plus one for the next row, so deleting it would give a key out twice.
    """
    for table in model.purged:
        for key in _anchor_of_last_row(connection, model, table, before):
            yield Period(None, before, key - 1, key)


def _conditions(model: DataModel, periods: Sequence[Period]) -> dict[str, str]:
    """The WHERE clause of each table: the anchor in the periods, its descendants, and the parents both need."""
    anchor = model.anchor
    parts = [period.condition(quoted(str(anchor.time_column)), anchor.quoted_key) for period in periods]
    conditions = {anchor.name: f"({' OR '.join(parts) or 'FALSE'})"}
    for table in model.tables:
        if table.parent and table.parent.table in conditions and table.name != anchor.name:
            parent = model.table(table.parent.table)
            conditions[table.name] = (
                f"{quoted(table.parent.column)} IN"
                f" (SELECT {parent.quoted_key} FROM {parent.quoted} WHERE {conditions[parent.name]})"
            )
    for table in reversed(model.tables):
        if table.name not in conditions:
            needed = [
                f"{table.quoted_key} IN"
                f" (SELECT {quoted(child.parent.column)} FROM {child.quoted} WHERE {conditions[child.name]})"
                for child in model.children(table)
                if child.parent
            ]
            conditions[table.name] = " OR ".join(needed) or "FALSE"
    return conditions


def _anchor_of_last_row(connection: Connection, model: DataModel, table: Table, before: str) -> list[int]:
    path = model.path_to_anchor(table)
    joins = ""
    for position, (child, parent) in enumerate(pairwise(path)):
        assert child.parent is not None  # noqa: S101
        joins += (
            f" JOIN {parent.quoted} t{position + 1}"
            f" ON t{position + 1}.{parent.quoted_key} = t{position}.{quoted(child.parent.column)}"
        )
    rows = query(
        connection,
        f"SELECT t{len(path) - 1}.{path[-1].quoted_key} FROM {table.quoted} t0{joins}"
        f" WHERE t0.{table.quoted_key} = (SELECT MAX({table.quoted_key}) FROM {table.quoted})"
        f" AND t{len(path) - 1}.{quoted(str(path[-1].time_column))} < '{before}'",
    )
    return [key for (key,) in rows]
