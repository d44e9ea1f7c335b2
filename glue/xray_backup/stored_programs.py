"""Procedures, functions, triggers and events: read with the session that each was made in, and made again as in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pymysql
from pymysql.charset import charset_by_name
from pymysql.constants import ER

from xray_backup.data_model import quoted
from xray_backup.database import Connection, execute, query
from xray_backup.grants import read_grants
from xray_backup.job_contract import MIGRATIONS

_MADE_BY_DEPLOY = tuple(MIGRATIONS["remadePrefixes"])
ProgramKind = Literal["procedure", "function", "trigger", "event"]
# A trigger has its place among those of its table, action and time.
_NAMES = (
    "SELECT LOWER(routine_type), routine_name FROM information_schema.routines WHERE routine_schema = %s ORDER BY 1, 2",
    "SELECT 'trigger', trigger_name FROM information_schema.triggers WHERE trigger_schema = %s"
    " ORDER BY event_object_table, action_timing, event_manipulation, action_order",
    "SELECT 'event', event_name FROM information_schema.events WHERE event_schema = %s ORDER BY 2",
)
# MySQL has no right that shows routines, triggers or events of one schema and gives nothing else.
_SHOWN_BY = {
    "procedure": "SHOW_ROUTINE, or SELECT on *.*",
    "function": "SHOW_ROUTINE, or SELECT on *.*",
    "trigger": "TRIGGER",
    "event": "EVENT",
}
_NOT_SHOWN = (
    ER.DBACCESS_DENIED_ERROR,
    ER.TABLEACCESS_DENIED_ERROR,
    ER.SPECIFIC_ACCESS_DENIED_ERROR,
    ER.SP_DOES_NOT_EXIST,
)
_QUOTED = r"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\")"
_DEFINER = re.compile(rf"^(CREATE (?:ALGORITHM=\w+ )?)DEFINER={_QUOTED}(?:@{_QUOTED})? ")
_STATUS = re.compile(
    rf"^(CREATE EVENT {_QUOTED} ON SCHEDULE .*? ON COMPLETION (?:NOT )?PRESERVE )"
    r"(ENABLE|DISABLE ON \w+|DISABLE)\b",
    re.S,
)
_RUNS_AS_INVOKER = re.compile(r"\n    SQL SECURITY INVOKER\n")


@dataclass(frozen=True)
class StoredProgram:
    """A program: its CREATE statement without a definer, and the session that the server keeps with it."""

    kind: ProgramKind
    name: str
    statement: str
    sql_mode: str
    character_set: str
    collation: str
    time_zone: str | None = None

    @property
    def runs_as_definer(self) -> bool:
        """True where it has the rights of the user who made it."""
        return self.kind in ("trigger", "event") or not _RUNS_AS_INVOKER.search(self.statement)

    @property
    def disabled(self) -> StoredProgram:
        """The event as one that does not run; any other program as it is."""
        return replace(self, statement=_STATUS.sub(r"\1DISABLE", self.statement, count=1))


def without_definer(statement: str) -> str:
    """The statement without the account that it was made by, which the next server may not have."""
    return _DEFINER.sub(r"\1", statement, count=1)


def read_programs(connection: Connection, schema: str) -> tuple[list[StoredProgram], list[str]]:
    """The programs of the schema that the connection is in; and those that its user sees the names of only."""
    programs, not_held = [], []
    for sql in _NAMES:
        for kind, name in query(connection, sql, (schema,)):
            if kind in ("procedure", "function") and name.startswith(_MADE_BY_DEPLOY):
                continue
            if kind not in _SHOWN_BY:
                # Packages of MariaDB.
                not_held.append(f"{kind} {name}")
            elif program := _read(connection, kind, name):
                programs.append(program)
            else:
                not_held.append(f"{kind} {name} (its text needs {_SHOWN_BY[kind]})")
    return programs, not_held


def unseen_kinds(connection: Connection, schema: str, tables: Sequence[str]) -> tuple[str, ...]:
    """The kinds of programs that the schema may have without the user seeing even their names."""
    grants = read_grants(connection)
    unseen = []
    if not any(grants.on_every_table(right) for right in ("SHOW_ROUTINE", "SELECT")):
        unseen.append(f"procedures and functions ({_SHOWN_BY['procedure']})")
    if not all(grants.on_table("TRIGGER", schema, table) for table in tables):
        unseen.append(f"triggers ({_SHOWN_BY['trigger']})")
    if not grants.on_schema("EVENT", schema):
        unseen.append(f"events ({_SHOWN_BY['event']})")
    return tuple(unseen)


def _read(connection: Connection, kind: ProgramKind, name: str) -> StoredProgram | None:
    """None where the user may not see its text."""
    try:
        ((_, sql_mode, *others),) = query(connection, f"SHOW CREATE {kind.upper()} {quoted(name)}")
    except pymysql.MySQLError as error:
        if error.args[0] in _NOT_SHOWN:
            return None
        raise
    time_zone = str(others.pop(0)) if kind == "event" else None
    statement, character_set, collation, *_ = others
    if statement is None:
        return None
    text = without_definer(str(statement))
    return StoredProgram(kind, name, text, str(sql_mode), str(character_set), str(collation), time_zone)


def make_program(connection: Connection, program: StoredProgram) -> None:
    """Makes the program in the connection's schema, as in the session that it was made in.

    Raises:
        pymysql.MySQLError: the server refused.
    """
    if program.time_zone:
        execute(connection, "SET SESSION time_zone = %s", (program.time_zone,))
    execute(connection, "SET SESSION sql_mode = %s", (program.sql_mode,))
    execute_under(connection, program.statement, program.character_set, program.collation)


def execute_under(connection: Connection, statement: str, character_set: str, collation: str) -> None:
    """Runs a statement whose character set and collation the server keeps with what it makes.

    Raises:
        pymysql.MySQLError: the server refused.
    """
    body, character_set = _encoded(statement, character_set)
    try:
        execute(
            connection,
            "SET SESSION character_set_client = %s, collation_connection = %s",
            (character_set, collation),
        )
        execute(connection, body)
    finally:
        execute(connection, "SET SESSION character_set_client = utf8mb4")


def _encoded(statement: str, character_set: str) -> tuple[bytes, str]:
    """The bytes of the statement, and their character set: another one where Python has not the one of then."""
    if character_set == "binary":
        return statement.encode(), character_set
    known = charset_by_name(character_set)
    try:
        return statement.encode(known.encoding if known else ""), character_set
    except (LookupError, UnicodeEncodeError):
        return statement.encode(), "utf8mb4"
