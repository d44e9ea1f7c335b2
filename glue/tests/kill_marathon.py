"""Kills backups, archives, purges and restores at random moments, again and again, while a client writes.

    .local/venv/glue/bin/python -m tests.kill_marathon --kills 200 --seed 1        (in the folder glue)
    .local/venv/glue/bin/python -m tests.kill_marathon --model film-rental --kills 50

The client is the web app's double, or that of another model: see `tests.support.workload_client`.
Afterwards, and every 50 kills, database and verified archives together must hold every row ever committed. A kill
before anything has happened shows nothing: what the killed runs did is counted, and the marathon fails where those of a
command did nothing. The seed gives the same commands and the same delays; what the processes have reached by then
depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.invariant import ModelRows, XRayRows, check_nothing_lost, web_app
from tests.support.journal import Key, noted_keys
from tests.support.lab import Emulator, Lab, command
from tests.support.model_lab import LabRows, ModelLab, new_model_lab, writing
from tests.support.workloads import WORKLOADS
from xray_backup.manifest_store import load_manifests

CHECK_EVERY = 50
# A run is killed within the time that its command's last whole run took; this share of runs is not killed.
WHOLE_RUNS = 0.2
FIRST_SECONDS = 0.5
# So many of the kills come once the run has begun with its own steps: before them it changes nothing.
AT_WORK = 0.7
STEPS = {"backup": "copy", "archive": "copy", "purge": "purge", "restore": "restore"}
COMMANDS = ("backup", "archive", "purge", "purge", "restore")
# That a restore brings back at once.
MOST_ARCHIVES = 5
# Kills beyond those asked for, where a command's killed runs have done nothing yet.
MOST_MORE = 30


@dataclass(frozen=True)
class Course:
    """The model that the marathon runs on: its client, its rows, and the options that name its policies.

    `client` takes the emulator, its journal, and options.
    """

    lab: Lab
    rows: ModelRows
    client: Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]
    options: tuple[str, ...] = ()


def x_ray(lab: Lab) -> Course:
    """The X-ray model and the web app's double."""

    def client(emulator: Emulator, journal: Path, *options: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return web_app(lab, emulator, journal, "--meddle", *options)

    return Course(lab, XRayRows(lab), client)


def workload_course(lab: ModelLab) -> Course:
    """Another model and its client."""

    def client(_: Emulator, journal: Path, *options: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        lab.fill_units(40)
        return writing(lab, journal, *options)

    return Course(lab, LabRows(lab), client, ("--policies", lab.kind.policies))


@dataclass
class Marathon:
    """`kills` counts processes that were killed at work."""

    course: Course
    lab: Lab
    emulator: Emulator
    journal: Path
    app: subprocess.Popen[bytes]
    random: random.Random
    kills: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    # By command: files that its killed runs wrote, rows that they deleted or brought back.
    done_by_killed: Counter[str] = field(default_factory=Counter)
    # By command.
    seconds: dict[str, float] = field(default_factory=dict)
    slot: int = 0

    def run(self, kills: int) -> None:
        secret = self.lab.secret(self.emulator)
        while self.kills < kills or (self.idle and self.kills < kills + MOST_MORE):
            name = self.random.choice(self.idle or COMMANDS)
            if name == "restore" and not any(load_manifests(self.lab.store)):
                continue
            if name in ("purge", "restore"):
                # So that there is something to delete, or to bring back.
                self._run_whole(secret, "archive")
            if name == "restore":
                self._run_whole(secret, "purge")
            # Half of the time the slot that was killed is tried again, in the other half a new one.
            self.slot += self.random.random() < 0.5
            before = self.kills
            self._start_and_kill(name, self._arguments(name, secret))
            if self.kills > before and self.kills % CHECK_EVERY == 0:
                self._check()
        # Whatever was left half-way: the same commands run to their end now.
        self._run_whole(secret, "backup", "--archive-older-than-days", "2")
        self._run_whole(secret, "purge")

    def _run_whole(self, secret: str, name: str, *more: str) -> None:
        """In a slot of its own, once the lock that a killed run may hold is old."""
        self.slot += 1
        for _ in range(20):
            process = command(*self._arguments(name, secret, lock_seconds=60), *more)
            output, errors = process.communicate(timeout=300)
            if process.returncode != 4:
                break
            time.sleep(0.5)
        assert process.returncode == 0, (name, output[-2000:], errors)

    @property
    def idle(self) -> list[str]:
        """The commands of which no killed run has done anything."""
        return sorted(name for name in set(COMMANDS) if not self.done_by_killed[name])

    def _check(self) -> None:
        """Holds the client still meanwhile: journal and database are read one after the other."""
        self.app.send_signal(signal.SIGSTOP)
        print(f"{self.kills} kills: {check_nothing_lost(self.lab, self.journal, self.course.rows)}", flush=True)
        self.app.send_signal(signal.SIGCONT)

    def _arguments(self, name: str, secret: str, lock_seconds: int = 3) -> list[str]:
        common = [
            name, "--store", self.lab.store.url, "--endpoint-url", self.emulator.url, "--log", "json",
            "--secret-id", secret, "--ssl-mode", "REQUIRED", "--connections", "2",
            "--lock-ttl-seconds", str(lock_seconds),
            *self.course.options,
        ]  # fmt: skip
        archives = [m.name for m in load_manifests(self.lab.store) if m.kind == "archive"]
        # A few, so that the rows to bring back and to purge again do not grow with the number of kills.
        newest_first = sorted(archives, key=lambda archive: -int(archive.rsplit("-", 1)[1]))[:MOST_ARCHIVES]
        own = {
            "backup": ["--run-slot", str(self.slot)],
            "archive": ["--run-slot", str(self.slot), "--older-than-days", "2"],
            # Small chunks with pauses: many moments between a lock, a delete and a commit.
            "purge": ["--older-than-days", "2", "--chunk-rows", "50", "--sleep-ratio", "2", "--mode", "execute"],
            "restore": ["--backups", ",".join(newest_first) or "latest", "--mode", "execute"],
        }
        return common + own[name]

    def _start_and_kill(self, name: str, arguments: list[str]) -> None:
        noted, before = self.journal.stat().st_size, self._things(name)
        process = command(*arguments, start_new_session=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line or json.loads(line)["event"] != "started":
            _, errors = process.communicate(timeout=60)
            assert process.returncode in (2, 4), (name, line, errors)
            self.outcomes[f"{name} refused"] += 1
            return
        works, ended = threading.Event(), threading.Event()

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                if f'"event": "progress", "step": "{STEPS[name]} ' in line:
                    works.set()
            works.set()
            ended.set()

        threading.Thread(target=read).start()
        is_whole, share, is_at_work = (self.random.random() for _ in range(3))
        started = time.monotonic()
        if is_at_work < AT_WORK:
            works.wait(300)
        is_killed = is_whole >= WHOLE_RUNS and not ended.wait(share * self.seconds.get(name, FIRST_SECONDS))
        if is_killed:
            # The whole group: the command and its worker processes.
            os.killpg(process.pid, signal.SIGKILL)
        ended.wait(300)
        _, errors = process.communicate(timeout=60)
        if is_killed and process.returncode == -signal.SIGKILL:
            self.kills += 1
            self.outcomes[f"{name} killed"] += 1
            if done := self._done(name, before, noted):
                self.outcomes[f"{name} killed at work"] += 1
                self.done_by_killed[name] += done
            return
        # 3 is a restore's word on rows that have changed since; 4 a lock that a killed run still holds. On a slow
        # machine a run may renew its own lock too late.
        assert process.returncode in (0, 3, 4) or "silent for too long" in errors, (name, process.returncode, errors)
        self.seconds[name] = time.monotonic() - started
        self.outcomes[f"{name} ended {process.returncode}"] += 1

    def _things(self, name: str) -> set[Key]:
        """Traces of the command: files of backups, or rows of the tables that a policy reaches."""
        if name in ("backup", "archive"):
            kinds = ("snapshot", "archive") if name == "backup" else ("archive",)
            return {(kind, item.key) for kind in kinds for item in self.lab.store.list(f"v1/{kind}/")}
        return {(table, row[0]) for table, row in self.course.rows.in_database() if table in self.course.rows.purged}

    def _done(self, name: str, before: set[Key], noted: int) -> int:
        """How much of it the killed run did; not what the client has done since `noted` bytes of its journal."""
        after = self._things(name)
        if name in ("backup", "archive"):
            return len(after - before)
        written, deleted = noted_keys(self.journal, noted)
        return len(before - after - deleted if name == "purge" else after - before - written)


def marathon(course: Course, emulator: Emulator, folder: Path, kills: int, seed: int) -> Marathon:
    """Runs the marathon and checks its end.

    Raises:
        AssertionError: a row is lost or there twice, or a process ended as it must not.
    """
    started, lab = time.monotonic(), course.lab
    journal = folder / f"journal-{uuid.uuid4().hex[:8]}.jsonl"
    with course.client(emulator, journal, "--seed", str(seed), "--pause", "0.1") as app:
        race = Marathon(course, lab, emulator, journal, app, random.Random(seed))
        while not journal.exists() or journal.stat().st_size < 20_000:
            time.sleep(0.1)
        race.run(kills)
        assert app.poll() is None, "the client ended by itself"
    counts = check_nothing_lost(lab, journal, course.rows)
    minutes = (time.monotonic() - started) / 60
    done = race.done_by_killed
    print(
        f"{race.kills} kills, seed {seed}, {minutes:.1f} minutes: {counts}, lost 0, twice 0; {dict(race.outcomes)};"
        f" the killed runs deleted {done['purge']} rows, brought {done['restore']} back, and wrote"
        f" {done['backup']} files of backups and {done['archive']} of archives"
    )
    assert counts["purged"] > 0, "the marathon purged nothing, so it proved nothing"
    assert not race.idle, f"no killed run did anything: {', '.join(race.idle)}; so it proved nothing of them"
    return race


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("x-ray", *WORKLOADS), default="x-ray")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    from tests import conftest
    from tests.support.mysql_server import REPOSITORY, start_server

    # One of each process, so that two marathons at once do not meet.
    folder = REPOSITORY / ".local" / "test" / f"marathon-{os.getpid()}"
    folder.mkdir(parents=True, exist_ok=True)
    emulator = Emulator(folder / "moto.log")
    server = start_server(folder / "mysql")
    try:
        store = conftest.new_s3_store(emulator)
        if arguments.model == "x-ray":
            course = x_ray(Lab(server, store, f"x_ray_{uuid.uuid4().hex[:8]}").create_schema())
        else:
            course = workload_course(new_model_lab(server, store, WORKLOADS[arguments.model]))
        marathon(course, emulator, folder, arguments.kills, arguments.seed)
    finally:
        server.stop()
        emulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
