"""Spreads units of work over the executors of Spark; no other module imports pyspark."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pyspark import SparkConf, SparkContext

from xray_backup.errors import BackupError
from xray_backup.runner import Progress, Work
from xray_backup.workplace import Workplace

Task = TypeVar("Task")
Result = TypeVar("Result")

_POLL_SECONDS = 1.0


class SparkRunner:
    """One Spark task for each unit of work, so that Spark adds workers for them, or `at_once` tasks for all of them."""

    def __init__(self, context: SparkContext, at_once: int | None = None) -> None:
        self._context, self._at_once = context, at_once

    def map(
        self, work: Work[Task, Result], workplace: Workplace, tasks: Sequence[Task], progress: Progress
    ) -> Iterator[Result]:
        """See `Runner`; a unit whose executor died is done again by another."""
        if not tasks:
            return
        spread = self._context.parallelize(tasks, min(len(tasks), self._at_once or len(tasks)))
        try:
            with self._watched(len(tasks), progress):
                results = spread.map(lambda task: _outcome(work, workplace, task)).collect()
        except Exception as error:  # of py4j: executors died again and again, or the code does not run there
            raise BackupError(
                f"Spark gave a unit of work up ({type(error).__name__}), its log says why; nothing was committed, the"
                " run can be repeated safely"
            ) from None
        for result in results:
            if isinstance(result, BackupError):
                raise result
            yield result

    @contextmanager
    def _watched(self, total: int, progress: Progress) -> Iterator[None]:
        ended = threading.Event()
        tracker = self._context.statusTracker()

        def watch() -> None:
            while not ended.wait(_POLL_SECONDS):
                stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
                done = sum(stage.numCompletedTasks for stage in stages if stage)
                tasks = sum(stage.numTasks for stage in stages if stage)
                progress(done * total // max(tasks, 1), total)

        watcher = threading.Thread(target=watch, name="spark-progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _outcome(work: Work[Any, Any], workplace: Workplace, task: Any) -> Any:
    """A failure in words is a result, too: done again, it would only be the same."""
    try:
        return work(workplace, task)
    except BackupError as error:
        return error


def laptop_context(cores: int, scratch: Path) -> SparkContext:
    """Spark in this process, to see the units spread as in Glue; its log and its files are in the folder `scratch`.

    Raises:
        BackupError: it does not start.
    """
    # Executors are processes of their own, which find the package by the environment alone.
    package = str(Path(__file__).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    settings = {
        # Four tries of a task, as a cluster has them.
        "spark.master": f"local[{cores},4]",
        "spark.app.name": "xray_backup",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(scratch),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    conf = SparkConf().setAll(list(settings.items()))
    log = scratch / "spark.log"
    try:
        with _output_in(log):
            return SparkContext.getOrCreate(conf)
    except Exception as error:
        raise BackupError(f"Spark did not start ({type(error).__name__}): see {log}; it needs Java 17") from None


@contextmanager
def _output_in(log: Path) -> Iterator[None]:
    """Sends what the Java process will write to a file: the terminal is for our own lines."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [(number, os.dup(number)) for number in (1, 2)]
    with log.open("wb") as file:
        for number, _ in kept:
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)
