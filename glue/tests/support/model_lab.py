"""A lab whose schema is that of a model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.canonical_rows import Texts, model_of, texts_of_backup, texts_where
from tests.support.lab import GLUE, Lab
from tests.support.mysql_server import MySqlServer
from tests.support.workload import Model
from xray_backup.archive_policy import PolicyScope, parse_policies, policy_scopes
from xray_backup.data_model import DataModel, Table, quoted
from xray_backup.database import is_mariadb
from xray_backup.database_model import EVERY_TABLE
from xray_backup.manifest import Manifest
from xray_backup.manifest_store import load_manifest
from xray_backup.run import Run
from xray_backup.store import Store

Rows = dict[str, set[Texts]]


@dataclass
class ModelLab(Lab):
    """Rows are pairs of texts: the key's, and the row's own."""

    kind: Model = field(kw_only=True)

    def create_schema(self, foreign_keys: bool = True) -> ModelLab:
        """Makes the model's schema."""
        assert foreign_keys
        self.kind.create(self.server, self.schema)
        return self

    def run(self, command: str = "test", **overrides: Any) -> Run:
        """A run by the model's policies."""
        own = {"policies": parse_policies(self.kind.policies), "tables": EVERY_TABLE}
        return super().run(command, **(own | overrides))

    @cached_property
    def model(self) -> DataModel:
        """The schema's model."""
        return model_of(self)

    @cached_property
    def scope(self) -> PolicyScope:
        """The scope of the model's one policy."""
        (scope,) = policy_scopes(self.model, parse_policies(self.kind.policies))
        return scope

    def everything(self, schema: str | None = None, tables: Collection[str] | None = None) -> Rows:
        """Every row of every table, or of these; of the others none."""
        with self.database().session() as connection:
            return {
                table.name: set(texts_where(connection, table, schema=schema or self.schema))
                if tables is None or table.name in tables
                else set()
                for table in self.model.tables
            }

    def backed_up(self, name: str) -> Rows:
        """Every row of a backup; fails where a key is there twice."""
        manifest = load_manifest(self.store, name)
        found: Rows = {}
        for table in self.model.tables:
            rows = list(texts_of_backup(self, manifest, table))
            assert len({key for key, _ in rows}) == len(rows), f"{name} holds a row of {table.name} twice"
            found[table.name] = set(rows)
        return found

    def fill_units(self, units: int, first: int = 1) -> None:
        """Old units, numbered from `first`."""
        last = first + units - 1
        numbers = f"WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
        with self.server.connect(self.schema) as connection, connection.cursor() as cursor:
            limit = "max_recursive_iterations" if is_mariadb(connection) else "cte_max_recursion_depth"
            cursor.execute(f"SET SESSION {limit} = 1000000")
            for statement in self.kind.fill(numbers):
                cursor.execute(statement)

    @property
    def anchor(self) -> str:
        """The quoted name of the anchor's table."""
        return self.scope.anchor.quoted

    @property
    def child(self) -> str:
        """The quoted name of the child's table."""
        return quoted(self.kind.child)

    def is_unit(self, number: int) -> str:
        """The condition of the anchor's row of this unit."""
        return f"{quoted(self.kind.number)} = {number}"

    def children_of(self, unit: int) -> tuple[int, int]:
        """The keys of the unit's two children, as `fill_units` numbers them."""
        return 2 * unit - 1, 2 * unit

    @property
    def child_key(self) -> str:
        """The quoted name of the child's key, an integer."""
        return self.model.table(self.kind.child).quoted_key

    def not_archived(self, last: int) -> set[int]:
        """The last unit where an archive leaves it out, which has the highest key: only where that is one integer."""
        return {last} if self.scope.anchor.has_integer_key else set()

    def named(self, *units: int) -> list[int | str]:
        """The units as a record or a message names them."""
        return [name for unit in units for name in self.named_rows(self.scope.anchor, self.is_unit(unit))]

    def named_rows(self, table: Table, condition: str) -> list[int | str]:
        """The rows for which the condition holds, as a record or a message names them."""
        columns = ", ".join(column.quoted for column in table.key_columns)
        name = columns if table.has_integer_key else f"CONCAT('sha2:', LEFT(SHA2(CONCAT_WS(',', {columns}), 256), 12))"
        return [found for (found,) in self.sql(f"SELECT {name} FROM {table.quoted} WHERE {condition}")]

    def numbers(self) -> set[int]:
        """The units that are there."""
        return {number for (number,) in self.sql(f"SELECT {quoted(self.kind.number)} FROM {self.anchor}")}

    def add_child(self, unit: int, key: int) -> None:
        """Gives the unit a copy of its first child, with this key."""
        child = self.model.table(self.kind.child)
        others = ", ".join(column.quoted for column in child.columns if column.name not in child.key)
        self.sql(
            f"INSERT INTO {self.child} ({self.child_key}, {others}) SELECT {key}, {others} FROM {self.child}"
            f" WHERE {self.child_key} = {self.children_of(unit)[0]}"
        )

    def delete_unit(self, unit: int) -> None:
        """Deletes the unit with all its rows."""
        self.delete_children(unit)
        self.sql(f"DELETE FROM {self.anchor} WHERE {self.is_unit(unit)}")

    def delete_children(self, unit: int) -> None:
        """Deletes the rows of the unit, but for the anchor's."""
        for table in reversed(self.scope.purged[1:]):
            columns = ", ".join(map(quoted, self.scope.owners[table.name].columns))
            is_grandchild = self.kind.number not in {column.name for column in table.columns}
            by_unit = f"({columns}) IN {self.children_of(unit)}" if is_grandchild else self.is_unit(unit)
            self.sql(f"DELETE FROM {table.quoted} WHERE {by_unit}")

    def set_age(self, number: int, minutes: int) -> None:
        """Makes the unit so many minutes old."""
        time = self.scope.time_column.quoted
        age = f"UTC_TIMESTAMP() - INTERVAL {minutes} MINUTE"
        self.sql(f"UPDATE {self.anchor} SET {time} = {age} WHERE {self.is_unit(number)}")

    def together(self, name: str) -> Rows:
        """The rows of the database and of a backup."""
        archived = self.backed_up(name)
        return {table: rows | archived[table] for table, rows in self.everything().items()}

    def empty_units(self) -> None:
        """Deletes every unit."""
        for table in reversed(self.scope.purged):
            self.sql(f"DELETE FROM {table.quoted}")

    def units(self) -> int:
        """Number of rows of the anchor."""
        return self.count(self.scope.anchor.name)


@dataclass(frozen=True)
class LabRows:
    """The rows of a model's lab, for `check_nothing_lost`."""

    lab: ModelLab

    @property
    def purged(self) -> frozenset[str]:
        """The tables that the policy reaches."""
        return frozenset(table.name for table in self.lab.scope.purged)

    def in_database(self) -> Iterator[tuple[str, Texts]]:
        """The rows of the lab's schema."""
        for table, rows in self.lab.everything().items():
            yield from ((table, row) for row in rows)

    def in_backup(self, manifest: Manifest) -> Iterator[tuple[str, Texts]]:
        """The rows of the files that the manifest names."""
        for table in self.lab.model.tables:
            yield from ((table.name, row) for row in texts_of_backup(self.lab, manifest, table))


def new_model_lab(server: MySqlServer, store: Store, kind: Model) -> ModelLab:
    """A lab with a schema of its own."""
    name = kind.name.replace("-", "_")
    return ModelLab(server, store, f"{name}_{uuid.uuid4().hex[:8]}", kind=kind).create_schema()


@contextmanager
def writing(lab: ModelLab, journal: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The model's client at work on the lab's schema; killed at the end."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.workload_client", "--model", lab.kind.name,
            "--port", str(lab.server.port), "--password", lab.server.password, "--schema", lab.schema,
            "--journal", str(journal), *options,
        ],
        cwd=GLUE,
        env=os.environ,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
