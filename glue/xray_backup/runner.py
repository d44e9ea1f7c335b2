"""Does the units of work in this process, or in a pool of processes on this machine; `spark_runner` is Spark's way."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol, TypeVar

from xray_backup.errors import BackupError
from xray_backup.workplace import Workplace

Task = TypeVar("Task")
Result = TypeVar("Result")
# At module level, so that it can be sent to another process.
Work = Callable[[Workplace, Task], Result]
# Told how many tasks are done, of how many.
Progress = Callable[[int, int], None]


class Runner(Protocol):
    """Does units of work that need nothing of each other."""

    def map(
        self, work: Work[Task, Result], workplace: Workplace, tasks: Sequence[Task], progress: Progress
    ) -> Iterator[Result]:
        """The result of each task, as they come.

        Raises:
            BackupError: one of them failed, or a process died.
        """


class LocalRunner:
    """A pool of `processes`; what is one task, or only one process may do, this process does itself."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def map(
        self, work: Work[Task, Result], workplace: Workplace, tasks: Sequence[Task], progress: Progress
    ) -> Iterator[Result]:
        """See `Runner`."""
        alone = self._processes == 1 or len(tasks) < 2
        results = (work(workplace, task) for task in tasks) if alone else self._in_pool(work, workplace, tasks)
        try:
            for done, result in enumerate(results, 1):
                progress(done, len(tasks))
                yield result
        except BrokenProcessPool:
            self._pool = None
            raise BackupError("a process of this run was killed; the run can be repeated safely") from None

    def _in_pool(self, work: Work[Task, Result], workplace: Workplace, tasks: Iterable[Task]) -> Iterator[Result]:
        self._pool = self._pool or ProcessPoolExecutor(
            self._processes, mp_context=_context(), initializer=_end_with_parent
        )
        pending: set[Future[Result]] = set()
        try:
            for task in tasks:
                pending.add(self._pool.submit(work, workplace, task))
                # A few more than there are processes, so that none waits for this one.
                if len(pending) >= 2 * self._processes:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """Ends the processes."""
        if self._pool:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _end_with_parent() -> None:
    """Lets a worker end when the process that started it does, even by SIGKILL: nobody else would end it."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _context() -> multiprocessing.context.BaseContext:
    # Not by fork alone: this process has threads by then, and a lock that one of them holds stays held in the child.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["xray_backup.range_copy", "xray_backup.verification"])
    return context
