"""A lab that is filled and backed up once for a module and given back as it was before each test."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from tests.support.lab import TABLES, Lab, Recorded
from tests.support.model_lab import ModelLab, new_model_lab
from tests.support.mysql_server import MySqlServer
from tests.support.workload import Model
from xray_backup.store import FolderStore

L = TypeVar("L", bound=Lab)


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

    def fill_again() -> None:
        for table in reversed(TABLES):
            lab.sql(f"DELETE FROM `{table}`")
        fill(lab)

    with _saved(lab, back_up, fill_again) as back:
        yield back


@contextmanager
def saved_model_lab(
    server: MySqlServer,
    folder: Path,
    model: Model,
    fill: Callable[[ModelLab], None],
    back_up: Callable[[ModelLab], object],
) -> Iterator[Callable[[], ModelLab]]:
    """As `saved_lab`; of the rows, those of the units are brought back."""
    lab = new_model_lab(server, FolderStore(folder / "store"), model)
    fill(lab)
    kept = f"kept_{lab.schema}"
    lab.sql(f"CREATE DATABASE `{kept}`")
    tables = [table.quoted for table in lab.scope.purged]
    for table in tables:
        lab.sql(f"CREATE TABLE `{kept}`.{table} AS SELECT * FROM {table}")

    def bring_back() -> None:
        lab.empty_units()
        for table in tables:
            lab.sql(f"INSERT INTO {table} SELECT * FROM `{kept}`.{table}")

    with _saved(lab, back_up, bring_back) as back:
        yield back
    lab.drop_schemas(kept)


@contextmanager
def _saved(lab: L, back_up: Callable[[L], object], fill_again: Callable[[], None]) -> Iterator[Callable[[], L]]:
    back_up(lab)
    store = Path(lab.store.url)
    kept = store.with_name("kept")
    store.rename(kept)

    def back() -> L:
        lab.drop_schemas(f"{lab.schema}_%")
        fill_again()
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(kept, store)
        lab.events = Recorded()
        return lab

    yield back
    lab.drop_schema()
