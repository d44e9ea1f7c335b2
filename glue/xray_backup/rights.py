"""Rights of a database user: asked of the server, which plans a statement and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pymysql
from pymysql.constants import ER

from xray_backup.data_model import DataModel, Table, quoted
from xray_backup.database import Connection, query
from xray_backup.errors import BackupError

_DENIED = (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR)
_READ_ONLY = (ER.OPTION_PREVENTS_STATEMENT, 1836)
# EXPLAIN asks for the rights of the statement behind it, and knows of roles, patterns and revokes as the grants'
# own tables do not.
_STATEMENTS = {
    "SELECT": "EXPLAIN SELECT * FROM {}",
    "INSERT": "EXPLAIN INSERT INTO {} () VALUES ()",
    "DELETE": "EXPLAIN DELETE FROM {}",
}


def needed_rights(job: str, model: DataModel) -> Mapping[str, Sequence[Table]]:
    """The tables that `job` needs each right on."""
    rights: dict[str, Sequence[Table]] = {"SELECT": model.tables}
    if job == "purge":
        rights["DELETE"] = model.purged
    elif job == "restore":
        rights["INSERT"] = model.tables
    return rights


def check_right(connection: Connection, schema: str, right: str, tables: Sequence[Table]) -> None:
    """Asks for one right of the connected user on `tables`.

    Raises:
        BackupError: it is missing, with the statements that grant it; or the server takes no writes.
        pymysql.MySQLError: the server failed.
    """
    missing = [table for table in tables if not _may(connection, schema, right, table)]
    if not missing:
        return
    ((account,),) = query(connection, "SELECT CURRENT_USER()")
    user, host = account.rsplit("@", 1)
    grants = [f"GRANT {right} ON {quoted(schema)}.{table.quoted} TO '{user}'@'{host}'" for table in missing]
    raise BackupError(
        f"user {user!r} lacks {right} on {', '.join(table.name for table in missing)}: {'; '.join(grants)}"
    )


def _may(connection: Connection, schema: str, right: str, table: Table) -> bool:
    try:
        query(connection, _STATEMENTS[right].format(f"{quoted(schema)}.{table.quoted}"))
    except pymysql.MySQLError as error:
        if error.args[0] in _READ_ONLY:
            raise BackupError(
                f"the server takes no {right}: it is read-only, as a replica is; name the writer's host in the secret"
            ) from None
        if error.args[0] in _DENIED:
            return False
        # A table that is not there is the schema's matter.
        if error.args[0] not in (ER.NO_SUCH_TABLE, ER.BAD_DB_ERROR):
            raise
    return True
