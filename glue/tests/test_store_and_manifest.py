"""Conditional writes on S3 and in a folder, and the manifest that stands on them."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import new_s3_store
from tests.support.faulty_s3 import FaultyS3
from tests.support.lab import Emulator, Lab
from xray_backup.archive import archive
from xray_backup.archive_periods import Period
from xray_backup.data_model import X_RAY, DataModel
from xray_backup.errors import BackupError, UsageError, VerificationError
from xray_backup.fingerprint import Fingerprint
from xray_backup.job_contract import STORE
from xray_backup.layout import SLOT, checked_slot
from xray_backup.listing import list_backups
from xray_backup.manifest import DataFile, Manifest, TableBackup
from xray_backup.manifest_store import Origin, commit_manifest, find_manifest, load_manifest, load_manifests
from xray_backup.purge import purge
from xray_backup.report import gather
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.schema_definition import Ledger, SchemaDefinition, View
from xray_backup.snapshot import snapshot
from xray_backup.store import FolderStore, S3Store, Store, open_store
from xray_backup.stored_programs import StoredProgram
from xray_backup.verify import verify_backups


def test_an_object_is_created_once(store: Store) -> None:
    etag = store.create("v1/a", b"first")
    assert etag
    assert store.create("v1/a", b"second") is None
    content = store.read("v1/a")
    assert content is not None
    assert (content.body, content.etag) == (b"first", etag)
    (item,) = store.list("v1/")
    assert item.age_seconds < 5


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read("v1/none") is None
    assert list(store.list("v1/")) == []


def test_of_many_creators_one_wins(store: Store) -> None:
    won: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: won.append(str(n)) if store.create("v1/a", str(n).encode()) else None)
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = store.read("v1/a")
    assert content is not None
    assert won == [content.body.decode()]


def test_a_listing_is_in_order_and_complete(store: Store) -> None:
    keys = [f"v1/t/part-{n:03}" for n in range(30)]
    for key in reversed(keys):
        store.create(key, key.encode())
    assert [item.key for item in store.list("v1/t/")] == keys
    assert {item.size for item in store.list("v1/t/")} == {13}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match=r"cannot write .*/file/a: (Not a directory|File exists)"):
        store.create("file/a", b"1")


@pytest.mark.parametrize("url", ["s3://lake", "s3:///x", "gs://a/b", "http://x/y"])
def test_a_store_s_address_must_be_complete(url: str) -> None:
    with pytest.raises(UsageError, match="store "):
        open_store(url)


def test_a_missing_bucket_is_one_line(emulator: Any) -> None:
    store = S3Store("no-such-bucket", "backup", emulator.url)
    with pytest.raises(BackupError, match=r"cannot list s3://no-such-bucket/backup/v1/: NoSuchBucket; make the bucket"):
        list(store.list("v1/"))


fingerprints = st.builds(Fingerprint, st.integers(0, 2**40), st.integers(0, 2**100))
files = st.builds(DataFile, st.text(), st.integers(0, 2**50), st.text(), fingerprints)
tables = st.builds(TableBackup, st.text(), st.tuples(files), st.none() | st.integers(), st.none() | st.integers())
times = st.datetimes().map(lambda time: time.isoformat())
texts = st.none() | st.text()
ledgers = st.builds(Ledger, st.text(), st.lists(st.lists(texts).map(tuple)).map(tuple))
views = st.lists(st.builds(View, st.text(), st.text(), st.text(), st.text())).map(tuple)
programs = st.lists(st.builds(StoredProgram, st.sampled_from(["trigger", "event"]), *[st.text()] * 5, texts)).map(tuple)
names = st.lists(st.text()).map(tuple)
definitions = st.builds(SchemaDefinition, st.text(), views, st.none() | ledgers, names, programs, names)
made = st.builds(
    Manifest,
    kind=st.sampled_from(["snapshot", "archive"]),
    slot=st.from_regex(SLOT, fullmatch=True),
    run_id=st.text(),
    schema=st.text(),
    model=st.sampled_from([X_RAY, DataModel(X_RAY.tables[:1])]),
    started_at=times,
    cutoff=st.text(),
    verified_at=times,
    tables=st.dictionaries(st.text(), tables, max_size=3),
    schema_definition=st.none() | definitions,
)


@given(made)
def test_a_manifest_comes_back_as_it_was(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json(), manifest.name) == manifest


def example(slot: str = "s1", **changes: Any) -> Manifest:
    table = TableBackup("v1/snapshot/t/", (DataFile("k", 1, "e", Fingerprint(1, 2)),), 1, 1)
    values: dict[str, Any] = {
        "kind": "snapshot", "slot": slot, "run_id": "r", "schema": "x", "model": X_RAY,
        "started_at": "2026-01-01T00:00:00+00:00", "cutoff": "",
        "verified_at": "2026-01-01T00:01:00+00:00", "tables": {"t": table},
    }  # fmt: skip
    return Manifest(**(values | changes))


@pytest.mark.parametrize(
    ("before", "periods"), [(None, ()), ("2026-08-24 03:00:00", (Period(None, "2026-08-24 03:00:00"),))]
)
def test_a_manifest_that_says_its_age_alone_is_read(before: str | None, periods: tuple[Period, ...]) -> None:
    document = json.loads(example().to_json())
    del document["archived_periods"]
    document["archived_before"] = before
    read = Manifest.from_json(json.dumps(document).encode(), "snapshot-s1")
    assert read.archived_periods == periods
    assert Manifest.from_json(read.to_json(), read.name) == read


def test_a_slot_is_committed_once(store: Store) -> None:
    commit_manifest(store, example(run_id="a"))
    with pytest.raises(BackupError, match="snapshot-s1 was committed by another run; it stands"):
        commit_manifest(store, example(run_id="b"))
    found = find_manifest(store, "snapshot", "s1")
    assert found is not None
    assert found.run_id == "a"


def test_a_retry_that_meets_its_own_manifest_has_committed(s3_store: Store) -> None:
    commit_manifest(s3_store, example())
    commit_manifest(s3_store, example())


def test_a_newer_manifest_is_refused() -> None:
    document = json.loads(example().to_json()) | {"format_version": 5}
    with pytest.raises(UsageError, match="manifest m has format 5, this package reads up to 4: use a newer version"):
        Manifest.from_json(json.dumps(document).encode(), "m")


def test_what_is_not_a_manifest_is_left_alone(folder_store: Store, s3_store: Store) -> None:
    """A folder marker as the console makes it, a file that somebody put there."""
    for store in (folder_store, s3_store):
        commit_manifest(store, example())
        store.create("v1/_manifests/notes.txt", b"mine")
        if isinstance(store, S3Store):
            store.create("v1/_manifests/", b"")
        assert [manifest.name for manifest in load_manifests(store)] == ["snapshot-s1"]


def test_a_folder_marker_in_any_folder_is_left_alone(lab: Lab, emulator: Emulator) -> None:
    """An object with a slash at its end in S3, a folder in a folder."""
    s3_store = new_s3_store(emulator)
    s3 = Lab(lab.server, s3_store, lab.schema)
    lab.fill(4)
    assert isinstance(lab.store, FolderStore)
    for used in (lab, s3):
        snapshot(used.run(), "s", 60)
        archive(used.run(), "a", 2)
        folders = {item.key.rsplit("/", depth)[0] for item in used.store.list("") for depth in (1, 2, 3)}
        folders |= {"v1", *(f"v1/{name}" for name in STORE.values())}
        for folder in sorted(folders):
            if isinstance(used.store, FolderStore):
                (used.store.folder / folder / "New folder").mkdir(parents=True, exist_ok=True)
            else:
                used.store.create(f"{folder}/", b"")
                used.store.create(f"{folder}/New folder/", b"")
        assert [item.damage for item in list_backups(used.store)] == [None, None]
        verify_backups(used.run(), ["latest", "archive-a"])
        assert purge(used.run(), 2, 100, 0.0).rows["transaction"] == 3
        restore(used.run(), ["latest"], None, Selection())
        snapshot(used.run(), "again", 60)
        report = gather(used.store, used.events)
        assert (len(report.purges), len(report.restores), len(report.verifications)) == (1, 1, 1)
        assert report.attention == ["No restore drill is on record."]


def test_what_is_no_claim_is_no_lock(lab: Lab) -> None:
    lab.store.create("v1/_locks/backup/notes/readme.txt", b"mine")
    lab.store.create("v1/_locks/backup/readme.txt", b"mine")
    snapshot(lab.run(), "s", 60)


def test_a_manifest_of_a_newer_format_is_named_and_the_others_are_read(folder_store: Store) -> None:
    commit_manifest(folder_store, example())
    folder_store.create("v1/_manifests/archive-new.json", altered(kind="archive", slot="new", format_version=5))
    listed = {item.name: str(item.damage) for item in list_backups(folder_store)}
    assert "archive-new has format 5" in listed["archive-new"]
    assert load_manifest(folder_store, "latest").name == "snapshot-s1"
    folder_store.create("v1/_manifests/snapshot-new.json", altered(slot="new", format_version=5))
    with pytest.raises(UsageError, match=r"has format 5.* so which snapshot is the newest cannot be told: name one"):
        load_manifest(folder_store, "latest")


def test_latest_is_that_of_the_database_where_a_store_holds_several(folder_store: Store) -> None:
    for slot, schema, server, day in (
        ("a1", "a", "one", 1), ("a2", "a", "two", 2), ("b1", "b", "one", 3), ("a3", "a", "two", 4),
    ):  # fmt: skip
        at = f"2026-01-0{day}T00:00:00+00:00"
        commit_manifest(folder_store, example(slot, schema=schema, server=server, started_at=at))

    def latest(schema: str, server: str) -> str:
        return load_manifest(folder_store, "latest", Origin(schema, server)).slot

    assert (latest("a", "one"), latest("a", "two"), latest("b", "one")) == ("a1", "a3", "b1")
    # A server that was made anew.
    assert latest("a", "three") == "a3"
    with pytest.raises(UsageError, match="holds snapshots of the schemas a, b and none of c: name one"):
        latest("c", "one")


def test_a_manifest_under_another_name_is_damaged(folder_store: Store) -> None:
    folder_store.create("v1/_manifests/snapshot-other.json", example().to_json())
    with pytest.raises(VerificationError, match=r"snapshot-other is damaged .*its name is not that of its key"):
        list(load_manifests(folder_store))


def test_a_damaged_manifest_is_named_and_the_others_are_read(folder_store: Store) -> None:
    commit_manifest(folder_store, example())
    folder_store.create("v1/_manifests/archive-cut.json", example().to_json()[:100])
    listed = {item.name: item.damage for item in list_backups(folder_store)}
    assert listed["snapshot-s1"] == "snapshot-s1: file k is missing"
    assert "manifest archive-cut is damaged" in str(listed["archive-cut"])
    assert load_manifest(folder_store, "latest").name == "snapshot-s1"
    folder_store.create("v1/_manifests/snapshot-cut.json", b"{")
    with pytest.raises(VerificationError, match="so which snapshot is the newest cannot be told: name one"):
        load_manifest(folder_store, "latest")


def altered(**fields: Any) -> bytes:
    return json.dumps(json.loads(example().to_json()) | fields).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b"null", b"3", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"format_version": 1}',
        example().to_json()[:-200], altered(format_version="3"), altered(format_version=None),
        altered(format_version=[]),
        altered(started_at=5), altered(started_at="yesterday"), altered(verified_at=None), altered(schema=7),
        altered(tables=[]), altered(tables={"t": 1}), altered(tables={"t": {"files": None}}), altered(kind=[]),
        altered(archived_periods=5), altered(schema_definition=5), altered(schema_definition={"views": 1}),
        altered(what="else"),
    ],
)  # fmt: skip
def test_a_damaged_manifest_is_refused(body: bytes) -> None:
    with pytest.raises(VerificationError, match="manifest m is damaged"):
        Manifest.from_json(body, "m")


def test_latest_is_the_newest_snapshot(folder_store: Store) -> None:
    for slot, day in (("b", "02"), ("a", "03"), ("c", "01")):
        commit_manifest(folder_store, example(slot, started_at=f"2026-01-{day}T00:00:00+00:00"))
    commit_manifest(folder_store, example("z", kind="archive", started_at="2026-02-01T00:00:00+00:00"))
    assert load_manifest(folder_store, "latest").name == "snapshot-a"
    with pytest.raises(UsageError, match="there is no backup 'snapshot-q'"):
        load_manifest(folder_store, "snapshot-q")


@pytest.mark.parametrize("slot", ["", "-a", "a/b", "../x", "a b", "x" * 64, "ü"])
def test_a_slot_s_name_is_checked(slot: str) -> None:
    with pytest.raises(UsageError, match="run slot"):
        checked_slot(slot)


def test_a_write_that_meets_another_is_tried_again(emulator: Emulator, s3_store: S3Store) -> None:
    """S3 answers 409 while another write of the key is under way, and says nothing of who will win."""
    proxy = FaultyS3(emulator.url, ["409"], 0.5, only="PUT .*", seed=3)
    try:
        store = S3Store(s3_store.bucket, s3_store.prefix, proxy.url)
        assert [store.create(f"v1/{n}", b"ours") is not None for n in range(6)] == [True] * 6
        assert proxy.hits["409"]
        assert store.create("v1/0", b"another") is None
    finally:
        proxy.close()
