"""A real MySQL server of the tests: own data folder, free port, TLS, stopped by its process id."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pymysql

REPOSITORY = Path(__file__).resolve().parents[3]
LAUNCHER = REPOSITORY / ".local" / "mysql" / "server" / "mysqld"
PASSWORD = "test-root"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class MySqlServer:
    """Host, port and root's password of a running server; one that `MYSQL_URL` names is never stopped by us."""

    launcher = LAUNCHER
    server_options: tuple[str, ...] = ("--secure-file-priv=NULL",)

    def __init__(self, folder: Path, *options: str) -> None:
        self.host, self.user, self.password = "127.0.0.1", "root", PASSWORD
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def folder_of_its_own(self) -> bool:
        return self.process is not None

    @property
    def ca_file(self) -> Path:
        return self.folder / "data" / "ca.pem"

    @property
    def folders(self) -> tuple[str, str]:
        """At its start, MySQL deletes the temporary tables of whatever server has the same folder for them."""
        return f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder / 'tmp'}"

    def initialize(self) -> None:
        if not self.launcher.exists():
            raise FileNotFoundError(
                f"{self.launcher} is missing: run the project's set-up, or name a server in MYSQL_URL"
            )
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        self._run_to_end("--initialize-insecure")

    def start(self) -> MySqlServer:
        init = self.folder / "init.sql"
        init.write_text(
            f"ALTER USER 'root'@'localhost' IDENTIFIED BY '{PASSWORD}';\n"
            f"CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;\n"
        )
        self.process = self._spawn(
            f"--port={self.port}", "--bind-address=127.0.0.1", "--socket=server.sock", f"--init-file={init}",
            f"--pid-file={self.folder / 'server.pid'}", "--character-set-server=utf8mb4",
            *self.server_options, *self.options,
        )  # fmt: skip
        deadline = time.monotonic() + 90
        while True:
            try:
                self.connect().close()
                return self
            except pymysql.MySQLError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"MySQL did not start, see {self.folder / 'server.log'}") from None
                time.sleep(0.1)

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, sig)
        self.process.wait(60)
        self.process = None

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        return pymysql.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, database=database,
            charset="utf8mb4", autocommit=True,
        )  # fmt: skip

    def make_schema(self, schema: str, statements: Iterable[str]) -> None:
        """Makes the schema by these statements."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in (f"CREATE DATABASE `{schema}` CHARACTER SET utf8mb4", f"USE `{schema}`", *statements):
                cursor.execute(statement)

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [self.launcher, *self.folders, *arguments], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def _run_to_end(self, *arguments: str) -> None:
        if self._spawn(*arguments).wait(120) != 0:
            raise RuntimeError(f"MySQL could not make its data folder, see {self.folder / 'server.log'}")


class NamedServer(MySqlServer):
    """The server that `MYSQL_URL` (`mysql://user:password@host:port`) names."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 3306
        self.user, self.password = unquote(parts.username or "root"), unquote(parts.password or "")
        self.process = None

    def start(self) -> MySqlServer:
        self.connect().close()
        return self


def start_server(folder: Path) -> MySqlServer:
    """The server of `MYSQL_URL`, or one of our own in `folder`."""
    url = os.environ.get("MYSQL_URL")
    if url:
        return NamedServer(url).start()
    server = MySqlServer(folder, "--innodb-buffer-pool-size=1G", "--skip-log-bin")
    server.initialize()
    return server.start()
