"""The tables of a restore's target: those that are missing are made before the rows, their keys after them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pymysql
from pymysql.constants import ER

from xray_backup.data_model import DataModel, Table, quoted
from xray_backup.database import Connection, execute, query
from xray_backup.errors import UsageError, VerificationError
from xray_backup.job_contract import MIGRATIONS
from xray_backup.manifest import Manifest
from xray_backup.restore_definition import (
    DefinitionTarget,
    Remade,
    clear_triggers,
    fill_ledger,
    lacking_rights,
    make_after_rows,
    make_before_rows,
)
from xray_backup.schema_check import check_table
from xray_backup.schema_definition import NO_DEFINITION
from xray_backup.table_definition import (
    UNFINISHED,
    TableDefinition,
    counter_of,
    definition_of_model,
    parse_definition,
    table_statement,
)
from xray_backup.target_columns import ColumnRef, TargetTable, find_target_table


@dataclass(frozen=True)
class Target:
    """A schema, and the tables in it that a restore makes: those that are missing, and those an earlier one left."""

    schema: str
    missing: frozenset[str]
    unfinished: frozenset[str]


def find_target(connection: Connection, schema: str, names: Iterable[str]) -> Target:
    """Looks at the schema for these tables. Where it holds one that no restore is making, nothing is made in it."""
    sql = (
        "SELECT table_name, table_comment FROM information_schema.tables"
        " WHERE table_schema = %s AND table_type <> 'VIEW'"
    )
    found: dict[str, str] = dict(query(connection, sql, (schema,)))
    unfinished = frozenset(name for name, comment in found.items() if comment == UNFINISHED)
    missing = frozenset(names) - found.keys()
    return Target(schema, missing if len(unfinished) == len(found) else frozenset(), unfinished)


def definitions(manifest: Manifest, model: DataModel, others: Iterable[Manifest] = ()) -> Mapping[str, TableDefinition]:
    """The definition of each table, and of the migrations' ledger, as the backup has it.

    A key that any of the backups knows to have been given is not given again, though its row may be gone.

    Args:
        manifest: the backup.
        model: its data model.
        others: backups that are restored with it.

    Raises:
        VerificationError: the backup's statement is not one that MySQL writes.
    """
    found = _definitions(manifest, model)
    for other in others:
        for name, table in other.tables.items():
            if name in found and table.ddl:
                found[name] = found[name].counting_from(counter_of(table.ddl))
    return found


def _definitions(manifest: Manifest, model: DataModel) -> dict[str, TableDefinition]:
    found = {}
    statements = {table.name: manifest.tables[table.name].ddl for table in model.tables}
    if manifest.schema_definition and manifest.schema_definition.ledger:
        statements[MIGRATIONS["ledger"]] = manifest.schema_definition.ledger.statement
    for name, statement in statements.items():
        try:
            found[name] = parse_definition(statement) if statement else definition_of_model(model.table(name))
        except ValueError as error:
            raise VerificationError(f"{manifest.name}: the definition of table {name} is {error}") from None
    return found


def check_rebuild(manifest: Manifest, target: Target, schema: str) -> None:
    """Asks whether this backup alone can make the schema of the database again.

    Args:
        manifest: the backup.
        target: where it goes.
        schema: of the database; another one is a drill's, which may lack a view.

    Raises:
        UsageError: it cannot: the next deploy of the migrations would find half a schema.
    """
    lacks = (manifest.schema_definition or NO_DEFINITION).not_held
    if lacks and target.missing and target.schema == schema:
        raise UsageError(
            f"schema {schema} has no tables, and {manifest.name} cannot make it as it was: it does not hold"
            f" {', '.join(lacks)}; deploy the migrations first, then restore"
        )


def find_target_tables(
    connection: Connection,
    target: Target,
    found: Mapping[str, TableDefinition],
    backups: Sequence[Manifest],
    models: Sequence[DataModel],
    ignored: Collection[ColumnRef],
) -> list[dict[str, TargetTable]]:
    """The columns that the target has, or will have, for each table of each backup.

    Raises:
        UsageError: a table or a column is not there, or not as a row of a backup needs it.
    """
    statements: dict[str, str] = {}
    tables: list[dict[str, TargetTable]] = []
    for manifest, model in zip(backups, models, strict=True):
        tables.append({})
        for table in model.tables:
            if table.name not in statements:
                statements[table.name] = _statement(connection, target, table, found)
            there = find_target_table(table, statements[table.name], ignored, manifest.name)
            tables[-1][table.name] = there
    return tables


def _statement(connection: Connection, target: Target, table: Table, found: Mapping[str, TableDefinition]) -> str:
    if table.name in target.missing and table.name in found:
        return found[table.name].create(target.schema, table.name)
    try:
        check_table(connection, target.schema, table)
    except UsageError as error:
        raise UsageError(f"{error}: deploy the migrations first") from None
    return table_statement(connection, target.schema, table.name)


def make_tables(target: Target, found: Mapping[str, TableDefinition], rest: DefinitionTarget) -> None:
    """Makes the schema and its missing tables, parents first, without the keys that rows do not need; then the rest.

    Raises:
        BackupError: the user may not make them.
    """
    if target.unfinished:
        clear_triggers(rest)
    if target.missing:
        _make_missing(target, found, rest)
    if target.missing or target.unfinished:
        make_before_rows(rest)


def _make_missing(target: Target, found: Mapping[str, TableDefinition], rest: DefinitionTarget) -> None:
    with rest.database.session("") as connection:
        exists = query(connection, "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (target.schema,))
        statements = [table.create(target.schema, name) for name, table in found.items() if name in target.missing]
        if not exists:
            statements.insert(0, f"CREATE DATABASE {quoted(target.schema)} COLLATE {rest.definition.collation}")
        try:
            for statement in statements:
                execute(connection, statement)
        except pymysql.MySQLError as error:
            if error.args[0] in (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR):
                raise lacking_rights(connection, target.schema, rest.definition) from None
            raise


def finish_tables(target: Target, found: Mapping[str, TableDefinition], rest: DefinitionTarget) -> Remade:
    """Adds what the tables that this restore, or an earlier one, made still lack: first of all their keys.

    The mark of a table goes last, so that a run that dies before is taken up again.

    Returns:
        The outcome for views and programs.
    """
    made = {name: table for name, table in found.items() if name in target.missing | target.unfinished}
    if not made:
        return Remade()
    with rest.database.session(target.schema) as connection:
        # The rows are the backup's, whose foreign keys held; a row without its parent is shown as it was.
        execute(connection, "SET SESSION foreign_key_checks = 0")
        for add in (TableDefinition.add_keys, TableDefinition.add_foreign_keys):
            for name, table in made.items():
                there = parse_definition(table_statement(connection, target.schema, name))
                if statement := add(table, target.schema, name, there):
                    execute(connection, statement)
        fill_ledger(connection, rest.definition)
        remade = make_after_rows(rest)
        for name, table in made.items():
            execute(connection, table.mark_finished(target.schema, name))
    return remade
