"""An erasure dies by SIGKILL at each boundary between two steps, and the same command is run again.

At every moment the backups are whole and no other row is touched; after the second run nothing is left, nowhere.
`--every-boundary` takes all of them; without it those after which something has changed that counts.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.erasures import Images, rows_of_images
from tests.support.lab import TABLES, Emulator, Lab, watched
from tests.support.mysql_server import MySqlServer
from tests.support.saved import saved_lab
from xray_backup.archive import archive
from xray_backup.manifest_store import load_manifests
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.verification import verify

IMAGES = [2, 6]
FILES = [f"{kind}/{table}/run_date=DAY/run_id=RUN/part-00000" for kind in ("archive", "snapshot") for table in TABLES]
BOUNDARIES = [
    "SELECT GET_LOCK 1", "store: v1/_locks/backup/RUN/claim.json 1",
    # The rehearsal, which is rolled back.
    *(f"FOR UPDATE {table} 1" for table in TABLES), *(f"DELETE FROM {table} 1" for table in reversed(TABLES)),
    "store: v1/_erasures/RUN/begun.json 1",
    "remove: xray-images/img_2 1", "remove: xray-images/img_2 2",
    "remove: xray-images/img_6 1", "remove: xray-images/img_6 2",
    *(f"FOR UPDATE {table} 2" for table in TABLES), *(f"DELETE FROM {table} 2" for table in reversed(TABLES)),
    "COMMIT 1",
    *(f"store: v1/{file}.eROWS.parquet 1" for file in FILES[:3]), "replace: v1/_manifests/archive-a.json 1",
    *(f"store: v1/{file}.eROWS.parquet 1" for file in FILES[3:]), "replace: v1/_manifests/snapshot-s.json 1",
    *(f"remove: v1/{file}.parquet 1" for file in (*sorted(FILES[3:]), *sorted(FILES[:3]))),
    "store: v1/_erasures/RUN/ended.json 1", "store: v1/_locks/backup/RUN/released.json 1", "end 1",
]  # fmt: skip
ALWAYS = {"DELETE FROM image 2", "replace: v1/_manifests/snapshot-s.json 1", "store: v1/_erasures/RUN/ended.json 1"}


@dataclass
class Scene:
    """Six images in the database, a snapshot and an archive, with their objects; the newest is one of two to erase."""

    back: Callable[[], Lab]
    emulator: Emulator
    log: Path

    def set_up(self) -> None:
        self.lab = self.back()
        self.images = Images(self.emulator, f"images-{uuid.uuid4().hex[:12]}")
        self.lab.sql("UPDATE image SET bucket = %s", (self.images.bucket,))
        self.images.put(*(f"xray-images/img_{number}" for number in range(1, 7)))
        self.others = {table: self._others(table) for table in TABLES}
        self.log.unlink(missing_ok=True)

    def _others(self, table: str) -> set[tuple[object, ...]]:
        """Rows of the other images: the first column is the key, of which each image has one or five."""
        share = 5 if table == "pred_bounding_box" else 1
        return {row for row in self.lab.rows(table) if (int(row[0]) - 1) // share + 1 not in IMAGES}

    def run(self, kill_at: str | None = None) -> int:
        arguments = [
            "erase", *self.lab.options(self.emulator), "--log", "json", "--mode", "execute",
            "--image-ids", ",".join(map(str, IMAGES)), "--objects", f"image=s3://{self.images.bucket}/xray-images/{{image_file}}",
        ]  # fmt: skip
        process = watched(*arguments, log=self.log, kill_at=kill_at)
        output, errors = process.communicate(timeout=120)
        print("erase", process.returncode, output[-2000:], errors)
        return process.returncode

    def run_again(self) -> None:
        for lease in Path(self.lab.store.url).glob("v1/_*/**/*.json"):
            os.utime(lease, (time.time() - 1_000,) * 2)
        for _ in range(20):
            code = self.run()
            if code != 4:
                break
            time.sleep(0.2)
        assert code == 0

    def check_others(self) -> None:
        """All that is not erased is as it was, and each backup is whole."""
        assert {table: self._others(table) for table in TABLES} == self.others
        for number in (1, 3, 4, 5):
            assert self.images.versions(f"xray-images/img_{number}") == 2
        for manifest in load_manifests(self.lab.store):
            verify(self.lab.run(), manifest)

    def left(self) -> dict[str, int]:
        """Rows by place, and versions of the objects."""
        objects = sum(self.images.versions(f"xray-images/img_{number}") for number in IMAGES)
        return rows_of_images(self.lab, IMAGES) | {"objects": objects}

    def check_done(self) -> None:
        assert self.left() == {"database": 0, "archive-a": 0, "snapshot-s": 0, "objects": 0}
        names = {
            key for m in load_manifests(self.lab.store) for t in m.tables.values() for key in (f.key for f in t.files)
        }
        assert {item.key for kind in ("snapshot", "archive") for item in self.lab.store.list(f"v1/{kind}/")} == names
        target = f"{self.lab.schema}_drill"
        result = restore(self.lab.run("restore"), ["archive-a", "snapshot-s"], target, Selection())
        assert sum(table.inserted for table in result.values()) == sum(map(len, self.others.values()))
        assert self.lab.sql(f"SELECT COUNT(*) FROM `{target}`.image WHERE image_id IN (2, 6)") == [(0,)]


def back_up(lab: Lab) -> None:
    archive(lab.run(), "a", 2)
    snapshot(lab.run(), "s", 0)


@pytest.fixture(scope="module")
def scene(server: MySqlServer, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("erasures")

    def fill(lab: Lab) -> None:
        lab.fill(6)

    with saved_lab(server, folder, fill, back_up) as back:
        yield Scene(back, emulator, folder / "boundaries.log")


def test_the_boundaries_are_all_there_are(scene: Scene) -> None:
    """A step that is new, or that is never reached any more, fails here."""
    scene.set_up()
    assert scene.run() == 0
    assert scene.log.read_text().splitlines() == BOUNDARIES
    scene.check_others()
    scene.check_done()


@pytest.mark.parametrize(
    "boundary",
    [pytest.param(name, id=name, marks=() if name in ALWAYS else pytest.mark.every_boundary) for name in BOUNDARIES],
)
def test_an_erasure_that_is_killed_is_ended_by_the_next(scene: Scene, boundary: str) -> None:
    scene.set_up()
    before = scene.left()
    assert scene.run(boundary) == -signal.SIGKILL, f"{boundary} was never reached"
    scene.check_others()
    print("killed at", boundary, "before", before, "after", scene.left())
    scene.run_again()
    scene.check_others()
    scene.check_done()
