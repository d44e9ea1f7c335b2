"""Rows that a plain test would not have go the whole way: archived, purged, restored, and never lost."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lab import TABLES, Lab
from tests.support.reading import backed_up
from xray_backup.archive import archive
from xray_backup.errors import BackupError
from xray_backup.listing import list_backups
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.purge_record import PurgeResult
from xray_backup.restore import restore
from xray_backup.restore_result import RestoreResult
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.verification import verify

TOP = 2**31 - 1
LONGEST = "ü😀" * 50


def archived_and_purged(lab: Lab) -> PurgeResult:
    """Archive and purge; whatever the purge left, it and the archive hold every row."""
    before = {table: lab.rows(table) for table in TABLES}
    archive(lab.run(), "a", 2)
    result = purge(lab.run(), 2, 100, 0.0)
    for table in TABLES:
        assert lab.rows(table) | backed_up(lab, "archive-a", table) == before[table]
    return result


def restored(lab: Lab, *names: str) -> RestoreResult:
    return restore(lab.run(), names, None, Selection())


@pytest.fixture
def in_berlin() -> Iterator[None]:
    """This machine in a zone whose clocks change."""
    kept = os.environ.get("TZ")
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    yield
    os.environ.pop("TZ") if kept is None else os.environ.update(TZ=kept)
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_gaps_ends_of_the_type_long_names_and_hours_that_clocks_skip_or_repeat(lab: Lab) -> None:
    times = [
        "2022-03-27 02:30:00", "2022-10-30 02:30:00", "2022-10-30 02:30:00", "2022-03-13 02:30:00",
        "2022-11-06 01:30:00", "1971-01-01 00:00:00",
    ]  # fmt: skip
    keys = [-(2**31), -1, 1, 70_000, 2_000_000_000, TOP]
    for key, moment in zip(keys, times, strict=True):
        lab.sql("INSERT INTO image VALUES (%s, %s, %s, %s)", (key, "b", LONGEST, LONGEST))
        lab.sql("INSERT INTO `transaction` VALUES (%s, %s, %s, 0, 9.999)", (key, key, moment))
        lab.sql("INSERT INTO pred_bounding_box VALUES (%s, %s, 1, -9.999, 0, 0, %s, %s)", (key, key, -TOP - 1, TOP))
    before = {table: lab.rows(table) for table in TABLES}
    assert archived_and_purged(lab).rows == {"transaction": 5, "pred_bounding_box": 5}
    assert {row[0] for row in lab.rows("transaction")} == {TOP}
    assert restored(lab, "archive-a")["transaction"].inserted == 5
    assert {table: lab.rows(table) for table in TABLES} == before


def test_the_id_0_keeps_its_number_when_it_is_restored(lab: Lab) -> None:
    """MySQL takes a 0 for "the next free number" unless it is told otherwise."""
    lab.sql("INSERT INTO image VALUES (1, 'b', 'f', 'x')")
    lab.sql("UPDATE image SET image_id = 0")
    before = lab.rows("image")
    snapshot(lab.run(), "s", 60)
    lab.sql("DELETE FROM image")
    restored(lab, "snapshot-s")
    assert lab.rows("image") == before


def test_tables_without_a_row_go_the_whole_way(lab: Lab) -> None:
    snapshot(lab.run(), "s", 60)
    assert archived_and_purged(lab).rows == {"transaction": 0, "pred_bounding_box": 0}
    assert {table.inserted for table in restored(lab, "snapshot-s", "archive-a").values()} == {0}


def test_an_archive_without_a_row_is_whole(lab: Lab) -> None:
    """Nothing is old yet, or all that is old was purged: the next purge reads that archive too."""
    lab.fill(3)
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP()")
    assert archived_and_purged(lab).archives == ["archive-a"]
    verify(lab.run(), load_manifest(lab.store, "archive-a"))
    assert [item.damage for item in list_backups(lab.store)] == [None]


def test_the_only_row_is_never_purged(lab: Lab) -> None:
    lab.fill(1, boxes_each=1)
    snapshot(lab.run(), "s", 60)
    assert archived_and_purged(lab).rows == {"transaction": 0, "pred_bounding_box": 0}
    assert [lab.count(table) for table in TABLES] == [1, 1, 1]
    lab.sql("DELETE FROM pred_bounding_box")
    assert restored(lab, "snapshot-s")["pred_bounding_box"].inserted == 1


def test_orphans_stay_or_are_archived_first(loose_lab: Lab) -> None:
    lab = loose_lab
    lab.fill(4)
    lab.sql("INSERT INTO image VALUES (50, 'b', 'f', 'without a transaction')")
    lab.sql("INSERT INTO `transaction` VALUES (-3, 777, '2022-01-01', 0.3, 0.5)")
    lab.sql("INSERT INTO pred_bounding_box VALUES (-7, 888, 1, 0.5, 1, 2, 3, 4), (-8, -3, 1, 0.5, 1, 2, 3, 4)")
    before = {table: lab.rows(table) for table in TABLES}
    archived_and_purged(lab)
    assert {row[0] for row in lab.rows("transaction")} == {4}
    assert {row[0] for row in lab.rows("pred_bounding_box")} == {-7, *range(16, 21)}
    assert lab.rows("image") == before["image"]
    restored(lab, "archive-a")
    assert {table: lab.rows(table) for table in TABLES} == before


def test_a_manifest_of_a_newer_version_is_named_by_every_command_that_reads_it(lab: Lab) -> None:
    lab.fill(5)
    archive(lab.run(), "a", 2)
    path = Path(lab.store.url) / "v1/_manifests/archive-a.json"
    path.write_text(path.read_text().replace('"format_version": 3', '"format_version": 5'))
    before = {table: lab.rows(table) for table in TABLES}
    said = "manifest archive-a has format 5, this package reads up to 4"
    for work in (
        lambda: purge(lab.run(), 2, 100, 0.0),
        lambda: restored(lab, "archive-a"),
        lambda: verify(lab.run(), load_manifest(lab.store, "archive-a")),
        lambda: archive(lab.run(), "a", 2),
    ):
        with pytest.raises(BackupError, match=said) as caught:
            work()
        assert "\n" not in str(caught.value)
    (listed,) = list_backups(lab.store)
    assert said in str(listed.damage)
    assert {table: lab.rows(table) for table in TABLES} == before
