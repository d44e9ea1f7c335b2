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

import pytest

from tests.support.boundaries import STEPS
from tests.support.film_rental import objects_of
from tests.support.lab import Emulator, command, watched
from tests.support.model_lab import ModelLab, Rows
from tests.support.mysql_server import MySqlServer
from tests.support.saved import saved_model_lab
from tests.support.workload import Model
from tests.support.workloads import on_every_model
from xray_backup.archive import archive
from xray_backup.manifest_store import load_manifests
from xray_backup.snapshot import snapshot
from xray_backup.verification import verify

# Written, not committed; committed, not told; deleted, not committed or not noted; tables or rows made in part.
ALWAYS = {
    "x-ray": {
        "backup": {"store: v1/_manifests/snapshot-k.json 1", "store: v1/_manifests/archive-k.json 1"},
        "archive": {"store: v1/_locks/backup/RUN/released.json 1"},
        "purge": {"COMMIT 1", "FOR UPDATE transaction 2", "store: v1/_purges/RUN/result.json 1"},
        "restore": {
            "CREATE TABLE pred_bounding_box 1", "COMMIT 3", "INSERT INTO transaction 2", "ALTER TABLE transaction 1",
        },
    },
    "slide-registry": {"purge": {"FOR UPDATE annotation 5"}, "restore": {"INSERT INTO annotation 3"}},
    "film-rental": {"purge": {"FOR UPDATE payment 2"}, "restore": {"CREATE TRIGGER film_changed 2"}},
}  # fmt: skip
OPTIONS = {
    "backup": ["--run-slot", "k", "--archive-older-than-days", "2"],
    "archive": ["--run-slot", "k", "--older-than-days", "2"],
    "purge": ["--older-than-days", "2", "--chunk-rows", "9", "--mode", "execute"],
    "restore": ["--backups", "snapshot-s", "--mode", "execute"],
}
# Few, so that a restore takes many tables in several batches.
ROWS_PER_BATCH = {"x-ray": 4, "slide-registry": 4, "film-rental": 40}
CASES = [
    pytest.param(
        model,
        name,
        step,
        marks=() if step in ALWAYS[model].get(name, ()) else pytest.mark.every_boundary,
        id=f"{model}-{name}-{step}",
    )
    for model, steps in STEPS.items()
    for name, boundaries in steps.boundaries.items()
    for step in boundaries
]
FULL = pytest.mark.parametrize("model", on_every_model(), indirect=True)
COMMANDS = pytest.mark.parametrize("name", list(OPTIONS))


class Scene:
    """Six units and a seventh that stays, since it has the highest keys; an archive and a snapshot of them."""

    def __init__(self, back: Callable[[], ModelLab], emulator: Emulator, log: Path) -> None:
        self.back, self.lab, self.log = back, back(), log
        self.steps = STEPS[self.lab.kind.name]
        self.drill = f"{self.lab.schema}_drill"
        self.common = [
            *self.lab.options(emulator), "--log", "json", "--connections", "1", "--lock-ttl-seconds", "60",
            "--policies", self.lab.kind.policies,
        ]  # fmt: skip
        self.before = self.lab.everything()
        self.old = self.lab.backed_up("archive-a")
        assert len(self.old[self.steps.purged[0]]) >= 6

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
        batch = ROWS_PER_BATCH[self.lab.kind.name]
        process = watched(*arguments, log=self.log, kill_at=kill_at, rows_per_batch=batch)
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
        """Nothing is lost, nothing is changed, no unit is there without all its rows; each backup has its rows."""
        rows = self.lab.everything()
        kept: Rows = {table: set() for table in rows}
        for manifest in load_manifests(self.lab.store):
            # `backed_up` fails where a row is there twice.
            found = self.lab.backed_up(manifest.name)
            assert found == (self.old if manifest.kind == "archive" else self.before)
            if manifest.kind == "archive":
                kept = found
        for table in rows:
            assert rows[table] | kept[table] == self.before[table]
        anchor = self.steps.purged[0]
        for table in self.steps.purged:
            # Each unit has as many: a foreign key lets none be of a unit that is gone.
            assert len(rows[table]) * len(self.before[anchor]) == len(self.before[table]) * len(rows[anchor])
        if self.has_drill():
            assert all(restored <= self.before[table] for table, restored in self.rows_of_drill().items())

    def has_drill(self) -> bool:
        return bool(self.lab.sql(f"SHOW DATABASES LIKE '{self.drill}'"))

    def rows_of_drill(self) -> Rows:
        made = {name for (name,) in self.lab.sql(f"SHOW TABLES FROM `{self.drill}`")}
        return self.lab.everything(self.drill, made)

    def check_done(self, name: str) -> None:
        """Everything that the command promises is there, as if it had never been killed."""
        found = list(load_manifests(self.lab.store))
        for manifest in found:
            verify(self.lab.run(), manifest)
        rows = self.lab.everything()
        if name == "purge":
            assert self.lab.numbers() == {5004}
            assert all(rows[table] == self.before[table] for table in rows if table not in self.steps.purged)
            finished = self.lab.store.read("v1/_purges/finished/archive-a.json")
            assert (finished is not None) == self.steps.is_purged_whole
        else:
            assert rows == self.before
        if name == "restore":
            assert self.rows_of_drill() == self.before
            assert self.objects(self.drill) == self.objects(self.lab.schema)
        if name in ("backup", "archive"):
            kinds = ["archive", "snapshot"] if name == "backup" else ["archive"]
            assert [manifest.name for manifest in found] == [f"{kind}-k" for kind in kinds]
            assert all(self.lab.store.read(f"v1/catalog/{manifest.name}.json") for manifest in found)

    def objects(self, schema: str) -> dict[str, list[str]]:
        """All objects of the schema; not an event's statement, since a drill disables it.

        MySQL may write a character set that follows from the collation, or not.
        """
        shown = objects_of(self.lab.server, schema)
        return {
            name: [] if name.startswith("EVENT") else [text.replace(" CHARACTER SET utf8mb4", "") for text in texts]
            for name, texts in shown.items()
        }


def fill(lab: ModelLab) -> None:
    lab.fill_units(3)
    lab.fill_units(4, first=5001)


def back_up(lab: ModelLab) -> None:
    archive(lab.run(), "a", 2)
    snapshot(lab.run(), "s", 60)


@pytest.fixture(scope="module")
def scene(
    server: MySqlServer, emulator: Emulator, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("kills")
    with saved_model_lab(server, folder, model, fill, back_up) as back:
        yield Scene(back, emulator, folder / "boundaries.log")


@FULL
@COMMANDS
def test_the_boundaries_are_all_there_are(scene: Scene, name: str) -> None:
    """A step that is new, or that is never reached any more, fails here: then `boundaries.py` has to be mended."""
    scene.set_up(name)
    assert scene.run(name) == 0
    assert scene.log.read_text().splitlines() == scene.steps.boundaries[name]
    assert ALWAYS[scene.lab.kind.name].get(name, set()) <= set(scene.steps.boundaries[name])
    scene.check_nothing_lost()
    scene.check_done(name)


@pytest.mark.parametrize(("model", "name", "boundary"), CASES, indirect=["model"])
def test_a_run_that_is_killed_loses_nothing_and_can_be_run_again(scene: Scene, name: str, boundary: str) -> None:
    scene.set_up(name)
    assert scene.run(name, kill_at=boundary) == -signal.SIGKILL, f"{boundary} was never reached"
    scene.check_nothing_lost()
    scene.run_again(name)
    scene.check_nothing_lost()
    scene.check_done(name)


@FULL
@pytest.mark.parametrize("name", ["purge", "restore"])
def test_a_run_that_is_killed_at_work_on_two_connections_loses_nothing(scene: Scene, name: str) -> None:
    """One of them is about to make the second commit; wherever the other is then, it dies there."""
    scene.set_up(name)
    assert scene.run(name, "--connections", "2", kill_at="COMMIT 2") == -signal.SIGKILL
    scene.check_nothing_lost()
    scene.run_again(name)
    scene.check_nothing_lost()
    scene.check_done(name)


@FULL
def test_the_machine_dies_while_a_file_is_written(scene: Scene) -> None:
    """With a file in the store, and one that is half there."""
    scene.set_up("backup")
    process = command("backup", *scene.common, *OPTIONS["backup"], start_new_session=True)
    store, second = Path(scene.lab.store.url), scene.steps.tables[-2]
    while process.poll() is None and not list(store.glob(f"v1/snapshot/{second}/*/*/*")):
        time.sleep(0.001)
    assert process.poll() is None, "the backup ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert list(load_manifests(scene.lab.store)) == []
    scene.check_nothing_lost()
    scene.run_again("backup")
    scene.check_nothing_lost()
    scene.check_done("backup")
