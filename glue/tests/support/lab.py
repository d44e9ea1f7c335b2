"""Everything a test works with: a fresh schema on a real MySQL, a bucket or folder, and runs of the package on them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pymysql

from tests.support.mysql_server import REPOSITORY, MySqlServer, free_port
from xray_backup.database import Database, Secret
from xray_backup.run import Run
from xray_backup.store import Store

GLUE = REPOSITORY / "glue"
MIGRATION = REPOSITORY / "sql" / "migrations" / "V0001__create_x_ray_tables.sql"
FOREIGN_KEY = re.compile(r",\s*CONSTRAINT \w+ FOREIGN KEY.*?ON DELETE RESTRICT", re.S)
TABLES = ("image", "transaction", "pred_bounding_box")


class Emulator:
    """A moto server in a process of its own; it speaks S3 and Secrets Manager."""

    def __init__(self, log: Path, module: Sequence[str] = ("-m", "moto.server")) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *module, "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=output,
                stderr=output,
            )
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/").close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.url)  # type: ignore[call-overload]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Recorded:
    """An `Events` that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        if event != "progress":
            self.events.append((event, fields))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [fields for event, fields in self.events if event == name]


def ddl_statements() -> Iterator[str]:
    for statement in re.sub(r"--[^\n]*", "", MIGRATION.read_text()).split(";"):
        if statement.strip():
            yield statement


@dataclass
class Lab:
    server: MySqlServer
    store: Store
    schema: str
    events: Recorded = field(default_factory=Recorded)

    def create_schema(self, foreign_keys: bool = True) -> Lab:
        foreign_key = re.compile(r",\s*CONSTRAINT \w+ FOREIGN KEY.*?ON DELETE RESTRICT", re.S)
        statements = ddl_statements()
        self.server.make_schema(
            self.schema, statements if foreign_keys else (foreign_key.sub("", statement) for statement in statements)
        )
        return self

    def database(self, **overrides: Any) -> Database:
        values: dict[str, Any] = {
            "host": self.server.host,
            "port": self.server.port,
            "username": self.server.user,
            "password": self.server.password,
            "dbname": self.schema,
        }
        return Database(Secret(**(values | overrides)), "REQUIRED")

    def run(self, command: str = "test", **overrides: Any) -> Run:
        values: dict[str, Any] = {
            "command": command,
            "store": self.store,
            "database": self.database(),
            "events": self.events,
            "connections": 2,
            "lock_ttl_seconds": 5,
        }
        return Run(**(values | overrides))

    @property
    def account(self) -> str:
        """The account of the lab's user, as a GRANT names it."""
        ((account,),) = self.sql("SELECT CURRENT_USER()")
        return "@".join(f"'{part}'" for part in account.split("@"))

    def sql(self, statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        with self.server.connect(self.schema) as connection, connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    def rows(self, table: str, schema: str | None = None) -> set[tuple[Any, ...]]:
        return set(self.sql(f"SELECT * FROM `{schema or self.schema}`.`{table}`"))

    def count(self, table: str) -> int:
        return int(self.sql(f"SELECT COUNT(*) FROM `{table}`")[0][0])

    def rows_in(self, schema: str) -> int:
        return sum(int(self.sql(f"SELECT COUNT(*) FROM `{schema}`.`{table}`")[0][0]) for table in TABLES)

    def fill(self, transactions: int, boxes_each: int = 5, first: int = 1, start: str = "2022-05-24 11:08:23") -> None:
        """Rows in the manner of the web app: one image and `boxes_each` boxes for each transaction, a minute apart."""
        with self.server.connect(self.schema) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION cte_max_recursion_depth = 100000000")
            last = first + transactions - 1
            numbers = f"WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
            cursor.execute(f"INSERT INTO image {numbers} SELECT i, 'lake', 'xray-images', CONCAT('img_', i) FROM n")
            cursor.execute(
                f"INSERT INTO `transaction` {numbers} SELECT i, i, '{start}' + INTERVAL i MINUTE, 0.3, 0.5 FROM n"
            )
            for box in range(boxes_each):
                cursor.execute(
                    f"INSERT INTO pred_bounding_box {numbers} SELECT (i - 1) * {boxes_each} + {box + 1}, i, i % 14,"
                    f" (i * 13 + {box}) % 1000 / 1000, i % 2000, i % 1000, i % 2000 + 50, i % 1000 + 70 FROM n"
                )

    def secret(self, emulator: Emulator, **overrides: Any) -> str:
        name = f"test/{self.schema}/{time.time_ns()}"
        secret = self.database(**overrides).secret
        document = {
            "engine": "mysql",
            "host": secret.host,
            "port": secret.port,
            "username": secret.username,
            "password": secret.password,
            "dbname": secret.dbname,
        }
        emulator.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(document))
        return name

    def options(self, emulator: Emulator, **overrides: Any) -> list[str]:
        """The command line's options that name store and database; `overrides` are of the database's secret."""
        return [
            "--store", self.store.url, "--endpoint-url", emulator.url,
            "--secret-id", self.secret(emulator, **overrides), "--ssl-mode", "REQUIRED",
        ]  # fmt: skip

    def drop_schema(self) -> None:
        """The lab's schema and all that a test has made beside it."""
        self.drop_schemas(f"{self.schema}%")

    def drop_schemas(self, pattern: str) -> None:
        with self.server.connect() as connection, connection.cursor() as cursor:
            # Their tables may reference each other.
            cursor.execute("SET SESSION foreign_key_checks = 0")
            cursor.execute("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE %s", (pattern,))
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP DATABASE `{name}`")


def command(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Starts `python -m xray_backup` as a process of its own."""
    return _started("xray_backup", *arguments, **options)


def error_code(statement: Any) -> int:
    try:
        statement()
    except pymysql.MySQLError as error:
        return int(error.args[0])
    return 0


def watched(
    *arguments: str,
    log: Path | None = None,
    kill_at: str | None = None,
    rows_per_batch: int | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Starts a command as a process that notes its steps and can be told where to die: see `tests.support.process`."""
    own = ["--log", str(log)] if log else []
    own += ["--kill-at", kill_at] if kill_at else []
    own += ["--rows-per-batch", str(rows_per_batch)] if rows_per_batch else []
    return _started("tests.support.process", *own, "--", *arguments, **options)


def _started(
    module: str, *arguments: str, environment: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=GLUE,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
