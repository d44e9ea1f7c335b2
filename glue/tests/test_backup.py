"""Snapshot, archive, purge and restore, end to end through Spark on the real server."""

from __future__ import annotations

from tests.support.lab import TABLES, Lab
from tests.support.reading import backed_up
from xray_backup.archive import archive
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.verification import verify

EVERYTHING = Selection()


def test_a_snapshot_holds_every_row_once(lab: Lab) -> None:
    lab.fill(200)
    manifest = snapshot(lab.run(), "s1", 60)
    assert manifest is not None
    verify(lab.run(), manifest)
    for table in TABLES:
        assert backed_up(lab, "snapshot-s1", table) == lab.rows(table)
        assert manifest.tables[table].fingerprint.rows == lab.count(table)


def test_the_whole_round_gives_every_row_back(s3_lab: Lab) -> None:
    lab = s3_lab
    lab.fill(400)
    before = {table: lab.rows(table) for table in TABLES}
    snapshot(lab.run(), "s1", 60)
    for table in TABLES:
        assert backed_up(lab, "snapshot-s1", table) == before[table]
    archive(lab.run(), "s1", 2)
    purged = purge(lab.run(), 2, 100, 0.0)
    # The last transaction holds the highest keys, so it stays, and images always do.
    assert purged.rows == {"transaction": 399, "pred_bounding_box": 399 * 5}
    assert lab.count("image") == 400
    assert lab.count("transaction") == 1
    assert (
        lab.rows("pred_bounding_box") | backed_up(lab, "archive-s1", "pred_bounding_box") == before["pred_bounding_box"]
    )
    assert purge(lab.run(), 2, 100, 0.0).units == {}
    restored = restore(lab.run(), ["archive-s1"], None, EVERYTHING)
    assert restored["transaction"].inserted == 399
    assert {table: lab.rows(table) for table in TABLES} == before
    scratch = f"{lab.schema}_scratch"
    restore(lab.run(), ["latest"], scratch, EVERYTHING)
    assert {table: lab.rows(table, scratch) for table in TABLES} == before
