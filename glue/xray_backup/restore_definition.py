"""The views, programs and the migrations' ledger of a restore into nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

import pymysql
from pymysql.constants import ER

from xray_backup.data_model import quoted
from xray_backup.database import Connection, Database, execute, query
from xray_backup.errors import BackupError
from xray_backup.job_contract import MIGRATIONS
from xray_backup.rights import current_account
from xray_backup.schema_definition import SchemaDefinition, View, read_view
from xray_backup.stored_programs import ProgramKind, StoredProgram, execute_under, make_program, read_programs

_TO_MAKE_TABLES = ("CREATE", "CREATE VIEW", "ALTER", "REFERENCES", "SELECT", "INSERT")
# On the schema; the report's page names them too.
RIGHTS_TO_MAKE = ", ".join(_TO_MAKE_TABLES)
_TO_MAKE: dict[ProgramKind, str] = {
    "procedure": "CREATE ROUTINE",
    "function": "CREATE ROUTINE",
    "trigger": "TRIGGER",
    "event": "EVENT",
}
_ROUTINES: tuple[ProgramKind, ...] = ("function", "procedure")
# With a binary log, functions and triggers ask for SUPER, or for a word of the server's parameters.
_BINARY_LOG = (ER.BINLOG_UNSAFE_ROUTINE, ER.BINLOG_CREATE_ROUTINE_NEED_SUPER)


@dataclass
class Remade:
    """The outcome: objects that could not be made, with the reason, and what is not quite as it was."""

    errors: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DefinitionTarget:
    """A schema that a definition is made in.

    Args:
        schema: its name.
        origin: name of the schema of then.
        definition: of the schema of then.
        runs_events: leaves the events as they were; otherwise they come back disabled, since one that runs here too
            would do its work twice.
    """

    database: Database
    schema: str
    origin: str
    definition: SchemaDefinition
    runs_events: bool

    @property
    def left_out(self) -> list[str]:
        """Objects that name the schema of then, where this is another one: they would act on that."""
        objects: Iterable[View | StoredProgram] = chain(self.definition.views, self.definition.programs)
        return [f"{_label(o)} (it names schema {self.origin})" for o in objects if self._is_left_out(o)]

    @property
    def views(self) -> list[View]:
        """The views to make."""
        return [view for view in self.definition.views if not self._is_left_out(view)]

    def programs(self, *kinds: ProgramKind) -> list[StoredProgram]:
        """The programs to make, of these kinds."""
        programs = [p for p in self.definition.programs if p.kind in kinds and not self._is_left_out(p)]
        return programs if self.runs_events else [program.disabled for program in programs]

    @property
    def objects(self) -> list[View | StoredProgram]:
        """All that is to make."""
        return [*self.views, *self.programs(*_TO_MAKE)]

    def _is_left_out(self, made: View | StoredProgram) -> bool:
        return self.schema != self.origin and _names_schema(made.statement, self.origin)


def make_before_rows(target: DefinitionTarget) -> None:
    """Makes the routines and the views, and tries the triggers and events, so that a missing right is told at once.

    A view that names a key has to wait for it; a trigger would act on the rows.

    Raises:
        BackupError: the user may not make one of them.
    """
    _make_programs(target, target.programs(*_ROUTINES))
    _make_views(target)
    _make_programs(target, target.programs("trigger", "event"), only_tried=True)


def make_after_rows(target: DefinitionTarget) -> Remade:
    """Makes what is not there yet, triggers and then events last.

    Raises:
        BackupError: the user may not make one of them.
    """
    errors = _make_programs(target, target.programs(*_ROUTINES))
    errors |= _make_views(target)
    errors |= _make_programs(target, target.programs("trigger", "event"))
    with target.database.session(target.schema) as connection:
        notes = _differences(connection, target, errors)
        if as_definer := [_label(made) for made in target.objects if made.runs_as_definer]:
            _, account = current_account(connection)
            notes.append(f"with the rights of {account}, who made them now: {', '.join(as_definer)}")
    return Remade(errors, notes)


def clear_triggers(target: DefinitionTarget) -> None:
    """Takes away the triggers that a restore made before it was stopped: they would act on the rows to come."""
    with target.database.session(target.schema) as connection:
        for program in target.programs("trigger"):
            execute(connection, f"DROP TRIGGER IF EXISTS {quoted(program.name)}")


def lacking_rights(connection: Connection, schema: str, definition: SchemaDefinition) -> BackupError:
    """The refusal of a user who may not make what a schema is made of."""
    user, account = current_account(connection)
    rights = dict.fromkeys((*_TO_MAKE_TABLES, *(_TO_MAKE[program.kind] for program in definition.programs)))
    kinds = {"tables", "views"} | {f"{program.kind}s" for program in definition.programs}
    *first, last = sorted(kinds, key=("tables", "views", "procedures", "functions", "triggers", "events").index)
    return BackupError(
        f"user {user!r} may not make the {', '.join(first)} and {last} of schema {schema}: deploy the migrations first,"
        f" or GRANT {', '.join(rights)} ON {quoted(schema)}.* TO {account}"
    )


def fill_ledger(connection: Connection, definition: SchemaDefinition) -> None:
    """Puts the rows of the ledger into its table, all or none."""
    name = quoted(MIGRATIONS["ledger"])
    if definition.ledger is None or query(connection, f"SELECT 1 FROM {name} LIMIT 1"):
        return
    for row in definition.ledger.rows:
        execute(connection, f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(row))})", row)
    connection.commit()


def _label(made: View | StoredProgram) -> str:
    return f"{'view' if isinstance(made, View) else made.kind} {made.name}"


def _names_schema(statement: str, schema: str) -> bool:
    """True where the statement may name an object of the schema; a text or a column of that name counts, too."""
    quotes = "|".join(re.escape(quote + schema.replace(quote, quote * 2) + quote) for quote in '`"')
    return bool(re.search(rf"(?:(?<![\w$]){re.escape(schema)}|{quotes})\s*\.", statement, re.I))


def _make_views(target: DefinitionTarget) -> dict[str, str]:
    """Makes the views that are not there yet, each after those that it reads from.

    A view runs with the rights of its reader, or, where it was made to run with its definer's, with those of the user
    who restores it: the definer of then may not exist here.
    """
    with target.database.session(target.schema) as connection:
        sql = "SELECT table_name FROM information_schema.views WHERE table_schema = %s"
        there = {name for (name,) in query(connection, sql, (target.schema,))}
        left = [view for view in target.views if view.name not in there]
        errors: dict[str, str] = {}
        while left:
            errors = {_label(view): error for view in left if (error := _make_view(connection, target, view))}
            if len(errors) == len(left):
                break
            left = [view for view in left if _label(view) in errors]
    return errors


def _make_view(connection: Connection, target: DefinitionTarget, view: View) -> str | None:
    try:
        # A number that a view makes a text of has this collation.
        execute_under(connection, view.statement, view.character_set, view.collation)
    except pymysql.MySQLError as error:
        # The server's words are translated, its statements' names are not.
        if "CREATE VIEW" in str(error):
            raise lacking_rights(connection, target.schema, target.definition) from None
        return str(target.database.explained(error))
    return None


def _make_programs(
    target: DefinitionTarget, programs: Sequence[StoredProgram], only_tried: bool = False
) -> dict[str, str]:
    """Makes those that are not there yet; where they are `only_tried`, each goes again."""
    errors: dict[str, str] = {}
    if not programs:
        return errors
    with target.database.session(target.schema) as connection:
        there = {(p.kind, p.name) for p in read_programs(connection, target.schema)[0]}
        for program in programs:
            if (program.kind, program.name) in there:
                continue
            try:
                make_program(connection, program.disabled if only_tried else program)
                if only_tried:
                    execute(connection, f"DROP {program.kind.upper()} IF EXISTS {quoted(program.name)}")
            except pymysql.MySQLError as error:
                _raise_where_refused(connection, target, program, error)
                errors[_label(program)] = str(target.database.explained(error))
    return errors


def _raise_where_refused(
    connection: Connection, target: DefinitionTarget, program: StoredProgram, error: pymysql.MySQLError
) -> None:
    """Raises BackupError where the server refuses all such programs of this user."""
    code = error.args[0]
    denied = (ER.DBACCESS_DENIED_ERROR, ER.PROCACCESS_DENIED_ERROR)
    # Of the server's translated words, the right's name alone stays.
    if code in denied or (code == ER.TABLEACCESS_DENIED_ERROR and "TRIGGER" in str(error)):
        raise lacking_rights(connection, target.schema, target.definition) from None
    if code in _BINARY_LOG:
        raise BackupError(
            f"the server writes a binary log, and does not let this user make {_label(program)}: set"
            " log_bin_trust_function_creators = 1 (on RDS: in the parameter group), then restore"
        ) from None


def _differences(connection: Connection, target: DefinitionTarget, errors: dict[str, str]) -> list[str]:
    """Compares what is there with the definition; an event that the server dropped at once is one of `errors`."""
    there: dict[str, View | StoredProgram] = {_label(p): p for p in read_programs(connection, target.schema)[0]}
    notes = []
    for made in target.objects:
        label = _label(made)
        if label in errors:
            continue
        found = read_view(connection, made.name) if isinstance(made, View) else there.get(label)
        if found is None and label.startswith("event "):
            errors[label] = "its last time is past, so the server does not keep it"
        elif found is not None and found != made:
            notes.append(f"{label} is not as it was")
    if not target.runs_events:
        before = [program for program in target.definition.programs if program.kind == "event"]
        if stopped := [_label(event) for event in before if event != event.disabled]:
            notes.append(
                f"disabled, as outside a restore of everything into schema {target.origin}: {', '.join(stopped)}"
            )
    return notes
