"""Events of a run: one JSON object per line, or whatever a terminal makes of them.

Events carry table names, numbers, ids and times, never a column's value: an image's file name may hold a patient's.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Protocol


class Events(Protocol):
    """Receives each event; `progress` events carry `step`, `done` and `total`."""

    def __call__(self, event: str, **fields: object) -> None:
        """Takes one event."""


class JsonLines:
    """Writes events to standard output as JSON lines; progress at most once in `progress_seconds` per step."""

    def __init__(self, progress_seconds: float = 10.0) -> None:
        self._progress_seconds = progress_seconds
        self._last: dict[object, float] = {}

    def __call__(self, event: str, **fields: object) -> None:
        """Takes one event."""
        now = datetime.now(UTC)
        if event == "progress":
            step = fields.get("step")
            if now.timestamp() - self._last.get(step, 0.0) < self._progress_seconds:
                return
            self._last[step] = now.timestamp()
        line = {"time": now.isoformat(timespec="milliseconds"), "event": event} | fields
        print(json.dumps(line, default=str), file=sys.stdout, flush=True)
