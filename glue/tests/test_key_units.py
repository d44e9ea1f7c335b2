"""A unit of work of a table with a text key is done again after its process died, and goes on where it was."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.keyed_lab import KeyedLab, keyed_lab
from tests.support.lab import Emulator
from tests.support.mysql_server import MySqlServer
from tests.support.small_texts import SmallTexts
from xray_backup import range_copy
from xray_backup.data_file import decode
from xray_backup.data_model import Table
from xray_backup.database import Database
from xray_backup.errors import BackupError, VerificationError
from xray_backup.key_range import KeySpan, key_spans
from xray_backup.range_copy import CopiedFile, RangeCopy, copy_range
from xray_backup.runner import LocalRunner
from xray_backup.store import FolderStore, Store
from xray_backup.workplace import Workplace


@pytest.fixture
def lab(server: MySqlServer, folder_store: Store) -> Iterator[KeyedLab]:
    with keyed_lab(server, folder_store) as lab:
        yield lab


def spans_of(lab: KeyedLab, name: str, rows: int) -> tuple[Table, list[KeySpan]]:
    with lab.database().session() as connection:
        table = lab.run().read_model(connection).table(name)
        return table, key_spans(connection, table, rows)


def rows_in(lab: KeyedLab, table: Table, files: list[CopiedFile]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for file in files:
        content = lab.store.read(file.file.key)
        assert content is not None
        found += [tuple(row.values()) for row in decode(table, content.body, file.file.key).to_pylist()]
    return found


def die(*_: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after_a_file(workplace: Workplace, task: RangeCopy) -> list[CopiedFile]:
    """Of the third unit; each of its answers is a file of its own."""
    range_copy.BYTES_PER_FILE, range_copy.KEYS_PER_ANSWER = 0, 2
    if task.prefix == "unit-2":
        create = workplace.store.create

        def create_once(key: str, body: bytes) -> Any:
            workplace.store.create = die  # type: ignore[assignment, method-assign]
            return create(key, body)

        object.__setattr__(workplace.store, "create", create_once)
    return copy_range(workplace, task)


@pytest.mark.parametrize("name", ["stain", "slide", "latin", "pair"])
def test_a_worker_is_killed_and_its_unit_is_done_again(lab: KeyedLab, emulator: Emulator, name: str) -> None:
    table, spans = spans_of(lab, name, 7)
    tasks = [RangeCopy(table, span, "TRUE", f"unit-{n}") for n, span in enumerate(spans)]
    runner = LocalRunner(2)
    database = Database.open(lab.secret(emulator), emulator.url, "REQUIRED", None)
    run = lab.run(database=database, runner=runner)
    try:
        with pytest.raises(BackupError, match="a process of this run was killed; the run can be repeated safely"):
            list(run.work("copy", dies_after_a_file, tasks))
        put = {item.key: item.etag for item in lab.store.list("")}
        assert "unit-2.parquet" in put
        assert "unit-2-1.parquet" not in put
        files = [file for files in run.work("copy", copy_range, tasks) for file in files]
    finally:
        runner.close()
    stored = {item.key: item.etag for item in lab.store.list("")}
    assert {file.file.key: file.file.etag for file in files} == stored
    assert put.items() <= stored.items()
    expected = lab.rows(name)
    found = rows_in(lab, table, files)
    assert len(found) == len(expected)
    assert set(found) == expected


class DyingStore(FolderStore):
    """Lets so many files be written; the process dies before the next."""

    def __init__(self, folder: Path, files: int) -> None:
        super().__init__(folder)
        self.left = files

    def create(self, key: str, body: bytes) -> str | None:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().create(key, body)


@pytest.mark.parametrize("files", [0, 1, 2, 5])
def test_rows_that_changed_since_the_death_are_in_one_file_each(
    lab: KeyedLab, files: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_copy, "BYTES_PER_FILE", 0)
    monkeypatch.setattr(range_copy, "KEYS_PER_ANSWER", 5)
    table, (span,) = spans_of(lab, "latin", 1000)
    task = RangeCopy(table, span, "TRUE", "unit")
    with contextlib.suppress(KeyboardInterrupt):
        copy_range(Workplace(lab.database(), DyingStore(Path(lab.store.url), files)), task)
    left = {item.key: item.etag for item in lab.store.list("")}
    assert len(left) == files
    lab.sql("DELETE FROM latin WHERE word % 3 = 0")
    lab.sql("UPDATE latin SET word = CONCAT('new ', word) WHERE word % 3 = 1")
    found = copy_range(Workplace(lab.database(), lab.store), task)
    stored = {item.key: item.etag for item in lab.store.list("")}
    assert {file.file.key: file.file.etag for file in found} == stored
    assert left.items() <= stored.items()
    rows = dict(rows_in(lab, table, found))
    assert len(rows) == len(rows_in(lab, table, found))
    old = {key: word for key, word in rows.items() if not str(word).startswith("new") and int(word) % 3 != 2}
    assert len(old) <= files * 5
    assert {key: word for key, word in rows.items() if key not in old}.items() <= dict(lab.rows("latin")).items()


def test_a_file_that_is_not_of_the_unit_is_refused(lab: KeyedLab) -> None:
    table, spans = spans_of(lab, "latin", 10)
    workplace = Workplace(lab.database(), lab.store)
    copy_range(workplace, RangeCopy(table, spans[1], "TRUE", "unit"))
    with pytest.raises(VerificationError, match="is not of this range of keys; nothing was committed"):
        copy_range(workplace, RangeCopy(table, spans[2], "TRUE", "unit"))


def test_a_row_that_is_too_large_is_told_by_the_hash_of_its_key(lab: KeyedLab) -> None:
    lab.sql("ALTER TABLE slide MODIFY word VARCHAR(4000)")
    lab.sql("UPDATE slide SET word = REPEAT('x', 4000) WHERE code = 'ward/1'")
    table, (span,) = spans_of(lab, "slide", 1000)
    ((shown,),) = lab.sql("SELECT LEFT(SHA2('ward/1', 256), 12)")
    database = SmallTexts(**{**vars(lab.database()), "limit": 1000})
    with pytest.raises(BackupError, match=rf"table slide: the row with code sha2:{shown} has more than 1000 bytes"):
        copy_range(Workplace(database, lab.store), RangeCopy(table, span, "TRUE", "unit"))
