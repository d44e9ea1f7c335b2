"""The common part of snapshot and archive: copy every table under the lock, commit the proved copies, once per slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from xray_backup.archive_periods import Period
from xray_backup.catalog import complete_catalog
from xray_backup.data_model import DataModel
from xray_backup.database import Connection, query, server_name
from xray_backup.errors import BackupError, UsageError
from xray_backup.layout import LOCKS, Kind, backup_name, checked_slot, manifest_key, run_prefix
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import commit_manifest, find_manifest
from xray_backup.run import Run
from xray_backup.schema_definition import read_schema_definition
from xray_backup.slots import check_made_on_its_day
from xray_backup.table_copy import copy_table
from xray_backup.table_definition import table_created, table_statement, without_counter
from xray_backup.verification import check_files

BACKUP_LOCK = f"{LOCKS}backup/"


@dataclass(frozen=True)
class Wanted:
    """Rows to copy: the WHERE clause of each table, by name, and the periods that an archive's say."""

    conditions: Mapping[str, str]
    periods: tuple[Period, ...] = ()


# Asked under the lock, once the data model is known.
FindWanted = Callable[[Connection, DataModel], Wanted]


def database_time(run: Run) -> datetime:
    """Now, in UTC, by the database's clock: the one clock that all machines share."""
    with run.database.session() as connection:
        ((now,),) = query(connection, "SELECT UTC_TIMESTAMP(6)")
    return now.replace(tzinfo=UTC)  # type: ignore[no-any-return]


def _count_rows(run: Run, kind: Kind, find_wanted: FindWanted) -> None:
    """Reports how many rows of each table would be copied."""
    with run.database.session() as connection:
        model = run.read_model(connection)
        for name, condition in find_wanted(connection, model).conditions.items():
            sql = f"SELECT COUNT(*) FROM {model.table(name).quoted} WHERE {condition}"
            ((rows,),) = query(connection, sql)
            run.events("would_copy", backup=kind, table=name, rows=rows)


def commit_copy(
    run: Run,
    kind: Kind,
    slot: str | None,
    started: datetime,
    cutoff: datetime,
    find_wanted: FindWanted,
) -> Manifest | None:
    """The committed backup of the slot, made now unless it was made before; None after a dry run.

    Args:
        run: the run.
        kind: snapshot or archive.
        slot: name of the scheduled run; the day of `started` where None.
        started: the database's time at the start.
        cutoff: what was committed before this is complete.
        find_wanted: which rows.

    Raises:
        BackupError: nothing was committed; the run can be repeated.
    """
    slot = checked_slot(slot or f"{started:%Y-%m-%d}")
    if run.dry_run:
        _count_rows(run, kind, find_wanted)
        return None
    with run.exclusive(BACKUP_LOCK) as check:
        with run.database.session() as connection:
            _check_writer(connection)
            server = server_name(connection)
            if existing := find_manifest(run.store, kind, slot):
                _check_existing(run, existing, server)
                run.events("already_committed", backup=existing.name, run_id=existing.run_id)
                complete_catalog(run)
                return existing
            model = run.read_model(connection)
            definitions = _definitions(run, connection, model)
            identities = _identities(run, connection, definitions)
            schema_definition = read_schema_definition(connection, run.database.schema, model)
            wanted = find_wanted(connection, model)
        if schema_definition.not_held:
            # A restore into an empty schema will say "migrations first": better known now.
            run.events("not_held", backup=backup_name(kind, slot), objects=list(schema_definition.not_held))
        tables = {}
        # Children first: a parent that a child needs was committed before it, so it is there when its table is read.
        for table in reversed(model.tables):
            prefix = run_prefix(kind, table.name, f"{started:%Y-%m-%d}", run.run_id)
            tables[table.name] = copy_table(run, table, prefix, wanted.conditions[table.name])
            check()
        with run.database.session() as connection:
            now = _definitions(run, connection, run.read_model(connection))
            _check_unaltered(identities, _identities(run, connection, now))
        # As they are now, also with the keys that were given since.
        tables = {name: replace(table, ddl=now[name]) for name, table in tables.items()}
        manifest = Manifest(
            kind=kind,
            slot=slot,
            run_id=run.run_id,
            schema=run.database.schema,
            model=model,
            started_at=started.isoformat(),
            cutoff=cutoff.isoformat(),
            verified_at=database_time(run).isoformat(),
            tables=tables,
            archived_periods=wanted.periods,
            job_run_id=run.job_run_id,
            server=server,
            schema_definition=schema_definition,
        )
        check()
        commit_manifest(run.store, manifest)
    run.events("committed", backup=backup_name(kind, slot), manifest=manifest_key(manifest.name))
    complete_catalog(run)
    return manifest


def _definitions(run: Run, connection: Connection, model: DataModel) -> dict[str, str]:
    """The CREATE TABLE statement of each table."""
    return {table.name: table_statement(connection, run.database.schema, table.name) for table in model.tables}


def _identities(run: Run, connection: Connection, definitions: Mapping[str, str]) -> dict[str, tuple[object, ...]]:
    """The definition and the time of creation of each table: other ones mean another table, or an altered one."""
    return {
        name: (without_counter(statement), table_created(connection, run.database.schema, name))
        for name, statement in definitions.items()
    }


def _check_unaltered(before: Mapping[str, object], after: Mapping[str, object]) -> None:
    """Raises BackupError where a table is not the same any more: what it has now may not be in the files."""
    for name in sorted(before.keys() | after.keys()):
        if after.get(name) != before.get(name):
            raise BackupError(
                f"table {name} was altered or replaced while it was copied; nothing was committed, run it again"
            )


def _check_writer(connection: Connection) -> None:
    """Raises UsageError where the server only follows another one, and may not have its latest rows yet."""
    ((_, read_only),) = query(connection, "SHOW GLOBAL VARIABLES LIKE 'read_only'")
    if read_only != "OFF":
        raise UsageError("MySQL is read only, as a replica is, which may be behind: take the backup from the writer")


def _check_existing(run: Run, existing: Manifest, server: str) -> None:
    """Looks at the backup that the slot has already.

    Raises:
        UsageError: it is of another schema or server, or was made before its slot's day.
        VerificationError: its files are not there.
    """
    if existing.schema != run.database.schema or (existing.server or server) != server:
        raise UsageError(
            f"{existing.name} is of schema {existing.schema!r} on server {existing.server or 'unknown'}, this run is of"
            f" {run.database.schema!r} on {server}: give each its own store, or this run its own --run_slot"
        )
    check_made_on_its_day(existing.name, existing.slot, existing.started_at)
    for table in existing.tables.values():
        check_files(run.store, existing, table)
