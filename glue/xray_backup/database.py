"""The MySQL server: the secret, connections of the driver and of Spark, and errors in words."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pymysql
from botocore.exceptions import BotoCoreError, ClientError
from pymysql.constants import ER

from xray_backup.aws import aws_client
from xray_backup.errors import BackupError, UsageError

SslMode = Literal["VERIFY_IDENTITY", "VERIFY_CA", "REQUIRED", "DISABLED"]
SSL_MODES: tuple[SslMode, ...] = ("VERIFY_IDENTITY", "VERIFY_CA", "REQUIRED", "DISABLED")
JDBC_DRIVER = "com.mysql.cj.jdbc.Driver"
FETCH_ROWS = 10_000
# Without NO_AUTO_VALUE_ON_ZERO a restored row with the key 0 would get another key.
_MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_AUTO_VALUE_ON_ZERO"
_SESSION = f"SET SESSION time_zone = '+00:00', sql_mode = '{_MODE}'"
_ER_NAMES = {code: name for name, code in vars(ER).items() if isinstance(code, int) and code >= 1000}

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


def read_secret(secret_id: str, endpoint_url: str | None = None) -> Secret:
    """The secret of that name or ARN, from AWS Secrets Manager.

    Raises:
        UsageError: it cannot be read, or has not RDS's keys; its values are never part of the message.
    """
    client = aws_client("secretsmanager", endpoint_url)
    try:
        document = json.loads(client.get_secret_value(SecretId=secret_id)["SecretString"])
        if not isinstance(document, dict):
            raise ValueError
        if document.get("engine", "mysql") != "mysql":
            raise UsageError(f"secret {secret_id!r} is for engine {document['engine']!r}; only mysql can be backed up")
        return Secret(
            host=document["host"],
            port=int(document.get("port", 3306)),
            username=document["username"],
            password=document["password"],
            dbname=document["dbname"],
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise UsageError(
            f"cannot read secret {secret_id!r}: {code}; check --secret_id and this role's rights"
        ) from None
    except BotoCoreError as error:
        raise UsageError(
            f"cannot read secret {secret_id!r}: {type(error).__name__}; check region and endpoint"
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        what = f"key {error}" if isinstance(error, KeyError) else "JSON"
        raise UsageError(
            f"secret {secret_id!r} has no valid {what}: it needs engine, host, port, username, password, dbname"
        ) from None


@dataclass(frozen=True)
class Database:
    """A schema on a server, and how to reach it; `trust_store` is a PKCS12 file for Java, made from `ssl_ca`."""

    secret: Secret
    ssl_mode: SslMode = "VERIFY_IDENTITY"
    ssl_ca: Path | None = None
    trust_store: Path | None = None
    trust_store_password: str = ""

    @property
    def schema(self) -> str:
        """The schema that the secret names."""
        return self.secret.dbname

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.secret.host}:{self.secret.port}"

    def connect(self, schema: str | None = None) -> Connection:
        """A new connection to `schema` (default: the secret's; "" for none), in strict mode, without autocommit.

        Raises:
            BackupError: the server cannot be reached or refuses.
        """
        try:
            return pymysql.connect(
                host=self.secret.host,
                port=self.secret.port,
                user=self.secret.username,
                password=self.secret.password,
                database=(self.schema if schema is None else schema) or None,
                charset="utf8mb4",
                autocommit=False,
                connect_timeout=10,
                read_timeout=3600,
                init_command=_SESSION,
                ssl=self._ssl_context(),
                ssl_disabled=self.ssl_mode == "DISABLED",
            )
        except pymysql.MySQLError as error:
            raise self.explained(error) from None

    def _ssl_context(self) -> ssl.SSLContext | None:
        if self.ssl_mode == "DISABLED":
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.ssl_ca) if self.ssl_ca else None)
        except OSError as error:
            raise UsageError(f"cannot use certificates in --ssl_ca {self.ssl_ca}: {error.strerror or error}") from None
        context.check_hostname = self.ssl_mode == "VERIFY_IDENTITY"
        if self.ssl_mode == "REQUIRED":
            context.verify_mode = ssl.CERT_NONE
        return context

    @property
    def jdbc_url(self) -> str:
        """For Spark; holds no user and no password."""
        options = {
            "sslMode": self.ssl_mode,
            # Without it the driver keeps a whole result in memory, whatever the fetch size.
            "useCursorFetch": "true",
            "connectTimeout": "10000",
            "socketTimeout": "3600000",
            "characterEncoding": "UTF-8",
        }
        if self.ssl_mode == "DISABLED":
            options["allowPublicKeyRetrieval"] = "true"
        if self.trust_store:
            options |= {
                "trustCertificateKeyStoreUrl": self.trust_store.as_uri(),
                "trustCertificateKeyStoreType": "PKCS12",
                "trustCertificateKeyStorePassword": self.trust_store_password,
            }
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"jdbc:mysql://{self.address}/{self.schema}?{query}"

    @property
    def jdbc_properties(self) -> dict[str, str]:
        """For Spark's reader."""
        return {
            "user": self.secret.username,
            "password": self.secret.password,
            "driver": JDBC_DRIVER,
            "fetchsize": str(FETCH_ROWS),
            "sessionInitStatement": "SET SESSION TRANSACTION READ ONLY",
        }

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
        elif code in (2006, 2013) or isinstance(error, pymysql.InterfaceError):
            text = "closed the connection; the run can be repeated safely"
        else:
            text = f"answered with error {code} ({_ER_NAMES.get(code, type(error).__name__)})"
        return BackupError(f"MySQL at {self.address}: {text}")

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


def query(connection: Connection, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows that `sql` gives."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def execute(connection: Connection, sql: str, parameters: Sequence[Any] | None = None) -> int:
    """Runs `sql`; how many rows it changed."""
    with connection.cursor() as cursor:
        return cursor.execute(sql, parameters)
