"""Runs a command and says how long it took and how much memory its processes held at most."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Measured:
    """`seconds` from start to end; `peak_mb` is the most that its processes together held in memory."""

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
            peak[0] = max(peak[0], _resident_mb(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    output, errors = process.communicate()
    seconds = time.perf_counter() - started
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return Measured(seconds, peak[0], (output or b"").decode())


def _resident_mb(session: int) -> float:
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += int(fields[21])
    return total * 4096 / 1e6
