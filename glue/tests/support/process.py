"""`python -m xray_backup` as a process that notes its steps, and dies at the step where it is told to.

A boundary is a moment before the world outside changes, or before units of work begin: it is named by what comes next
and counted, such as `DELETE FROM transaction 2`. Between two of them nothing can be seen from outside, so a death
before each of them, and one at the end, are all the deaths there are between steps.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymysql

from xray_backup import restore_batches
from xray_backup.__main__ import main
from xray_backup.object_versions import FolderVersions, S3Versions, Version
from xray_backup.run import Run
from xray_backup.store import FolderStore, S3Store

STATEMENT = re.compile(
    r"\s*(?:(SELECT GET_LOCK|INSERT INTO|CREATE DATABASE|CREATE TABLE|ALTER TABLE)"
    r"|(DELETE|CREATE|DROP)(?: /\*\+.*?\*/| ALGORITHM=\w+| SQL SECURITY \w+)*"
    r"( FROM| VIEW| TRIGGER| PROCEDURE| FUNCTION| EVENT)(?: IF EXISTS)?"
    r")(?: (?:`\w+`\.)?`(\w+)`)?"
)
LOCKED_ROWS = re.compile(r".* FROM `(\w+)` .* FOR UPDATE\s*$", re.S)
RUN_DATE = re.compile(r"run_date=[0-9-]+")
ROWS = re.compile(r"\.e[0-9a-f]{8}\.")
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


class Boundaries:
    """Notes each boundary in `log`, one a line; at the one named `kill_at` the process dies by SIGKILL."""

    def __init__(self, log: Path | None, kill_at: str | None) -> None:
        self._log, self._kill_at = log, kill_at
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reach(self, step: str) -> None:
        # The lease is renewed by the clock, beside the steps.
        if threading.current_thread().name == "lease":
            return
        with self._lock:
            self._seen[step] += 1
            name = f"{step} {self._seen[step]}"
            if self._log:
                with self._log.open("a") as log:
                    log.write(f"{name}\n")
            if name == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Puts itself before every call that leaves the process."""
        _before(pymysql.cursors.Cursor, "execute", self._statement)
        _before(pymysql.connections.Connection, "commit", self._commit)
        for store in (FolderStore, S3Store):
            _before(store, "create", self._store_write)
        for versions in (FolderVersions, S3Versions):
            _before(versions, "replace", self._replace)
            _before(versions, "remove", self._remove)
        _before(Run, "work", self._work)

    def _statement(self, cursor: Any, sql: str | bytes, *_: Any) -> None:
        if isinstance(sql, bytes):
            sql = sql[:200].decode(errors="replace")
        if statement := STATEMENT.match(sql):
            verb = "".join(filter(None, statement.groups()[:3]))
            # The name of a scratch schema is of its test alone.
            what = "" if verb == "CREATE DATABASE" else statement[4]
            self.reach(" ".join(filter(None, (verb, what))))
            cursor.connection.wrote = not verb.startswith("SELECT")
        elif rows := LOCKED_ROWS.match(sql):
            self.reach(f"FOR UPDATE {rows[1]}")

    def _commit(self, connection: Any) -> None:
        if getattr(connection, "wrote", False):
            self.reach("COMMIT")
            connection.wrote = False

    def _work(self, _: Any, step: str, *__: Any) -> None:
        self.reach(f"work: {step}")

    def _replace(self, _: Any, key: str, *__: Any) -> None:
        self.reach(f"replace: {key}")

    def _remove(self, _: Any, version: Version) -> None:
        self.reach(f"remove: {_without_run(version.key)}")

    def _store_write(self, _: Any, key: str, *__: Any) -> None:
        self.reach(f"store: {_without_run(key)}")


def _without_run(key: str) -> str:
    return ROWS.sub(".eROWS.", RUN_DATE.sub("run_date=DAY", RUN_ID.sub("RUN", key)))


def _before(owner: type, method: str, hook: Callable[..., None]) -> None:
    original = getattr(owner, method)

    def hooked(*arguments: Any, **options: Any) -> Any:
        hook(*arguments)
        return original(*arguments, **options)

    setattr(owner, method, hooked)


def run_with_boundaries() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path)
    parser.add_argument("--kill-at")
    parser.add_argument("--rows-per-batch", type=int)
    options, arguments = parser.parse_known_args(sys.argv[1 : sys.argv.index("--")])
    assert not arguments
    if options.rows_per_batch:
        # So that a few rows make several batches.
        restore_batches.ROWS_PER_BATCH = options.rows_per_batch
    boundaries = Boundaries(options.log, options.kill_at)
    boundaries.install()
    code = main(sys.argv[sys.argv.index("--") + 1 :])
    boundaries.reach("end")
    return code


if __name__ == "__main__":
    sys.exit(run_with_boundaries())
