"""The pages of docs/runbook, whose commands the tests run as they stand."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pymysql

from tests.support.mysql_server import REPOSITORY, MySqlServer

RUNBOOK = REPOSITORY / "docs" / "runbook"
ONLY_IN_AWS = "**Only in AWS:**"
# A line with an example in place of which a person puts a value.
_YOURS = re.compile(r"^(?P<name>\w+)=(?P<example>.*?)\s+# yours$", re.M)
_BLOCK = re.compile(r"^(?P<indent> *)```(?P<language>sh|sql)\n(?P<text>.*?)^ *```$", re.M | re.S)
# Tests in __tests__: terraform/runbook.test.ts has the shell's blocks of these, mysql/runbook.test.ts the other page.
TERRAFORM_PAGES = ("instance-gone", "secret-lost-or-leaked", "terraform-state-lost")
MIGRATION_PAGE = "half-applied-migration"


@dataclass(frozen=True)
class Block:
    """Commands of a page; `reason` says why only AWS can run them, where that is so."""

    page: str
    heading: str
    language: str
    text: str
    reason: str | None

    @property
    def runs_here(self) -> bool:
        elsewhere = self.page == MIGRATION_PAGE or (self.page in TERRAFORM_PAGES and self.language == "sh")
        return self.reason is None and not elsewhere

    def with_values(self, values: Mapping[str, str]) -> str:
        """The commands with values in place of the examples; another example stays.

        Raises:
            KeyError: there is no such example.
        """
        names = {found["name"] for found in _YOURS.finditer(self.text)}
        text = _YOURS.sub(lambda found: f"{found['name']}='{values.get(found['name'], found['example'])}'", self.text)
        for name in values.keys() - names:
            if name not in text:
                raise KeyError(f"{self.page}: nothing to replace {name}")
            text = text.replace(name, values[name])
        return text


def blocks_of(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    document = (RUNBOOK / f"{page}.md").read_text()
    found = []
    for match in _BLOCK.finditer(document):
        before = document[: match.start()].rstrip()
        heading = re.findall(r"^#+ (.*)$", before, re.M)[-1]
        paragraph = before.rpartition("\n\n")[2].strip()
        reason = paragraph.removeprefix(ONLY_IN_AWS).strip() if paragraph.startswith(ONLY_IN_AWS) else None
        text = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M)
        found.append(Block(page, heading, match["language"], text, reason))
    return found


def pages() -> list[str]:
    return sorted(path.stem for path in RUNBOOK.glob("*.md"))


@cache
def aws_cli() -> Path:
    """The folder of the AWS CLI's command, in a virtual environment of its own that is made once."""
    requirements = REPOSITORY / "local" / "aws-cli.txt"
    folder = REPOSITORY / ".local" / "venv" / "aws-cli"
    stamp = folder / "requirements.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "aws-cli.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=True)
            stamp.write_text(wanted)
    return folder / "bin"


class Shell:
    """A bash in which block after block is run, so that variables last from one to the next, as with a person."""

    def __init__(self, folder: Path, names: Mapping[str, str]) -> None:
        self.folder = folder
        self._block = folder / "block.sh"
        path = f"{aws_cli()}:{os.environ['PATH']}"
        environment = os.environ | dict(names) | {"PATH": path, "POLL_SECONDS": "0.1"}
        self._process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run(f". {RUNBOOK / 'names.sh'}")

    def run(self, script: str) -> tuple[int, str]:
        """Exit code and output, errors among it."""
        self._block.write_text(script)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        end = f"end of block {time.monotonic_ns()}"
        self._process.stdin.write(f". {self._block} < /dev/null; code=$?; echo; echo {end} $code\n")
        self._process.stdin.flush()
        output = ""
        for line in self._process.stdout:
            if line.startswith(end):
                return int(line.removeprefix(end)), output.rstrip("\n")
            output += line
        raise AssertionError(f"the shell ended: {output}")

    def close(self) -> None:
        self._process.communicate(timeout=30)


@dataclass
class Desk:
    """A person with a page before them: a shell with the names that the page uses, and a client of the database."""

    shell: Shell
    server: MySqlServer
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def page(self, name: str) -> Iterator[PageInUse]:
        """The page; at the end each of its blocks that can run here has been run."""
        in_use = PageInUse(self, name)
        yield in_use
        assert [block.text for block in in_use.left] == []

    def sql(self, statements: str) -> list[tuple[object, ...]]:
        """The rows of all statements."""
        rows: list[tuple[object, ...]] = []
        with self.server.connect() as connection, connection.cursor() as cursor:
            for statement in re.sub(r"--[^\n]*", "", statements).split(";"):
                if statement.strip():
                    cursor.execute(statement)
                    rows += cursor.fetchall()
        return rows


class PageInUse:
    """A page whose blocks are run by their heading, in order."""

    def __init__(self, desk: Desk, name: str) -> None:
        self.desk, self.name = desk, name
        self.left = [block for block in blocks_of(name) if block.runs_here]

    def next(self, heading: str, **values: str) -> str:
        """Runs the next block of the page, which stands under this heading; gives what a person then sees.

        Raises:
            AssertionError: another block comes next, or the commands failed.
        """
        code, output = self._run(heading, values)
        assert code == 0, f"{self.name}, {heading}: {output}"
        return output

    def fails(self, heading: str, **values: str) -> str:
        """The same where the commands end with an error."""
        code, output = self._run(heading, values)
        assert code != 0, f"{self.name}, {heading}: {output}"
        return output

    def _run(self, heading: str, values: Mapping[str, str]) -> tuple[int, str]:
        assert self.left, f"{self.name}: no block is left"
        block = self.left.pop(0)
        assert block.heading == heading, f"{self.name}: next is {block.heading!r}: {block.text}"
        started = time.monotonic()
        try:
            if block.language == "sh":
                return self.desk.shell.run(block.with_values(values))
            return 0, repr(self.desk.sql(block.with_values(values)))
        except pymysql.MySQLError as error:
            return 1, str(error)
        finally:
            taken = time.monotonic() - started
            self.desk.seconds[self.name] = self.desk.seconds.get(self.name, 0) + taken
