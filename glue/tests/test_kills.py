"""A process dies by SIGKILL at each boundary between two steps, and the same command is run again.

Right after the death, and after the second run, database and verified archives together hold every row, each as it was.
`--every-boundary` takes all of them; without it those are taken after which something has changed that counts.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import TABLES, Emulator, Lab, command, watched
from tests.support.mysql_server import MySqlServer
from tests.support.reading import backed_up
from tests.support.saved import saved_lab
from xray_backup.archive import archive
from xray_backup.manifest_store import load_manifests
from xray_backup.snapshot import snapshot
from xray_backup.verification import verify

Rows = dict[str, set[tuple[Any, ...]]]


def of_a_copy(kind: str, nth: int = 1) -> list[str]:
    """The boundaries of a snapshot or an archive, which is the `nth` copy of its process."""
    tables = ("pred_bounding_box", "transaction", "image")
    return [
        f"SELECT GET_LOCK {nth}",
        f"store: v1/_locks/backup/RUN/claim.json {nth}",
        *(
            step
            for table in tables
            for step in (
                f"work: copy {table} {nth}",
                f"store: v1/{kind}/{table}/run_date=DAY/run_id=RUN/part-00000.parquet 1",
            )
        ),
        f"store: v1/_manifests/{kind}-k.json 1",
        f"store: v1/_locks/backup/RUN/released.json {nth}",
        f"store: v1/catalog/{kind}-k.json 1",
    ]


BOUNDARIES = {
    "backup": [*of_a_copy("snapshot"), *of_a_copy("archive", 2), "end 1"],
    "archive": [*of_a_copy("archive"), "end 1"],
    "purge": [
        "SELECT GET_LOCK 1",
        "store: v1/_purges/lock/RUN/claim.json 1",
        *(f"work: verify {table} 1" for table in TABLES),
        "store: v1/_purges/RUN/intent.json 1",
        *(
            f"{step} {chunk}"
            for chunk in (1, 2)
            for step in (
                "FOR UPDATE transaction", "FOR UPDATE pred_bounding_box",
                "DELETE FROM pred_bounding_box", "DELETE FROM transaction", "COMMIT",
            )
        ),
        "store: v1/_purges/finished/archive-a.json 1",
        "store: v1/_purges/RUN/chunks-00001.jsonl 1",
        "store: v1/_purges/RUN/result.json 1",
        "store: v1/_purges/lock/RUN/released.json 1",
        "end 1",
    ],
    "restore": [
        "SELECT GET_LOCK 1",
        "store: v1/_locks/restore/RUN/claim.json 1",
        "CREATE DATABASE 1",
        *(f"CREATE TABLE {table} 1" for table in TABLES),
        *(
            step
            for commits, table, batches in ((0, "image", 2), (2, "transaction", 2), (4, "pred_bounding_box", 4))
            for batch in range(1, batches + 1)
            for step in (f"INSERT INTO {table} {batch}", f"COMMIT {commits + batch}")
        ),
        # Keys, foreign keys, and the mark that goes.
        *(f"ALTER TABLE {table} 1" for table in TABLES),
        "ALTER TABLE transaction 2", "ALTER TABLE pred_bounding_box 2",
        "ALTER TABLE image 2", "ALTER TABLE transaction 3", "ALTER TABLE pred_bounding_box 3",
        "store: v1/_restores/RUN.json 1",
        "store: v1/_locks/restore/RUN/released.json 1",
        "end 1",
    ],
}  # fmt: skip
# Written, not committed; committed, not told; deleted, not committed or not noted; two of three tables made.
ALWAYS = {
    "backup": {"store: v1/_manifests/snapshot-k.json 1", "store: v1/_manifests/archive-k.json 1"},
    "archive": {"store: v1/_locks/backup/RUN/released.json 1"},
    "purge": {"COMMIT 1", "FOR UPDATE transaction 2", "store: v1/_purges/RUN/result.json 1"},
    "restore": {
        "CREATE TABLE pred_bounding_box 1", "COMMIT 3", "INSERT INTO transaction 2", "ALTER TABLE transaction 1",
    },
}  # fmt: skip
OPTIONS = {
    "backup": ["--run-slot", "k", "--archive-older-than-days", "2"],
    "archive": ["--run-slot", "k", "--older-than-days", "2"],
    "purge": ["--older-than-days", "2", "--chunk-rows", "9", "--mode", "execute"],
    "restore": ["--backups", "snapshot-s", "--mode", "execute"],
}
LAST_OLD = {"image": 5003, "transaction": 5003, "pred_bounding_box": 10006}
CASES = [
    pytest.param(name, step, marks=() if step in ALWAYS[name] else pytest.mark.every_boundary, id=f"{name}-{step}")
    for name, steps in BOUNDARIES.items()
    for step in steps
]


class Scene:
    """Six transactions with two boxes each and a seventh that stays; a restore takes each table in two batches."""

    def __init__(self, back: Callable[[], Lab], emulator: Emulator, log: Path) -> None:
        self.back, self.lab, self.log = back, back(), log
        self.drill = f"{self.lab.schema}_drill"
        self.common = [*self.lab.options(emulator), "--log", "json", "--connections", "1", "--lock-ttl-seconds", "60"]
        self.before = self.rows()
        # The last transaction holds the highest keys, so it is never archived.
        self.old = {table: {row for row in rows if row[0] <= LAST_OLD[table]} for table, rows in self.before.items()}

    def rows(self, schema: str | None = None) -> Rows:
        return {table: self.lab.rows(table, schema) for table in TABLES}

    def set_up(self, name: str) -> None:
        """All rows are there; a store with an archive or a snapshot where the command needs one."""
        store = Path(self.back().store.url)
        if name in ("backup", "archive"):
            shutil.rmtree(store)
        else:
            # A purge needs an archive alone, a restore a snapshot alone.
            other = "snapshot-s" if name == "purge" else "archive-a"
            (store / f"v1/_manifests/{other}.json").unlink()
        self.log.unlink(missing_ok=True)

    def run(self, name: str, *more: str, kill_at: str | None = None) -> int:
        target = ["--target-schema", self.drill] if name == "restore" else []
        arguments = [name, *self.common, *OPTIONS[name], *target, *more]
        process = watched(*arguments, log=self.log, kill_at=kill_at, rows_per_batch=4)
        output, errors = process.communicate(timeout=120)
        print(name, process.returncode, output[-2000:], errors)
        return process.returncode

    def run_again(self, name: str) -> None:
        """The killed run's lease is as old as if its time had passed; the server has to notice that it is gone."""
        for lease in Path(self.lab.store.url).glob("v1/_*/**/*.json"):
            os.utime(lease, (time.time() - 100,) * 2)
        for _ in range(20):
            code = self.run(name)
            if code != 4:
                break
            time.sleep(0.2)
        assert code == 0

    def check_nothing_lost(self) -> None:
        """Nothing is lost, nothing is changed, no transaction is there without its boxes; each backup has its rows."""
        rows = self.rows()
        kept: Rows = {table: set() for table in TABLES}
        for manifest in load_manifests(self.lab.store):
            for table in TABLES:
                # `backed_up` fails where a row is there twice.
                found = backed_up(self.lab, manifest.name, table)
                assert found == (self.old[table] if manifest.kind == "archive" else self.before[table])
                if manifest.kind == "archive":
                    kept[table] |= found
        for table in TABLES:
            assert rows[table] | kept[table] == self.before[table]
        boxes = [row[1] for row in rows["pred_bounding_box"]]
        assert sorted(boxes) == sorted(2 * [row[0] for row in rows["transaction"]])
        if self.has_drill():
            restored = self.rows_of_drill()
            assert all(restored[table] <= self.before[table] for table in TABLES)

    def has_drill(self) -> bool:
        return bool(self.lab.sql(f"SHOW DATABASES LIKE '{self.drill}'"))

    def rows_of_drill(self) -> Rows:
        made = {name for (name,) in self.lab.sql(f"SHOW TABLES FROM `{self.drill}`")}
        return {table: self.lab.rows(table, self.drill) if table in made else set() for table in TABLES}

    def check_done(self, name: str) -> None:
        """Everything that the command promises is there, as if it had never been killed."""
        found = list(load_manifests(self.lab.store))
        for manifest in found:
            verify(self.lab.run(), manifest)
        rows = self.rows()
        if name == "purge":
            assert {row[0] for row in rows["transaction"]} == {5004}
            assert rows["image"] == self.before["image"]
            assert self.lab.store.read("v1/_purges/finished/archive-a.json") is not None
        else:
            assert rows == self.before
        if name == "restore":
            assert self.rows_of_drill() == self.before
        if name in ("backup", "archive"):
            kinds = ["archive", "snapshot"] if name == "backup" else ["archive"]
            assert [manifest.name for manifest in found] == [f"{kind}-k" for kind in kinds]


def fill(lab: Lab) -> None:
    lab.fill(3, boxes_each=2)
    lab.fill(4, boxes_each=2, first=5001)


def back_up(lab: Lab) -> None:
    archive(lab.run(), "a", 2)
    snapshot(lab.run(), "s", 60)


@pytest.fixture(scope="module")
def scene(server: MySqlServer, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("kills")
    with saved_lab(server, folder, fill, back_up) as back:
        yield Scene(back, emulator, folder / "boundaries.log")


@pytest.mark.parametrize("name", list(BOUNDARIES))
def test_the_boundaries_are_all_there_are(scene: Scene, name: str) -> None:
    """A step that is new, or that is never reached any more, fails here: then the list above has to be mended."""
    scene.set_up(name)
    assert scene.run(name) == 0
    assert scene.log.read_text().splitlines() == BOUNDARIES[name]
    assert ALWAYS[name] <= set(BOUNDARIES[name])
    scene.check_nothing_lost()
    scene.check_done(name)


@pytest.mark.parametrize(("name", "boundary"), CASES)
def test_a_run_that_is_killed_loses_nothing_and_can_be_run_again(scene: Scene, name: str, boundary: str) -> None:
    scene.set_up(name)
    assert scene.run(name, kill_at=boundary) == -signal.SIGKILL, f"{boundary} was never reached"
    scene.check_nothing_lost()
    scene.run_again(name)
    scene.check_nothing_lost()
    scene.check_done(name)


@pytest.mark.parametrize("name", ["purge", "restore"])
def test_a_run_that_is_killed_at_work_on_two_connections_loses_nothing(scene: Scene, name: str) -> None:
    """One of them is about to make the second commit; wherever the other is then, it dies there."""
    scene.set_up(name)
    assert scene.run(name, "--connections", "2", kill_at="COMMIT 2") == -signal.SIGKILL
    scene.check_nothing_lost()
    scene.run_again(name)
    scene.check_nothing_lost()
    scene.check_done(name)


def test_the_machine_dies_while_a_file_is_written(scene: Scene) -> None:
    """With a file in the store, and one that is half there."""
    scene.set_up("backup")
    process = command("backup", *scene.common, *OPTIONS["backup"], start_new_session=True)
    store = Path(scene.lab.store.url)
    while process.poll() is None and not list(store.glob("v1/snapshot/transaction/*/*/*")):
        time.sleep(0.001)
    assert process.poll() is None, "the backup ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert list(load_manifests(scene.lab.store)) == []
    scene.check_nothing_lost()
    scene.run_again("backup")
    scene.check_nothing_lost()
    scene.check_done("backup")
