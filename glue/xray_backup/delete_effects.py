"""Effects of a delete on rows that no archive holds: foreign keys of other tables, and triggers.

A foreign key with CASCADE or SET NULL deletes or changes another table's rows, one without them refuses the delete, and
a trigger may do anything. Both are looked for before the first delete, and again in each transaction, whose locks on
the tables keep new ones out until it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import pymysql

from xray_backup.archive_policy import PolicyScope
from xray_backup.data_model import Table, quoted
from xray_backup.database import Connection, query
from xray_backup.errors import BackupError
from xray_backup.keys import Keys, found_keys, in_statements, is_in, key_sql, keys_condition, no_keys
from xray_backup.rights import current_account, is_denied


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key of a table that the purge leaves alone, to `parent`, from which it deletes."""

    schema: str
    table: str
    name: str
    rule: str
    columns: tuple[str, ...]
    parent: str
    parent_columns: tuple[str, ...]

    @property
    def quoted_table(self) -> str:
        """The table with its schema, quoted."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    @property
    def column_list(self) -> str:
        """The columns, quoted, with commas between."""
        return ", ".join(map(quoted, self.columns))

    def __str__(self) -> str:
        return f"{self.schema}.{self.table} (foreign key {self.name}, ON DELETE {self.rule})"


@dataclass(frozen=True)
class DeleteEffects:
    """The foreign keys whose rows can be read, and by table the triggers and keys that concern every row of it."""

    tables: Mapping[str, Table]
    schema: str
    foreign_keys: tuple[ForeignKey, ...]
    blocked: Mapping[str, Sequence[str]]
    found: tuple[tuple[str, ...], ...]

    def also_blocked(self, blocked: Mapping[str, Sequence[str]]) -> DeleteEffects:
        """These, and further reasons that concern every row of a table."""
        together = {name: [*self.blocked.get(name, []), *blocked.get(name, [])] for name in self.tables}
        return replace(self, blocked={name: reasons for name, reasons in together.items() if reasons})

    def is_between_purged(self, key: ForeignKey) -> bool:
        """True where the rows of the foreign key's table are deleted, too."""
        return key.schema == self.schema and key.table in self.tables

    def referenced(
        self, connection: Connection, key: ForeignKey, keys: Keys, statement_bytes: int, deleted: Keys | None
    ) -> Keys:
        """The keys, of these of the parent, that a row of the foreign key's table references.

        `deleted` are keys of that table whose rows are deleted before the parent's, where it is a purged one.
        """
        table = self.tables[key.parent]
        child = self.tables[key.table] if deleted is not None else None
        selected = [key_sql(table.key_columns, "p"), *([key_sql(child.key_columns, "c")] if child else [])]
        pairs = zip(key.columns, key.parent_columns, strict=True)
        match = " AND ".join(f"c.{quoted(column)} = p.{quoted(parent)}" for column, parent in pairs)
        found = [no_keys(table)]
        for part in in_statements(np.unique(keys), statement_bytes):
            condition = keys_condition([f"p.{column.quoted}" for column in table.key_columns], part)
            rows = query(
                connection,
                f"SELECT DISTINCT {', '.join(selected)} FROM {key.quoted_table} c"
                f" JOIN {quoted(self.schema)}.{table.quoted} p ON {match} WHERE {condition}",
            )
            parents = found_keys(table.key_columns, (row[0] for row in rows))
            if child and deleted is not None:
                left = ~is_in(found_keys(child.key_columns, (row[1] for row in rows)), deleted)
                parents = np.unique(parents[left])
            found.append(parents)
        return np.concatenate(found)

    def check_unchanged(self, connection: Connection) -> None:
        """Asked in a transaction that holds locks on rows of the tables.

        Raises:
            BackupError: a foreign key or a trigger came or went since they were looked for.
        """
        if _all_of(connection, self.schema, list(self.tables)) != self.found:
            raise BackupError(
                "a foreign key to the purged tables or a trigger on them was made or dropped meanwhile; run it again"
            )


def find_delete_effects(connection: Connection, schema: str, scope: PolicyScope) -> DeleteEffects:
    """Looks for the foreign keys to the purged tables, from any schema, and for the triggers on them.

    The user's rights must have been checked: without them the server keeps foreign keys and triggers to itself.
    """
    tables = {table.name: table for table in scope.purged}
    found = _all_of(connection, schema, list(tables))
    blocked: dict[str, list[str]] = {}
    for kind, _, name, table, rule in found:
        if kind == "trigger":
            blocked.setdefault(table, []).append(f"trigger {schema}.{name} ({rule}) acts on every delete from {table}")
    readable = []
    for key in _foreign_keys(connection, schema, list(tables)):
        if _is_an_owner(key, schema, scope):
            continue
        if (denied := _denied(connection, key)) is None:
            readable.append(key)
        else:
            blocked.setdefault(key.parent, []).append(denied)
    # So that no change of a table waits for this look.
    connection.rollback()
    return DeleteEffects(tables, schema, tuple(readable), blocked, found)


def _all_of(connection: Connection, schema: str, tables: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every foreign key to the tables and every trigger on their deletes, in order."""
    names = ", ".join(["%s"] * len(tables))
    triggers = query(
        connection,
        "SELECT trigger_schema, trigger_name, event_object_table, CONCAT(action_timing, ' ', event_manipulation)"
        " FROM information_schema.triggers WHERE event_object_schema = %s"
        f" AND event_object_table IN ({names}) AND event_manipulation LIKE %s",
        (schema, *tables, "%DELETE%"),
    )
    foreign_keys = query(
        connection,
        "SELECT constraint_schema, constraint_name, table_name, delete_rule"
        " FROM information_schema.referential_constraints WHERE unique_constraint_schema = %s"
        f" AND referenced_table_name IN ({names})",
        (schema, *tables),
    )
    found = [("trigger", *row) for row in triggers] + [("foreign key", *row) for row in foreign_keys]
    return tuple(sorted(found))


def _foreign_keys(connection: Connection, schema: str, tables: Sequence[str]) -> list[ForeignKey]:
    rows = query(
        connection,
        "SELECT k.table_schema, k.table_name, k.constraint_name, r.delete_rule, k.column_name,"
        " k.referenced_table_name, k.referenced_column_name"
        " FROM information_schema.referential_constraints r JOIN information_schema.key_column_usage k"
        " ON k.constraint_schema = r.constraint_schema AND k.constraint_name = r.constraint_name"
        " AND k.table_name = r.table_name"
        " WHERE r.unique_constraint_schema = %s AND k.referenced_table_schema = %s"
        f" AND r.referenced_table_name IN ({', '.join(['%s'] * len(tables))})"
        " ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position",
        (schema, schema, *tables),
    )
    keys = []
    for (child_schema, child, name, rule), group in groupby(rows, key=lambda row: row[:4]):
        columns, parents, parent_columns = zip(*(row[4:] for row in group), strict=True)
        keys.append(ForeignKey(child_schema, child, name, rule, columns, parents[0], parent_columns))
    return keys


def _is_an_owner(key: ForeignKey, schema: str, scope: PolicyScope) -> bool:
    """True for the foreign key by which a purged table's rows belong to a unit: archived, and deleted first."""
    owner = scope.owners.get(key.table) if key.schema == schema else None
    return owner is not None and (owner.table, owner.columns, owner.referenced_columns) == (
        key.parent,
        key.columns,
        key.parent_columns,
    )


def _denied(connection: Connection, key: ForeignKey) -> str | None:
    """The words on a table whose rows this user may not read; None where it may."""
    try:
        query(connection, f"EXPLAIN SELECT {key.column_list} FROM {key.quoted_table}")
    except pymysql.MySQLError as error:
        if not is_denied(error):
            raise
        user, account = current_account(connection)
        return (
            f"{key} may reference any row of {key.parent}, and user {user!r} cannot read which:"
            f" GRANT SELECT ({key.column_list}) ON {key.quoted_table} TO {account}"
        )
    return None


def changed_rows(connection: Connection) -> int:
    """Rows that this session deleted, updated and inserted so far; triggers count and, since MySQL 9.6, cascades."""
    counters = query(
        connection,
        "SHOW SESSION STATUS WHERE variable_name IN ('Handler_delete', 'Handler_update', 'Handler_write')",
    )
    return sum(int(count) for _, count in counters)
