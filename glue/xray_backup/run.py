"""What every command works with: the session, the store, the database, and the locks that keep others out."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pyspark.sql import SparkSession

from xray_backup import spark as spark_errors
from xray_backup.data_model import X_RAY, DataModel
from xray_backup.database import Database
from xray_backup.events import Events
from xray_backup.lock import DatabaseLock, Lease
from xray_backup.store import Store

_POLL_SECONDS = 0.5


def new_run_id() -> str:
    """Unique, and in the order of time when sorted."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Run:
    """One run of one command; `connections` is how many database connections it may open at once for reading."""

    command: str
    spark: SparkSession
    store: Store
    database: Database
    events: Events
    model: DataModel = X_RAY
    connections: int = 4
    lock_ttl_seconds: int = 300
    job_run_id: str | None = None
    run_id: str = field(default_factory=new_run_id)

    @contextmanager
    def exclusive(self, lock_key: str, schema: str | None = None) -> Iterator[Callable[[], None]]:
        """Holds both locks; gives the check to be called before every step that cannot be taken back.

        Raises:
            LockedError: another run is at work.
        """
        with ExitStack() as locks:
            lease = Lease(self.store, lock_key, f"{self.command} {self.run_id}", self.lock_ttl_seconds)
            held: list[DatabaseLock | Lease] = [DatabaseLock(self.database, schema), lease]
            for lock in held:
                locks.enter_context(lock)

            # One at a time: the threads of a run ask over the same connection.
            asking = threading.Lock()

            def check() -> None:
                with asking:
                    for lock in held:
                        lock.check()

            yield check

    @contextmanager
    def spark_step(self, step: str) -> Iterator[None]:
        """Reports the progress of Spark's tasks meanwhile, and puts Spark's errors into words."""
        ended = threading.Event()

        def watch() -> None:
            tracker = self.spark.sparkContext.statusTracker()
            while not ended.wait(_POLL_SECONDS):
                stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
                done = sum(stage.numCompletedTasks for stage in stages if stage)
                self.events("progress", step=step, done=done, total=sum(stage.numTasks for stage in stages if stage))

        watcher = threading.Thread(target=watch, name="spark-progress", daemon=True)
        watcher.start()
        try:
            yield
        except spark_errors.SPARK_ERRORS as error:
            raise spark_errors.explained(error, step) from None
        finally:
            ended.set()
            watcher.join()
