"""Restore gives rows back: what is missing, nothing else, and never over something that is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.support.lab import TABLES, Lab
from tests.support.model_lab import ModelLab
from tests.support.mysql_server import MySqlServer
from tests.support.reading import backed_up
from tests.support.saved import saved_lab
from tests.support.workloads import on_every_model
from xray_backup import restore_batches
from xray_backup.archive import archive
from xray_backup.comparison import compare
from xray_backup.data_model import X_RAY
from xray_backup.errors import LockedError, UsageError, VerificationError
from xray_backup.manifest_store import load_manifest
from xray_backup.restore import restore
from xray_backup.restore_batches import Batch
from xray_backup.restore_result import RestoreResult
from xray_backup.restore_schema import definitions
from xray_backup.restore_selection import Selection
from xray_backup.rows_in_order import RowsInOrder
from xray_backup.snapshot import snapshot

FULL = pytest.mark.parametrize("model", on_every_model(), indirect=True)


def restored(
    lab: Lab, selection: Selection | None = None, schema: str | None = None, dry_run: bool = False
) -> RestoreResult:
    return restore(lab.run("restore", dry_run=dry_run), ["latest"], schema, selection or Selection())


def delete_all(lab: Lab, where: str = "TRUE") -> None:
    lab.sql(f"DELETE b FROM pred_bounding_box b JOIN `transaction` USING (transaction_id) WHERE {where}")
    lab.sql(f"DELETE FROM `transaction` WHERE {where}")


@pytest.fixture(scope="module")
def saved_once(server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lab]]:
    folder = tmp_path_factory.mktemp("saved")
    with saved_lab(server, folder, lambda lab: lab.fill(20), lambda lab: snapshot(lab.run(), "s", 60)) as back:
        yield back


@pytest.fixture
def saved(saved_once: Callable[[], Lab]) -> Lab:
    """20 transactions of 5 boxes in a snapshot."""
    return saved_once()


def test_missing_rows_come_back_present_ones_stay(saved: Lab) -> None:
    before = {table: saved.rows(table) for table in TABLES}
    delete_all(saved, "transaction_id IN (3, 4, 17)")
    result = restored(saved)
    assert (result["transaction"].inserted, result["transaction"].present) == (3, 17)
    assert (result["pred_bounding_box"].inserted, result["pred_bounding_box"].present) == (15, 85)
    assert {table: saved.rows(table) for table in TABLES} == before
    assert restored(saved)["pred_bounding_box"].present == 100


def test_a_dry_run_says_so_and_writes_nothing(saved: Lab) -> None:
    delete_all(saved)
    result = restored(saved, dry_run=True)
    assert (result["transaction"].inserted, result["image"].present) == (20, 20)
    assert saved.count("transaction") == 0
    new = restored(saved, schema=f"{saved.schema}_new", dry_run=True)
    assert new["image"].inserted == 20
    assert saved.sql(f"SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '{saved.schema}_new'") == [
        (0,)
    ]


@FULL
def test_a_conflict_is_told_and_never_overwritten(model_lab: ModelLab) -> None:
    lab, anchor = model_lab, model_lab.scope.anchor.name
    lab.fill_units(20)
    snapshot(lab.run(), "s", 60)
    lab.set_age(5, 60 * 24 * 90)
    lab.sql(f"UPDATE {lab.child} SET {lab.kind.changed} WHERE {lab.child_key} = {lab.children_of(7)[1]}")
    before = lab.everything()
    changed, changed_child = lab.named(5), lab.children_of(7)[1]
    names = lab.named_rows(lab.model.table(lab.kind.child), f"{lab.child_key} = {changed_child}")
    lab.delete_unit(6)
    result = restored(lab)
    assert (result[anchor].conflicts, result[anchor].inserted, result[anchor].present) == (changed, 1, 18)
    assert (result[lab.kind.child].conflicts, result[lab.kind.child].inserted) == (names, 2)
    assert lab.everything() == before


def test_a_row_that_another_unique_index_refuses_is_a_conflict(saved: Lab) -> None:
    """The schema that was made by hand has UNIQUE (time)."""
    saved.sql("ALTER TABLE `transaction` ADD UNIQUE moment (time)")
    try:
        delete_all(saved, "transaction_id IN (3, 4, 5)")
        saved.sql("INSERT INTO `transaction` VALUES (99, 1, '2022-05-24 11:12:23', 0.3, 0.5)")  # the time of 4
        result = restored(saved)
    finally:
        saved.sql("ALTER TABLE `transaction` DROP INDEX moment")
    assert (result["transaction"].conflicts, result["transaction"].inserted) == ([4], 2)
    # The children of the row that was left out have no parent.
    assert result["pred_bounding_box"].orphans == [16, 17, 18, 19, 20]
    assert {row[0] for row in saved.rows("transaction")} == {99, *range(1, 21)} - {4}


def test_a_row_without_its_parent_is_told_and_all_others_come(loose_lab: Lab) -> None:
    lab = loose_lab
    lab.fill(6)
    lab.sql("INSERT INTO pred_bounding_box VALUES (500, 999, 1, 0.5, 1, 2, 3, 4)")
    snapshot(lab.run(), "s", 60)
    strict = Lab(lab.server, lab.store, f"{lab.schema}_strict").create_schema()
    result = restored(lab, schema=strict.schema)
    assert result["pred_bounding_box"].orphans == [500]
    assert strict.count("pred_bounding_box") == 30
    # A scratch schema has no foreign keys, so there every row comes back.
    assert restored(lab, schema=f"{lab.schema}_scratch")["pred_bounding_box"].inserted == 31
    assert lab.rows("pred_bounding_box", f"{lab.schema}_scratch") == lab.rows("pred_bounding_box")


@pytest.mark.parametrize(
    ("selection", "transactions"),
    [
        (Selection(parent_ids=[2, 3]), {2, 3}),
        (Selection(anchor_ids=[7]), {7}),
        (Selection(since="2022-05-24 11:10:23", until="2022-05-24 11:13:23"), {2, 3, 4}),
        (Selection(parent_ids=[2, 3], until="2022-05-24 11:11:23"), {2}),
    ],
)
def test_a_selection_brings_its_children_and_the_parents_it_needs(
    saved: Lab, selection: Selection, transactions: set[int]
) -> None:
    scratch = f"{saved.schema}_scratch"
    restored(saved, selection, scratch)
    assert {row[0] for row in saved.rows("transaction", scratch)} == transactions
    assert {row[1] for row in saved.rows("pred_bounding_box", scratch)} == transactions
    assert len(saved.rows("pred_bounding_box", scratch)) == 5 * len(transactions)
    wanted = set(selection.parent_ids or ()) | transactions
    assert {row[0] for row in saved.rows("image", scratch)} == wanted


def test_any_text_survives_the_way_back(lab: Lab) -> None:
    for key, name in enumerate(
        ["", "it's", 'say "x"', "back\\slash", "new\nline, and (comma)", "😀ü", "`%s%%", "\0nul"], 1
    ):
        lab.sql("INSERT INTO image VALUES (%s, 'b', 'f', %s)", (key, name))
    snapshot(lab.run(), "s", 60)
    restored(lab, schema=f"{lab.schema}_scratch")
    assert lab.rows("image", f"{lab.schema}_scratch") == lab.rows("image")


def test_a_scratch_schema_that_was_left_half_made_is_completed(saved: Lab) -> None:
    scratch = f"{saved.schema}_scratch"
    saved.sql(f"CREATE DATABASE `{scratch}`")
    made = definitions(load_manifest(saved.store, "latest"), X_RAY)
    saved.sql(made["image"].create(scratch, "image"))
    assert restored(saved, schema=scratch, dry_run=True)["image"].inserted == 20
    assert saved.sql(f"SHOW TABLES FROM `{scratch}`") == [("image",)]
    restored(saved, schema=scratch)
    assert {table: saved.rows(table, scratch) for table in TABLES} == {table: saved.rows(table) for table in TABLES}
    for table in TABLES:
        ((_, here),), ((_, there),) = (saved.sql(f"SHOW CREATE TABLE `{s}`.`{table}`") for s in (saved.schema, scratch))
        # MySQL writes the character set down where a statement named the collation.
        here, there = (re.sub(" AUTO_INCREMENT=[0-9]+", "", statement) for statement in (here, there))
        assert there.replace("CHARACTER SET utf8mb4 ", "") == here


@pytest.mark.parametrize("what", ["CREATE TABLE `{0}`.patient (id INT)", "INSERT INTO `{0}`.image SELECT * FROM image"])
def test_no_table_is_made_in_a_schema_that_holds_something(saved: Lab, what: str) -> None:
    other = f"{saved.schema}_other"
    saved.sql(f"CREATE DATABASE `{other}`")
    saved.sql(f"CREATE TABLE `{other}`.image LIKE image")
    saved.sql(what.format(other))
    before = saved.sql(f"SHOW TABLES FROM `{other}`")
    with pytest.raises(UsageError, match=r"table x_ray_\w+_other.transaction does not exist"):
        restored(saved, schema=other)
    assert saved.sql(f"SHOW TABLES FROM `{other}`") == before


@FULL
def test_a_damaged_backup_is_refused_before_anything_is_written(model_lab: ModelLab) -> None:
    lab = model_lab
    lab.fill_units(20)
    snapshot(lab.run(), "s", 60)
    lab.empty_units()
    (file,) = (Path(lab.store.url) / "v1/snapshot" / lab.kind.child).rglob("part-*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(VerificationError, match=r"snapshot-s: file .* was changed: 100 bytes"):
        restored(lab)
    assert lab.units() == 0


def test_snapshot_and_archive_together(saved: Lab) -> None:
    archive(saved.run(), "a", 2)
    delete_all(saved)
    result = restore(saved.run(), ["archive-a", "latest"], None, Selection())
    assert (result["transaction"].inserted, result["transaction"].present) == (20, 19)
    assert backed_up(saved, "latest", "pred_bounding_box") == saved.rows("pred_bounding_box")


def test_a_backup_that_is_not_there_is_one_line(saved: Lab) -> None:
    with pytest.raises(UsageError, match=r"there is no backup 'snapshot-x' in .*: `list` shows what there is"):
        restore(saved.run(), ["snapshot-x"], None, Selection())


def test_a_part_of_a_batch_is_the_rows_at_those_places() -> None:
    rows = RowsInOrder(X_RAY.table("image"), np.array([1, 5, 9]), pa.array([b"a", b"b", b"c"]))
    part = Batch(rows, pa.array([b"(1)", b"(5)", b"(9)"])).subset([0, 2])
    assert (part.rows.keys.tolist(), part.rows.texts.to_pylist()) == ([1, 9], [b"a", b"c"])
    assert b"".join(part.values) == b"(1),(9)"


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(anchor_ids=[3, 999]), r"--transaction-ids 999: not in snapshot-s; `list` shows other backups"),
        (Selection(parent_ids=[-1, 2, 500]), r"--image-ids -1, 500: not in snapshot-s"),
    ],
)
def test_an_id_that_no_named_backup_holds_is_refused(saved: Lab, selection: Selection, message: str) -> None:
    delete_all(saved)
    with pytest.raises(UsageError, match=message):
        restore(saved.run(), ["latest"], None, selection)
    assert saved.count("transaction") == 0


def test_a_comparison_counts_every_kind_of_difference(saved: Lab) -> None:
    manifest = load_manifest(saved.store, "latest")
    alike = compare(saved.run(), manifest)
    assert [(d.equal, d.changed, d.only_in_backup, d.only_in_database, d.newer) for d in alike.values()] == [
        (20, 0, 0, 0, 0),
        (20, 0, 0, 0, 0),
        (100, 0, 0, 0, 0),
    ]
    saved.sql("UPDATE pred_bounding_box SET x_min = 9999 WHERE pred_bbox_id IN (1, 2)")
    saved.sql("DELETE FROM pred_bounding_box WHERE pred_bbox_id = 50")
    saved.sql("INSERT INTO pred_bounding_box VALUES (-5, 1, 1, 0.5, 1, 2, 3, 4), (7000, 1, 1, 0.5, 1, 2, 3, 4)")
    boxes = compare(saved.run(), manifest)["pred_bounding_box"]
    assert (boxes.equal, boxes.changed, boxes.only_in_backup, boxes.only_in_database, boxes.newer) == (97, 2, 1, 1, 1)


@FULL
def test_a_restore_that_has_lost_its_lock_stops(model_lab: ModelLab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = model_lab
    monkeypatch.setattr(restore_batches, "ROWS_PER_BATCH", 20)
    lab.fill_units(200)
    snapshot(lab.run(), "s", 60)
    lab.empty_units()

    def lose_it(event: str, **fields: object) -> None:
        if event == "progress" and fields["step"] == f"restore {lab.scope.anchor.name}" and fields["done"] == 20:
            ((holder,),) = lab.sql(
                "SELECT processlist_id FROM performance_schema.metadata_locks JOIN performance_schema.threads"
                " ON thread_id = owner_thread_id WHERE object_type = 'USER LEVEL LOCK'"
            )
            lab.sql(f"KILL {holder}")

    with pytest.raises(LockedError, match="closed the connection that holds the lock"):
        restore(lab.run("restore", events=lose_it), ["latest"], None, Selection())
    assert 0 < lab.units() < 200


def test_a_drill_needs_no_more_rights_than_the_report_says(saved: Lab) -> None:
    lab = saved
    user, scratch = f"restore_{lab.schema[-8:]}", f"{lab.schema}_drill"
    lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'drill'")
    lab.sql(f"GRANT CREATE, ALTER, REFERENCES, SELECT, INSERT ON `{scratch}`.* TO '{user}'@'%'")
    lab.sql(f"GRANT SELECT, INSERT ON `{lab.schema}`.* TO '{user}'@'%'")
    try:
        run = lab.run("restore", database=lab.database(username=user, password="drill"))
        result = restore(run, ["latest"], scratch, Selection())
    finally:
        lab.sql(f"DROP USER '{user}'@'%'")
    assert {name: table.inserted for name, table in result.items()} == {table: lab.count(table) for table in TABLES}
