"""The parts of a schema beside its rows that a restore into nothing makes: views, programs, the migrations' ledger.

With the ledger and all that it tells of restored, the next deploy of the migrations finds everything done. What a
backup cannot hold is named in it, so that a restore can say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import ER

from xray_backup.data_model import DataModel, quoted
from xray_backup.database import Connection, query
from xray_backup.job_contract import MIGRATIONS
from xray_backup.rights import is_denied
from xray_backup.stored_programs import StoredProgram, read_programs, unseen_kinds, without_definer

_MADE_BY_DEPLOY = tuple(MIGRATIONS["remadePrefixes"])


@dataclass(frozen=True)
class View:
    """A view: its CREATE VIEW statement without a definer, and collation and character set of the session of then.

    Earlier manifests have no character set; MySQL writes every view in UTF-8.
    """

    name: str
    statement: str
    collation: str
    character_set: str = "utf8mb4"

    @property
    def runs_as_definer(self) -> bool:
        """True where its reader needs no rights on what it reads from."""
        return " SQL SECURITY DEFINER VIEW " in self.statement.partition("`")[0]


@dataclass(frozen=True)
class Ledger:
    """The table of the migrations that were applied: its CREATE TABLE statement, and its rows, each value as text."""

    statement: str
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True)
class SchemaDefinition:
    """The default collation, the views, the ledger, and the programs: each trigger after those that act before it.

    `not_held` names all that the backup lacks of the schema, `unseen` the kinds of programs that the schema may have
    without the backup's user seeing their names, with the right that shows them. Earlier manifests have neither
    programs nor `unseen`.
    """

    collation: str
    views: tuple[View, ...] = ()
    ledger: Ledger | None = None
    not_held: tuple[str, ...] = ()
    programs: tuple[StoredProgram, ...] = ()
    unseen: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SchemaDefinition:
        """The definition that a manifest holds."""
        ledger = document["ledger"]
        return cls(
            collation=str(document["collation"]),
            views=tuple(View(**view) for view in document["views"]),
            ledger=Ledger(ledger["statement"], tuple(tuple(row) for row in ledger["rows"])) if ledger else None,
            not_held=tuple(map(str, document["not_held"])),
            programs=tuple(StoredProgram(**program) for program in document.get("programs", ())),
            unseen=tuple(map(str, document.get("unseen", ()))),
        )


# Of the backups from before this was part of them.
NO_DEFINITION = SchemaDefinition("utf8mb4_bin", not_held=("views", "the record of its migrations"))


def read_schema_definition(connection: Connection, schema: str, model: DataModel) -> SchemaDefinition:
    """The definition of the schema that the connection is in, as far as its user may see it."""
    ((collation,),) = query(
        connection,
        "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = %s",
        (schema,),
    )
    views, not_held = [], []
    for name, kind in _tables_and_views(connection, schema, model):
        view = read_view(connection, name) if kind == "view" else None
        if view:
            views.append(view)
        else:
            not_held.append(f"{kind} {name}")
    ledger = _read_ledger(connection, schema)
    if isinstance(ledger, str):
        not_held.append(ledger)
        ledger = None
    programs, only_named = read_programs(connection, schema)
    not_held += only_named
    unseen = unseen_kinds(connection, schema, [table.name for table in model.tables])
    return SchemaDefinition(str(collation), tuple(views), ledger, tuple(not_held), tuple(programs), unseen)


def _tables_and_views(connection: Connection, schema: str, model: DataModel) -> list[tuple[str, str]]:
    """Name and kind of those that the user sees beside the backed up tables and what each deploy makes anew."""
    found = query(
        connection,
        "SELECT table_name, IF(table_type = 'VIEW', 'view', 'table') FROM information_schema.tables"
        " WHERE table_schema = %s ORDER BY 1",
        (schema,),
    )
    known = {(table.name, "table") for table in model.tables} | {(MIGRATIONS["ledger"], "table")}
    return [(str(n), str(k)) for n, k in found if (n, k) not in known and not str(n).startswith(_MADE_BY_DEPLOY)]


def read_view(connection: Connection, name: str) -> View | None:
    """None where the user may not see it, or it refers to what is not there."""
    try:
        ((_, statement, character_set, collation),) = query(connection, f"SHOW CREATE VIEW {quoted(name)}")
    except pymysql.MySQLError as error:
        if is_denied(error) or error.args[0] == ER.VIEW_INVALID:
            return None
        raise
    return View(name, without_definer(str(statement)), str(collation), str(character_set))


def _read_ledger(connection: Connection, schema: str) -> Ledger | str | None:
    """The ledger; its name where the user may not read it; None where there is none."""
    name = quoted(MIGRATIONS["ledger"])
    try:
        # The server tells of a table that is not there whatever the user may.
        columns = [quoted(column[0]) for column in query(connection, f"SHOW COLUMNS FROM {name} IN {quoted(schema)}")]
        ((_, statement),) = query(connection, f"SHOW CREATE TABLE {name}")
        values = ", ".join(f"CAST({column} AS CHAR)" for column in columns)
        rows = query(connection, f"SELECT {values} FROM {name} ORDER BY {columns[0]}, {columns[1]}")
    except pymysql.MySQLError as error:
        if error.args[0] == ER.NO_SUCH_TABLE:
            return None
        if is_denied(error):
            return f"table {MIGRATIONS['ledger']}"
        raise
    return Ledger(str(statement), tuple(tuple(row) for row in rows))
