"""A snapshot holds every row there is, whatever its neighbours, and nothing twice."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.lab import TABLES, Emulator, Lab
from tests.support.model_lab import ModelLab
from tests.support.reading import backed_up
from tests.support.workloads import on_every_model
from xray_backup.archive import archive
from xray_backup.arguments import parse_command_line
from xray_backup.commands import execute_command
from xray_backup.committed_copy import BACKUP_LOCK
from xray_backup.data_model import X_RAY
from xray_backup.database_model import TableChoice
from xray_backup.errors import BackupError, LockedError, UsageError, VerificationError
from xray_backup.key_range import KeyRange, key_ranges
from xray_backup.manifest_store import find_manifest, load_manifests
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import S3Store

TOP = 2**31 - 1


def test_tables_without_a_row(lab: Lab) -> None:
    manifest = snapshot(lab.run(), "empty", 60)
    assert manifest is not None
    assert [table.fingerprint.rows for table in manifest.tables.values()] == [0, 0, 0]
    for table in TABLES:
        assert backed_up(lab, "snapshot-empty", table) == set()


def test_one_row_gaps_the_type_s_end_and_any_text(s3_lab: Lab) -> None:
    lab = s3_lab
    names = ["", "a|b", "ü" * 100, "😀" * 100, "it''s \\ `x`", "\t\n\x01", "M\u00fcller^R\u00f6ntgen_1.png"]
    for key, name in zip([1, 7, 100_000, 5_000_000, 2_000_000_000, TOP - 1, TOP], names, strict=True):
        lab.sql("INSERT INTO image VALUES (%s, %s, %s, %s)", (key, name, name, name))
    lab.sql("INSERT INTO `transaction` VALUES (%s, %s, '2022-10-30 02:30:00', 0, 9.999)", (TOP, TOP))
    lab.sql("INSERT INTO pred_bounding_box VALUES (1, %s, -2147483648, -9.999, 0, 0, %s, %s)", (TOP, TOP, TOP))
    snapshot(lab.run(), "odd", 60)
    for table in TABLES:
        assert backed_up(lab, "snapshot-odd", table) == lab.rows(table)
    listed = "".join(item.key for item in lab.store.list("v1/"))
    content = lab.store.read("v1/_manifests/snapshot-odd.json")
    assert content is not None
    assert "Müller" not in listed + content.body.decode() + str(lab.events.events)


def test_rows_without_partners_are_kept(loose_lab: Lab) -> None:
    """The hand-made job's inner join lost them."""
    lab = loose_lab
    lab.fill(3)
    lab.sql("INSERT INTO image VALUES (50, 'b', 'f', 'no transaction')")
    lab.sql("INSERT INTO `transaction` VALUES (60, 777, '2022-01-01', 0.3, 0.5)")
    lab.sql("INSERT INTO pred_bounding_box VALUES (70, 888, 1, 0.5, 1, 2, 3, 4)")
    snapshot(lab.run(), "orphans", 60)
    for table in TABLES:
        assert backed_up(lab, "snapshot-orphans", table) == lab.rows(table)


def test_a_slot_is_backed_up_once(lab: Lab) -> None:
    lab.fill(2)
    first = snapshot(lab.run(), "s1", 60)
    lab.fill(2, first=10)
    again = snapshot(lab.run(), "s1", 60)
    assert again == first
    assert lab.events.of("already_committed")[0]["backup"] == "snapshot-s1"


def test_files_of_a_run_that_did_not_finish_are_never_read(lab: Lab) -> None:
    lab.fill(3)

    class StoppedError(Exception):
        pass

    def stop_after_first(event: str, **_: object) -> None:
        if event == "copied":
            raise StoppedError

    with pytest.raises(StoppedError):
        snapshot(lab.run(events=stop_after_first), "s1", 60)
    assert find_manifest(lab.store, "snapshot", "s1") is None
    assert [item.key for item in lab.store.list("v1/snapshot/")]
    snapshot(lab.run(), "s1", 60)
    assert backed_up(lab, "snapshot-s1", "pred_bounding_box") == lab.rows("pred_bounding_box")


def test_a_dry_run_writes_nothing(lab: Lab) -> None:
    lab.fill(3)
    assert snapshot(lab.run(dry_run=True), "s1", 60) is None
    assert [event["rows"] for event in lab.events.of("would_copy")] == [3, 3, 15]
    assert list(lab.store.list("v1/")) == []


def test_a_second_run_is_refused_while_the_first_works(lab: Lab) -> None:
    with lab.run().exclusive(BACKUP_LOCK), pytest.raises(LockedError):
        snapshot(lab.run(), "s1", 60)


def test_each_row_is_in_one_range(lab: Lab) -> None:
    table = X_RAY.table("image")
    for key in [1, 2, 3, 10, 11, 500, 501, 502, 900_000, TOP]:
        lab.sql("INSERT INTO image VALUES (%s, 'b', 'f', 'x')", (key,))
    with lab.database().session() as connection:
        for size in (1, 2, 3, 4, 9, 10, 11):
            ranges = key_ranges(connection, table, size)
            assert (ranges[0].first, ranges[-1].last) == (1, TOP)
            assert all(after.first == before.last + 1 for before, after in pairwise(ranges))
            counts = [lab.sql(f"SELECT COUNT(*) FROM image WHERE {r.condition(table)}")[0][0] for r in ranges]
            assert counts[:-1] == [size] * (len(ranges) - 1)
            assert sum(counts) == 10
        assert key_ranges(connection, X_RAY.table("transaction"), 5) == []
        assert key_ranges(connection, table, 100) == [KeyRange(1, TOP)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "ALTER TABLE image ADD COLUMN found VECTOR(3)",
            r"column 'found' of table .*image: column type 'vector\(3\)' cannot be backed up",
        ),
        (
            "ALTER TABLE image ADD COLUMN note__exact INT",
            "column 'note__exact' of table 'image': names that end so are the backup's",
        ),
        ("DROP TABLE pred_bounding_box", "pred_bounding_box does not exist, or this user may not read it"),
    ],
)
def test_a_schema_that_cannot_be_backed_up_is_refused(lab: Lab, statement: str, message: str) -> None:
    lab.sql(statement)
    with pytest.raises(UsageError, match=message):
        snapshot(lab.run(), "s1", 60)
    assert list(lab.store.list("v1/snapshot/")) == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE image ADD COLUMN note INT NOT NULL",
        "ALTER TABLE image MODIFY image_file VARCHAR(200) NULL",
        "ALTER TABLE `transaction` MODIFY time DATETIME NULL",
        "ALTER TABLE pred_bounding_box DROP COLUMN y_max",
        "CREATE TABLE reader (id INT PRIMARY KEY)",
    ],
)
def test_the_tables_are_those_that_the_database_has(lab: Lab, statement: str) -> None:
    lab.sql(statement)
    if "reader" in statement:
        lab.sql("INSERT INTO reader VALUES (7)")
    manifest = snapshot(lab.run(), "s1", 60)
    assert manifest is not None
    before = {table.name: lab.rows(table.name) for table in manifest.model.tables}
    assert ("reader" in before) == ("reader" in statement)
    other = f"{lab.schema}_other"
    restore(lab.run(), ["latest"], other, Selection())
    assert {name: lab.rows(name, other) for name in before} == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE pred_bounding_box ENGINE = MyISAM", "pred_bounding_box is of engine MyISAM: only InnoDB reads"),
        (
            "CREATE VIEW pred_bounding_box AS SELECT * FROM boxes",
            "pred_bounding_box does not exist, or this user may not read it",
        ),
    ],
)
def test_a_table_that_is_not_of_innodb_is_refused(loose_lab: Lab, statement: str, message: str) -> None:
    if "VIEW" in statement:
        loose_lab.sql("RENAME TABLE pred_bounding_box TO boxes")
    loose_lab.sql(statement)
    with pytest.raises(UsageError, match=message):
        snapshot(loose_lab.run(), "s1", 60)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"password": "wrong"}, "refused user 'root': check the user and the password"),
        ({"dbname": "nowhere"}, "has no schema 'nowhere'"),
        ({"port": 1}, "does not answer: check host, port and security group"),
    ],
)
def test_a_database_that_refuses_is_one_line(lab: Lab, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(BackupError, match=message) as caught:
        snapshot(lab.run(database=lab.database(**overrides)), "s1", 60)
    assert "\n" not in str(caught.value)


def test_a_backup_leaves_one_version_of_each_object(s3_lab: Lab, emulator: Emulator) -> None:
    """It writes each object once and deletes none, so the job's role needs no right to delete."""
    assert isinstance(s3_lab.store, S3Store)
    client, bucket = emulator.client("s3"), s3_lab.store.bucket
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3_lab.fill(3)
    snapshot(s3_lab.run(), "s1", 60)
    archive(s3_lab.run(), "s1", 2)
    restore(s3_lab.run(), ["snapshot-s1"], f"{s3_lab.schema}_drill", Selection())
    purge(s3_lab.run(), 2, 100, 0.0)
    versions = client.list_object_versions(Bucket=bucket)
    assert "DeleteMarkers" not in versions
    assert [item["Key"] for item in versions["Versions"] if not item["IsLatest"]] == []


def test_a_slot_is_of_one_schema_and_one_server(lab: Lab) -> None:
    lab.fill(2)
    first = snapshot(lab.run(), "s1", 60)
    assert first is not None
    assert snapshot(lab.run(), "s1", 60) == first
    other = Lab(lab.server, lab.store, f"{lab.schema}_other").create_schema()
    with pytest.raises(UsageError, match=r"snapshot-s1 is of schema 'x_ray_\w+' on server .*: give each its own store"):
        snapshot(other.run(), "s1", 60)
    path = Path(lab.store.url) / "v1/_manifests/snapshot-s1.json"
    path.write_text(path.read_text().replace(str(first.server), "another"))
    with pytest.raises(UsageError, match="on server another, this run is of"):
        snapshot(lab.run(), "s1", 60)


def test_a_committed_slot_whose_files_are_gone_is_not_called_committed(lab: Lab) -> None:
    lab.fill(2)
    manifest = snapshot(lab.run(), "s1", 60)
    assert manifest is not None
    (Path(lab.store.url) / manifest.tables["image"].files[0].key).unlink()
    with pytest.raises(VerificationError, match=r"snapshot-s1: file .* is missing"):
        snapshot(lab.run(), "s1", 60)


@pytest.mark.parametrize("table", ["image", "a_text"])
def test_a_table_that_is_dropped_before_its_turn_is_named(loose_lab: Lab, table: str) -> None:
    """With a key that is an integer, and with another one."""
    lab = loose_lab
    lab.fill(2)
    lab.sql("CREATE TABLE a_text (code VARCHAR(9) PRIMARY KEY)")

    def drop(event: str, **fields: object) -> None:
        if event == "copied" and fields["table"] == "pred_bounding_box":
            lab.sql(f"DROP TABLE {table}")

    with pytest.raises(BackupError, match=rf"table '{lab.schema}.{table}' is not there, or not any more"):
        snapshot(lab.run(events=drop), "s1", 60)
    assert list(load_manifests(lab.store)) == []


@pytest.mark.parametrize("model", on_every_model(), indirect=True)
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {child} ADD INDEX meanwhile ({number})",
        "RENAME TABLE {child} TO {child}_before, {child}_new TO {child}",
    ],
)
def test_a_table_that_is_altered_or_replaced_meanwhile_is_not_committed(model_lab: ModelLab, statement: str) -> None:
    lab, child = model_lab, model_lab.kind.child
    lab.fill_units(2)
    # A replacement must not take a child from this table.
    for table, name in lab.sql(
        "SELECT table_name, constraint_name FROM information_schema.referential_constraints"
        " WHERE constraint_schema = %s AND referenced_table_name = %s",
        (lab.schema, child),
    ):
        lab.sql(f"ALTER TABLE `{table}` DROP FOREIGN KEY `{name}`")
    time.sleep(1)  # MySQL knows the time of a table's creation in seconds.
    lab.sql(f"CREATE TABLE `{child}_new` LIKE {lab.child}")

    left = {table.name for table in lab.model.tables} | {f"{child}_new"}

    def alter(event: str, **fields: object) -> None:
        if event == "copied":
            left.remove(str(fields["table"]))
        if event == "copied" and not left:
            lab.sql(statement.format(child=child, number=lab.kind.number))

    refusal = f"table {child} was altered or replaced while it was copied; nothing was committed"
    with pytest.raises(BackupError, match=refusal):
        snapshot(lab.run(events=alter), "s1", 60)
    assert list(load_manifests(lab.store)) == []


def test_rows_that_come_meanwhile_are_no_alteration(lab: Lab) -> None:
    lab.fill(2)

    def insert(event: str, **fields: object) -> None:
        if event == "copied" and fields["table"] == "image":
            lab.sql("INSERT INTO image (bucket, folder, image_file) VALUES ('b', 'f', 'x')")

    assert snapshot(lab.run(events=insert), "s1", 60) is not None


def test_a_replica_is_refused(lab: Lab) -> None:
    lab.sql("SET GLOBAL read_only = ON")
    try:
        with pytest.raises(UsageError, match="MySQL is read only, as a replica is, which may be behind"):
            snapshot(lab.run(), "s1", 60)
    finally:
        lab.sql("SET GLOBAL read_only = OFF")


def test_a_table_that_the_user_may_not_read_is_left_out_and_named(s3_lab: Lab, emulator: Emulator) -> None:
    """As after a migration that adds one: the user sees the names of all tables."""
    lab = s3_lab
    lab.fill(3)
    lab.sql("CREATE TABLE reader (reader_id INT PRIMARY KEY, name VARCHAR(9))")
    user = f"backup_{lab.schema[-8:]}"
    lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'backup'")
    try:
        lab.sql(f"GRANT SHOW VIEW ON `{lab.schema}`.* TO '{user}'@'%'")
        for table in TABLES:
            lab.sql(f"GRANT SELECT ON `{lab.schema}`.`{table}` TO '{user}'@'%'")
        secret = {"username": user, "password": "backup"}
        manifest = snapshot(lab.run(database=lab.database(**secret)), "s", 60)
        assert manifest is not None
        assert sorted(manifest.tables) == sorted(TABLES)
        assert lab.events.of("not_held") == [{"backup": "snapshot-s", "objects": ["table reader"]}]
        options = ["check", "--for", "backup", *lab.options(emulator, **secret)]
        execute_command(parse_command_line(options), lab.events)
        (reads,) = [step for step in lab.events.of("check") if step["step"] == "rights SELECT"]
        assert reads["state"] == "warning"
        assert f"not on reader, which no backup will hold: GRANT SELECT ON `{lab.schema}`.`reader` TO" in reads["text"]
        with pytest.raises(BackupError, match=r"lacks SELECT on reader: GRANT SELECT"):
            snapshot(lab.run(database=lab.database(**secret), tables=TableChoice(named=("reader",))), "t", 60)
    finally:
        lab.sql(f"DROP USER '{user}'@'%'")
