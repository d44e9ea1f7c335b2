"""Each thing that is measured: one function that sets up, runs one command and checks that it did its work."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.backup.debian_tools import DebianTools
from bench.backup.measure import Measured, measured, processor_seconds
from tests.support.lab import GLUE, Emulator, Lab
from tests.support.mysql_server import REPOSITORY, MySqlServer

BOXES_EACH = 5
# Of mydumper, of myloader, and of our own commands (their default).
THREADS = "2"
# The hand-made job has a Spark of its own, which nothing else needs.
HAND_MADE_PYTHON = REPOSITORY / ".local" / "venv" / "hand_made" / "bin" / "python"
MYSQL_DRIVER = "com.mysql:mysql-connector-j:9.6.0"


@dataclass
class Bench:
    """A server, an emulator that keeps the secret, Debian's tools and a folder for what the methods write."""

    lab: Lab
    server: MySqlServer
    emulator: Emulator
    tools: DebianTools
    folder: Path

    def fill(self, boxes: int) -> None:
        """A new schema of `boxes` boxes, and a fifth of it in images and in transactions."""
        self.lab.drop_schema()
        self.lab.create_schema().fill(boxes // BOXES_EACH, BOXES_EACH)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return self.lab.rows_in(self.lab.schema)

    @property
    def server_seconds(self) -> float:
        """What MySQL has used of the processors since it began."""
        assert self.server.process is not None
        return processor_seconds(self.server.process.pid)

    def _client(self, name: str, *options: str) -> list[str]:
        server = self.lab.server
        return [
            self.tools.command(name), "--no-defaults", "--protocol=tcp",
            f"--host={server.host}", f"--port={server.port}", f"--user={server.user}", f"--password={server.password}",
            "--skip-ssl", *options,
        ]  # fmt: skip

    def hand_made(self) -> Measured:
        """The hand-made job, into an empty folder."""
        target = self._empty("hand-made")
        server = self.lab.server
        url = f"jdbc:mysql://{server.host}:{server.port}/{self.lab.schema}?sslMode=REQUIRED"
        script = Path(__file__).with_name("hand_made_job.py")
        ivy = self.folder / "ivy"
        command = [
            str(HAND_MADE_PYTHON), str(script), url, server.password, f"file://{target}/out", str(ivy), MYSQL_DRIVER,
        ]  # fmt: skip
        return measured(command, os.environ | {"PYSPARK_PYTHON": str(HAND_MADE_PYTHON)})

    def dump(self) -> Measured:
        """mysqldump of the schema into one file."""
        command = self._client("mariadb-dump", "--single-transaction", self.lab.schema)
        with (self._empty("dump") / "dump.sql").open("wb") as output:
            return measured(command, self.tools.environment, output)

    def load(self) -> Measured:
        """The dump into an empty schema: the only proof that a dump has."""
        target = self._empty_schema("load")
        with (self.folder / "dump" / "dump.sql").open("rb") as source:
            result = measured(self._client("mariadb", target), self.tools.environment, stdin=source)
        assert self.lab.rows_in(target) == self.rows
        return result

    def mydumper(self) -> Measured:
        """mydumper of the schema, in pieces, so that both threads have work."""
        options = ("--database", self.lab.schema, "--outputdir", str(self._empty("mydumper")), "--rows", "500000")
        return measured(self._threaded("mydumper", *options), self.tools.environment)

    def myloader(self) -> Measured:
        """Loads the files of mydumper into an empty schema."""
        target = self._empty_schema("myloader")
        options = ("--database", target, "--directory", str(self.folder / "mydumper"))
        result = measured(self._threaded("myloader", *options), self.tools.environment)
        assert self.lab.rows_in(target) == self.rows
        return result

    def _threaded(self, name: str, *options: str) -> list[str]:
        server = self.lab.server
        return [
            self.tools.command(name), f"--host={server.host}", f"--port={server.port}", f"--user={server.user}",
            f"--password={server.password}", f"--threads={THREADS}", *options,
        ]  # fmt: skip

    def backup(self) -> Measured:
        """Ours: read, write, read back, prove, commit."""
        self._empty("store")
        return self._ours("backup", "--run-slot", "bench")

    def archive(self) -> Measured:
        """Ours: what the purge will delete."""
        return self._ours("archive", "--run-slot", "bench", "--older-than-days", "2")

    def restore(self) -> Measured:
        """Ours: the snapshot into nothing, with all keys, every batch compared with what the server kept."""
        target = f"{self.lab.schema}_restore"
        self.lab.sql(f"DROP DATABASE IF EXISTS `{target}`")
        result = self._ours("restore", "--backups", "latest", "--target-schema", target, "--mode", "execute")
        assert self.lab.rows_in(target) == self.rows
        return result

    def purge(self) -> Measured:
        """Ours: deletes boxes and transactions that the archive holds, each row compared before."""
        result = self._ours("purge", "--older-than-days", "2", "--mode", "execute")
        assert self.lab.count("transaction") == 1
        return result

    def pt_archiver(self) -> Measured:
        """pt-archiver over boxes, then transactions; it looks at nothing but the age, and needs a table at a time."""
        server = self.lab.server
        seconds, peak, used = 0.0, 0.0, 0.0
        for table, where in (("pred_bounding_box", "pred_bbox_id > 0"), ("transaction", "transaction_id > 0")):
            source = (
                f"h={server.host},P={server.port},u={server.user},p={server.password},D={self.lab.schema},t={table}"
            )
            command = [
                "perl", self.tools.command("pt-archiver"), "--source", source, "--purge", "--where", where,
                "--bulk-delete", "--limit", "500", "--commit-each", "--no-check-charset", "--no-version-check",
            ]  # fmt: skip
            result = measured(command, self.tools.environment)
            seconds, peak = seconds + result.seconds, max(peak, result.peak_mb)
            used += result.processor_seconds
            # It too keeps the row with the highest key; here both highest rows belong together.
            assert self.lab.count(table) == 1
        return Measured(seconds, peak, used, "")

    def _ours(self, command: str, *options: str) -> Measured:
        secret = self.lab.secret(self.emulator)
        arguments = [
            sys.executable, "-m", "xray_backup", command, "--store", str(self.folder / "store"), "--endpoint-url",
            self.emulator.url, "--secret-id", secret, "--ssl-mode", "REQUIRED", *options,
        ]  # fmt: skip
        return measured(arguments, os.environ, cwd=GLUE)

    def _empty_schema(self, name: str) -> str:
        schema = f"{self.lab.schema}_{name}"
        self.lab.sql(f"DROP DATABASE IF EXISTS `{schema}`")
        self.lab.sql(f"CREATE DATABASE `{schema}`")
        return schema

    def _empty(self, name: str) -> Path:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def size_of(folder: Path) -> tuple[int, int]:
    """Files and bytes under a folder, checksums of Hadoop left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_"))]
    return len(files), sum(path.stat().st_size for path in files)
