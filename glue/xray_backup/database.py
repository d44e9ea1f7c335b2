"""The MySQL server: the secret, connections in sessions of our own, and errors in words."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import pymysql
from botocore.exceptions import BotoCoreError, ClientError
from pymysql.constants import ER

from xray_backup.aws import aws_client, region_of_arn
from xray_backup.errors import BackupError, UnavailableError, UsageError

SecretStage = Literal["AWSCURRENT", "AWSPREVIOUS"]
SslMode = Literal["VERIFY_IDENTITY", "VERIFY_CA", "REQUIRED", "DISABLED"]
SECRET_STAGES: tuple[SecretStage, ...] = ("AWSCURRENT", "AWSPREVIOUS")
SSL_MODES: tuple[SslMode, ...] = ("VERIFY_IDENTITY", "VERIFY_CA", "REQUIRED", "DISABLED")
# The authorities of RDS, which travel with the package.
RDS_AUTHORITIES = "rds-ca-bundle.pem"
# Of one text that GROUP_CONCAT makes; what is larger is read in smaller parts.
TEXT_BYTES = 24 * 2**20
_WEEK = 604_800
# A server, a parameter group or an init_connect may have set any of these otherwise. Zero dates are let in: a restore
# gives back what there was, and proves it. NO_AUTO_VALUE_ON_ZERO lets a restored row keep the key 0.
_SESSION = (
    "SET SESSION time_zone = '+00:00',"
    " sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO',"
    f" wait_timeout = {_WEEK}, net_read_timeout = 3600, net_write_timeout = 3600,"
    " sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_safe_updates = 0, foreign_key_checks = 1,"
    " unique_checks = 1, completion_type = 'NO_CHAIN',"
    f" group_concat_max_len = CAST(LEAST({TEXT_BYTES}, @@GLOBAL.max_allowed_packet DIV 4) AS UNSIGNED)"
)
# With a limit on its memory, MySQL reads all rows of a table, and locks them, where many keys of them are named.
_LIMITS = "SET SESSION max_execution_time = 0, range_optimizer_max_mem_size = 0"
_LIMITS_OF_MARIADB = "SET SESSION max_statement_time = 0"
_ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
_ER_NAMES = {code: name for name, code in vars(ER).items() if isinstance(code, int) and code >= 1000}
# The server was away for a moment, or somebody else's transaction was in the way.
LOST_CONNECTION = frozenset({2003, 2006, 2013, 1053, 1077, 1927})
OVERTAKEN = frozenset({ER.LOCK_DEADLOCK, ER.LOCK_WAIT_TIMEOUT})
_TRIES = 5

# A string: PyMySQL has its type parameters in the stubs only.
Connection: TypeAlias = "pymysql.Connection[pymysql.cursors.Cursor]"


@dataclass(frozen=True)
class Secret:
    """One database user, in the shape that RDS gives its secrets."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    dbname: str


_SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@!:-]{1,2048}")
_NO_WAY = "no way leads to Secrets Manager: check region, its interface endpoint or NAT gateway, and security groups"
_SECRET_HINTS = {
    "AccessDeniedException": "let this role call secretsmanager:GetSecretValue on it, and kms:Decrypt on its key",
    "ResourceNotFoundException": "no secret has that name in this region: check --secret_id",
    "NoCredentialsError": "no AWS credentials were found",
    "ConnectTimeoutError": _NO_WAY,
    "EndpointConnectionError": _NO_WAY,
}


def read_secret(secret_id: str, endpoint_url: str | None = None, stage: SecretStage = "AWSCURRENT") -> Secret:
    """The secret of that name or ARN, from AWS Secrets Manager; an ARN's own region is asked.

    Args:
        secret_id: name or ARN.
        endpoint_url: an emulator's address (default: AWS itself).
        stage: version of the secret, as Secrets Manager labels it.

    Raises:
        UsageError: it cannot be read, or has not RDS's keys; its values are never part of the message.
    """
    if not _SECRET_ID.fullmatch(secret_id):
        # It may be the secret itself.
        raise UsageError("--secret_id must be the name or the ARN of a secret, and what was given is neither")
    client = aws_client("secretsmanager", endpoint_url, region_of_arn(secret_id))
    try:
        document = json.loads(client.get_secret_value(SecretId=secret_id, VersionStage=stage)["SecretString"])
        if not isinstance(document, dict):
            raise ValueError
        if document.get("engine", "mysql") != "mysql":
            raise UsageError(f"secret {secret_id!r} is for engine {document['engine']!r}; only mysql can be backed up")
        if wrong := [key for key in ("host", "username", "password", "dbname") if not isinstance(document[key], str)]:
            raise KeyError(wrong[0])
        return Secret(
            host=document["host"],
            port=int(document.get("port", 3306)),
            username=document["username"],
            password=document["password"],
            dbname=document["dbname"],
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        hint = _SECRET_HINTS.get(code, "check --secret_id and this role's rights")
        raise UsageError(f"cannot read secret {secret_id!r}: {code}; {hint}") from None
    except BotoCoreError as error:
        name = type(error).__name__
        hint = _SECRET_HINTS.get(name, "check region and endpoint")
        raise UsageError(f"cannot read secret {secret_id!r}: {name}; {hint}") from None
    except (KeyError, TypeError, ValueError) as error:
        what = f"key {error}" if isinstance(error, KeyError) else "JSON"
        raise UsageError(
            f"secret {secret_id!r} has no valid {what}: it needs engine, host, port, username, password, dbname"
        ) from None


@dataclass(frozen=True)
class Database:
    """A schema on a server, and how to reach it.

    `source` is the secret's id and the endpoint that it is read from: what another process is given to read it itself,
    so that no password is written down on the way. `ssl_ca` is a PEM file (default: the authorities of RDS and those
    of the system).
    """

    secret: Secret
    ssl_mode: SslMode = "VERIFY_IDENTITY"
    ssl_ca: Path | None = None
    source: tuple[str, str | None] | None = None
    # By source: the secret whose password the server took last, where it is not the one that was read first.
    _accepted: ClassVar[dict[tuple[str, str | None] | None, Secret]] = {}

    @classmethod
    def open(cls, secret_id: str, endpoint_url: str | None, ssl_mode: SslMode, ssl_ca: Path | None) -> Database:
        """The database that a secret names.

        Raises:
            UsageError: the secret cannot be read.
        """
        return cls(read_secret(secret_id, endpoint_url), ssl_mode, ssl_ca, (secret_id, endpoint_url))

    def __reduce__(self) -> tuple[Any, ...]:
        if self.source is None:
            raise TypeError("a database without the source of its secret stays in its process")
        return _opened, (*self.source, self.ssl_mode, self.ssl_ca)

    @property
    def schema(self) -> str:
        """The schema that the secret names."""
        return self.secret.dbname

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.secret.host}:{self.secret.port}"

    def connect(self, schema: str | None = None) -> Connection:
        """A new connection to `schema` (default: the secret's; "" for none), in a session of our own settings.

        Raises:
            BackupError: the server cannot be reached or refuses.
        """
        try:
            connection = self._log_in((self.schema if schema is None else schema) or None)
            for statement in (_LIMITS_OF_MARIADB if is_mariadb(connection) else _LIMITS, _ISOLATION):
                execute(connection, statement)
        except pymysql.MySQLError as error:
            raise self.explained(error) from None
        return connection

    def _log_in(self, schema: str | None) -> Connection:
        """A connection, by whichever password the server takes: a rotation may be under way.

        A new password is in the secret before the server has it, and the server keeps the old one beside it afterwards.
        """
        accepted = self._accepted.get(self.source, self.secret)
        try:
            return self._connection_of(accepted, schema)
        except pymysql.OperationalError as error:
            if error.args[0] != ER.ACCESS_DENIED_ERROR or self.source is None:
                raise
            refused, refusal = {accepted.password}, error
        for secret in self._read_again(self.source):
            if secret.password in refused:
                continue
            try:
                connection = self._connection_of(secret, schema)
            except pymysql.OperationalError as error:
                if error.args[0] != ER.ACCESS_DENIED_ERROR:
                    raise
                refused.add(secret.password)
            else:
                self._accepted[self.source] = secret
                return connection
        raise refusal

    def _read_again(self, source: tuple[str, str | None]) -> Iterator[Secret]:
        """The secret as it is now, and as it was before, where they are for the same server and schema."""
        for stage in SECRET_STAGES:
            try:
                secret = read_secret(*source, stage)
            except UsageError:
                # A secret has one version only until it is written again, and none once it is deleted.
                continue
            # A run that began on one server must not go on on another.
            if (secret.host, secret.port, secret.dbname) == (self.secret.host, self.secret.port, self.secret.dbname):
                yield secret

    def _connection_of(self, secret: Secret, schema: str | None) -> Connection:
        return pymysql.connect(
            host=secret.host,
            port=secret.port,
            user=secret.username,
            # As bytes: PyMySQL takes a text for Latin-1, and MySQL for what its client sends, which is UTF-8.
            password=secret.password.encode(),
            database=schema,
            charset="utf8mb4",
            autocommit=False,
            connect_timeout=10,
            read_timeout=3600,
            write_timeout=3600,
            init_command=_SESSION,
            ssl=ssl_context(self.ssl_mode, self.ssl_ca),
            ssl_disabled=self.ssl_mode == "DISABLED",
        )

    def explained(self, error: Exception) -> BackupError:
        """`error` in one line; the server's own text is left out, since it may quote a row's values."""
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        user = self.secret.username
        if code == ER.ACCESS_DENIED_ERROR:
            text = f"refused user {user!r}: check the user and the password in the secret, and whether TLS is required"
        elif code in (ER.DBACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.COLUMNACCESS_DENIED_ERROR):
            text = f"user {user!r} lacks a privilege that this command needs"
        elif code == ER.BAD_DB_ERROR:
            text = f"has no schema {self.schema!r}"
        elif code == 2026 or "SSL" in str(error) or "certificate" in str(error).lower():
            text = f"cannot be reached with --ssl_mode {self.ssl_mode}: check --ssl_ca and the server's certificate"
        elif code == 2003:
            text = "does not answer: check host, port and security group"
        elif code in OVERTAKEN:
            text = "rows stayed locked by somebody else's transaction; the run can be repeated safely"
        elif code in LOST_CONNECTION or isinstance(error, pymysql.InterfaceError):
            text = "closed the connection; the run can be repeated safely"
        else:
            text = f"answered with error {code} ({_ER_NAMES.get(code, type(error).__name__)})"
            # A name is no row's value.
            if code == ER.NO_SUCH_TABLE and (name := re.search(r"'.*?'", str(error.args[1]))):
                text += f": table {name[0]} is not there, or not any more"
        away = code in LOST_CONNECTION or isinstance(error, pymysql.InterfaceError)
        return (UnavailableError if away else BackupError)(f"MySQL at {self.address}: {text}")

    @contextmanager
    def session(self, schema: str | None = None) -> Iterator[Connection]:
        """A connection that is closed at the end; what was not committed is rolled back, errors come in words."""
        connection = self.connect(schema)
        try:
            yield connection
        except pymysql.MySQLError as error:
            raise self.explained(error) from None
        finally:
            if connection.open:
                connection.close()


@lru_cache
def ssl_context(ssl_mode: SslMode, ssl_ca: Path | None) -> ssl.SSLContext | None:
    """Made once in a process, since it reads every authority; None without TLS.

    Raises:
        UsageError: the file cannot be used.
    """
    if ssl_mode == "DISABLED":
        return None
    try:
        context = ssl.create_default_context(cafile=str(ssl_ca) if ssl_ca else None)
        if not ssl_ca:
            context.load_verify_locations(cadata=_rds_authorities())
    except OSError as error:
        raise UsageError(f"cannot use certificates in --ssl_ca {ssl_ca}: {error.strerror or error}") from None
    # Python 3.13 refuses authorities whose basic constraints are not marked as critical; those of RDS are not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = ssl_mode == "VERIFY_IDENTITY"
    if ssl_mode == "REQUIRED":
        context.verify_mode = ssl.CERT_NONE
    return context


@lru_cache
def _opened(secret_id: str, endpoint_url: str | None, ssl_mode: SslMode, ssl_ca: Path | None) -> Database:
    """Once in a process: a worker is handed the same database with each unit of work."""
    return Database.open(secret_id, endpoint_url, ssl_mode, ssl_ca)


def _rds_authorities() -> str:
    return resources.files("xray_backup").joinpath(RDS_AUTHORITIES).read_text("utf-8")


def is_mariadb(connection: Connection) -> bool:
    """True where the server is MariaDB's."""
    return "MariaDB" in connection.get_server_info()  # type: ignore[no-untyped-call]


def server_name(connection: Connection) -> str:
    """The server as it names itself."""
    # MariaDB has no server_uuid.
    names = dict(query(connection, "SHOW GLOBAL VARIABLES WHERE variable_name IN ('server_uuid', 'hostname')"))
    return str(names.get("server_uuid") or names["hostname"])


def query(connection: Connection, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows that `sql` gives."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def execute(connection: Connection, sql: str | bytes, parameters: Sequence[Any] | None = None) -> int:
    """Runs `sql`; how many rows it changed."""
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters)  # type: ignore[arg-type]


def retried(connection: Connection, transaction: Callable[[], None], errors: Collection[int] = OVERTAKEN) -> None:
    """Runs `transaction`, up to five times where it ends with one of `errors`: somebody else's was in the way.

    Raises:
        pymysql.MySQLError: the last try, or one with another error, failed; it is rolled back.
    """
    for attempt in range(_TRIES):
        try:
            transaction()
            return
        except pymysql.MySQLError as error:
            connection.rollback()
            if error.args[0] not in errors or attempt == _TRIES - 1:
                raise
            time.sleep(0.05 * 2**attempt)
