"""A purge deletes exactly what a verified archive holds, while it is what was archived; all else makes it refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pymysql
import pytest

from tests.support.lab import TABLES, Lab
from tests.support.mysql_server import MySqlServer
from tests.support.reading import backed_up
from tests.support.saved import saved_lab
from tests.support.small_texts import SmallTexts
from xray_backup import purge_record
from xray_backup.archive import archive
from xray_backup.errors import BackupError, LockedError, UsageError, VerificationError
from xray_backup.purge import PURGE_LOCK, purge
from xray_backup.purge_record import PurgeResult


def purged(lab: Lab, chunk_rows: int = 100, dry_run: bool = False, days: int = 2) -> PurgeResult:
    return purge(lab.run("purge", dry_run=dry_run), days, chunk_rows, 0.0)


@pytest.fixture(scope="module")
def archived_once(server: MySqlServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Lab]]:
    folder = tmp_path_factory.mktemp("archived")
    with saved_lab(server, folder, lambda lab: lab.fill(40), lambda lab: archive(lab.run(), "a", 2)) as back:
        yield back


@pytest.fixture
def archived(archived_once: Callable[[], Lab]) -> Iterator[Lab]:
    """40 old transactions of 5 boxes, archived; the 40th is the last row and is not in the archive."""
    lab = archived_once()
    yield lab
    # Whatever a test did: images stay.
    assert lab.count("image") == 40


def test_an_archive_holds_what_is_old_with_its_parents_and_nothing_else(lab: Lab) -> None:
    lab.fill(5)
    lab.sql("INSERT INTO image VALUES (90, 'b', 'f', 'alone'), (91, 'b', 'f', 'new')")
    lab.sql("INSERT INTO `transaction` VALUES (91, 91, UTC_TIMESTAMP(), 0.3, 0.5), (92, 91, UTC_TIMESTAMP(), 0.3, 0.5)")
    lab.sql("INSERT INTO pred_bounding_box VALUES (900, 91, 1, 0.5, 1, 2, 3, 4)")
    manifest = archive(lab.run(), "a", 2)
    assert manifest is not None
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {1, 2, 3, 4, 5}
    assert {row[0] for row in backed_up(lab, "archive-a", "pred_bounding_box")} == set(range(1, 26))
    assert {row[0] for row in backed_up(lab, "archive-a", "image")} == {1, 2, 3, 4, 5}
    (period,) = manifest.archived_periods
    assert period.since is None


def test_an_archive_leaves_out_what_waits_in_an_earlier_one(lab: Lab) -> None:
    lab.fill(5)
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 5 DAY WHERE transaction_id > 2")
    archive(lab.run(), "a", 9)
    archive(lab.run(), "b", 2)
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {1, 2}
    assert {row[0] for row in backed_up(lab, "archive-b", "transaction")} == {3, 4}
    assert purged(lab).units == {"deleted": 4}
    lab.sql("INSERT INTO `transaction` VALUES (1, 1, '2022-05-24 11:08:23', 0.3, 0.5)")
    archive(lab.run(), "c", 2)
    # Nothing waits any more, so that a row of the same time and key is taken too.
    assert {row[0] for row in backed_up(lab, "archive-c", "transaction")} == {1}


def test_what_comes_late_with_an_old_time_is_archived_once_and_does_not_wait_for_a_purge(lab: Lab) -> None:
    lab.fill(5)
    archive(lab.run(), "a", 2)
    lab.sql("INSERT INTO `transaction` VALUES (6, 1, '2010-05-24 11:08:23', 0.3, 0.5)")
    lab.sql("INSERT INTO `transaction` VALUES (7, 1, UTC_TIMESTAMP(), 0.3, 0.5)")
    archive(lab.run(), "b", 2)
    # 5, which has the highest box, is held back each time.
    assert {row[0] for row in backed_up(lab, "archive-b", "transaction")} == {6}
    archive(lab.run(), "c", 2)
    assert backed_up(lab, "archive-c", "transaction") == set()
    assert purged(lab).units == {"deleted": 5}
    assert {row[0] for row in lab.rows("transaction")} == {5, 7}


def test_what_a_purge_found_changed_is_archived_anew_as_it_is_now(lab: Lab) -> None:
    lab.fill(5)
    archive(lab.run(), "a", 2)
    lab.sql("UPDATE pred_bounding_box SET x_min = 999 WHERE pred_bbox_id = 6")
    assert purged(lab).units == {"deleted": 3, "changed": 1}
    archive(lab.run(), "b", 2)
    assert {row[0] for row in backed_up(lab, "archive-b", "transaction")} == {2}
    assert purged(lab).units == {"deleted": 1}
    assert lab.count("transaction") == 1


def test_neighbours_of_other_ages_are_told_apart(lab: Lab) -> None:
    lab.fill(8)
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 5 DAY WHERE transaction_id <> 3")
    archive(lab.run(), "a", 2)
    assert purged(lab, days=9).units == {"deleted": 1}
    assert lab.sql("SELECT COUNT(*), SUM(transaction_id = 3) FROM pred_bounding_box") == [(35, 0)]


def test_rows_that_are_too_young_for_a_purge_wait_in_their_archive(lab: Lab) -> None:
    lab.fill(5)
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 5 DAY WHERE transaction_id > 2")
    archive(lab.run(), "a", 2)
    assert purged(lab, days=9).units == {"deleted": 2}
    archive(lab.run(), "b", 2)
    assert backed_up(lab, "archive-b", "transaction") == set()
    assert purged(lab).units == {"gone": 2, "deleted": 2}


def test_what_holds_the_highest_key_of_any_table_is_never_archived(lab: Lab) -> None:
    lab.fill(5)
    # The highest box belongs to transaction 2, the highest transaction is 5.
    lab.sql("INSERT INTO pred_bounding_box VALUES (2000000000, 2, 1, 0.5, 1, 2, 3, 4)")
    archive(lab.run(), "a", 2)
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {1, 3, 4}
    assert 2 not in {row[1] for row in backed_up(lab, "archive-a", "pred_bounding_box")}


def test_what_was_held_back_is_in_the_next_archive_though_a_later_row_was_archived(lab: Lab) -> None:
    lab.fill(3)
    lab.sql(
        "INSERT INTO `transaction` VALUES (4, 1, '2022-05-24 11:08:23', 0.3, 0.5), (5, 1, UTC_TIMESTAMP(), 0.3, 0.5)"
    )
    archive(lab.run(), "a", 2)
    # 3 has the highest box, 5 is young and the highest transaction.
    assert {row[0] for row in backed_up(lab, "archive-a", "transaction")} == {1, 2, 4}
    lab.sql("INSERT INTO pred_bounding_box VALUES (900, 5, 1, 0.5, 1, 2, 3, 4)")
    archive(lab.run(), "b", 2)
    assert {row[0] for row in backed_up(lab, "archive-b", "transaction")} == {3}
    assert purged(lab).units == {"deleted": 4}


def test_an_archive_from_before_a_migration_does_not_stop_the_purge_for_ever(lab: Lab) -> None:
    lab.fill(5)
    archive(lab.run(), "a", 2)
    lab.sql("ALTER TABLE `transaction` ADD COLUMN note VARCHAR(50) NULL")
    assert purged(lab).units == {}
    assert lab.events.of("skipped") == [{"backup": "archive-a", "reason": "it is of another data model"}]
    archive(lab.run(), "b", 2)
    assert purged(lab).units == {"deleted": 4}


def test_a_dry_run_counts_and_deletes_nothing(archived: Lab) -> None:
    before = {table: archived.rows(table) for table in TABLES}
    result = purged(archived, dry_run=True)
    assert result.rows == {"transaction": 39, "pred_bounding_box": 195}
    assert result.units == {"would_delete": 39}
    assert {table: archived.rows(table) for table in TABLES} == before
    assert list(archived.store.list("v1/_purges/")) == []


def test_a_purge_takes_children_first_and_records_what_it_did(archived: Lab) -> None:
    lab = archived
    result = purged(lab, chunk_rows=60)
    assert (lab.count("transaction"), lab.count("pred_bounding_box")) == (1, 5)
    folder = f"v1/_purges/{result.run_id}/"
    names = [item.key.removeprefix(folder) for item in lab.store.list(folder)]
    assert names == ["chunks-00001.jsonl", "intent.json", "result.json"]
    assert lab.store.read("v1/_purges/finished/archive-a.json") is not None
    content = lab.store.read(f"{folder}chunks-00001.jsonl")
    assert content is not None
    parts = [json.loads(line) for line in content.body.decode().splitlines()]
    assert sorted((part["first"], part["last"]) for part in parts) == [(1, 10), (11, 20), (21, 30), (31, 39)]


def test_a_purge_does_not_keep_what_it_did_to_itself_for_long(archived: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_record, "SECONDS_PER_RECORD", 0.0)
    result = purged(archived, chunk_rows=60)
    parts = [item.key for item in archived.store.list(f"v1/_purges/{result.run_id}/") if "/chunks-" in item.key]
    assert len(parts) == 4


def test_a_purge_that_stops_half_way_leaves_a_record_of_what_it_deleted(archived: Lab) -> None:
    class StoppedError(Exception):
        pass

    def stop(event: str, **fields: object) -> None:
        if event == "progress" and str(fields["step"]).startswith("purge") and fields["done"] == 20:
            raise StoppedError

    run = archived.run("purge", events=stop)
    with pytest.raises(StoppedError):
        purge(run, 2, 60, 0.0)
    content = archived.store.read(f"v1/_purges/{run.run_id}/result.json")
    assert content is not None
    result = json.loads(content.body)
    deleted = result["rows"]["transaction"]
    # A chunk that the other connection had begun comes to its end, and is told of.
    assert (result["completed"], deleted) in ((False, 20), (False, 30))
    assert archived.count("transaction") == 40 - deleted
    assert purged(archived).units == {"gone": deleted, "deleted": 39 - deleted}


def test_young_rows_of_an_archive_stay(lab: Lab) -> None:
    lab.fill(10, start="2022-01-01")
    lab.fill(10, first=101, start="2022-01-01")
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 10 DAY WHERE transaction_id > 100")
    archive(lab.run(), "a", 2)
    assert purged(lab, days=30).rows["transaction"] == 10
    assert lab.count("transaction") == 10


def test_rows_that_changed_since_are_kept_and_named_all_others_go(archived: Lab) -> None:
    lab = archived
    lab.sql("UPDATE pred_bounding_box SET pred_cs = 0.999 WHERE pred_bbox_id = 26")  # transaction 6
    lab.sql("INSERT INTO pred_bounding_box VALUES (9000, 12, 1, 0.5, 1, 2, 3, 4)")
    lab.sql("DELETE FROM pred_bounding_box WHERE pred_bbox_id = 101")  # transaction 21
    lab.sql("UPDATE `transaction` SET cs_thr = 0.9 WHERE transaction_id = 33")
    result = purged(lab)
    assert result.kept == {"changed": [6, 12, 21, 33]}
    assert result.rows["transaction"] == 35
    assert {row[0] for row in lab.rows("transaction")} == {6, 12, 21, 33, 40}


def test_a_row_that_became_the_last_one_stays(archived: Lab) -> None:
    lab = archived
    lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 40")
    lab.sql("DELETE FROM `transaction` WHERE transaction_id = 40")
    assert purged(lab).kept == {"last_key": [39]}
    assert {row[0] for row in lab.rows("transaction")} == {39}


def test_an_archive_that_is_purged_to_its_last_row_is_not_read_again(archived: Lab) -> None:
    purged(archived)
    assert purged(archived).archives == []


def test_an_archive_with_the_highest_key_is_read_again_and_finds_the_others_gone(archived: Lab) -> None:
    archived.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 40")
    archived.sql("DELETE FROM `transaction` WHERE transaction_id = 40")
    purged(archived)
    again = purged(archived)
    assert again.units == {"gone": 38, "last_key": 1}
    assert again.archives == ["archive-a"]


def test_a_second_purge_at_the_same_time_is_refused(archived: Lab) -> None:
    with archived.run().exclusive(PURGE_LOCK), pytest.raises(LockedError):
        purged(archived)
    assert archived.count("transaction") == 40


def damage(lab: Lab, how: str) -> None:
    folder = Path(lab.store.url) / "v1" / "archive" / "pred_bounding_box"
    (file,) = folder.rglob("part-*.parquet")
    if how == "missing":
        file.unlink()
    elif how == "cut short":
        file.write_bytes(file.read_bytes()[:-10])
    elif how == "one bit":
        body = bytearray(file.read_bytes())
        body[len(body) // 2] ^= 1
        file.write_bytes(bytes(body))
    elif how == "extra":
        (file.parent / "part-99999-extra.parquet").write_bytes(file.read_bytes())


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", r"archive-a: file v1/archive/pred_bounding_box/.*parquet is missing"),
        ("cut short", r"archive-a: file .*parquet was changed: \d+ bytes"),
        ("one bit", r"archive-a: file .*parquet was changed"),
        ("extra", r"archive-a: file .*part-99999-extra.parquet is not in the manifest"),
    ],
)
def test_a_damaged_archive_refuses_the_purge(archived: Lab, how: str, message: str) -> None:
    damage(archived, how)
    with pytest.raises(VerificationError, match=message) as caught:
        purged(archived)
    assert "\n" not in str(caught.value)
    assert archived.count("transaction") == 40


def test_one_flipped_value_is_found_even_where_file_and_etag_fit(archived: Lab) -> None:
    """A file that was rewritten, and a manifest that was made to fit it: only the rows tell."""
    lab = archived
    key = "v1/_manifests/archive-a.json"
    path = Path(lab.store.url) / key
    manifest = json.loads(path.read_text())
    (file,) = manifest["tables"]["pred_bounding_box"]["files"]
    target = Path(lab.store.url) / file["key"]
    rows = pq.read_table(target)
    position = rows.column_names.index("pred_cs")
    scores = [
        Decimal("0.123") if key == 77 else score
        for key, score in zip(rows["pred_bbox_id"].to_pylist(), rows["pred_cs"].to_pylist(), strict=True)
    ]
    pq.write_table(rows.set_column(position, "pred_cs", pa.array(scores, pa.decimal128(4, 3))), target)
    (item,) = [item for item in lab.store.list("v1/archive/pred_bounding_box/") if item.key == file["key"]]
    file["size"], file["etag"] = item.size, item.etag
    path.write_text(json.dumps(manifest))
    with pytest.raises(VerificationError, match=r"the rows in file .* are not those that were written"):
        purged(lab)
    assert lab.count("transaction") == 40


def test_an_archive_of_another_schema_refuses_the_purge(archived: Lab) -> None:
    other = Lab(archived.server, archived.store, f"{archived.schema}_other").create_schema()
    other.fill(40)
    with pytest.raises(UsageError, match=r"archive-a is of schema 'x_ray_\w+', the secret names 'x_ray_\w+_other'"):
        purged(other)
    assert other.count("transaction") == 40


def test_a_user_without_the_right_to_delete_deletes_nothing(archived: Lab) -> None:
    lab = archived
    user = f"reader_{lab.schema[-8:]}"
    lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'reader'")
    lab.sql(f"GRANT SELECT ON `{lab.schema}`.* TO '{user}'@'%'")
    try:
        with pytest.raises(BackupError, match=f"user '{user}' lacks DELETE on transaction, pred"):
            purge(lab.run(database=lab.database(username=user, password="reader")), 2, 100, 0.0)
    finally:
        lab.sql(f"DROP USER '{user}'@'%'")
    assert lab.count("transaction") == 40


def test_nothing_is_purged_from_an_archive_whose_run_did_not_finish(archived: Lab) -> None:
    lab = archived
    (Path(lab.store.url) / "v1/_manifests/archive-a.json").unlink()
    assert purged(lab).rows == {"transaction": 0, "pred_bounding_box": 0}


@pytest.mark.parametrize("days", [0, 1])
def test_an_age_that_zones_could_blur_is_refused(lab: Lab, days: int) -> None:
    with pytest.raises(UsageError, match=f"an age of {days} days is not allowed: use 2 or more"):
        purged(lab, days=days)


def test_no_statement_is_longer_than_the_server_takes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows a chunk may have: their keys are named in the statement."""
    lab.fill(100)
    archive(lab.run(), "a", 2)
    lengths: list[int] = []
    send = pymysql.connections.Connection.query

    def noted(connection: Any, sql: str, *arguments: Any) -> Any:
        if " IN (" in sql:
            lengths.append(sql.split(" IN (")[1].index(")"))
        return send(connection, sql, *arguments)

    monkeypatch.setattr(pymysql.connections.Connection, "query", noted)
    small = SmallTexts(lab.database().secret, "REQUIRED", limit=400)
    assert purge(lab.run(database=small), 2, 1_000_000, 0.0).rows["transaction"] == 99
    assert lengths
    assert max(lengths) <= 200
