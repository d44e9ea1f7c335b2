"""Kills backups, archives, purges and restores at random moments, again and again, while a client writes.

    .local/venv/glue/bin/python -m tests.kill_marathon --kills 200 --seed 1        (in the folder glue)
    .local/venv/glue/bin/python -m tests.kill_marathon --model film-rental --kills 50

The client is the web app's double, or that of another model: see `tests.support.workload_client`.
Afterwards, and every 50 kills, database and verified archives together must hold every row ever committed. The seed
gives the same commands and the same delays; what the processes have reached by then depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.invariant import ModelRows, XRayRows, check_nothing_lost, web_app
from tests.support.lab import Emulator, Lab, command
from tests.support.model_lab import LabRows, ModelLab, new_model_lab, writing
from tests.support.workloads import WORKLOADS
from xray_backup.manifest_store import load_manifests

CHECK_EVERY = 50
# A run is killed within the time of its command's longest run; this share of runs is not killed, and tells that time.
WHOLE_RUNS = 0.2
COMMANDS = ("backup", "archive", "purge", "purge", "restore")


@dataclass(frozen=True)
class Course:
    """The model that the marathon runs on: its client, its rows, and the options that name its policies."""

    lab: Lab
    rows: ModelRows
    client: Callable[[Emulator, Path, int], AbstractContextManager[subprocess.Popen[bytes]]]
    options: tuple[str, ...] = ()


def x_ray(lab: Lab) -> Course:
    """The X-ray model and the web app's double."""

    def client(emulator: Emulator, journal: Path, seed: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return web_app(lab, emulator, journal, "--seed", str(seed), "--pause", "0.2", "--meddle")

    return Course(lab, XRayRows(lab), client)


def workload_course(lab: ModelLab) -> Course:
    """Another model and its client."""

    def client(_: Emulator, journal: Path, seed: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
        lab.fill_units(40)
        return writing(lab, journal, "--seed", str(seed), "--pause", "0.1")

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
    # By command; the first run is not killed.
    longest_seconds: dict[str, float] = field(default_factory=dict)
    slot: int = 0

    def run(self, kills: int) -> None:
        secret = self.lab.secret(self.emulator)
        while self.kills < kills:
            name = self.random.choice(COMMANDS)
            if name == "restore" and not any(load_manifests(self.lab.store)):
                continue
            # Half of the time the slot that was killed is tried again, in the other half a new one.
            self.slot += self.random.random() < 0.5
            before = self.kills
            self._start_and_kill(name, self._arguments(name, secret))
            if self.kills > before and self.kills % CHECK_EVERY == 0:
                self._check()
        # Whatever was left half-way: the same commands run to their end now.
        for name, more in (("backup", ["--archive-older-than-days", "2"]), ("purge", [])):
            time.sleep(3)
            self.slot += 1
            process = command(*self._arguments(name, secret), *more)
            output, errors = process.communicate(timeout=300)
            assert process.returncode == 0, (name, output[-2000:], errors)

    def _check(self) -> None:
        """Holds the client still meanwhile: journal and database are read one after the other."""
        self.app.send_signal(signal.SIGSTOP)
        print(f"{self.kills} kills: {check_nothing_lost(self.lab, self.journal, self.course.rows)}", flush=True)
        self.app.send_signal(signal.SIGCONT)

    def _arguments(self, name: str, secret: str) -> list[str]:
        common = [
            name, "--store", self.lab.store.url, "--endpoint-url", self.emulator.url, "--log", "json",
            "--secret-id", secret, "--ssl-mode", "REQUIRED", "--lock-ttl-seconds", "3", "--connections", "2",
            *self.course.options,
        ]  # fmt: skip
        archives = [m.name for m in load_manifests(self.lab.store) if m.kind == "archive"]
        newest_first = ",".join(sorted(archives, key=lambda archive: -int(archive.rsplit("-", 1)[1])))
        own = {
            "backup": ["--run-slot", str(self.slot)],
            "archive": ["--run-slot", str(self.slot), "--older-than-days", "2"],
            # Small chunks with pauses: many moments between a lock, a delete and a commit.
            "purge": ["--older-than-days", "2", "--chunk-rows", "50", "--sleep-ratio", "1", "--mode", "execute"],
            "restore": ["--backups", newest_first or "latest", "--mode", "execute"],
        }
        return common + own[name]

    def _start_and_kill(self, name: str, arguments: list[str]) -> None:
        process = command(*arguments, start_new_session=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line or json.loads(line)["event"] != "started":
            _, errors = process.communicate(timeout=60)
            assert process.returncode in (2, 4), (name, line, errors)
            self.outcomes[f"{name} refused"] += 1
            return
        longest = self.longest_seconds.get(name, 0.0)
        is_whole, share = self.random.random() < WHOLE_RUNS, self.random.random()
        started = time.monotonic()
        try:
            process.communicate(timeout=None if is_whole or not longest else share * longest)
        except subprocess.TimeoutExpired:
            # The whole group: the command and its worker processes.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            self.kills += 1
            self.outcomes[f"{name} killed"] += 1
            return
        # 3 is a restore's word on rows that have changed since; 4 a lock that a killed run still holds.
        assert process.returncode in (0, 3, 4), (name, process.returncode)
        self.longest_seconds[name] = max(longest, time.monotonic() - started)
        self.outcomes[f"{name} ended {process.returncode}"] += 1


def marathon(course: Course, emulator: Emulator, folder: Path, kills: int, seed: int) -> Marathon:
    """Runs the marathon and checks its end.

    Raises:
        AssertionError: a row is lost or there twice, or a process ended as it must not.
    """
    started, lab = time.monotonic(), course.lab
    journal = folder / f"journal-{uuid.uuid4().hex[:8]}.jsonl"
    with course.client(emulator, journal, seed) as app:
        race = Marathon(course, lab, emulator, journal, app, random.Random(seed))
        while not journal.exists() or journal.stat().st_size < 20_000:
            time.sleep(0.1)
        race.run(kills)
        assert app.poll() is None, "the client ended by itself"
    counts = check_nothing_lost(lab, journal, course.rows)
    minutes = (time.monotonic() - started) / 60
    print(f"{race.kills} kills, seed {seed}, {minutes:.1f} minutes: {counts}, lost 0, twice 0; {dict(race.outcomes)}")
    assert counts["purged"] > 0, "the marathon purged nothing, so it proved nothing"
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
