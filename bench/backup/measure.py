"""Runs a command and says how long it took and how much memory its processes held at most."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Measured:
    """`seconds` from start to end; `peak_mb` is the most that its processes together held in memory.

    A page that several of them share counts once: each process has its share of it (its proportional set size).
    `processor_seconds` is what its processes used of the processors, as it was seen five times a second.
    """

    seconds: float
    peak_mb: float
    processor_seconds: float
    output: str


def measured(
    command: Sequence[str], environment: Mapping[str, str], stdout: IO[Any] | None = None, stdin: IO[Any] | None = None,
    cwd: Path | None = None,
) -> Measured:  # fmt: skip
    """Runs `command` to its end.

    Raises:
        RuntimeError: it failed; the message has the end of its error output.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, stdin=stdin, cwd=cwd,
        start_new_session=True,
    )  # fmt: skip
    peak = [0.0]
    used: dict[int, float] = {}

    def watch() -> None:
        while process.poll() is None:
            members = _members(process.pid)
            used.update((member, processor_seconds(member)) for member in members)
            peak[0] = max(peak[0], sum(map(_memory_mb, members)))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return Measured(seconds, peak[0], sum(used.values()), (output or b"").decode())


def processor_seconds(process: int) -> float:
    """What a process has used of the processors since it began; 0 where it has ended."""
    fields = _stat(process)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0


def _stat(process: int) -> list[str]:
    """The fields of `/proc/<process>/stat` from the third on; none where it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _members(session: int) -> list[int]:
    """The processes of a session."""
    processes = [int(process.name) for process in Path("/proc").glob("[0-9]*")]
    return [process for process in processes if (fields := _stat(process)) and int(fields[3]) == session]


def _memory_mb(process: int) -> float:
    """The proportional set size of a process; 0 where it has ended."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{process}/smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) * 1024 / 1e6 if found else 0
