"""An erasure leaves nothing of the chosen rows, whatever else is there; and everything else as it was."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.erasures import Images, erased, rows_of_images
from tests.support.lab import TABLES, Emulator, Lab
from tests.support.mysql_server import MySqlServer
from xray_backup.archive import archive
from xray_backup.comparison import compare
from xray_backup.erasure_record import read_erasures
from xray_backup.errors import BackupError, UsageError
from xray_backup.listing import list_backups
from xray_backup.manifest_store import load_manifest, load_manifests
from xray_backup.object_versions import S3Versions
from xray_backup.purge import purge
from xray_backup.report import gather
from xray_backup.restore import restore
from xray_backup.restore_selection import ChosenRows, Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import S3Store
from xray_backup.verification import verify

IMAGES = [2, 5]
CHOSEN = Selection(parent_ids=IMAGES)


def fill(lab: Lab, emulator: Emulator, transactions: int = 6, with_lock: bool = False) -> Images:
    """So many images with their objects."""
    images = Images(emulator, f"images-{uuid.uuid4().hex[:12]}", with_lock)
    lab.fill(transactions)
    lab.sql("UPDATE image SET bucket = %s", (images.bucket,))
    images.put(*(f"xray-images/img_{number}" for number in range(1, transactions + 1)))
    return images


def whole(lab: Lab) -> None:
    """Every backup is whole, for all who look at it."""
    assert [item.name for item in list_backups(lab.store) if item.damage or item.expired] == []
    for manifest in load_manifests(lab.store):
        verify(lab.run(), manifest)


def restored(lab: Lab, *names: str) -> tuple[int, int]:
    """Restores all of these backups into a new schema: the rows of the erased images there, and those left out."""
    schema = f"{lab.schema}_{uuid.uuid4().hex[:4]}"
    result = restore(lab.run("restore"), names, schema, Selection())
    listed = ", ".join(map(str, IMAGES))
    there = sum(
        int(lab.sql(f"SELECT COUNT(*) FROM `{schema}`.{table} WHERE image_id IN ({listed})")[0][0])
        for table in ("image", "`transaction`")
    )
    return there, sum(table.erased for table in result.values())


def names(lab: Lab) -> list[str]:
    return [manifest.name for manifest in load_manifests(lab.store)]


def test_rows_that_are_in_the_database_alone(s3_lab: Lab, emulator: Emulator) -> None:
    images = fill(s3_lab, emulator)
    before = {table: s3_lab.rows(table) for table in TABLES}
    assert rows_of_images(s3_lab, IMAGES) == {"database": 14}
    assert erased(s3_lab, CHOSEN, dry_run=True) is None
    ((found,),) = [s3_lab.events.of("would_erase")]
    assert (found["rows"], found["objects"]) == (
        {"database": {"image": 2, "transaction": 2, "pred_bounding_box": 10}}, 2,
    )  # fmt: skip
    assert {table: s3_lab.rows(table) for table in TABLES} == before
    assert images.versions() == 12
    done = erased(s3_lab, CHOSEN)
    assert done is not None
    assert (done.completed, done.objects, done.versions, done.left) == (True, 2, 4, 0)
    assert rows_of_images(s3_lab, IMAGES) == {"database": 0}
    assert images.versions("xray-images/img_2") == images.versions("xray-images/img_5") == 0
    assert images.versions() == 8
    assert s3_lab.rows("image") == {row for row in before["image"] if row[0] not in IMAGES}
    assert s3_lab.count("pred_bounding_box") == 20


def test_rows_in_many_snapshots_and_archives(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    fill(lab, emulator)
    for number in range(3):
        snapshot(lab.run(), f"s{number}", 0)
    archive(lab.run(), "a", 2)
    purge(lab.run(), 2, 100, 0)
    assert lab.count("transaction") == 1
    snapshot(lab.run(), "t", 0)
    assert rows_of_images(lab, IMAGES) == {
        "database": 2, "archive-a": 14, "snapshot-s0": 14, "snapshot-s1": 14, "snapshot-s2": 14, "snapshot-t": 2,
    }  # fmt: skip
    kept = {manifest.name: manifest for manifest in load_manifests(lab.store)}
    done = erased(lab, CHOSEN)
    assert done
    assert done.completed
    assert set(rows_of_images(lab, IMAGES).values()) == {0}
    whole(lab)
    for manifest in load_manifests(lab.store):
        assert manifest.format_version == 4
        for name, table in manifest.tables.items():
            lost = kept[manifest.name].tables[name].fingerprint.rows - table.fingerprint.rows
            assert lost == done.rows[manifest.name][name]
    assert restored(lab, *names(lab)) == (0, 0)
    # The web app's next rows, and what works on backups goes on.
    lab.fill(1, first=50)
    snapshot(lab.run(), "u", 0)
    archive(lab.run(), "b", 2)
    purge(lab.run(), 2, 100, 0)
    compare(lab.run(), load_manifest(lab.store, "snapshot-s0"))
    assert {backup.damage for backup in gather(lab.store, lab.events).snapshots} == {None}
    whole(lab)
    assert not erased(lab, Selection(parent_ids=[50]), dry_run=True)


def test_rows_in_20_snapshots_and_3_archives(s3_lab: Lab, emulator: Emulator) -> None:
    """Each archive has a transaction of each image that its snapshots have too; all is restored together afterwards."""
    lab = s3_lab
    images = fill(lab, emulator)
    for number in range(3):
        for image in (1, *IMAGES):
            key = 100 + 10 * number + image
            lab.sql(f"INSERT INTO `transaction` VALUES ({key}, {image}, '2023-01-0{number + 1}', 0.3, 0.5)")
            lab.sql(f"INSERT INTO pred_bounding_box VALUES ({key}, {key}, 1, 0.5, 1, 2, 3, 4)")
        for snapshots in range(7 if number < 2 else 6):
            snapshot(lab.run(), f"{number}-{snapshots}", 0)
        archive(lab.run(), f"a{number}", 2)
        purge(lab.run(), 2, 100, 0)
    before = rows_of_images(lab, IMAGES) | {"objects": images.versions("xray-images/img_2") * 2}
    assert len(before) == 25
    assert all(before.values())
    others = sum(manifest.tables["image"].fingerprint.rows for manifest in load_manifests(lab.store))
    done = erased(lab, CHOSEN)
    assert done
    assert done.completed
    after = rows_of_images(lab, IMAGES) | {"objects": images.versions("xray-images/img_2")}
    print("before", before, "after", after, "versions", done.versions)
    assert set(after.values()) == {0}
    assert others - sum(m.tables["image"].fingerprint.rows for m in load_manifests(lab.store)) == 2 * 23
    whole(lab)
    assert restored(lab, *names(lab)) == (0, 0)


def test_a_copy_of_an_older_store_gives_nothing_back(s3_lab: Lab, emulator: Emulator) -> None:
    """Files and manifests as they were before: a copy elsewhere, a version that was brought back."""
    lab = s3_lab
    fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    old = {item.key: lab.store.read(item.key) for item in list(lab.store.list("v1/"))}
    erased(lab, CHOSEN)
    client = emulator.client("s3")
    for item in list(lab.store.list("v1/snapshot/")):
        client.delete_object(Bucket=lab.store.bucket, Key=f"backup/{item.key}")  # type: ignore[attr-defined]
    for key, content in old.items():
        assert content
        client.put_object(Bucket=lab.store.bucket, Key=f"backup/{key}", Body=content.body)  # type: ignore[attr-defined]
    assert rows_of_images(lab, IMAGES)["snapshot-s"] == 14
    assert restored(lab, "snapshot-s") == (0, 14)
    result = restore(lab.run("restore"), ["snapshot-s"], None, Selection(parent_ids=[2]))
    assert {name: (table.inserted, table.erased) for name, table in result.items()} == {
        "image": (0, 1), "transaction": (0, 1), "pred_bounding_box": (0, 5),
    }  # fmt: skip
    assert rows_of_images(lab, IMAGES)["database"] == 0


def test_the_web_app_may_give_the_id_again(s3_lab: Lab, emulator: Emulator) -> None:
    """MAX(id) + 1 after the newest image is erased: the next image has its id, and is another patient's."""
    lab = s3_lab
    images = fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    newest = Selection(parent_ids=[6])
    erased(lab, newest)
    lab.fill(1, first=6)
    lab.sql("UPDATE image SET image_file = 'another', bucket = %s WHERE image_id = 6", (images.bucket,))
    images.put("xray-images/another")
    snapshot(lab.run(), "t", 60)
    lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 6")
    lab.sql("DELETE FROM `transaction` WHERE transaction_id = 6")
    lab.sql("DELETE FROM image WHERE image_id = 6")
    result = restore(lab.run("restore"), ["snapshot-t", "snapshot-s"], None, Selection())
    assert [(table.inserted, table.erased) for table in result.values()] == [(1, 0), (1, 0), (5, 0)]
    # Once more: the second patient is another row, of which the first backup knows nothing.
    done = erased(lab, newest)
    assert done
    assert done.rows == {
        "database": {"image": 1, "transaction": 1, "pred_bounding_box": 5},
        "snapshot-t": {"image": 1, "transaction": 1, "pred_bounding_box": 5},
    }
    assert images.versions("xray-images/another") == 0


def test_another_persons_row_stops_it(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    fill(lab, emulator)
    lab.sql(
        "CREATE TABLE opinion (id INT PRIMARY KEY, image_id INT, FOREIGN KEY (image_id) REFERENCES image (image_id))"
    )
    lab.sql("INSERT INTO opinion VALUES (1, 2)")
    with pytest.raises(BackupError, match=r"opinion .* references row 2 of image, and does not belong to it"):
        erased(lab, CHOSEN)
    lab.sql("DELETE FROM opinion")
    lab.sql("UPDATE image SET image_file = 'img_2' WHERE image_id = 3")
    with pytest.raises(BackupError, match="row 3 of image names the object of a row that would be erased"):
        erased(lab, CHOSEN)
    # The same key in other columns.
    lab.sql("UPDATE image SET folder = 'xray-images/2024', image_file = 'x' WHERE image_id = 3")
    lab.sql("UPDATE image SET folder = 'xray-images', image_file = '2024/x' WHERE image_id = 2")
    with pytest.raises(BackupError, match="row 3 of image names the object of a row that would be erased"):
        erased(lab, CHOSEN)
    assert rows_of_images(lab, IMAGES) == {"database": 14}
    assert not list(read_erasures(lab.store))


def test_rows_that_the_server_keeps_keep_their_objects(s3_lab: Lab, emulator: Emulator) -> None:
    """Rows of a table that reference each other: MySQL deletes the referenced one only after the other."""
    images = fill(s3_lab, emulator)
    s3_lab.sql("ALTER TABLE image ADD prior INT, ADD FOREIGN KEY (prior) REFERENCES image (image_id)")
    s3_lab.sql("UPDATE image SET prior = 2 WHERE image_id = 5")
    with pytest.raises(BackupError, match="1451"):
        erased(s3_lab, CHOSEN)
    assert (images.versions("xray-images/img_2"), s3_lab.count("image")) == (2, 6)
    assert not list(read_erasures(s3_lab.store))
    for image in (5, 2):
        assert erased(s3_lab, Selection(parent_ids=[image]))


def test_rows_that_name_a_bucket_which_is_gone(s3_lab: Lab, emulator: Emulator) -> None:
    """As after a move of the images: the rows can be erased all the same."""
    images = fill(s3_lab, emulator)
    s3_lab.sql("UPDATE image SET bucket = 'the-bucket-before-the-move' WHERE image_id = 2")
    done = erased(s3_lab, CHOSEN)
    assert done
    assert (done.completed, rows_of_images(s3_lab, IMAGES)) == (True, {"database": 0})
    assert images.versions("xray-images/img_5") == 0


def test_rows_that_are_nowhere_are_refused(s3_lab: Lab, emulator: Emulator) -> None:
    fill(s3_lab, emulator)
    with pytest.raises(UsageError, match="1 of the 1 chosen rows of image are neither in the database nor in a backup"):
        erased(s3_lab, Selection(parent_ids=[999]))
    for selection in (Selection(), Selection(parent_ids=[1], anchor_ids=[1])):
        with pytest.raises(UsageError, match="choose the rows to erase by ids of one table, or by --rows"):
            erased(s3_lab, selection)


def test_locked_versions_are_left_until_their_date(s3_lab: Lab, emulator: Emulator) -> None:
    lab, client = s3_lab, emulator.client("s3")
    images = fill(lab, emulator, with_lock=True)
    until = datetime.now(UTC) + timedelta(days=30)
    for version in list(images.below().of("xray-images/img_2")):
        client.put_object_retention(
            Bucket=images.bucket, Key=version.key, VersionId=version.version_id,
            Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until},
        )  # fmt: skip
    message = rf"2 versions are locked until {until:%Y-%m-%d %H:%M} UTC \(GOVERNANCE\)"
    with pytest.raises(BackupError, match=message):
        erased(lab, CHOSEN)
    assert rows_of_images(lab, IMAGES) == {"database": 0}
    # Hidden behind a marker, and no record says its name.
    assert "Contents" not in client.list_objects_v2(Bucket=images.bucket, Prefix="xray-images/img_2")
    records = [lab.store.read(item.key) for item in lab.store.list("v1/_erasures/")]
    assert not any(record and b"img_2" in record.body for record in records)
    with pytest.raises(BackupError, match=message):
        erased(lab, CHOSEN)
    done = erased(lab, CHOSEN, bypass=True)
    assert done
    assert (done.completed, done.versions, done.left) == (True, 2, 0)
    assert images.versions("xray-images/img_2") == 0
    again = erased(lab, CHOSEN)
    assert again
    assert again.completed
    assert again.versions == 0


def test_rows_by_another_tables_key(lab: Lab) -> None:
    lab.fill(6)
    snapshot(lab.run(), "s", 0)
    done = erased(lab, Selection(rows=ChosenRows("transaction", ("3",))))
    assert done
    assert done.rows == {
        "database": {"transaction": 1, "pred_bounding_box": 5},
        "snapshot-s": {"transaction": 1, "pred_bounding_box": 5},
    }
    assert (lab.count("image"), lab.count("transaction")) == (6, 5)
    whole(lab)


def test_a_store_under_object_lock(server: MySqlServer, emulator: Emulator) -> None:
    """Each version is kept in governance mode: rows are hidden at once, and go for good by the flag."""
    client, bucket = emulator.client("s3"), f"lake-{uuid.uuid4().hex[:12]}"
    client.create_bucket(
        Bucket=bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        ObjectLockEnabledForBucket=True,
    )
    retention = {"Mode": "GOVERNANCE", "Days": 365}
    client.put_object_lock_configuration(
        Bucket=bucket,
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}},
    )
    lab = Lab(server, S3Store(bucket, "backup", emulator.url), f"x_ray_{uuid.uuid4().hex[:8]}").create_schema()
    try:
        lab.fill(6)
        snapshot(lab.run(), "s", 0)
        with pytest.raises(BackupError, match=r"4 versions are locked until \d{4}-.* \(GOVERNANCE\)"):
            erased(lab, CHOSEN, objects="none")
        assert set(rows_of_images(lab, IMAGES).values()) == {0}
        whole(lab)
        assert restored(lab, "snapshot-s") == (0, 0)
        done = erased(lab, CHOSEN, objects="none", bypass=True)
        assert done
        assert (done.completed, done.versions) == (True, 4)
        versions = S3Versions(client, bucket, "backup/", bypass_governance=False)
        named = {file.key for m in load_manifests(lab.store) for table in m.tables.values() for file in table.files}
        assert {version.key for version in versions.below("v1/snapshot/")} == named
        assert len(list(versions.below("v1/_manifests/"))) == 1
    finally:
        lab.drop_schema()


def test_a_row_that_came_under_the_key_of_a_killed_erasure_is_left(s3_lab: Lab, emulator: Emulator) -> None:
    """The rows were deleted, the run died, the web app gave the id again: the second run does not take the new one."""
    lab = s3_lab
    fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    # The second run's id sorts before the first one's, as it may within a second.
    erased(lab, Selection(parent_ids=[6]), run_id="20260101T000000Z-ffffffff")
    (folder,) = {item.key.rsplit("/", 1)[0] for item in lab.store.list("v1/_erasures/")}
    client, bucket = emulator.client("s3"), lab.store.bucket  # type: ignore[attr-defined]
    client.delete_object(Bucket=bucket, Key=f"backup/{folder}/ended.json")
    lab.fill(1, first=6)
    snapshot(lab.run(), "t", 0)
    with pytest.raises(BackupError, match="row 6 of image came under its key since the erasure that did not end"):
        erased(lab, Selection(parent_ids=[6]), run_id="20260101T000000Z-00000000")
    assert (lab.count("image"), rows_of_images(lab, [6])["snapshot-t"]) == (6, 7)
    whole(lab)
    # That one is done; the next is another.
    done = erased(lab, Selection(parent_ids=[6]), objects="none")
    assert done
    assert done.rows["snapshot-t"]["pred_bounding_box"] == 5


def test_files_that_no_manifest_names_go_too(s3_lab: Lab, emulator: Emulator) -> None:
    """A backup that was killed left them, and the rows may be in them."""
    lab = s3_lab
    fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    key = "v1/snapshot/image/run_date=2026-01-01/run_id=20260101T000000Z-00000000/part-00000.parquet"
    lab.store.create(key, b"rows")
    erased(lab, CHOSEN)
    assert lab.store.read(key) is None
    whole(lab)
