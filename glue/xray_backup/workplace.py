"""The place of a unit of work: the things that a process of this machine or a Spark executor needs for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pymysql

from xray_backup.database import LOST_CONNECTION, OVERTAKEN, Connection, Database
from xray_backup.errors import BackupError, UnavailableError
from xray_backup.store import Store

Result = TypeVar("Result")

# A server that restarts is back within half a minute; RDS fails over within two.
_PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 16, 32, 64)

# This process's own connection, kept from one unit to the next.
_held: dict[Database, Connection] = {}


@dataclass(frozen=True)
class Workplace:
    """The database and the store of a run; what is sent to other processes holds no password."""

    database: Database
    store: Store

    def reading(self, read: Callable[[Connection], Result]) -> Result:
        """Runs `read` on this process's own connection, and again where the server was away for a moment.

        Raises:
            BackupError: MySQL failed, or did not come back.
        """
        for pause in (*_PAUSES_SECONDS, None):
            try:
                result = read(connection := self._connection())
                connection.rollback()
                return result
            except (pymysql.MySQLError, BackupError) as error:
                _let_go()
                if pause is None or not _may_pass(error):
                    raise self.database.explained(error) if isinstance(error, pymysql.MySQLError) else error from None
                time.sleep(pause)
        raise AssertionError("unreachable")

    def _connection(self) -> Connection:
        if self.database not in _held:
            _let_go()
            _held[self.database] = self.database.connect()
        return _held[self.database]


def _may_pass(error: Exception) -> bool:
    if isinstance(error, pymysql.MySQLError) and not isinstance(error, pymysql.InterfaceError):
        return error.args[0] in LOST_CONNECTION | OVERTAKEN
    return isinstance(error, pymysql.InterfaceError | UnavailableError)


def _let_go() -> None:
    """Closes without a word to the server, which may not be listening."""
    for connection in _held.values():
        if connection.open:
            connection._force_close()  # type: ignore[attr-defined]
    _held.clear()
