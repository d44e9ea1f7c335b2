"""The tables of a restore's target: those that are missing are made before the rows, their keys after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xray_backup.data_model import DataModel, quoted
from xray_backup.database import Connection, Database, execute, query
from xray_backup.errors import VerificationError
from xray_backup.manifest import Manifest
from xray_backup.table_definition import UNFINISHED, TableDefinition, definition_of_model, parse_definition


@dataclass(frozen=True)
class Target:
    """A schema, and the tables in it that a restore makes: those that are missing, and those an earlier one left."""

    schema: str
    missing: frozenset[str]
    unfinished: frozenset[str]


def find_target(connection: Connection, schema: str, model: DataModel) -> Target:
    """Looks at the schema. Where it holds a table that no restore is making, nothing is made in it."""
    sql = "SELECT table_name, table_comment FROM information_schema.tables WHERE table_schema = %s"
    found: dict[str, str] = dict(query(connection, sql, (schema,)))
    unfinished = frozenset(name for name, comment in found.items() if comment == UNFINISHED)
    missing = frozenset(table.name for table in model.tables) - found.keys()
    return Target(schema, missing if len(unfinished) == len(found) else frozenset(), unfinished)


def definitions(manifest: Manifest, model: DataModel) -> Mapping[str, TableDefinition]:
    """The definition of each table, as the backup has it.

    Raises:
        VerificationError: the backup's statement is not one that MySQL writes.
    """
    found = {}
    for table in model.tables:
        statement = manifest.tables[table.name].ddl
        try:
            found[table.name] = parse_definition(statement) if statement else definition_of_model(table)
        except ValueError as error:
            raise VerificationError(f"{manifest.name}: the definition of table {table.name} is {error}") from None
    return found


def make_tables(database: Database, target: Target, found: Mapping[str, TableDefinition]) -> None:
    """Makes the schema and its missing tables, parents first, without the keys that rows do not need."""
    if not target.missing:
        return
    with database.session("") as connection:
        exists = query(connection, "SELECT 1 FROM information_schema.schemata WHERE schema_name = %s", (target.schema,))
        if not exists:
            execute(connection, f"CREATE DATABASE {quoted(target.schema)} CHARACTER SET utf8mb4")
        for name, table in found.items():
            if name in target.missing:
                execute(connection, table.create(target.schema, name))


def finish_tables(database: Database, target: Target, found: Mapping[str, TableDefinition]) -> None:
    """Adds the keys of the tables that this restore, or an earlier one, made: faster than to keep them row by row."""
    with database.session(target.schema) as connection:
        # The rows are the backup's, whose foreign keys held; a row without its parent is shown as it was.
        execute(connection, "SET SESSION foreign_key_checks = 0")
        for name, table in found.items():
            if name in target.missing | target.unfinished:
                execute(connection, table.finish(target.schema, name))
