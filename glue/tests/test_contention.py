"""Somebody else's transactions and rules are in the way: a purge or a restore waits, tries again, or names the row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest
from pymysql.constants import ER

from tests.support.lab import TABLES, Lab
from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import odd_lab
from xray_backup.archive import archive
from xray_backup.data_model import X_RAY
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.purge_record import PurgeResult
from xray_backup.restore import restore
from xray_backup.restore_definition import DefinitionTarget
from xray_backup.restore_result import RestoreResult
from xray_backup.restore_schema import definitions, find_target, make_tables
from xray_backup.restore_selection import Selection
from xray_backup.schema_definition import NO_DEFINITION
from xray_backup.snapshot import snapshot
from xray_backup.store import Store

Cursor = pymysql.cursors.Cursor


def purged(lab: Lab, chunk_rows: int) -> PurgeResult:
    return purge(lab.run(), 2, chunk_rows, 0.0)


def restored(lab: Lab, *names: str, schema: str | None = None) -> RestoreResult:
    return restore(lab.run(), names, schema, Selection())


def all_rows(lab: Lab, schema: str | None = None) -> dict[str, set[tuple[Any, ...]]]:
    return {table: lab.rows(table, schema) for table in TABLES}


@contextmanager
def transaction(lab: Lab) -> Iterator[Cursor]:
    """Somebody else's, rolled back at the end."""
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        yield cursor
        connection.rollback()


def until_somebody_waits(lab: Lab) -> None:
    for _ in range(1_000):
        if lab.sql("SELECT 1 FROM performance_schema.data_lock_waits"):
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


@contextmanager
def deadlock(lab: Lab, first: str, second: str) -> Iterator[list[int]]:
    """Somebody else takes `first`, and `second` once the work waits; he has changed more, so the work is the victim."""
    errors: list[int] = []

    def meet() -> None:
        until_somebody_waits(lab)
        try:
            cursor.execute(second)
        except pymysql.MySQLError as error:
            errors.append(error.args[0])
        cursor.connection.rollback()

    with transaction(lab) as cursor:
        cursor.execute("INSERT INTO image SELECT image_id + 1000000, bucket, folder, image_file FROM image")
        cursor.execute(first)
        other = threading.Thread(target=meet)
        other.start()
        yield errors
        other.join()


def deadlocks(lab: Lab) -> int:
    return int(lab.sql("SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'")[0][0])


def test_a_purge_that_a_deadlock_throws_back_tries_again(lab: Lab) -> None:
    lab.fill(400)
    archive(lab.run(), "a", 2)
    before = deadlocks(lab)
    with deadlock(
        lab,
        "SELECT * FROM pred_bounding_box WHERE transaction_id = 9 FOR UPDATE",
        "SELECT * FROM `transaction` WHERE transaction_id = 9 FOR UPDATE",
    ) as errors:
        result = purged(lab, 100_000)
    assert errors == []
    assert deadlocks(lab) > before
    assert (result.rows["transaction"], result.kept) == (399, {})


def test_a_purge_that_is_thrown_back_each_time_takes_smaller_chunks(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xray_backup.database._TRIES", 1)
    lab.fill(400)
    archive(lab.run(), "a", 2)
    before = deadlocks(lab)
    with deadlock(
        lab,
        "SELECT * FROM pred_bounding_box WHERE transaction_id = 9 FOR UPDATE",
        "SELECT * FROM `transaction` WHERE transaction_id = 9 FOR UPDATE",
    ):
        result = purged(lab, 100_000)
    assert deadlocks(lab) > before
    assert (result.rows["transaction"], result.kept) == (399, {})


def test_a_restore_that_a_deadlock_throws_back_tries_again(lab: Lab) -> None:
    lab.fill(400)
    before, already = all_rows(lab), deadlocks(lab)
    snapshot(lab.run(), "s", 60)
    lab.sql("DELETE FROM pred_bounding_box")
    lab.sql("DELETE FROM `transaction`")
    with deadlock(
        lab,
        "INSERT INTO `transaction` VALUES (300, 1, '2022-01-01', 0, 0)",
        "INSERT INTO `transaction` VALUES (10, 1, '2022-01-01', 0, 0)",
    ) as errors:
        result = restored(lab, "snapshot-s")
    assert errors == []
    assert deadlocks(lab) > already
    assert (result["transaction"].inserted, result["transaction"].conflicts) == (400, [])
    assert all_rows(lab) == before


def test_one_row_that_the_app_holds_keeps_its_unit_alone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xray_backup.purge.LOCK_WAIT_SECONDS", 1)
    lab.fill(64)
    archive(lab.run(), "a", 2)
    with transaction(lab) as app:
        app.execute("UPDATE pred_bounding_box SET x_min = x_min + 1 WHERE pred_bbox_id = 101")
        result = purged(lab, 96)
        assert (result.units, result.kept) == ({"deleted": 62, "locked": 1}, {"locked": [21]})
        assert {row[0] for row in lab.rows("transaction")} == {21, 64}
    result = purged(lab, 96)
    assert (result.units, result.kept) == ({"gone": 62, "deleted": 1}, {})


RULES: dict[str, tuple[str, int]] = {
    "CHECK": ("ALTER TABLE `transaction` ADD CONSTRAINT rule CHECK (time <> '2022-05-24 11:13:23')", 3819),
    "SIGNAL": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF; END",
        1644,
    ),
    "SIGNAL with a number of its own": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31000, MESSAGE_TEXT = 'no'; END IF; END",
        31000,
    ),
    "SIGNAL of the class of a syntax error": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SIGNAL SQLSTATE '42000' SET MESSAGE_TEXT = 'no'; END IF; END",
        1644,
    ),
    "SIGNAL of the class HY": (
        "CREATE TRIGGER rule AFTER INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 3000, MESSAGE_TEXT = 'no'; END IF; END",
        3000,
    ),
    "a trigger that fails": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " BEGIN DECLARE x INT; SELECT 1 INTO x FROM (SELECT 1 UNION ALL SELECT 2) t; END; END IF; END",
        1172,
    ),
    "JSON": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SET @x = JSON_EXTRACT('no', '$'); END IF; END",
        3141,
    ),
    "NOT NULL": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SET NEW.cs_thr = NULL; END IF; END",
        ER.BAD_NULL_ERROR,
    ),
    "out of range": (
        "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW BEGIN IF NEW.transaction_id = 5 THEN"
        " SET NEW.cs_thr = 100; END IF; END",
        ER.WARN_DATA_OUT_OF_RANGE,
    ),
    "no partition": (
        "ALTER TABLE pred_bounding_box PARTITION BY LIST (pred_bbox_id MOD 20)"
        " (PARTITION p VALUES IN (0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19))",
        1526,
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_row_that_a_rule_of_the_target_refuses_is_named_and_all_others_come(loose_lab: Lab, rule: str) -> None:
    lab = loose_lab
    lab.fill(8)
    before = all_rows(lab)
    snapshot(lab.run(), "s", 60)
    for table in TABLES:
        lab.sql(f"DELETE FROM `{table}`")
    statement, code = RULES[rule]
    lab.sql(statement)
    table, refused = ("pred_bounding_box", {5, 25}) if rule == "no partition" else ("transaction", {5})
    assert not lab.rows(table)
    with pytest.raises(pymysql.MySQLError) as caught:
        _insert(lab, table, before[table], 5)
    assert caught.value.args[0] == code
    result = restored(lab, "snapshot-s")
    assert set(result[table].refused) == refused
    assert lab.rows(table) == {row for row in before[table] if row[0] not in refused}
    assert sum(len(other.refused) for other in result.values()) == len(refused)


CHANGES = {
    "BEFORE INSERT": "CREATE TRIGGER rule BEFORE INSERT ON `transaction` FOR EACH ROW"
    " SET NEW.cs_thr = IF(NEW.transaction_id = 5, 0.111, NEW.cs_thr)",
    "a DECIMAL of fewer digits": "ALTER TABLE `transaction` MODIFY cs_thr DECIMAL(4,1) NOT NULL",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_row_that_the_server_keeps_otherwise_is_named_and_all_others_come(loose_lab: Lab, change: str) -> None:
    lab = loose_lab
    lab.fill(8)
    lab.sql("UPDATE `transaction` SET cs_thr = 0.234 WHERE transaction_id = 5")
    before = all_rows(lab)
    snapshot(lab.run(), "s", 60)
    for table in TABLES:
        lab.sql(f"DELETE FROM `{table}`")
    lab.sql(CHANGES[change])
    result = restored(lab, "snapshot-s")
    assert [(table.inserted, table.refused) for table in result.values()] == [(8, []), (7, [5]), (40, [])]
    assert lab.rows("transaction") == {row for row in before["transaction"] if row[0] != 5}


def test_keys_that_were_added_later_make_conflicts_and_orphans(loose_lab: Lab) -> None:
    lab = loose_lab
    lab.fill(6, 1)
    lab.sql("UPDATE `transaction` SET image_id = 99 WHERE transaction_id = 3")
    lab.sql("UPDATE image SET image_file = 'img_1' WHERE image_id = 4")
    snapshot(lab.run(), "s", 60)
    for table in reversed(TABLES):
        lab.sql(f"DELETE FROM `{table}`")
    lab.sql("ALTER TABLE image ADD UNIQUE (folder, image_file)")
    lab.sql("ALTER TABLE `transaction` ADD FOREIGN KEY (image_id) REFERENCES image (image_id)")
    result = restored(lab, "snapshot-s")
    assert (result["image"].inserted, result["image"].conflicts) == (5, [4])
    assert (result["transaction"].inserted, result["transaction"].orphans) == (4, [3, 4])
    assert result["pred_bounding_box"].inserted == 6


def test_a_null_where_the_target_has_none_is_refused(server: MySqlServer, folder_store: Store) -> None:
    with odd_lab(server, folder_store) as lab:
        lab.insert("note", [(1, "a", "t", 1, None, None), (2, None, "t", 2, None, None), (3, "c", "t", 3, None, None)])
        snapshot(lab.run(), "s", 60)
        before = lab.bytes_of("note")
        lab.sql("DELETE FROM note")
        lab.sql("ALTER TABLE note MODIFY body VARCHAR(4000) NOT NULL")
        result = restored(lab, "snapshot-s")
        assert (result["note"].inserted, result["note"].refused) == (2, [2])
        assert lab.bytes_of("note") == [row for row in before if row[1] is not None]


def _insert(lab: Lab, table: str, rows: set[tuple[Any, ...]], key: int) -> None:
    (row,) = (row for row in rows if row[0] == key)
    lab.sql(f"INSERT INTO `{table}` VALUES ({', '.join(['%s'] * len(row))})", row)


def test_of_two_backups_that_share_keys_the_first_wins_and_each_row_is_told_of_once(lab: Lab) -> None:
    lab.fill(10)
    snapshot(lab.run(), "old", 60)
    old = all_rows(lab)
    lab.sql("UPDATE `transaction` SET cs_thr = 0.9 WHERE transaction_id IN (3, 4)")
    lab.fill(2, first=11)
    snapshot(lab.run(), "new", 60)
    new = all_rows(lab)
    first, second = f"{lab.schema}_a", f"{lab.schema}_b"
    result = restored(lab, "snapshot-new", "snapshot-old", schema=first)
    assert (result["transaction"].inserted, result["transaction"].conflicts) == (12, [3, 4])
    assert all_rows(lab, first) == new
    restored(lab, "snapshot-old", "snapshot-new", schema=second)
    assert lab.rows("transaction", second) == old["transaction"] | {row for row in new["transaction"] if row[0] > 10}
    lab.sql("UPDATE `transaction` SET cs_thr = 0.1 WHERE transaction_id = 3")
    assert restored(lab, "snapshot-new", "snapshot-old")["transaction"].conflicts == [3, 4]


def killed_after(made: int) -> Callable[[Lab, str], None]:
    def leave(lab: Lab, schema: str) -> None:
        manifest = load_manifest(lab.store, "snapshot-s")
        tables = definitions(manifest, X_RAY)
        with lab.database().session("") as connection:
            target = find_target(connection, schema, tables)
        rest = DefinitionTarget(lab.database(), schema, lab.schema, NO_DEFINITION, runs_events=False)
        make_tables(target, dict(list(tables.items())[:made]), rest)
        if made > len(TABLES):
            lab.sql(f"INSERT INTO `{schema}`.image SELECT * FROM image WHERE image_id < 3")

    return leave


@pytest.mark.parametrize("made", [0, 1, 3, 4], ids=["schema", "one table", "all tables", "tables and some rows"])
def test_a_restore_into_nothing_that_was_left_half_done_is_completed(lab: Lab, made: int) -> None:
    lab.fill(6)
    snapshot(lab.run(), "s", 60)
    drill = f"{lab.schema}_drill"
    killed_after(made)(lab, drill)
    restored(lab, "snapshot-s", schema=drill)
    assert all_rows(lab, drill) == all_rows(lab)
    for table in TABLES:
        ((here,), (there,)) = (
            lab.sql(
                "SELECT GROUP_CONCAT(DISTINCT constraint_name, constraint_type ORDER BY 1) FROM"
                f" information_schema.table_constraints WHERE table_schema = '{schema}' AND table_name = '{table}'"
            )[0]
            for schema in (lab.schema, drill)
        )
        assert here == there
        comment = f"SELECT table_comment FROM information_schema.tables WHERE table_schema = '{drill}'"
        assert lab.sql(f"{comment} AND table_name = '{table}'") == [("",)]
