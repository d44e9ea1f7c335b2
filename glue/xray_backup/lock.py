"""Only one run at a time: a lease in the store, and a named lock in the database.

The lease ends by itself when its holder is silent, and is judged by the store's clock alone, so a machine with a wrong
clock can neither lose nor steal it. The database's lock goes with its connection, and holds between runs that use
different stores.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import pymysql

from xray_backup.database import Connection, Database, query
from xray_backup.errors import BackupError, LockedError, UsageError, VerificationError
from xray_backup.records import Record
from xray_backup.store import Store, StoredObject

MIN_TTL_SECONDS = 3
WAIT_SECONDS = 3
CLAIM = "claim.json"
RELEASED = "released.json"
# Any other object there, such as a folder marker, is nobody's claim.
_LEASE_OBJECT = re.compile(rf"{re.escape(CLAIM)}|{re.escape(RELEASED)}|renewal-\d+\.json")


@dataclass(frozen=True)
class Claim(Record):
    """Name of a lease's holder, and the silence in seconds after which another run may take over."""

    owner: str
    ttl_seconds: float

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See `Record`."""
        return cls(str(document["owner"]), float(document["ttl_seconds"]))


class Lease:
    """A claim in the store, renewed in the background while the context lasts.

    Each run has a folder of its own: its claim, a new object for each renewal, one for the release. No object is
    written twice, so a bucket keeps no old version of any, and a role needs to write new objects only.
    """

    def __init__(self, store: Store, prefix: str, run_id: str, owner: str, ttl_seconds: int) -> None:
        if ttl_seconds < MIN_TTL_SECONDS:
            raise UsageError(f"--lock_ttl_seconds {ttl_seconds} is too short: use {MIN_TTL_SECONDS} or more")
        self._store, self._prefix, self._run_id, self._owner, self._ttl = store, prefix, run_id, owner, ttl_seconds
        self._renewals = 0
        self._renewed = 0.0
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        if holder := self._other_holder():
            raise LockedError(holder)
        started = time.monotonic()
        self._write(CLAIM, Claim(self._owner, self._ttl).to_json())
        # Of two that claim at the same moment each sees the other here, and both leave.
        if holder := self._other_holder():
            self._write(RELEASED)
            raise LockedError(holder)
        self._renewed = started
        self._thread.start()
        return self

    def _write(self, name: str, body: bytes = b"{}") -> None:
        self._store.create(f"{self._prefix}{self._run_id}/{name}", body)

    def _other_holder(self) -> str | None:
        """The words on another run that holds the lease; None where there is none."""
        claims: dict[str, list[StoredObject]] = {}
        for item in self._store.list(self._prefix):
            run_id, _, name = item.key.removeprefix(self._prefix).partition("/")
            if _LEASE_OBJECT.fullmatch(name) and run_id != self._run_id:
                claims.setdefault(run_id, []).append(item)
        for run_id, items in claims.items():
            if not any(item.key.endswith(f"/{RELEASED}") for item in items):
                age = min(item.age_seconds for item in items)
                claim = self._claim_of(run_id)
                if age <= claim.ttl_seconds:
                    return (
                        f"{claim.owner} is at work (last sign {age:.0f} s ago);"
                        f" it can be taken over after {claim.ttl_seconds} s of silence"
                    )
        return None

    def _claim_of(self, run_id: str) -> Claim:
        key = f"{self._prefix}{run_id}/{CLAIM}"
        content = self._store.read(key)
        try:
            return Claim.from_json(content.body if content else b"")
        except ValueError:
            raise VerificationError(
                f"the lock {self._store.url}/{key} is damaged: if no other run is at work, delete its folder"
            ) from None

    def _renew(self) -> None:
        while not self._stop.wait(self._ttl / 3):
            started = time.monotonic()
            if self._is_silent():
                return
            # A store that does not answer is tried again; `check` counts the silence.
            with contextlib.suppress(BackupError):
                self._renewals += 1
                self._write(f"renewal-{self._renewals:05}.json")
                # Whoever came after a silence that this run did not notice is there by now.
                if self._other_holder():
                    self._lost = True
                    return
                self._renewed = started

    def _is_silent(self) -> bool:
        return time.monotonic() - self._renewed > self._ttl

    def check(self) -> None:
        """Asked before every step that cannot be taken back.

        Raises:
            LockedError: the lease is lost or could not be renewed in time.
        """
        if self._lost or self._is_silent():
            raise LockedError("this run was silent for too long and another may have taken over; run it again")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(BackupError):
            self._write(RELEASED)


class DatabaseLock:
    """MySQL's named lock for one schema, held by a connection of its own."""

    def __init__(self, database: Database, schema: str | None = None) -> None:
        self._database = database
        # A lock's name has 64 characters at most, a schema's too.
        digest = hashlib.sha256((schema or database.schema).encode()).hexdigest()[:16]
        self._name = f"xray_backup.{digest}"
        self._connection: Connection | None = None

    def __enter__(self) -> DatabaseLock:
        self._connection = self._database.connect("")
        try:
            # A moment, in which a server lets go of what a run that has just ended held.
            ((taken,),) = query(self._connection, "SELECT GET_LOCK(%s, %s)", (self._name, WAIT_SECONDS))
            ((holder,),) = query(self._connection, "SELECT IS_USED_LOCK(%s)", (self._name,))
        except pymysql.MySQLError as error:
            self._connection.close()
            raise self._database.explained(error) from None
        if taken != 1:
            self._connection.close()
            raise LockedError(
                f"another backup, purge or restore is at work on MySQL at {self._database.address}: connection {holder}"
                f" holds the lock {self._name}; it ends with that connection (KILL {holder})"
            )
        return self

    def check(self) -> None:
        """Asked before every step that cannot be taken back.

        Raises:
            LockedError: the connection, and with it the lock, is gone.
        """
        assert self._connection is not None  # noqa: S101
        try:
            self._connection.ping(reconnect=False)
        except pymysql.MySQLError:
            raise LockedError("the database closed the connection that holds the lock; run it again") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None and self._connection.open:
            self._connection.close()
