"""Only one run at a time: a lease in the store, and a named lock in the database.

The lease ends by itself when its holder is silent, and is judged by the store's clock alone, so a machine with a wrong
clock can neither lose nor steal it. The database's lock goes with its connection, and holds between runs that use
different stores.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from types import TracebackType

import pymysql

from xray_backup.database import Connection, Database, query
from xray_backup.errors import BackupError, LockedError, UsageError, VerificationError
from xray_backup.store import Store

MIN_TTL_SECONDS = 3
WAIT_SECONDS = 3


class Lease:
    """A lock object in the store, renewed in the background while the context lasts."""

    def __init__(self, store: Store, key: str, owner: str, ttl_seconds: int) -> None:
        if ttl_seconds < MIN_TTL_SECONDS:
            raise UsageError(f"--lock_ttl_seconds {ttl_seconds} is too short: use {MIN_TTL_SECONDS} or more")
        self._store, self._key, self._owner, self._ttl = store, key, owner, ttl_seconds
        self._etag = ""
        self._renewed = 0.0
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        started = time.monotonic()
        etag = self._acquire()
        if etag is None:
            raise LockedError(f"another run took {self._store.url}/{self._key} at the same moment; try again later")
        self._etag, self._renewed = etag, started
        self._thread.start()
        return self

    def _acquire(self) -> str | None:
        current = self._store.read(self._key)
        if current is None:
            return self._store.create(self._key, self._document())
        try:
            holder = json.loads(current.body)
            if not holder["released"] and current.age_seconds <= holder["ttl_seconds"]:
                raise LockedError(
                    f"{holder['owner']} is at work (last sign {current.age_seconds:.0f} s ago);"
                    f" it can be taken over after {holder['ttl_seconds']} s of silence"
                )
        except (ValueError, KeyError, TypeError):
            raise VerificationError(
                f"the lock {self._store.url}/{self._key} is damaged: if no other run is at work, delete it"
            ) from None
        return self._store.replace(self._key, self._document(), current.etag)

    def _document(self, released: bool = False) -> bytes:
        # The count makes each renewal another content, so that the ETag changes even where it is a hash of it.
        document = {"owner": self._owner, "ttl_seconds": self._ttl, "released": released, "renewed": time.time_ns()}
        return json.dumps(document).encode()

    def _renew(self) -> None:
        while not self._stop.wait(self._ttl / 3):
            started = time.monotonic()
            # A store that does not answer is tried again; `check` counts the silence.
            with contextlib.suppress(BackupError):
                etag = self._store.replace(self._key, self._document(), self._etag)
                if etag is None:
                    self._lost = True
                    return
                self._etag, self._renewed = etag, started

    def check(self) -> None:
        """Asked before every step that cannot be taken back.

        Raises:
            LockedError: the lease is lost or could not be renewed in time.
        """
        if self._lost or time.monotonic() - self._renewed > self._ttl:
            raise LockedError("this run was silent for too long and another may have taken over; run it again")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if not self._lost:
            with contextlib.suppress(BackupError):
                self._store.replace(self._key, self._document(released=True), self._etag)


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
