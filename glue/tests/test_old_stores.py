"""A store that version 0.1.0 wrote: listed, reported, verified, restored and purged by this version."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.erasures import erased
from tests.support.lab import GLUE, TABLES, Lab
from tests.support.mysql_server import MySqlServer
from xray_backup.archive import archive
from xray_backup.comparison import compare
from xray_backup.errors import VerificationError
from xray_backup.listing import list_backups
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.report_page import write_report
from xray_backup.restore import restore
from xray_backup.restore_selection import ChosenRows, Selection
from xray_backup.store import FolderStore
from xray_backup.verification import verify

OLD = GLUE / "tests" / "old_stores" / "0.1.0"
NAMES = ["archive-rows", "snapshot-empty", "snapshot-rows"]


@pytest.fixture
def lab(server: MySqlServer, tmp_path: Path) -> Iterator[Lab]:
    """The database as it was when 0.1.0 had backed it up, and a copy of what it wrote."""
    shutil.copytree(OLD / "store", tmp_path / "store")
    lab = Lab(server, FolderStore(tmp_path / "store"), "x_ray_0_1_0")
    lab.drop_schema()
    lab.create_schema()
    for statement in re.sub(r"^--.*$", "", (OLD / "rows.sql").read_text(), flags=re.M).split(";\n"):
        if statement.strip():
            lab.sql(statement)
    yield lab
    lab.drop_schema()


def test_it_is_listed_reported_and_verified(lab: Lab, tmp_path: Path) -> None:
    assert [(item.name, item.damage, item.rows) for item in list_backups(lab.store)] == [
        ("archive-rows", None, 12), ("snapshot-empty", None, 0), ("snapshot-rows", None, 15),
    ]  # fmt: skip
    for name in NAMES:
        manifest = load_manifest(lab.store, name)
        assert manifest.format_version == 1
        verify(lab.run(), manifest)
    page = tmp_path / "report.html"
    write_report(lab.store, page, lab.events)
    text = re.sub(r"<[^>]*>", "", page.read_text())
    assert [name for name in NAMES if name in text] == NAMES


def test_its_rows_are_those_of_the_database(lab: Lab) -> None:
    found = compare(lab.run(), load_manifest(lab.store, "snapshot-rows"))
    assert [(d.equal, d.changed, d.only_in_backup, d.only_in_database) for d in found.values()] == [(5, 0, 0, 0)] * 3
    lab.sql("UPDATE image SET folder = 'changed' WHERE image_id = 3")
    changed = compare(lab.run(), load_manifest(lab.store, "snapshot-rows"))["image"]
    assert (changed.equal, changed.changed) == (4, 1)


def test_one_changed_value_is_found(lab: Lab) -> None:
    """By the fingerprint of format 1, where file and manifest fit each other."""
    path = Path(lab.store.url) / "v1/_manifests/snapshot-rows.json"
    text = path.read_text()
    path.write_text(re.sub(r'("hash_sum": "\d+)(\d)"', lambda m: f'{m[1]}{(int(m[2]) + 1) % 10}"', text, count=1))
    with pytest.raises(VerificationError, match=r"snapshot-rows: the rows in file .* are not those that were written"):
        verify(lab.run(), load_manifest(lab.store, "snapshot-rows"))


def test_it_is_restored_into_nothing_and_into_what_is_there(lab: Lab) -> None:
    before = {table: lab.rows(table) for table in TABLES}
    drill = f"{lab.schema}_drill"
    restored = restore(lab.run(), ["snapshot-rows"], drill, Selection())
    assert [table.inserted for table in restored.values()] == [5, 5, 5]
    assert {table: lab.rows(table, drill) for table in TABLES} == before
    assert restore(lab.run(), ["snapshot-empty"], f"{drill}_empty", Selection())["image"].inserted == 0
    lab.sql("DELETE FROM pred_bounding_box WHERE pred_bbox_id IN (-1, 12)")
    lab.sql("DELETE FROM `transaction` WHERE transaction_id IN (-5, 3)")
    again = restore(lab.run(), ["archive-rows", "snapshot-rows"], None, Selection())
    assert (again["transaction"].inserted, again["pred_bounding_box"].inserted) == (2, 2)
    assert not any(table.conflicts or table.orphans or table.refused for table in again.values())
    assert {table: lab.rows(table) for table in TABLES} == before


def test_its_archive_is_purged_and_brought_back(lab: Lab) -> None:
    before = {table: lab.rows(table) for table in TABLES}
    archive(lab.run(), "new", 2)
    assert load_manifest(lab.store, "archive-new").tables["transaction"].fingerprint.rows == 0
    result = purge(lab.run(), 2, 2, 0.0)
    assert (result.rows, result.kept) == ({"transaction": 4, "pred_bounding_box": 4}, {})
    assert lab.sql("SELECT transaction_id FROM `transaction`") == [(40,)]
    restore(lab.run(), ["archive-rows"], None, Selection())
    assert {table: lab.rows(table) for table in TABLES} == before


def test_rows_are_erased_from_it(lab: Lab) -> None:
    """Files of format 1 are written anew, those that stay get the fingerprints of today."""
    done = erased(lab, Selection(rows=ChosenRows("transaction", ("40",))), objects="none")
    assert done is not None
    assert done.rows["snapshot-rows"]["transaction"] == 1
    for name in NAMES:
        verify(lab.run(), load_manifest(lab.store, name))
    assert load_manifest(lab.store, "snapshot-rows").format_version == 4
    assert not [item.name for item in list_backups(lab.store) if item.damage]
    result = restore(lab.run(), ["archive-rows", "snapshot-rows"], f"{lab.schema}_drill", Selection())
    assert (result["transaction"].inserted, result["transaction"].erased) == (4, 0)
    assert 40 not in {row[0] for row in lab.rows("transaction", f"{lab.schema}_drill")}
