"""Clocks that are wrong: this machine's, as the package sees it, or the database's."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import pytest

from xray_backup.database import Connection, Database, execute


def set_this_machine_s_clock(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """Shifts every clock that a module of the package can ask."""
    seconds, nanoseconds = time.time, time.time_ns

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Shifted:
            return super().now(tz) + timedelta(hours=hours)

    monkeypatch.setattr(time, "time", lambda: seconds() + hours * 3600)
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + int(hours * 3600e9))
    for name, module in list(sys.modules.items()):
        if name.startswith("xray_backup.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Shifted)


@dataclass(frozen=True)
class WrongClock(Database):
    """A database whose clock is `hours` off."""

    hours: float = 0

    def connect(self, schema: str | None = None) -> Connection:
        connection = super().connect(schema)
        execute(connection, "SET SESSION timestamp = UNIX_TIMESTAMP() + %s", (self.hours * 3600,))
        return connection
