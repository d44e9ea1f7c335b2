"""The one promise: database and verified archives together hold every row ever committed, as it was last committed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.lab import GLUE, TABLES, Emulator, Lab
from tests.support.mysql_server import REPOSITORY
from tests.support.reading import backed_up
from xray_backup.manifest_store import load_manifests
from xray_backup.verification import verify


@contextmanager
def web_app(lab: Lab, emulator: Emulator, journal: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The web app's double at work on the lab's schema and bucket; killed at the end."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "tests.support.web_app", "--port", str(lab.server.port),
            "--password", lab.server.password, "--schema", lab.schema, "--bucket", lab.store.url.split("/")[2],
            "--journal", str(journal), *options,
        ],
        cwd=GLUE,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "web_app_double"), "AWS_ENDPOINT_URL": emulator.url},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def check_nothing_lost(lab: Lab, journal: Path) -> dict[str, int]:
    """Holds database and archives against the journal; how many rows were committed, are in the database, were purged.

    Raises:
        AssertionError: a row is lost, or a row that nobody wrote is there, or a backup holds a row twice.
    """
    committed, last, tried = read_journal(journal)
    archived: dict[Key, set[Row]] = defaultdict(set)
    for manifest in load_manifests(lab.store):
        verify(lab.run(), manifest)
        for table in TABLES:
            # `backed_up` fails where a backup holds a row twice.
            for row in backed_up(lab, manifest.name, table):
                assert texts(row) in tried[table, row[0]], f"{manifest.name} holds a row of {table} that nobody wrote"
                if manifest.kind == "archive":
                    archived[table, row[0]].add(texts(row))
    database = {(table, row[0]): texts(row) for table in TABLES for row in lab.rows(table)}
    for key, row in database.items():
        assert row in last[key], f"{key}: not what was last committed"
    purged = committed - database.keys()
    for key in purged:
        assert archived[key] & last[key], f"{key}: lost"
        assert key[0] != "image", f"{key}: an image was purged"
    return {"committed": len(committed), "database": len(database), "purged": len(purged)}


Key = tuple[str, int]
Row = tuple[str, ...]


def read_journal(journal: Path) -> tuple[set[Key], dict[Key, set[Row]], dict[Key, set[Row]]]:
    """The keys that were committed, what each row's last value may be, and everything that was ever tried.

    A row that was tried and not noted as committed may or may not be there: the app or the server died in between. Nor
    need one be there that the app itself deleted; a restore may have brought it back as it was once.
    """
    committed: set[Key] = set()
    last: dict[Key, set[Row]] = defaultdict(set)
    tried: dict[Key, set[Row]] = defaultdict(set)
    for line in journal.read_text().splitlines():
        try:
            what, table, rows = json.loads(line)
        except json.JSONDecodeError:
            continue  # the app was killed within the line
        for row in rows:
            key = (table, int(row[0]))
            if what in ("deleting", "deleted"):
                committed.discard(key)
                last[key] |= tried[key]
                continue
            tried[key].add(texts(row))
            last[key].add(texts(row))
            if what == "committed":
                committed.add(key)
                last[key] = {texts(row)}
    return committed, last, tried


def texts(row: tuple[Any, ...]) -> Row:
    """A row as text, the same for a driver's, Spark's and JSON's types."""
    return tuple(str(value) for value in row)
