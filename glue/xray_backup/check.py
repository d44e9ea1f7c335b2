"""A look, from where a job runs, at everything that it needs, one step after the other.

Nothing is changed: only one object stays, in the store's folder for checks, put there by the store's steps.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import pymysql

from xray_backup.archive_policy import ArchivePolicy, policy_scopes
from xray_backup.aws import region_of_arn
from xray_backup.data_model import DataModel, Table, quoted
from xray_backup.database import Connection, Database, SslMode, query, ssl_context
from xray_backup.database_model import SchemaTables, TableChoice, read_tables, unread_tables
from xray_backup.errors import BackupError, KeyAccessError, UsageError
from xray_backup.events import Events
from xray_backup.layout import CHECKS
from xray_backup.rights import RIGHTS, check_right, current_account, grant_statements, tables_for
from xray_backup.run import new_run_id
from xray_backup.server_tls import authority, distrust, open_socket, secured
from xray_backup.store import Content, Store, open_store

State = Literal["passed", "warning", "failed", "skipped"]
CLOCKS_MAY_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Subject:
    """The job, and the arguments that name what it works with."""

    job: str
    store: str
    secret_id: str
    endpoint_url: str | None
    ssl_mode: SslMode
    ssl_ca: Path | None
    policies: Sequence[ArchivePolicy]
    tables: TableChoice


def check(subject: Subject, events: Events) -> None:
    """Takes every step that can be taken, and tells of each.

    Raises:
        BackupError: a step failed; the first one's line, and the names of the others.
    """
    with ExitStack() as resources:
        _Check(subject, events, resources).run()


class _Warning(str):
    """The text of a step that passed, with something to look at."""


class _Check:
    """The steps, and what one hands to the next."""

    _database: Database
    _socket: socket.socket
    _connection: Connection
    _store: Store
    _found: SchemaTables | None = None
    _schema_error: UsageError | None = None

    def __init__(self, subject: Subject, events: Events, resources: ExitStack) -> None:
        self._subject, self._events, self._resources = subject, events, resources
        self._states: dict[str, State] = {}
        self._failures: dict[str, str] = {}
        self._key_error: KeyAccessError | None = None
        self._content: Content | None = None
        run_id = new_run_id()
        self._key = f"{CHECKS}{run_id}.json"
        self._body = json.dumps({"job": subject.job, "check": run_id}).encode()

    def run(self) -> None:
        self._step("secret", self._secret)
        self._step("name", self._name, "secret")
        self._step("TCP", self._tcp, "name")
        self._step("TLS", self._tls, "TCP")
        self._step("log-in", self._log_in, "TLS")
        self._step("rights SELECT", self._reads, "log-in")
        for right in RIGHTS[self._subject.job][1:]:
            self._step(f"rights {right}", partial(self._right, right), "log-in")
        self._step("schema", self._schema, "rights SELECT")
        self._step("store put", self._put)
        self._step("store get", self._get, "store put")
        self._step("store refusal", self._refusal, "store get")
        if self._key_error:
            self._step("key", self._refused_key)
        else:
            self._step("key", self._used_key, "store get")
        self._step("clock", self._clock, "log-in")
        self._end()

    def _step(self, name: str, look: Callable[[], str], *needed: str) -> None:
        lacking = [step for step in needed if self._states[step] in ("failed", "skipped")]
        if lacking:
            self._tell(name, "skipped", f"needs {lacking[0]}")
            return
        try:
            text = look()
            self._tell(name, "warning" if isinstance(text, _Warning) else "passed", text)
        except KeyAccessError as error:
            if name == "key":
                self._tell(name, "failed", str(error))
            else:
                self._key_error = error
                self._tell(name, "skipped", "refused because of the key: see there")
        except BackupError as error:
            self._tell(name, "failed", str(error))
        except pymysql.MySQLError as error:
            self._tell(name, "failed", str(self._database.explained(error)))

    def _tell(self, name: str, state: State, text: str) -> None:
        self._states[name] = state
        if state == "failed":
            self._failures[name] = text
        self._events("check", step=name, state=state, text=text)

    def _end(self) -> None:
        states = list(self._states.values())
        counts = {state: states.count(state) for state in ("passed", "warning", "failed", "skipped")}
        self._events("checked", job=self._subject.job, **counts)
        if self._failures:
            (first, text), *others = self._failures.items()
            also = f"; also failed: {', '.join(name for name, _ in others)}" if others else ""
            raise BackupError(f"check of {self._subject.job}: {first} failed: {text}{also}")

    def _secret(self) -> str:
        subject = self._subject
        self._database = Database.open(subject.secret_id, subject.endpoint_url, subject.ssl_mode, subject.ssl_ca)
        secret = self._database.secret
        return f"user {secret.username}, schema {secret.dbname}, at {self._database.address}"

    def _name(self) -> str:
        host = self._database.secret.host
        try:
            found = socket.getaddrinfo(host, self._database.secret.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise BackupError(
                f"{host} has no address here ({error.strerror}): check the host in the secret, and that the network"
                " resolves it (in a VPC: DNS support and DNS host names)"
            ) from None
        return f"{host} is {', '.join(dict.fromkeys(str(address[0]) for *_, address in found))}"

    def _tcp(self) -> str:
        address, secret = self._database.address, self._database.secret
        try:
            self._socket = self._resources.enter_context(open_socket(secret.host, secret.port))
        except ConnectionRefusedError:
            raise BackupError(f"{address} refuses: nothing listens there; check the port in the secret") from None
        except OSError as error:
            raise BackupError(
                f"{address} does not answer ({error.strerror or error}): let the job's security group in at the"
                " database's, on that port, and check the route"
            ) from None
        return f"{address} answers"

    def _tls(self) -> str:
        subject, secret = self._subject, self._database.secret
        context = ssl_context(subject.ssl_mode, subject.ssl_ca)
        if context is None:
            return _Warning("not asked for (--ssl_mode DISABLED): rows and log-in cross the network in the open")
        try:
            with secured(self._socket, context, secret.host) as connection:
                version = connection.version()
                if context.verify_mode == ssl.CERT_NONE:
                    return _Warning(f"{version}, the server's certificate is not verified (--ssl_mode REQUIRED)")
                return f"{version}, verified by {authority(connection)} ({subject.ssl_mode})"
        except ssl.SSLCertVerificationError as error:
            text = distrust(error, secret.host, secret.port, str(subject.ssl_ca or "rds"))
            raise BackupError(text) from None
        except ssl.SSLError as error:
            raise BackupError(f"the handshake failed ({error.reason}): check the server's TLS versions") from None
        except OSError as error:
            raise BackupError(
                f"no MySQL server greets at {self._database.address} ({error.strerror or error}): check host and port"
                " in the secret"
            ) from None

    def _log_in(self) -> str:
        self._connection = self._database.connect("")
        self._resources.callback(self._connection.close)
        ((account, version),) = query(self._connection, "SELECT CURRENT_USER(), VERSION()")
        return f"{account} on {version}"

    def _reads(self) -> str:
        schema, choice = self._database.schema, self._subject.tables
        check_right(self._connection, schema, "SELECT", self._read_by_name)
        unread = unread_tables(self._connection, schema, choice) if self._subject.job == "backup" else []
        try:
            self._found = read_tables(self._connection, schema, choice.without(unread))
        except UsageError as error:
            # That is for the step of the schema to tell.
            self._schema_error = error
        text = self._right("SELECT")
        if not unread:
            return text
        _, account = current_account(self._connection)
        targets = (f"{quoted(schema)}.{quoted(name)}" for name in unread)
        grants = grant_statements("SELECT", targets, account)
        return _Warning(f"{text}; not on {', '.join(unread)}, which no backup will hold: {grants}")

    @property
    def _read_by_name(self) -> Sequence[Table]:
        """The tables that the job reads rows of, as far as its arguments name them."""
        if self._subject.job != "purge":
            return self._subject.tables.expected
        names = dict.fromkeys(name for policy in self._subject.policies for name in policy.named_tables)
        return [Table(name, (), ()) for name in names]

    @property
    def _model(self) -> DataModel:
        """The tables that rights are asked for: those that are expected, where the schema's cannot be told."""
        return self._found.model if self._found else DataModel(self._subject.tables.expected)

    def _right(self, right: str) -> str:
        is_purge = self._subject.job == "purge"
        scopes = policy_scopes(self._model, self._subject.policies) if is_purge else ()
        tables = tables_for(self._subject.job, right, self._model, scopes)
        check_right(self._connection, self._database.schema, right, tables)
        return f"on {', '.join(table.name for table in tables) or '*.*'}"

    def _schema(self) -> str:
        if self._schema_error:
            raise self._schema_error
        assert self._found is not None  # noqa: S101
        policies = self._subject.policies
        is_purge = self._subject.job == "purge"
        self._found.check(
            [name for policy in policies for name in policy.named_tables] if is_purge else self._found.refused
        )
        scopes = policy_scopes(self._model, policies)
        for table in (table for scope in scopes for table in (*scope.purged, *scope.ancestors)):
            self._found.check(self._found.references.get(table.name, ()))
        purged = ", ".join(table.name for scope in scopes for table in scope.purged) or "nothing"
        return f"{len(self._model.tables)} tables of {self._database.schema} can be backed up; {purged} can be purged"

    def _put(self) -> str:
        subject = self._subject
        self._store = open_store(subject.store, subject.endpoint_url, region_of_arn(subject.secret_id))
        if self._store.create(self._key, self._body) is None:
            raise BackupError(f"{self._store.url}/{self._key} is another's: run the check again")
        return f"{self._store.url}/{self._key}"

    def _get(self) -> str:
        content = self._store.read(self._key)
        if content is None or content.body != self._body:
            got = "nothing" if content is None else f"{len(content.body)} other bytes"
            raise BackupError(f"{self._key} was just put and gives {got}: use a store that reads what was written")
        self._content = content
        return f"the {len(content.body)} bytes that were put"

    def _refusal(self) -> str:
        if self._store.create(self._key, b"{}") is not None:
            raise BackupError(
                "a second put over the object was not refused: the store ignores If-None-Match, so two runs could"
                " overwrite each other's backups; use S3, or a store that keeps to it"
            )
        return "a second put over the object is refused"

    def _refused_key(self) -> str:
        assert self._key_error is not None  # noqa: S101
        raise self._key_error

    def _used_key(self) -> str:
        assert self._content is not None  # noqa: S101
        return self._content.encryption or "none: the store encrypts nothing"

    def _clock(self) -> str:
        ((told,),) = query(self._connection, "SELECT UTC_TIMESTAMP(6)")
        here = datetime.now(UTC)
        offsets = {"database": told.replace(tzinfo=UTC) - here}
        if self._content:
            # It told its time a moment ago, so it is held against this machine's of then.
            offsets["store"] = self._content.store_clock - self._content.read_at
        text = ", ".join(f"{name} {offset.total_seconds():+.0f} s" for name, offset in offsets.items())
        spread = [timedelta(), *offsets.values()]
        if max(spread) - min(spread) > CLOCKS_MAY_DIFFER:
            return _Warning(
                f"beside this machine's clock: {text}; set the wrong one: cut-offs and ages are the database's, and S3"
                " refuses a machine that is 15 minutes off"
            )
        return f"beside this machine's: {text}"
