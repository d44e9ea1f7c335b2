"""Restore: inserts what is missing, parents first; never overwrites what is there, and tells of conflicts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from xray_backup.data_model import DataModel, Table
from xray_backup.database import Connection, query, server_name
from xray_backup.erased_rows import RowKeys, erased_of
from xray_backup.erasure_record import read_erasures, tombstones
from xray_backup.errors import UsageError, VerificationError
from xray_backup.in_parallel import in_parallel
from xray_backup.keys import Keys, is_in
from xray_backup.layout import LOCKS, RESTORES
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import Origin, load_manifest
from xray_backup.orphans import find_orphans, unchecked
from xray_backup.planned_rows import PlannedRows
from xray_backup.restore_batches import Batch, read_batches
from xray_backup.restore_definition import DefinitionTarget, Remade
from xray_backup.restore_result import RestoreResult, TableResult
from xray_backup.restore_schema import (
    Target,
    check_rebuild,
    definitions,
    find_target,
    find_target_tables,
    finish_tables,
    make_tables,
)
from xray_backup.restore_selection import Selection, check_selection, selected_keys, selected_scope
from xray_backup.restore_writer import TableWriter
from xray_backup.run import Run
from xray_backup.run_records import RestoreRecord, RunRecord, recorded
from xray_backup.schema_definition import NO_DEFINITION
from xray_backup.target_columns import ColumnRef, TargetTable, check_ignored
from xray_backup.verification import as_stored
from xray_backup.whole_table_writer import WholeTableWriter, check_whole_table

RESTORE_LOCK = f"{LOCKS}restore/"


@dataclass(frozen=True)
class _Source:
    """A backup to restore: its data model, the target's columns for each table, and the keys of rows erased since."""

    manifest: Manifest
    model: DataModel
    targets: Mapping[str, TargetTable]
    erased: RowKeys


def restore(
    run: Run,
    names: Sequence[str],
    schema: str | None,
    selection: Selection,
    ignored_columns: Collection[ColumnRef] = (),
) -> RestoreResult:
    """Restores rows of the backups `names` into `schema`.

    Args:
        run: the run.
        names: backups as `list` shows them; `latest` is the newest snapshot. Where two hold one key, the first wins.
        schema: the target; the secret's where None. One that does not exist is made, with its tables.
        selection: which rows.
        ignored_columns: columns of the backups that the target may lack: their values are left out.

    Raises:
        BackupError: a backup is damaged, or the target refused; what was inserted is whole batches, and another run
            goes on from there.
    """
    target = schema or run.database.schema
    with run.database.session("") as connection:
        origin = Origin(run.database.schema, server_name(connection))
    backups = [as_stored(run.store, load_manifest(run.store, name, origin)) for name in names]
    models = [manifest.model for manifest in backups]
    if not selection.is_everything:
        check_selection(run.store, backups, selected_scope(models[0], run.policies, selection), selection)
    check_ignored(ignored_columns, models)
    result = {table.name: TableResult() for model in models for table in model.tables}

    def record(ended: RunRecord) -> RestoreRecord:
        return RestoreRecord(
            **vars(ended),
            backups=[manifest.name for manifest in backups],
            schema=target,
            is_drill=all(manifest.schema != target for manifest in backups),
            is_everything=selection.is_everything,
            tables={name: table.counts for name, table in result.items()},
        )

    with run.exclusive(RESTORE_LOCK, target) as check, recorded(run, RESTORES, record):
        tables = definitions(backups[0], models[0], backups[1:])
        with run.database.session("") as connection:
            found = find_target(connection, target, tables)
            targets = find_target_tables(connection, found, tables, backups, models, ignored_columns)
        check_rebuild(backups[0], found, run.database.schema)
        erased = _erased(run, backups, target)
        sources = [_Source(*source) for source in zip(backups, models, targets, erased, strict=True)]
        if selection.is_everything:
            _check_whole_tables(run, sources, found)
        rest = DefinitionTarget(
            run.database,
            target,
            backups[0].schema,
            backups[0].schema_definition or NO_DEFINITION,
            runs_events=target == run.database.schema and selection.is_everything and backups[0].kind == "snapshot",
        )
        if not run.dry_run:
            make_tables(found, tables, rest)
        _restore(run, sources, found, selection, result, check)
        remade = Remade() if run.dry_run else finish_tables(found, tables, rest)
    event = "would_restore" if run.dry_run else "restored"
    run.events(event, schema=target, tables={name: asdict(table) for name, table in result.items()})
    if found.missing or found.unfinished:
        _tell_what_is_left(run, rest, remade)
    return result


def _erased(run: Run, backups: Sequence[Manifest], schema: str) -> list[RowKeys]:
    """The keys of each backup whose rows were erased since it was made, from its own schema or from the target."""
    erasures = list(read_erasures(run.store))
    return [
        erased_of(run.store, manifest, run.policies, tombstones(erasures, {manifest.schema, schema}).of(manifest))
        for manifest in backups
    ]


def _tell_what_is_left(run: Run, rest: DefinitionTarget, remade: Remade) -> None:
    """Names what a schema that was made lacks, or has otherwise.

    Raises:
        VerificationError: what the backup holds could not be made.
    """
    unseen = [f"{kind}, if there were any" for kind in rest.definition.unseen]
    if objects := [*rest.definition.not_held, *rest.left_out, *unseen]:
        run.events("not_restored", schema=rest.schema, objects=objects)
    if remade.notes:
        run.events("not_alike", schema=rest.schema, notes=remade.notes)
    if remade.errors:
        reasons = "; ".join(f"{name}: {error}" for name, error in sorted(remade.errors.items()))
        raise VerificationError(f"the rows are restored, but not all of {rest.schema} could be made: {reasons}")


def _restore(
    run: Run,
    sources: Sequence[_Source],
    target: Target,
    selection: Selection,
    result: RestoreResult,
    check: Callable[[], None],
) -> None:
    # A dry run makes no table, so there may be none to look at.
    exists = not run.dry_run or not target.missing
    planned = {name: PlannedRows(keep=run.dry_run and len(sources) > 1) for name in result}
    with ExitStack() as sessions:
        connections = [
            sessions.enter_context(run.database.session(target.schema if exists else ""))
            for _ in range(run.connections)
        ]
        ((limit,),) = query(connections[0], "SELECT @@group_concat_max_len")
        connections[0].rollback()
        for source in sources:
            keys: Mapping[str, Keys | None] = {table.name: None for table in source.model.tables}
            if not selection.is_everything:
                scope = selected_scope(source.model, run.policies, selection)
                keys = selected_keys(run.store, scope, source.manifest, selection)
            for table in source.model.tables:
                there = source.targets[table.name]
                had_rows = exists and _has_rows(connections[0], table)
                if not table.key:
                    if selection.is_everything:
                        _write_whole_table(run, connections[0], source, table, had_rows, result[table.name], check)
                    continue
                writer = TableWriter(run, there, had_rows, check, planned[table.name])
                chosen, erased = keys[table.name], source.erased.get(table.name)
                if erased is not None:
                    left_out = erased if chosen is None else erased[is_in(erased, chosen)]
                    result[table.name].add(TableResult(erased=len(left_out)))
                batches = read_batches(run.store, table, there, source.manifest, chosen, int(limit) // 4, erased)
                total = source.manifest.tables[table.name].fingerprint.rows
                with unchecked(connections if table.name in source.model.in_cycles else []):
                    _write_table(run, connections, writer, batches, result[table.name], total)
                planned[table.name].settle(there.compared)
        for table in () if run.dry_run else _written_unchecked(sources):
            result[table.name].add(TableResult(orphans=find_orphans(connections[0], table)))


def _written_unchecked(sources: Sequence[_Source]) -> Collection[Table]:
    """The tables in cycles of foreign keys, each once, with the columns that the target has."""
    return {
        name: source.targets[name].compared for source in sources for name in sorted(source.model.in_cycles)
    }.values()


def _check_whole_tables(run: Run, sources: Sequence[_Source], target: Target) -> None:
    """Looks at the tables without a key before anything is written.

    Raises:
        UsageError: rows of one could not be told from others.
    """
    seen: dict[str, str] = {}
    with run.database.session("") as connection:
        for source in sources:
            for table in source.model.tables:
                if table.key or not source.manifest.tables[table.name].fingerprint.rows:
                    continue
                if other := seen.get(table.name):
                    raise UsageError(
                        f"table {table.name} has no key, and {other} and {source.manifest.name} both hold rows of it:"
                        " nothing tells which are the same, so restore one of them"
                    )
                seen[table.name] = source.manifest.name
                if table.name not in target.missing:
                    check_whole_table(connection, target.schema, table, source.targets[table.name], source.manifest)


def _write_whole_table(
    run: Run,
    connection: Connection,
    source: _Source,
    table: Table,
    had_rows: bool,
    result: TableResult,
    check: Callable[[], None],
) -> None:
    rows = source.manifest.tables[table.name].fingerprint.rows
    if had_rows or run.dry_run:
        # Rows that are there are these: they were looked at before.
        result.present += rows if had_rows else 0
        result.inserted += 0 if had_rows else rows
        return
    target = source.targets[table.name]
    ((limit,),) = query(connection, "SELECT @@group_concat_max_len")
    batches = read_batches(run.store, table, target, source.manifest, None, int(limit) // 4)
    with unchecked([connection] if table.name in source.model.in_cycles else []):
        WholeTableWriter(target, check).write(connection, batches, result)


def _has_rows(connection: Connection, table: Table) -> bool:
    found = bool(query(connection, f"SELECT 1 FROM {table.quoted} LIMIT 1"))
    connection.rollback()
    return found


def _write_table(
    run: Run,
    connections: Sequence[Connection],
    writer: TableWriter,
    batches: Iterator[Batch],
    result: TableResult,
    total: int,
) -> None:
    """Writes the batches side by side."""
    done_rows = 0

    def done(written: TableResult) -> None:
        nonlocal done_rows
        result.add(written)
        done_rows += written.counts.total
        run.events("progress", step=f"restore {writer.table.name}", done=done_rows, total=total)

    in_parallel(connections, batches, writer.write, done)
