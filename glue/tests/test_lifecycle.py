"""Files that a lifecycle rule let expire, and files in Glacier, are told from damaged and from denied ones."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.lab import Emulator, Lab, command
from tests.test_report import Page
from xray_backup.errors import BackupError, ExpiredError, VerificationError
from xray_backup.lifecycle import ExpiryRule, parse_rules
from xray_backup.listing import list_backups
from xray_backup.manifest_store import load_manifest
from xray_backup.report import gather
from xray_backup.report_page import render
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import S3Store, open_store
from xray_backup.verification import verify

RULE = {
    "ID": "snapshots",
    "Status": "Enabled",
    "Filter": {"Prefix": "backup/v1/snapshot/"},
    "Expiration": {"Days": 400},
}


def aged(lab: Lab, emulator: Emulator, slot: str, days: int) -> None:
    """A snapshot that was taken so long ago, and whose files are gone."""
    snapshot(lab.run(), slot, 60)
    s3, bucket = emulator.client("s3"), lab.store.url.split("/")[2]
    key = f"backup/v1/_manifests/snapshot-{slot}.json"
    document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    document["started_at"] = document["verified_at"] = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())
    for table in document["tables"].values():
        for file in table["files"]:
            s3.delete_object(Bucket=bucket, Key=f"backup/{file['key']}")


def ruled(lab: Lab, emulator: Emulator, **changes: Any) -> None:
    emulator.client("s3").put_bucket_lifecycle_configuration(
        Bucket=lab.store.url.split("/")[2], LifecycleConfiguration={"Rules": [RULE | changes]}
    )
    # The rules of a bucket are asked for once in a store's life.
    lab.store = open_store(lab.store.url, emulator.url)


@pytest.fixture
def lab(s3_lab: Lab, emulator: Emulator) -> Lab:
    s3_lab.fill(3)
    aged(s3_lab, emulator, "old", 402)
    aged(s3_lab, emulator, "younger", 390)
    snapshot(s3_lab.run(), "now", 60)
    ruled(s3_lab, emulator)
    return s3_lab


def test_what_expired_is_told_from_what_is_damaged(lab: Lab, emulator: Emulator) -> None:
    expired = "snapshot-old: its files expired by the bucket's lifecycle rule 'snapshots', after 400 days"
    found = {item.name: (item.damage, item.expired) for item in list_backups(lab.store)}
    assert found["snapshot-now"] == (None, None)
    assert found["snapshot-old"] == (None, expired)
    assert re.fullmatch("snapshot-younger: file .* is missing", str(found["snapshot-younger"][0]))
    for work in (
        lambda: verify(lab.run(), load_manifest(lab.store, "snapshot-old")),
        lambda: restore(lab.run(), ["snapshot-old"], None, Selection()),
    ):
        with pytest.raises(ExpiredError, match=re.escape(expired)):
            work()
    report = gather(lab.store, lab.events)
    states = [row["Files now"] for row in Page(render(report)).rows("Snapshots")]
    assert states == ["✓ whole", "✗ damaged", "expired"]
    assert not [sentence for sentence in report.attention if "snapshot-old" in sentence]
    done = command("list", "--store", lab.store.url, "--endpoint-url", emulator.url)
    output, errors = done.communicate(timeout=60)
    assert done.returncode == 3
    assert "snapshot-younger" in errors
    assert "snapshot-old" not in errors
    assert expired in output.splitlines()


def test_a_store_whose_old_snapshots_expired_lists_with_exit_code_0(s3_lab: Lab, emulator: Emulator) -> None:
    s3_lab.fill(2)
    aged(s3_lab, emulator, "old", 402)
    ruled(s3_lab, emulator)
    done = command("list", "--store", s3_lab.store.url, "--endpoint-url", emulator.url)
    output, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert re.search(r"^snapshot-old .* expired *$", output, re.M)


@pytest.mark.parametrize(
    "change",
    [
        {"Status": "Disabled"},
        {"Expiration": {"Days": 500}},
        {"Filter": {"Prefix": "backup/v1/archive/"}},
        {"Filter": {"And": {"Prefix": "backup/", "Tags": [{"Key": "a", "Value": "b"}]}}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
    ],
)
def test_another_rule_explains_nothing(s3_lab: Lab, emulator: Emulator, change: dict[str, Any]) -> None:
    s3_lab.fill(2)
    aged(s3_lab, emulator, "old", 402)
    ruled(s3_lab, emulator, **change)
    assert [item.expired for item in list_backups(s3_lab.store)] == [None]


def test_a_changed_file_is_damage_even_where_the_others_expired(lab: Lab, emulator: Emulator) -> None:
    manifest = load_manifest(lab.store, "snapshot-old")
    bucket = lab.store.url.split("/")[2]
    for table in manifest.tables.values():
        key = f"backup/{table.files[0].key}"
        emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=b"other")
        (damage,) = [item.damage for item in list_backups(lab.store) if item.name == "snapshot-old"]
        assert "was changed: 5 bytes" in str(damage)
        emulator.client("s3").delete_object(Bucket=bucket, Key=key)


def test_a_rule_of_an_older_kind_and_the_midnight_that_s3_waits_for() -> None:
    (rule,) = parse_rules([{"ID": "all", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 35}}])
    assert rule == ExpiryRule("all", "", 35)
    now = datetime.now(UTC)
    assert rule.has_expired("any", now - timedelta(days=36))
    assert not rule.has_expired("any", now - timedelta(days=35) + timedelta(seconds=1))
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    assert not rule.has_expired("any", today - timedelta(days=35) + timedelta(seconds=1))
    assert rule.has_expired("any", today - timedelta(days=35))


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_a_file_in_glacier_says_how_to_restore_it(s3_lab: Lab, emulator: Emulator, storage_class: str) -> None:
    s3_lab.fill(2)
    snapshot(s3_lab.run(), "s", 60)
    s3, bucket = emulator.client("s3"), s3_lab.store.url.split("/")[2]
    manifest = load_manifest(s3_lab.store, "snapshot-s")
    key = f"backup/{manifest.tables['image'].files[0].key}"
    s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": key}, StorageClass=storage_class)
    assert [item.damage for item in list_backups(s3_lab.store)] == [None]
    for work in (
        lambda: verify(s3_lab.run(), manifest),
        lambda: restore(s3_lab.run(), ["snapshot-s"], f"{s3_lab.schema}_new", Selection()),
    ):
        with pytest.raises(BackupError) as caught:
            work()
        assert not isinstance(caught.value, VerificationError)
        assert f"it is in Glacier (storage class {storage_class})" in str(caught.value)
        assert f"aws s3api restore-object --bucket {bucket} --key {key} --restore-request Days=7" in str(caught.value)
    s3.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": 7})
    assert isinstance(s3_lab.store, S3Store)
    restore(s3_lab.run(), ["snapshot-s"], f"{s3_lab.schema}_new", Selection())
