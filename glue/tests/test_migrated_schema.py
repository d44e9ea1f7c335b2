"""A backup is restored into tables that were migrated since: by column name, every value exact or refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import TABLES, Lab, command
from tests.support.mysql_server import MySqlServer
from tests.support.saved import saved_lab
from xray_backup.comparison import compare
from xray_backup.data_model import X_RAY
from xray_backup.errors import UsageError, VerificationError
from xray_backup.manifest_store import load_manifest
from xray_backup.restore import restore
from xray_backup.restore_result import RestoreResult
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.target_columns import ColumnRef
from xray_backup.verification import verify


@pytest.fixture(scope="module")
def saved_once(server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lab]]:
    folder = tmp_path_factory.mktemp("saved")
    with saved_lab(server, folder, lambda lab: lab.fill(6, 2), lambda lab: snapshot(lab.run(), "old", 60)) as back:
        yield back


@pytest.fixture
def lab(saved_once: Callable[[], Lab], server: MySqlServer) -> Lab:
    """A snapshot, and a target beside it whose tables are as they were when it was taken, and empty."""
    saved = saved_once()
    return Lab(server, saved.store, f"{saved.schema}_now").create_schema()


def before(lab: Lab, table: str) -> set[tuple[Any, ...]]:
    return lab.rows(table, lab.schema.removesuffix("_now"))


def restored(lab: Lab, *ignored: ColumnRef, **options: Any) -> RestoreResult:
    return restore(lab.run(**options), ["snapshot-old"], lab.schema, Selection(), ignored)


ADDED = [
    ("ADD COLUMN note VARCHAR(50) NULL", None),
    ("ADD COLUMN note VARCHAR(50) NOT NULL DEFAULT 'none, NOT NULL'", "none, NOT NULL"),
    ("ADD COLUMN note INT NOT NULL DEFAULT 7 INVISIBLE", 7),
    ("ADD COLUMN note VARCHAR(110) AS (CONCAT(folder, '/NOT NULL/', image_file)) STORED NOT NULL", None),
    ("ADD COLUMN note VARCHAR(50) NULL COMMENT 'it''s NOT NULL, DEFAULT `x`' FIRST", None),
    ("ADD COLUMN note DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)", ...),
]


@pytest.mark.parametrize(("change", "value"), ADDED)
def test_a_column_that_the_backup_lacks_takes_its_default(lab: Lab, change: str, value: Any) -> None:
    lab.sql(f"ALTER TABLE image {change}")
    planned = restored(lab, dry_run=True)
    result = restored(lab)
    assert {name: (table.inserted, table.present) for name, table in result.items()} == {
        "image": (6, 0), "transaction": (6, 0), "pred_bounding_box": (12, 0)
    }  # fmt: skip
    assert planned == result
    got = set(lab.sql("SELECT image_id, bucket, folder, image_file FROM image"))
    assert got == before(lab, "image")
    if "STORED" in change:
        assert set(lab.sql("SELECT note FROM image")) == set(
            lab.sql("SELECT CONCAT(folder, '/NOT NULL/', image_file) FROM image")
        )
    elif value is not ...:
        assert lab.sql("SELECT DISTINCT note FROM image") == [(value,)]
    again = restored(lab)
    assert [(table.inserted, table.present) for table in again.values()] == [(0, 6), (0, 6), (0, 12)]


def test_a_column_that_must_have_a_value_and_has_no_default_is_refused_by_name(lab: Lab) -> None:
    lab.sql("ALTER TABLE pred_bounding_box ADD COLUMN reader VARCHAR(10) NOT NULL")
    for dry_run in (True, False):
        with pytest.raises(
            UsageError,
            match=r"column `reader` of table pred_bounding_box must have a value, and snapshot-old has no such column",
        ):
            restored(lab, dry_run=dry_run)
    assert [lab.count(table) for table in TABLES] == [0, 0, 0]


def test_a_column_that_the_target_lacks_is_refused_unless_it_is_named(lab: Lab) -> None:
    lab.sql("ALTER TABLE image DROP COLUMN folder")
    for dry_run in (True, False):
        with pytest.raises(
            UsageError,
            match=r"table image of the target lacks the column `folder` that snapshot-old has: add it there, or leave"
            r" its values out with --ignore_columns image.folder",
        ):
            restored(lab, dry_run=dry_run)
    assert lab.count("image") == 0
    result = restored(lab, ColumnRef("image", "folder"))
    assert (result["image"].inserted, result["pred_bounding_box"].inserted) == (6, 12)
    assert lab.rows("image") == {(row[0], row[1], row[3]) for row in before(lab, "image")}
    assert restored(lab, ColumnRef("image", "folder"))["image"].present == 6


@pytest.mark.parametrize(
    ("ignored", "message"),
    [
        (ColumnRef("image", "file"), "--ignore_columns image.file: none of the named backups has that column"),
        (ColumnRef("image", "folder"), "--ignore_columns image.folder: the target has that column"),
    ],
)
def test_a_slip_in_a_column_to_ignore_is_refused(lab: Lab, ignored: ColumnRef, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        restored(lab, ignored)
    assert lab.count("image") == 0


def test_the_key_cannot_be_ignored(lab: Lab) -> None:
    lab.sql("ALTER TABLE pred_bounding_box CHANGE pred_bbox_id id INT NOT NULL")
    with pytest.raises(UsageError, match=r"has no unique index on pred_bbox_id alone|lacks its key `pred_bbox_id`"):
        restored(lab, ColumnRef("pred_bounding_box", "pred_bbox_id"))


CHANGED = [
    ("pred_bounding_box", "pred_bbox_id", "BIGINT NOT NULL", set()),
    ("pred_bounding_box", "x_min", "SMALLINT UNSIGNED NOT NULL", set()),
    ("pred_bounding_box", "x_min", "TINYINT NOT NULL", {7}),
    ("pred_bounding_box", "pred_cs", "DECIMAL(8,5) NOT NULL", set()),
    ("pred_bounding_box", "pred_cs", "DECIMAL(4,2) NOT NULL", {7}),
    ("pred_bounding_box", "x_max", "DECIMAL(10,2) NOT NULL", set()),
    ("image", "image_file", "TEXT NOT NULL", set()),
    ("image", "image_file", "VARCHAR(5) CHARACTER SET latin1 NOT NULL", {5}),
    ("image", "image_file", "CHAR(100) NOT NULL", {4}),
    ("image", "folder", "VARCHAR(300) NULL", set()),
    ("transaction", "time", "DATETIME(6) NOT NULL", set()),
    ("transaction", "time", "TIMESTAMP NULL", set()),
]


@pytest.mark.parametrize(("table", "column", "kind", "refused"), CHANGED)
def test_a_value_of_another_type_is_exact_or_refused(
    server: MySqlServer, folder_store: Any, table: str, column: str, kind: str, refused: set[int]
) -> None:
    lab = Lab(server, folder_store, "x_ray_types").create_schema(foreign_keys=False)
    try:
        lab.fill(6, 2)
        lab.sql("UPDATE pred_bounding_box SET pred_cs = 0.5, x_min = 100")
        lab.sql("UPDATE pred_bounding_box SET pred_cs = 0.123, x_min = 1000 WHERE pred_bbox_id = 7")
        lab.sql("UPDATE image SET image_file = 'a b  ' WHERE image_id = 4")
        lab.sql("UPDATE image SET image_file = '中中' WHERE image_id = 5")
        snapshot(lab.run(), "old", 60)
        now = Lab(server, lab.store, "x_ray_types_now").create_schema(foreign_keys=False)
        now.sql("ALTER TABLE image DROP INDEX image_image_file")
        now.sql(f"ALTER TABLE `{table}` MODIFY `{column}` {kind}")
        result = restored(now)
        key = X_RAY.table(table).integer_key
        assert set(result[table].refused) == refused
        of_then = {row for row in before(now, table) if row[0] not in refused}
        assert now.rows(table) == of_then
        assert {type(row[0]) for row in now.rows(table)} == {int}
        assert result[table].inserted == len(of_then) == len(lab.sql(f"SELECT `{key}` FROM `{table}`")) - len(refused)
        again = restored(now)
        assert (again[table].present, set(again[table].refused)) == (len(of_then), refused)
    finally:
        lab.drop_schema()


def test_a_value_that_differs_beyond_the_backup_s_digits_is_a_conflict(lab: Lab) -> None:
    lab.sql("ALTER TABLE pred_bounding_box MODIFY pred_cs DECIMAL(8,5) NOT NULL")
    restored(lab)
    lab.sql("UPDATE pred_bounding_box SET pred_cs = pred_cs + 0.00001 WHERE pred_bbox_id = 3")
    lab.sql("DELETE FROM pred_bounding_box WHERE pred_bbox_id = 4")
    result = restored(lab)["pred_bounding_box"]
    assert (result.inserted, result.present, result.conflicts) == (1, 10, [3])


@pytest.mark.parametrize(
    ("table", "column", "kind", "message"),
    [
        ("pred_bounding_box", "pred_cs", "DOUBLE NOT NULL", "is double in the target, and snapshot-old has decimal"),
        ("transaction", "time", "DATE NOT NULL", "is date in the target, and snapshot-old has datetime"),
        ("pred_bounding_box", "x_min", "VARCHAR(20) NOT NULL", r"is varchar\(20\) in the target, and snapshot-old has"),
        ("image", "folder", "ENUM('a','NOT NULL') NOT NULL", "is enum"),
        ("image", "folder", "VARBINARY(100) NOT NULL", r"is varbinary\(100\) in the target"),
    ],
)
def test_a_type_that_could_change_a_value_is_refused(
    lab: Lab, table: str, column: str, kind: str, message: str
) -> None:
    lab.sql(f"ALTER TABLE `{table}` MODIFY `{column}` {kind}")
    with pytest.raises(UsageError, match=message):
        restored(lab)
    assert lab.count("image") == 0


def test_columns_in_another_order_and_a_generated_one_come_back(lab: Lab) -> None:
    lab.sql("ALTER TABLE image MODIFY folder VARCHAR(100) NOT NULL FIRST")
    lab.sql("ALTER TABLE pred_bounding_box DROP COLUMN x_max")
    lab.sql("ALTER TABLE pred_bounding_box ADD COLUMN x_max INT AS (x_min + 50) STORED NOT NULL")
    lab.sql(f"UPDATE `{lab.schema.removesuffix('_now')}`.pred_bounding_box SET x_max = 1 WHERE pred_bbox_id = 5")
    snapshot(lab.run(database=lab.database(dbname=lab.schema.removesuffix("_now"))), "generated", 60)
    result = restore(lab.run(), ["snapshot-generated"], lab.schema, Selection())
    assert (result["image"].inserted, result["pred_bounding_box"].inserted) == (6, 11)
    # The server makes another value of it than the backup has.
    assert result["pred_bounding_box"].refused == [5]
    columns = ", ".join(column.name for column in X_RAY.table("pred_bounding_box").columns)
    got = set(lab.sql(f"SELECT {columns} FROM pred_bounding_box"))
    assert got == {row for row in before(lab, "pred_bounding_box") if row[0] != 5}


def test_an_older_backup_is_verified_and_restored_into_nothing_as_it_was(lab: Lab) -> None:
    lab.sql("ALTER TABLE image ADD COLUMN note VARCHAR(50) NULL")
    verify(lab.run(), load_manifest(lab.store, "snapshot-old"))
    with pytest.raises(UsageError, match="snapshot-old has other columns of table image than the database"):
        compare(lab.run(), load_manifest(lab.store, "snapshot-old"))
    result = restore(lab.run(), ["latest"], f"{lab.schema}_new", Selection())
    assert result["pred_bounding_box"].inserted == 12
    assert lab.rows("image", f"{lab.schema}_new") == before(lab, "image")


def test_an_older_and_a_newer_backup_are_restored_together(lab: Lab) -> None:
    lab.sql("ALTER TABLE image ADD COLUMN note VARCHAR(50) NULL")
    restored(lab)
    lab.sql("UPDATE image SET note = 'seen'")
    lab.sql("INSERT INTO image VALUES (7, 'b', 'f', 'i', 'new')")
    snapshot(lab.run(), "new", 60)
    rows = lab.rows("image")
    lab.sql("DELETE FROM pred_bounding_box")
    lab.sql("DELETE FROM `transaction`")
    lab.sql("DELETE FROM image")
    for dry_run in (True, False):
        result = restore(lab.run(dry_run=dry_run), ["snapshot-new", "snapshot-old"], lab.schema, Selection())["image"]
        assert (result.inserted, result.present, result.conflicts) == (7, 6, [])
    assert lab.rows("image") == rows
    with pytest.raises(UsageError, match="lacks the column `note` that snapshot-new has"):
        restore(lab.run(), ["snapshot-old", "snapshot-new"], f"{lab.schema}_other", Selection())
    assert lab.sql(f"SELECT 1 FROM information_schema.schemata WHERE schema_name = '{lab.schema}_other'") == []


def test_a_dry_run_of_two_backups_counts_a_shared_row_once(lab: Lab) -> None:
    schema = lab.schema.removesuffix("_now")
    lab.sql(f"UPDATE `{schema}`.`transaction` SET cs_thr = 0.9 WHERE transaction_id IN (3, 4)")
    lab.sql(f"INSERT INTO `{schema}`.image VALUES (7, 'b', 'f', 'i')")
    snapshot(lab.run(database=lab.database(dbname=schema)), "new", 60)
    names = ["snapshot-new", "snapshot-old"]
    planned = restore(lab.run(dry_run=True), names, lab.schema, Selection())
    assert (planned["image"].inserted, planned["image"].present) == (7, 6)
    assert (planned["transaction"].inserted, planned["transaction"].conflicts) == (6, [3, 4])
    assert restore(lab.run(), names, lab.schema, Selection()) == planned


def test_a_manifest_of_another_model_without_statements_is_refused(lab: Lab) -> None:
    path = Path(lab.store.url) / "v1/_manifests/snapshot-old.json"
    document = json.loads(path.read_text())
    del document["model"]
    document |= {"format_version": 2, "data_model": "0123456789abcdef"}
    path.write_text(json.dumps(document))
    with pytest.raises(VerificationError, match="snapshot-old is of another data model"):
        restored(lab)


def test_on_the_command_line(lab: Lab, emulator: Any) -> None:
    lab.sql("ALTER TABLE image DROP COLUMN folder, DROP COLUMN bucket")
    arguments = ["restore", *lab.options(emulator), "--backups", "snapshot-old", "--mode", "execute"]
    slip = command(*arguments, "--ignore-columns", "image")
    assert "got 'image', columns with commas between are needed, for example image.folder" in slip.communicate()[1]
    done = command(*arguments, "--ignore-columns", "image.folder,image.bucket", "--log", "json")
    output, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert json.loads(output.splitlines()[-1])["tables"]["image"]["inserted"] == 6


def test_a_decimal_is_a_decimal_again(lab: Lab) -> None:
    lab.sql("ALTER TABLE `transaction` MODIFY cs_thr DECIMAL(6,4) NOT NULL")
    restored(lab)
    assert lab.sql("SELECT DISTINCT cs_thr FROM `transaction`") == [(Decimal("0.3000"),)]
