"""Backups under an earlier name: of the schema, in a store before a move, behind a delete marker."""

from __future__ import annotations

import uuid

import pytest

from tests.support.erasures import erased, rows_of_images
from tests.support.lab import Emulator, Lab
from tests.test_erase import CHOSEN, IMAGES, fill
from xray_backup.erasure_record import read_erasures
from xray_backup.errors import BackupError, UsageError
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import S3Store


def renamed(lab: Lab) -> Lab:
    """The rows under another schema's name, as after a recovery into a new one."""
    other = Lab(lab.server, lab.store, f"{lab.schema}_new").create_schema()
    restore(lab.run("restore"), ["snapshot-s"], other.schema, Selection())
    return other


def test_a_backup_under_a_former_schema_name_gives_nothing_back(s3_lab: Lab, emulator: Emulator) -> None:
    fill(s3_lab, emulator)
    snapshot(s3_lab.run(), "s", 0)
    other = renamed(s3_lab)
    try:
        with pytest.raises(BackupError, match=f"snapshot-s of schema {s3_lab.schema} hold rows under these keys"):
            erased(other, CHOSEN)
        assert rows_of_images(s3_lab, IMAGES) == {"database": 14, "snapshot-s": 14}
        result = restore(other.run("restore"), ["snapshot-s"], other.schema, Selection())
        assert (sum(table.erased for table in result.values()), rows_of_images(other, IMAGES)["database"]) == (14, 0)
        done = erased(other, CHOSEN, former_schemas=[s3_lab.schema])
        assert done
        assert sum(done.rows["snapshot-s"].values()) == 14
        assert rows_of_images(other, IMAGES) == {"database": 0, "snapshot-s": 0}
    finally:
        other.drop_schema()


def test_a_record_counts_under_former_names_too(s3_lab: Lab, emulator: Emulator) -> None:
    """A copy of the former schema's backup, restored under its own or a third name."""
    lab = s3_lab
    fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    other = renamed(lab)
    try:
        old = {item.key: lab.store.read(item.key) for item in list(lab.store.list("v1/"))}
        erased(other, CHOSEN, former_schemas=[lab.schema])
        for key, content in old.items():
            assert content
            emulator.client("s3").put_object(Bucket=lab.store.bucket, Key=f"backup/{key}", Body=content.body)  # type: ignore[attr-defined]
        result = restore(lab.run("restore"), ["snapshot-s"], f"{lab.schema}_third", Selection())
        assert sum(table.erased for table in result.values()) == 14
    finally:
        other.drop_schema()


def test_rows_of_other_data_under_the_same_keys_stay(s3_lab: Lab, emulator: Emulator) -> None:
    """Two schemas that share a store, with ids of their own."""
    fill(s3_lab, emulator)
    other = Lab(s3_lab.server, s3_lab.store, f"{s3_lab.schema}_other").create_schema()
    try:
        other.fill(6)
        snapshot(other.run(), "o", 0)
        done = erased(s3_lab, CHOSEN, former_schemas=[])
        assert done
        assert done.completed
        assert rows_of_images(other, IMAGES) == {"database": 14, "snapshot-o": 14}
    finally:
        other.drop_schema()


def test_a_store_from_before_a_move_is_erased_in_the_same_run(s3_lab: Lab, emulator: Emulator) -> None:
    lab = s3_lab
    fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    bucket = f"locked-{uuid.uuid4().hex[:12]}"
    emulator.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    moved = Lab(lab.server, S3Store(bucket, "backup", emulator.url), lab.schema)
    snapshot(moved.run(), "s", 0)
    old = {item.key: lab.store.read(item.key) for item in list(lab.store.list("v1/"))}
    with pytest.raises(UsageError, match="--former_stores names the store itself"):
        erased(moved, CHOSEN, former_stores=[moved.store])
    done = erased(moved, CHOSEN, former_stores=[lab.store])
    assert done
    assert {place: sum(tables.values()) for place, tables in done.rows.items()} == {
        "database": 14, "snapshot-s": 14, f"{lab.store.url}: snapshot-s": 14,
    }  # fmt: skip
    assert rows_of_images(moved, IMAGES) == rows_of_images(lab, IMAGES) == {"database": 0, "snapshot-s": 0}
    for key, content in old.items():
        assert content
        emulator.client("s3").put_object(Bucket=lab.store.bucket, Key=f"backup/{key}", Body=content.body)  # type: ignore[attr-defined]
    result = restore(lab.run("restore"), ["snapshot-s"], None, Selection())
    assert sum(table.erased for table in result.values()) == 14
    assert [len(list(read_erasures(store))) for store in (lab.store, moved.store)] == [1, 1]
    # A former store that is named after the erasure.
    assert erased(moved, CHOSEN, former_stores=[lab.store])
    assert rows_of_images(lab, IMAGES) == {"database": 0, "snapshot-s": 0}


def test_a_backup_whose_manifest_is_behind_a_marker_keeps_its_files(s3_lab: Lab, emulator: Emulator) -> None:
    lab, client = s3_lab, emulator.client("s3")
    bucket = lab.store.bucket  # type: ignore[attr-defined]
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    fill(lab, emulator)
    snapshot(lab.run(), "s", 0)
    snapshot(lab.run(), "t", 0)
    key = "backup/v1/_manifests/snapshot-s.json"
    marker = client.delete_object(Bucket=bucket, Key=key)["VersionId"]
    with pytest.raises(BackupError, match="snapshot-s was not looked into: its manifest is deleted"):
        erased(lab, CHOSEN)
    client.delete_object(Bucket=bucket, Key=key, VersionId=marker)
    assert rows_of_images(lab, IMAGES) == {"database": 0, "snapshot-s": 14, "snapshot-t": 0}
    done = erased(lab, CHOSEN)
    assert done
    assert done.completed
    assert set(rows_of_images(lab, IMAGES).values()) == {0}
