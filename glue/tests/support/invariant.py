"""The one promise: database and verified archives together hold every row ever committed, as it was last committed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.journal import Key, Row, read_journal, texts
from tests.support.lab import GLUE, TABLES, Emulator, Lab
from tests.support.mysql_server import REPOSITORY
from tests.support.reading import backed_up
from xray_backup.manifest import Manifest
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


class ModelRows(Protocol):
    """Where a model's rows are read: each a row of texts, the first of which tells it from the others of its table."""

    @property
    def purged(self) -> frozenset[str]:
        """The tables whose rows a purge may take."""
        ...

    def in_database(self) -> Iterator[tuple[str, Row]]:
        """The rows that are in the database, each with its table's name."""
        ...

    def in_backup(self, manifest: Manifest) -> Iterator[tuple[str, Row]]:
        """The rows that are in a backup, each with its table's name."""
        ...


@dataclass(frozen=True)
class XRayRows:
    """The rows of the X-ray model, each value as text."""

    lab: Lab
    purged: frozenset[str] = frozenset({"transaction", "pred_bounding_box"})

    def in_database(self) -> Iterator[tuple[str, Row]]:
        for table in TABLES:
            yield from ((table, texts(row)) for row in self.lab.rows(table))

    def in_backup(self, manifest: Manifest) -> Iterator[tuple[str, Row]]:
        for table in TABLES:
            yield from ((table, texts(row)) for row in backed_up(self.lab, manifest.name, table))


def check_nothing_lost(lab: Lab, journal: Path, rows: ModelRows) -> dict[str, int]:
    """Holds database and archives against the journal; how many rows were committed, are in the database, were purged.

    Raises:
        AssertionError: a row is lost, or a row that nobody wrote is there, or a backup holds a row twice.
    """
    committed, last, tried = read_journal(journal)
    archived: dict[Key, set[Row]] = defaultdict(set)
    for manifest in load_manifests(lab.store):
        verify(lab.run(), manifest)
        found: set[Key] = set()
        for table, row in rows.in_backup(manifest):
            key = (table, row[0])
            assert key not in found, f"{manifest.name} holds {key} twice"
            found.add(key)
            assert row in tried[key], f"{manifest.name} holds a row of {table} that nobody wrote"
            if manifest.kind == "archive":
                archived[key].add(row)
    database = {(table, row[0]): row for table, row in rows.in_database()}
    for key, row in database.items():
        assert row in last[key], f"{key}: not what was last committed"
    purged = committed - database.keys()
    for key in purged:
        assert archived[key] & last[key], f"{key}: lost"
        assert key[0] in rows.purged, f"{key}: a row of a table that stays was purged"
    return {"committed": len(committed), "database": len(database), "purged": len(purged)}
