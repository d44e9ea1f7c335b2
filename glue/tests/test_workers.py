"""Processes of this machine that do the units of work: killed in the middle, or left behind by the one that began."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.canonical_rows import texts_of_file
from tests.support.lab import GLUE, Emulator
from tests.support.model_lab import ModelLab
from xray_backup.database import Database
from xray_backup.errors import BackupError
from xray_backup.key_range import KeyRange, KeySpan, key_ranges, key_spans
from xray_backup.range_copy import CopiedFile, RangeCopy, copy_range
from xray_backup.runner import LocalRunner
from xray_backup.workplace import Workplace


def die(*_: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_before_it_puts(workplace: Workplace, task: RangeCopy) -> list[CopiedFile]:
    if task.prefix == "unit-3":
        workplace.store.create = die  # type: ignore[assignment, method-assign]
    return copy_range(workplace, task)


def dies_after_it_put(workplace: Workplace, task: RangeCopy) -> list[CopiedFile]:
    files = copy_range(workplace, task)
    return die() if task.prefix == "unit-3" else files


@pytest.mark.parametrize("work", [dies_before_it_puts, dies_after_it_put])
def test_a_worker_is_killed_and_its_unit_is_done_again(
    model_lab: ModelLab, emulator: Emulator, work: Callable[[Workplace, RangeCopy], list[CopiedFile]]
) -> None:
    """The anchor's table, whose key is one integer, or a text and an integer."""
    lab = model_lab
    lab.fill_units(40)
    anchor = lab.scope.anchor
    with lab.database().session() as connection:
        ranges: Sequence[KeyRange | KeySpan] = (
            key_ranges(connection, anchor, 10) if anchor.has_integer_key else key_spans(connection, anchor, 10)
        )
    tasks = [RangeCopy(anchor, keys, "TRUE", f"unit-{number}") for number, keys in enumerate(ranges, 1)]
    runner = LocalRunner(2)
    database = Database.open(lab.secret(emulator), emulator.url, "REQUIRED", None)
    run = lab.run(database=database, runner=runner)
    try:
        with pytest.raises(BackupError, match="a process of this run was killed; the run can be repeated safely"):
            list(run.work("copy", work, tasks))
        put = {item.key: item.etag for item in lab.store.list("")}
        assert ("unit-3.parquet" in put) == (work is dies_after_it_put)
        files = [file for files in run.work("copy", copy_range, tasks) for file in files]
    finally:
        runner.close()
    stored = {item.key: item.etag for item in lab.store.list("")}
    assert {file.file.key: file.file.etag for file in files} == stored
    assert put.items() <= stored.items()
    assert [file.file.fingerprint.rows for file in files] == [10, 10, 10, 10]
    found = [row for file in files for row in texts_of_file(lab, anchor, file.file)]
    assert len(found) == 40
    assert set(found) == lab.everything()[anchor.name]


def note_and_wait(_: Workplace, note: Path) -> None:
    note.write_text(str(os.getpid()))
    time.sleep(120)


def begin(folder: Path) -> None:
    """The work of the process that is to be killed."""
    list(LocalRunner(2).map(note_and_wait, cast(Workplace, None), [folder / "1", folder / "2"], lambda *_: None))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_workers_end_when_the_command_is_killed(tmp_path: Path) -> None:
    code = f"import pathlib; from tests.test_workers import begin; begin(pathlib.Path({str(tmp_path)!r}))"
    with subprocess.Popen([sys.executable, "-c", code], cwd=GLUE) as command:
        notes = [tmp_path / "1", tmp_path / "2"]
        until(lambda: all(note.exists() and note.read_text() for note in notes))
        workers = [int(note.read_text()) for note in notes]
        assert all(map(is_alive, workers))
        command.kill()
    until(lambda: not any(map(is_alive, workers)))
