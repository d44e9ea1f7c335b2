"""A lab that is filled and backed up once for a module and given back as it was before each test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.lab import TABLES, Lab, Recorded
from tests.support.mysql_server import MySqlServer
from xray_backup.store import FolderStore


@contextmanager
def saved_lab(
    server: MySqlServer,
    folder: Path,
    fill: Callable[[Lab], None],
    back_up: Callable[[Lab], object],
) -> Iterator[Callable[[], Lab]]:
    """Gives what brings the lab back: its rows, its store, and nothing that a test has made beside them."""
    lab = Lab(server, FolderStore(folder / "store"), f"x_ray_{uuid.uuid4().hex[:8]}").create_schema()
    fill(lab)
    back_up(lab)
    store, kept = Path(lab.store.url), folder / "kept"
    store.rename(kept)

    def back() -> Lab:
        lab.drop_schemas(f"{lab.schema}_%")
        for table in reversed(TABLES):
            lab.sql(f"DELETE FROM `{table}`")
        fill(lab)
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(kept, store)
        lab.events = Recorded()
        return lab

    yield back
    lab.drop_schema()
