"""The tools of every command: the store, the database, the runner of its work, and the locks that keep others out."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from xray_backup.archive_policy import ArchivePolicy
from xray_backup.data_model import DataModel, Table
from xray_backup.database import Connection, Database
from xray_backup.database_model import X_RAY_TABLES, SchemaTables, TableChoice, read_tables, unread_tables
from xray_backup.events import Events
from xray_backup.job_contract import X_RAY_POLICIES
from xray_backup.lock import DatabaseLock, Lease
from xray_backup.rights import check_right
from xray_backup.runner import LocalRunner, Runner, Work
from xray_backup.store import Store
from xray_backup.workplace import Workplace

Task = TypeVar("Task")
Result = TypeVar("Result")


def new_run_id() -> str:
    """Unique; ids sort by time, but not within a second, nor where the clocks of two machines differ."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Run:
    """One run of one command; `connections` is how many database connections a purge or a restore works on.

    A dry run reports what would be done, takes no lock and writes nothing.
    """

    command: str
    store: Store
    database: Database
    events: Events
    policies: Sequence[ArchivePolicy] = X_RAY_POLICIES
    tables: TableChoice = X_RAY_TABLES
    runner: Runner = field(default_factory=lambda: LocalRunner(1))
    dry_run: bool = False
    connections: int = 2
    lock_ttl_seconds: int = 300
    job_run_id: str | None = None
    run_id: str = field(default_factory=new_run_id)

    def read_model(self, connection: Connection) -> DataModel:
        """The data model of the database as it is now: the tables that the user may read, all those that are named.

        Raises:
            UsageError: it has no table, lacks one, or has one that cannot be backed up.
            BackupError: a table that has to be there or is named, and that the user may not read.
        """
        schema = self.database.schema
        check_right(connection, schema, "SELECT", [Table(name, (), ()) for name in self.tables.named or ()])
        choice = self.tables.without(unread_tables(connection, schema, self.tables))
        return self._read(connection, choice).whole_model()

    def read_tables(self, connection: Connection, readable: Iterable[str] | None = None) -> SchemaTables:
        """The tables of the database as it is now, those that cannot be backed up or read too.

        Args:
            connection: the run's user.
            readable: names of those that the user reads rows of (default: all that have to be there).

        Raises:
            UsageError: it has no table, or lacks one.
            BackupError: a table that has to be there, and that the user may not read.
        """
        if readable is None:
            return self._read(connection, self.tables)
        check_right(connection, self.database.schema, "SELECT", [Table(name, (), ()) for name in readable])
        return read_tables(connection, self.database.schema, self.tables)

    def _read(self, connection: Connection, choice: TableChoice) -> SchemaTables:
        # Rights first: who may not see a table is told which right is missing, not that there is no table.
        check_right(connection, self.database.schema, "SELECT", choice.expected)
        return read_tables(connection, self.database.schema, choice)

    @contextmanager
    def exclusive(
        self, lock_prefix: str, schema: str | None = None, other_stores: Iterable[Store] = ()
    ) -> Iterator[Callable[[], None]]:
        """Holds the locks of schema and store; gives the check to be called before every step without a way back.

        A dry run takes no such step, and holds none.

        Raises:
            LockedError: another run is at work.
        """
        if self.dry_run:
            yield lambda: None
            return
        with ExitStack() as locks:
            owner = f"{self.command} {self.run_id}"
            held: list[DatabaseLock | Lease] = [DatabaseLock(self.database, schema)]
            for store in (self.store, *other_stores):
                held.append(Lease(store, lock_prefix, self.run_id, owner, self.lock_ttl_seconds))
            for lock in held:
                locks.enter_context(lock)

            # One at a time: the threads of a run ask over the same connection.
            asking = threading.Lock()

            def check() -> None:
                with asking:
                    for lock in held:
                        lock.check()

            yield check

    def work(self, step: str, work: Work[Task, Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """The result of each unit of work, as they come; `step` names them in the progress.

        Raises:
            BackupError: a unit failed.
        """

        def progress(done: int, total: int) -> None:
            self.events("progress", step=step, done=done, total=total)

        return self.runner.map(work, Workplace(self.database, self.store), tasks, progress)
