"""The views and the migrations' ledger of a restore into nothing."""

from __future__ import annotations

import pymysql

from xray_backup.data_model import quoted
from xray_backup.database import Connection, Database, execute, query
from xray_backup.errors import BackupError
from xray_backup.job_contract import MIGRATIONS
from xray_backup.rights import current_account
from xray_backup.schema_definition import SchemaDefinition, View

# On the schema; the report's page names them too.
RIGHTS_TO_MAKE = "CREATE, CREATE VIEW, ALTER, REFERENCES, SELECT, INSERT"


def make_views(database: Database, schema: str, definition: SchemaDefinition) -> dict[str, str]:
    """Makes the views that are not there yet, each after those that it reads from.

    A view runs with the rights of its reader, or, where it was made to run with its definer's, with those of the user
    who restores it: the definer of then may not exist here.

    Returns:
        The views that cannot be made, and the server's error.

    Raises:
        BackupError: the user may make no view.
    """
    with database.session(schema) as connection:
        sql = "SELECT table_name FROM information_schema.views WHERE table_schema = %s"
        there = {name for (name,) in query(connection, sql, (schema,))}
        left = [view for view in definition.views if view.name not in there]
        errors: dict[str, str] = {}
        while left:
            errors = {view.name: error for view in left if (error := _make(connection, database, schema, view))}
            if len(errors) == len(left):
                break
            left = [view for view in left if view.name in errors]
    return errors


def _make(connection: Connection, database: Database, schema: str, view: View) -> str | None:
    try:
        # A number that a view makes a text of has this collation.
        execute(connection, "SET SESSION collation_connection = %s", (view.collation,))
        execute(connection, view.statement)
    except pymysql.MySQLError as error:
        # The server's words are translated, its statements' names are not.
        if "CREATE VIEW" in str(error):
            raise lacking_rights(connection, schema) from None
        return str(database.explained(error))
    return None


def lacking_rights(connection: Connection, schema: str) -> BackupError:
    """The refusal of a user who may not make a schema's tables or views."""
    user, account = current_account(connection)
    return BackupError(
        f"user {user!r} may not make the tables and views of schema {schema}: deploy the migrations first, or GRANT"
        f" {RIGHTS_TO_MAKE} ON {quoted(schema)}.* TO {account}"
    )


def fill_ledger(connection: Connection, definition: SchemaDefinition) -> None:
    """Puts the rows of the ledger into its table, all or none."""
    name = quoted(MIGRATIONS["ledger"])
    if definition.ledger is None or query(connection, f"SELECT 1 FROM {name} LIMIT 1"):
        return
    for row in definition.ledger.rows:
        execute(connection, f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(row))})", row)
    connection.commit()
