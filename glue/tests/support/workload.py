"""A client of any schema: writes, changes and deletes rows by a seed, and journals each row that it commits.

python -m tests.support.workload --model film-rental --port … --password … --schema … --journal …
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TextIO

from tests.support.canonical_rows import Texts, texts_where
from tests.support.journal import note
from tests.support.mysql_server import MySqlServer
from xray_backup.data_model import DataModel, quoted
from xray_backup.database import Connection, execute, query

Where = Mapping[str, Any]


class Sql(str):
    """An expression that MySQL works out."""

    __slots__ = ()


class Writer:
    """One connection; each row that it touches is read back as text before its commit, and noted."""

    def __init__(self, connection: Connection, model: DataModel, journal: TextIO | None = None) -> None:
        self.connection, self._model, self._journal = connection, model, journal
        self._touched: list[tuple[str, Where]] = []
        self._deleted: list[tuple[str, list[Texts]]] = []

    def insert(self, table: str, **values: Any) -> int:
        """Inserts a row; the number that the server gave it, if it did."""
        places = ", ".join(v if isinstance(v, Sql) else "%s" for v in values.values())
        given = [v for v in values.values() if not isinstance(v, Sql)]
        with self.connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, values))}) VALUES ({places})", given)
            number = int(cursor.lastrowid or 0)
        self.touch(table, {name: values.get(name, number) for name in self._model.table(table).key})
        return number

    def change(self, table: str, where: Where, **values: Any) -> None:
        """Changes the rows that are `where`."""
        changes = ", ".join(f"{quoted(name)} = %s" for name in values)
        condition, given = _condition(where)
        execute(self.connection, f"UPDATE {quoted(table)} SET {changes} WHERE {condition}", [*values.values(), *given])
        self.touch(table, where)

    def delete(self, table: str, where: Where) -> None:
        """Deletes the rows that are `where`."""
        condition, given = _condition(where)
        gone = texts_where(self.connection, self._model.table(table), f"{condition} FOR UPDATE", given)
        execute(self.connection, f"DELETE FROM {quoted(table)} WHERE {condition}", given)
        self._deleted.append((table, gone))

    def lock(self, table: str, where: Where) -> None:
        """Locks the rows that are `where`, so that no other client gives them a child."""
        condition, given = _condition(where)
        query(self.connection, f"SELECT 1 FROM {quoted(table)} WHERE {condition} FOR UPDATE", given)

    def touch(self, table: str, where: Where) -> None:
        """Notes rows that the server changed besides."""
        self._touched.append((table, where))

    def commit(self) -> None:
        """Commits what was done; none of it is there if the server has gone away meanwhile."""
        rows = [(table, texts_where(self.connection, self._model.table(table), *_condition(where)))
                for table, where in self._touched]  # fmt: skip
        self._note("trying", rows)
        self._note("deleting", self._deleted)
        self.connection.commit()
        self._note("committed", rows)
        self._note("deleted", self._deleted)
        self._touched, self._deleted = [], []

    def note_all(self) -> None:
        """Notes every row that is there already."""
        self._note("committed", [(table.name, texts_where(self.connection, table)) for table in self._model.tables])
        self.connection.rollback()

    def _note(self, what: str, rows: Sequence[tuple[str, Sequence[Texts]]]) -> None:
        for table, found in rows:
            if self._journal and found:
                note(self._journal, what, table, found)

    def one_of(self, draw: random.Random, table: str, newest: int = 1_000_000) -> dict[str, Any] | None:
        """The key of one of the `newest` rows, drawn."""
        key = self._model.table(table).key
        down = ", ".join(f"{quoted(name)} DESC" for name in key)
        rows = query(
            self.connection,
            f"SELECT {', '.join(map(quoted, key))} FROM {quoted(table)} ORDER BY {down} LIMIT {newest}",
        )
        return dict(zip(key, draw.choice(rows), strict=True)) if rows else None


def _condition(where: Where) -> tuple[str, list[Any]]:
    return " AND ".join(f"{quoted(name)} = %s" for name in where), list(where.values())


class Model(ABC):
    """The tables of one schema, and units of them: one row of the anchor each, with its descendants."""

    name: ClassVar[str]
    # As `--policies` has them; the rows of every other table stay.
    policies: ClassVar[str]
    # The anchor's column, of whatever type, that has the number of the unit.
    number: ClassVar[str]
    # A descendant, and a value of it that no unit has.
    child: ClassVar[str]
    changed: ClassVar[str]

    @abstractmethod
    def create(self, server: MySqlServer, schema: str) -> None:
        """Makes the schema with the rows that the units need."""

    @abstractmethod
    def fill(self, numbers: str) -> Sequence[str]:
        """Statements that insert the old units whose numbers are `i` of the common table `n`."""


class Workload(Model):
    """A model with a client that works on it."""

    @abstractmethod
    def step(self, writer: Writer, draw: random.Random) -> None:
        """Writes a new unit, and something else now and then, in a few commits."""
