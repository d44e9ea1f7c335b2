"""A purge deletes exactly what a verified archive holds, while it is what was archived; all else makes it refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pyarrow.parquet as pq
import pymysql
import pytest

from tests.support.lab import TABLES, Lab
from tests.support.model_lab import ModelLab
from tests.support.mysql_server import MySqlServer
from tests.support.reading import backed_up
from tests.support.saved import saved_lab, saved_model_lab
from tests.support.small_texts import SmallTexts
from tests.support.workload import Model
from tests.support.workloads import on_every_model
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


FULL = pytest.mark.parametrize("model", on_every_model(), indirect=True)


@pytest.fixture(scope="module")
def units_once(
    server: MySqlServer, model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], ModelLab]]:
    folder = tmp_path_factory.mktemp("units")
    with saved_model_lab(
        server, folder, model, lambda lab: lab.fill_units(40, first=11), lambda lab: archive(lab.run(), "a", 2)
    ) as back:
        yield back


@pytest.fixture
def units(units_once: Callable[[], ModelLab]) -> Iterator[ModelLab]:
    """40 old units with the numbers 11 to 50, archived; 50 has the highest keys and always stays."""
    lab = units_once()
    kept = {table.name for table in lab.model.tables} - {table.name for table in lab.scope.purged}
    before = lab.everything(tables=kept)
    yield lab
    # Whatever a test did; a new unit may bring rows of its own.
    assert all(before[table] <= rows for table, rows in lab.everything(tables=kept).items())


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


@FULL
def test_what_a_purge_found_changed_is_archived_anew_as_it_is_now(units: ModelLab) -> None:
    lab = units
    lab.sql(f"UPDATE {lab.child} SET {lab.kind.changed} WHERE {lab.is_unit(16)}")
    assert purged(lab).kept["changed"] == lab.named(16)
    # Higher keys than those of 50, which an archive may hold: it ends with that unit.
    lab.fill_units(1, first=60)
    purged(lab)
    now = lab.everything()
    archive(lab.run(), "b", 2)
    anew = lab.backed_up("archive-b")
    assert all(rows <= now[name] for name, rows in anew.items())
    purged(lab)
    assert lab.numbers() == {60}
    assert all(now[table.name] - lab.everything()[table.name] <= anew[table.name] for table in lab.scope.purged)


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


@FULL
def test_an_archive_from_before_a_migration_does_not_stop_the_purge_for_ever(model_lab: ModelLab) -> None:
    lab = model_lab
    lab.fill_units(5)
    archive(lab.run(), "a", 2)
    lab.sql(f"ALTER TABLE {lab.anchor} ADD COLUMN note VARCHAR(50) NULL")
    assert set(purged(lab).rows.values()) == {0}
    assert lab.events.of("skipped") == [{"backup": "archive-a", "reason": "it is of another data model"}]
    archive(lab.run(), "b", 2)
    assert purged(lab).rows[lab.scope.anchor.name] == 4
    assert lab.numbers() == {5}


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


@FULL
def test_a_purge_that_stops_half_way_leaves_a_record_of_what_it_deleted(units: ModelLab) -> None:
    class StoppedError(Exception):
        pass

    def stop(event: str, **fields: object) -> None:
        if event == "progress" and str(fields["step"]).startswith("purge") and cast(int, fields["done"]) >= 10:
            raise StoppedError

    lab, anchor = units, units.scope.anchor.name
    run = lab.run("purge", events=stop)
    with pytest.raises(StoppedError):
        purge(run, 2, 20, 0.0)
    content = lab.store.read(f"v1/_purges/{run.run_id}/result.json")
    assert content is not None
    result = json.loads(content.body)
    deleted = result["rows"][anchor]
    # A chunk that the other connection had begun comes to its end, and is told of.
    assert (result["completed"], 10 <= deleted <= 20) == (False, True)
    assert len(lab.numbers()) == 40 - deleted
    again = purged(lab)
    assert (again.units["gone"], again.rows[anchor]) == (deleted, 39 - deleted)


def test_young_rows_of_an_archive_stay(lab: Lab) -> None:
    lab.fill(10, start="2022-01-01")
    lab.fill(10, first=101, start="2022-01-01")
    lab.sql("UPDATE `transaction` SET time = UTC_TIMESTAMP() - INTERVAL 10 DAY WHERE transaction_id > 100")
    archive(lab.run(), "a", 2)
    assert purged(lab, days=30).rows["transaction"] == 10
    assert lab.count("transaction") == 10


def test_rows_that_changed_since_are_kept_and_named_all_others_go(units: ModelLab) -> None:
    lab = units
    lab.sql(f"UPDATE {lab.child} SET {lab.kind.changed} WHERE {lab.is_unit(16)}")
    lab.add_child(22, key=5)
    lab.sql(f"DELETE FROM {lab.child} WHERE {lab.child_key} = {lab.children_of(31)[1]}")
    lab.set_age(43, 60 * 24 * 90)
    changed = lab.named(16, 22, 31, 43)
    result = purged(lab)
    kept = {outcome: sorted(map(str, units)) for outcome, units in result.kept.items() if outcome != "last_key"}
    assert kept == {"changed": sorted(map(str, changed))}
    assert result.rows[lab.scope.anchor.name] == 35
    assert lab.numbers() == {16, 22, 31, 43, 50}


@FULL
def test_a_row_that_became_the_last_one_stays(units: ModelLab) -> None:
    lab = units
    lab.delete_unit(50)
    last = lab.named(49)
    result = purged(lab)
    assert result.kept == {"last_key": last}
    assert lab.numbers() == {49}


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


@FULL
def test_a_second_purge_at_the_same_time_is_refused(units: ModelLab) -> None:
    with units.run().exclusive(PURGE_LOCK), pytest.raises(LockedError):
        purged(units)
    assert units.units() == 40


def damage(lab: ModelLab, how: str) -> None:
    (file, *_) = (Path(lab.store.url) / "v1" / "archive" / lab.kind.child).rglob("part-*.parquet")
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


@FULL
@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", r"archive-a: file v1/archive/\w+/.*parquet is missing"),
        ("cut short", r"archive-a: file .*parquet was changed: \d+ bytes"),
        ("one bit", r"archive-a: file .*parquet was changed"),
        ("extra", r"archive-a: file .*part-99999-extra.parquet is not in the manifest"),
    ],
)
def test_a_damaged_archive_refuses_the_purge(units: ModelLab, how: str, message: str) -> None:
    before = units.everything()
    damage(units, how)
    with pytest.raises(VerificationError, match=message) as caught:
        purged(units)
    assert "\n" not in str(caught.value)
    assert units.everything() == before


def test_one_flipped_value_is_found_even_where_file_and_etag_fit(units: ModelLab) -> None:
    """A file that was rewritten, and a manifest that was made to fit it: only the rows tell."""
    lab = units
    before = lab.everything()
    key = "v1/_manifests/archive-a.json"
    path = Path(lab.store.url) / key
    manifest = json.loads(path.read_text())
    (file,) = manifest["tables"][lab.kind.child]["files"]
    target = Path(lab.store.url) / file["key"]
    rows = pq.read_table(target)
    name = lab.kind.changed.split()[0]
    position = rows.column_names.index(name)
    # Of the eighth row, the value of the ninth.
    others = [*range(7), 8, *range(8, rows.num_rows)]
    assert rows[name][7] != rows[name][8]
    pq.write_table(rows.set_column(position, rows.schema.field(position), rows[name].take(others)), target)
    (item,) = [item for item in lab.store.list(f"v1/archive/{lab.kind.child}/") if item.key == file["key"]]
    file["size"], file["etag"] = item.size, item.etag
    path.write_text(json.dumps(manifest))
    with pytest.raises(VerificationError, match=r"the rows in file .* are not those that were written"):
        purged(lab)
    assert lab.everything() == before


@FULL
def test_an_archive_of_another_schema_refuses_the_purge(units: ModelLab) -> None:
    other = replace(units, schema=f"{units.schema}_other").create_schema()
    other.fill_units(40)
    with pytest.raises(UsageError, match=rf"archive-a is of schema '{units.schema}', the secret names '\w+_other'"):
        purged(other)
    assert other.units() == 40


@FULL
def test_a_user_without_the_right_to_delete_deletes_nothing(units: ModelLab) -> None:
    lab = units
    user = f"reader_{lab.schema[-8:]}"
    lab.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'reader'")
    lab.sql(f"GRANT SELECT ON `{lab.schema}`.* TO '{user}'@'%'")
    lacks = f"user '{user}' lacks DELETE on {lab.scope.anchor.name}, {lab.kind.child}"
    try:
        with pytest.raises(BackupError, match=lacks):
            purge(lab.run(database=lab.database(username=user, password="reader")), 2, 100, 0.0)
    finally:
        lab.sql(f"DROP USER '{user}'@'%'")
    assert lab.units() == 40


@FULL
def test_nothing_is_purged_from_an_archive_whose_run_did_not_finish(units: ModelLab) -> None:
    (Path(units.store.url) / "v1/_manifests/archive-a.json").unlink()
    assert set(purged(units).rows.values()) == {0}
    assert units.units() == 40


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
