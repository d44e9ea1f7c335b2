"""Runs a command and says how long it took and how much memory its processes held at most."""

from __future__ import annotations

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
    """

    seconds: float
    peak_mb: float
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

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], _memory_mb(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return Measured(seconds, peak[0], (output or b"").decode())


def _memory_mb(session: int) -> float:
    """Sum of the proportional set sizes of the processes of a session."""
    kilobytes = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rsplit(")", 1)[1].split()[3]) != session:
                continue
            kilobytes += int(re.search(r"^Pss:\s+(\d+) kB", (process / "smaps_rollup").read_text(), re.M)[1])  # type: ignore[index]
        except (OSError, TypeError):
            continue  # it has just ended
    return kilobytes * 1024 / 1e6
