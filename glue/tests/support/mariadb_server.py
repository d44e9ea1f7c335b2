"""A real MariaDB server of the tests; the set-up of the tests in TypeScript unpacks its files."""

from __future__ import annotations

import shutil
import subprocess

from tests.support.certificates import Authority
from tests.support.mysql_server import REPOSITORY, MySqlServer

# Input that mariadb-install-db pipes into the daemon; the script itself cannot use the unpacked libraries.
SCRIPTS = ("system_tables", "performance_tables", "system_tables_data", "sys_schema")


class MariaDbServer(MySqlServer):
    """As `MySqlServer`; its certificate is of an authority of the tests' own."""

    launcher = REPOSITORY / ".local" / "mysql" / "mariadb" / "mariadbd"

    server_options = ()

    def initialize(self) -> None:
        if not self.launcher.exists():
            raise FileNotFoundError(f"{self.launcher} is missing: run the project's set-up")
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "data").mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        files = Authority(self.folder / "authority").sign("127.0.0.1")
        self.options = (*self.options, *files.server_options[:3])
        scripts = self.launcher.parent / "root" / "usr" / "share" / "mysql"
        sql = [(scripts / f"mysql_{name}.sql").read_text() for name in SCRIPTS]
        text = "\n".join(["CREATE DATABASE mysql;", "USE mysql;", "SET @auth_root_socket=NULL;", *sql])
        with (self.folder / "server.log").open("ab") as log:
            done = subprocess.run(
                [self.launcher, "--bootstrap", *self.folders, "--skip-log-bin"],
                input=text.encode(), stdout=log, stderr=log, timeout=120,
            )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"MariaDB could not make its data folder, see {self.folder / 'server.log'}")
