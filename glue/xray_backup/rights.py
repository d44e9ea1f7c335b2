"""Rights of a database user: asked of the server, which plans a statement and runs nothing, or lists them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pymysql
from pymysql.constants import ER

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_model import DataModel, Table, quoted
from xray_backup.database import Connection, query
from xray_backup.errors import BackupError
from xray_backup.grants import read_grants

_DENIED = (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR)
_READ_ONLY = (ER.OPTION_PREVENTS_STATEMENT, 1836)
# A purge deletes nothing by these: without TRIGGER on a table the server keeps its triggers to itself, and without a
# right on a table its foreign keys. REFERENCES is the one right on every table that neither reads nor changes a row.
_SEES = {"TRIGGER": "which shows triggers", "REFERENCES": "which shows the foreign keys of every table"}
# EXPLAIN asks for the rights of the statement behind it, and knows of roles, patterns and revokes as the grants'
# own tables do not.
_STATEMENTS = {
    "SELECT": "EXPLAIN SELECT * FROM {}",
    "INSERT": "EXPLAIN INSERT INTO {} () VALUES ()",
    "DELETE": "EXPLAIN DELETE FROM {}",
}


# In the order in which they are asked for.
PURGE_RIGHTS = ("DELETE", "TRIGGER", "REFERENCES")
RIGHTS: Mapping[str, Sequence[str]] = {
    "backup": ("SELECT",),
    "purge": ("SELECT", *PURGE_RIGHTS),
    "restore": ("SELECT", "INSERT"),
    "erase": ("SELECT", *PURGE_RIGHTS),
}


def tables_for(job: str, right: str, model: DataModel, scopes: Sequence[PolicyScope]) -> Sequence[Table]:
    """The tables that a job needs the right on; none where it needs the right on every table of the server."""
    if right == "REFERENCES":
        return ()
    if job != "purge":
        return model.tables
    purged = {table.name for scope in scopes for table in scope.purged}
    return [table for table in model.tables if table.name in purged]


def is_denied(error: pymysql.MySQLError) -> bool:
    """True where the server refused for want of a right."""
    return error.args[0] in _DENIED


def check_rights(
    connection: Connection, schema: str, job: str, model: DataModel, scopes: Sequence[PolicyScope]
) -> None:
    """Asks for every right that `job` needs.

    Raises:
        BackupError: as of `check_right`, for all that are missing.
        pymysql.MySQLError: the server failed.
    """
    missing = []
    for right in RIGHTS[job]:
        try:
            check_right(connection, schema, right, tables_for(job, right, model, scopes))
        except BackupError as error:
            missing.append(str(error))
    if missing:
        raise BackupError("; ".join(missing))


def current_account(connection: Connection) -> tuple[str, str]:
    """The connected user's name, and its account as a GRANT names it."""
    ((account,),) = query(connection, "SELECT CURRENT_USER()")
    user, host = str(account).rsplit("@", 1)
    return user, "@".join("'" + part.replace("'", "''") + "'" for part in (user, host))


def grant_statements(right: str, targets: Iterable[str], account: str) -> str:
    """The statements that give an account the right on each of these, as GRANT names them, on one line."""
    return "; ".join(f"GRANT {right} ON {target} TO {account}" for target in targets)


def check_right(connection: Connection, schema: str, right: str, tables: Sequence[Table]) -> None:
    """Asks for one right of the connected user on `tables`; on every table of the server where there are none.

    Raises:
        BackupError: it is missing, with the statements that grant it; or the server takes no writes.
        pymysql.MySQLError: the server failed.
    """
    missing = _missing(connection, schema, right, tables)
    if not missing:
        return
    user, account = current_account(connection)
    grants = grant_statements(right, missing.values(), account)
    sees = f" ({_SEES[right]})" if right in _SEES else ""
    raise BackupError(f"user {user!r} lacks {right}{sees} on {', '.join(missing)}: {grants}")


def may_read(connection: Connection, schema: str, table: str) -> bool:
    """Asks whether the connected user may select every column of a table."""
    return _may(connection, schema, "SELECT", Table(table, (), ()))


def _missing(connection: Connection, schema: str, right: str, tables: Sequence[Table]) -> dict[str, str]:
    """The tables that lack the right, by name, as GRANT takes it."""
    if right in _SEES:
        grants = read_grants(connection)
        if not tables:
            return {} if grants.on_every_table(right) else {"*.*": "*.*"}
        lacking = [table for table in tables if not grants.on_table(right, schema, table.name)]
    else:
        lacking = [table for table in tables if not _may(connection, schema, right, table)]
    return {table.name: f"{quoted(schema)}.{table.quoted}" for table in lacking}


def _may(connection: Connection, schema: str, right: str, table: Table) -> bool:
    try:
        query(connection, _STATEMENTS[right].format(f"{quoted(schema)}.{table.quoted}"))
    except pymysql.MySQLError as error:
        if error.args[0] in _READ_ONLY:
            raise BackupError(
                f"the server takes no {right}: it is read-only, as a replica is; name the writer's host in the secret"
            ) from None
        if is_denied(error):
            return False
        # A table that is not there is the schema's matter.
        if error.args[0] not in (ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR):
            raise
    return True
