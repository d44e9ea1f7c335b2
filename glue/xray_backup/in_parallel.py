"""Work side by side: on several connections to MySQL, so that its processors and its log have something to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Final, TypeVar

from xray_backup.database import Connection

Task = TypeVar("Task")
Result = TypeVar("Result")
_END: Final = object()


def in_parallel(
    connections: Sequence[Connection],
    tasks: Iterable[Task],
    work: Callable[[Connection, Task], Result],
    done: Callable[[Result], None],
) -> None:
    """Runs `work` for each task, each on a connection that nobody else uses meanwhile.

    Args:
        connections: one thread for each.
        tasks: drawn one by one in the caller's thread, only as connections get free.
        work: runs in a thread of its own.
        done: told of each result in the caller's thread, as they come.

    Raises:
        Exception: of `tasks`, `work` or `done`. What had begun by then comes to its end and is told of first.
    """
    free: SimpleQueue[Connection] = SimpleQueue()
    for connection in connections:
        free.put(connection)

    def on_a_connection(task: Task) -> Result:
        connection = free.get()
        try:
            return work(connection, task)
        finally:
            free.put(connection)

    pending: set[Future[Result]] = set()

    def tell(return_when: str) -> None:
        finished = wait(pending, return_when=return_when).done
        for future in sorted(finished, key=lambda future: future.exception() is not None):
            pending.remove(future)
            done(future.result())

    with ThreadPoolExecutor(len(connections)) as pool:
        try:
            for task in tasks:
                if len(pending) == len(connections):
                    tell(FIRST_COMPLETED)
                pending.add(pool.submit(on_a_connection, task))
        finally:
            tell(ALL_COMPLETED)


def ahead(items: Iterable[Task]) -> Iterator[Task]:
    """The items in their order; the next is made in a thread while the caller works with the last."""
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, iterator, _END)
        while (item := following.result()) is not _END:
            following = pool.submit(next, iterator, _END)
            yield item  # type: ignore[misc]
