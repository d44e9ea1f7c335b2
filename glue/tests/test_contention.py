"""Somebody else's transactions and rules are in the way: a purge or a restore waits, tries again, or names the row."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
import pytest
from pymysql.constants import ER

from tests.support.lab import TABLES, Lab
from tests.support.model_lab import ModelLab
from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import odd_lab
from tests.support.workloads import on_every_model
from xray_backup.archive import archive
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
FULL = pytest.mark.parametrize("model", on_every_model(), indirect=True)


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
def deadlock(lab: ModelLab, first: str, second: str) -> Iterator[list[int]]:
    """Somebody else takes `first`, and `second` once the work waits; he has changed more, so the work is the victim."""
    errors: list[int] = []

    def meet() -> None:
        until_somebody_waits(lab)
        try:
            cursor.execute(second)
        except pymysql.MySQLError as error:
            errors.append(error.args[0])
        cursor.connection.rollback()

    other_schema = f"{lab.schema}_other"
    lab.sql(f"CREATE DATABASE IF NOT EXISTS `{other_schema}`")
    lab.sql(f"CREATE TABLE `{other_schema}`.ballast (n INT PRIMARY KEY)")
    with transaction(lab) as cursor:
        cursor.executemany(f"INSERT INTO `{other_schema}`.ballast VALUES (%s)", [(n,) for n in range(3_000)])
        cursor.execute(first)
        other = threading.Thread(target=meet)
        other.start()
        yield errors
        other.join()


def deadlocks(lab: Lab) -> int:
    return int(lab.sql("SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'")[0][0])


def without_last_unit(result: PurgeResult, lab: ModelLab, last: int) -> dict[str, list[int | str]]:
    """The units that a purge kept, but for the one with the highest key: not every archive holds it."""
    kept = {str(outcome): list(units) for outcome, units in result.kept.items()}
    assert kept.pop("last_key", lab.named(last)) == lab.named(last)
    return kept


@pytest.mark.parametrize("tries", [5, 1], ids=["as often as it does", "once"])
def test_a_purge_that_a_deadlock_throws_back_tries_again_or_takes_a_smaller_chunk(
    model_lab: ModelLab, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xray_backup.database._TRIES", tries)
    lab = model_lab
    lab.fill_units(400)
    archive(lab.run(), "a", 2)
    before = deadlocks(lab)
    with deadlock(
        lab,
        f"SELECT * FROM {lab.child} WHERE {lab.child_key} IN {lab.children_of(9)} FOR UPDATE",
        f"SELECT * FROM {lab.anchor} WHERE {lab.is_unit(9)} FOR UPDATE",
    ) as errors:
        result = purged(lab, 100_000)
    assert errors == []
    assert deadlocks(lab) > before
    assert (result.rows[lab.scope.anchor.name], without_last_unit(result, lab, 400)) == (399, {})
    assert lab.numbers() == {400}


@FULL
def test_a_restore_that_a_deadlock_throws_back_tries_again(model_lab: ModelLab) -> None:
    lab = model_lab
    lab.fill_units(400)
    before, already = lab.everything(), deadlocks(lab)
    snapshot(lab.run(), "s", 60)
    rows = f"`{lab.schema}_other`.rows_of_before"
    lab.sql(f"CREATE DATABASE `{lab.schema}_other`")
    lab.sql(f"CREATE TABLE {rows} AS SELECT * FROM {lab.anchor}")
    lab.empty_units()
    with deadlock(
        lab,
        f"INSERT INTO {lab.anchor} SELECT * FROM {rows} WHERE {lab.is_unit(300)}",
        f"INSERT INTO {lab.anchor} SELECT * FROM {rows} WHERE {lab.is_unit(10)}",
    ) as errors:
        result = restored(lab, "snapshot-s")
    assert errors == []
    assert deadlocks(lab) > already
    anchor = result[lab.scope.anchor.name]
    assert (anchor.inserted, anchor.conflicts) == (400, [])
    assert lab.everything() == before


def test_one_row_that_the_app_holds_keeps_its_unit_alone(model_lab: ModelLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xray_backup.purge.LOCK_WAIT_SECONDS", 1)
    lab = model_lab
    lab.fill_units(64)
    archive(lab.run(), "a", 2)
    held, kept = lab.children_of(21)[0], lab.named(21)
    with transaction(lab) as app:
        app.execute(f"UPDATE {lab.child} SET {lab.kind.changed} WHERE {lab.child_key} = {held}")
        result = purged(lab, 24)
        assert without_last_unit(result, lab, 64) == {"locked": kept}
        assert (result.units["deleted"], result.units["locked"]) == (62, 1)
        assert lab.numbers() == {21, 64}
    result = purged(lab, 24)
    assert without_last_unit(result, lab, 64) == {}
    assert (result.units["gone"], result.units["deleted"]) == (62, 1)


def trigger(body: str) -> str:
    """On each unit's children, whose rows of unit 5 it refuses."""
    return f"CREATE TRIGGER rule BEFORE INSERT ON {{child}} FOR EACH ROW BEGIN IF {{unit_5}} THEN {body}; END IF; END"


TRIGGERS: dict[str, tuple[str, int]] = {
    "SIGNAL": (trigger("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'"), 1644),
    "SIGNAL with a number of its own": (
        trigger("SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 31000, MESSAGE_TEXT = 'no'"),
        31000,
    ),
    "SIGNAL of the class of a syntax error": (trigger("SIGNAL SQLSTATE '42000' SET MESSAGE_TEXT = 'no'"), 1644),
    "SIGNAL of the class HY": (
        trigger("SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 3000, MESSAGE_TEXT = 'no'").replace("BEFORE", "AFTER"),
        3000,
    ),
    "a trigger that fails": (
        trigger("BEGIN DECLARE x INT; SELECT 1 INTO x FROM (SELECT 1 UNION ALL SELECT 2) t; END"),
        1172,
    ),
    "JSON": (trigger("SET @x = JSON_EXTRACT('no', '$')"), 3141),
}


@FULL
@pytest.mark.parametrize("rule", TRIGGERS)
def test_a_row_that_a_trigger_of_the_target_refuses_is_named_and_all_others_come(
    model_lab: ModelLab, rule: str
) -> None:
    lab = model_lab
    lab.fill_units(8)
    before = lab.everything()
    snapshot(lab.run(), "s", 60)
    children = lab.model.table(lab.kind.child)
    refused = set(lab.named_rows(children, lab.is_unit(5)))
    kept = f"`{lab.schema}_kept`"
    lab.sql(f"CREATE DATABASE {kept}")
    lab.sql(f"CREATE TABLE {kept}.refused AS SELECT * FROM {lab.child} WHERE {lab.is_unit(5)} LIMIT 1")
    for table in reversed(lab.scope.purged[1:]):
        lab.sql(f"DELETE FROM {table.quoted}")
    statement, code = TRIGGERS[rule]
    lab.sql(statement.format(child=lab.child, unit_5=f"NEW.{lab.is_unit(5)}"))
    with pytest.raises(pymysql.MySQLError) as caught:
        lab.sql(f"INSERT INTO {lab.child} SELECT * FROM {kept}.refused")
    assert caught.value.args[0] == code
    result = restored(lab, "snapshot-s")
    assert set(result[lab.kind.child].refused) == refused
    # A refused row's own children have no parent.
    lacking = {name: len(rows - lab.everything()[name]) for name, rows in before.items()}
    assert lacking == {name: len(table.refused) + len(table.orphans) for name, table in result.items()}
    assert all(rows <= before[name] for name, rows in lab.everything().items())


RULES: dict[str, tuple[str, int]] = {
    "CHECK": ("ALTER TABLE `transaction` ADD CONSTRAINT rule CHECK (time <> '2022-05-24 11:13:23')", 3819),
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


@FULL
def test_of_two_backups_that_share_keys_the_first_wins_and_each_row_is_told_of_once(model_lab: ModelLab) -> None:
    lab = model_lab
    anchor = lab.scope.anchor.name
    lab.fill_units(10)
    snapshot(lab.run(), "old", 60)
    old = lab.everything()[anchor]
    for unit in (3, 4):
        lab.set_age(unit, 60 * 24 * 90)
    lab.fill_units(2, first=11)
    snapshot(lab.run(), "new", 60)
    everything = lab.everything()
    new, changed = everything[anchor], lab.named(3, 4)
    first, second = f"{lab.schema}_a", f"{lab.schema}_b"
    result = restored(lab, "snapshot-new", "snapshot-old", schema=first)[anchor]
    assert (result.inserted, sorted(result.conflicts)) == (12, sorted(changed))
    assert lab.everything(first) == everything
    restored(lab, "snapshot-old", "snapshot-new", schema=second)
    known = {key for key, _ in old}
    assert lab.everything(second)[anchor] == old | {row for row in new if row[0] not in known}
    lab.set_age(3, 60 * 24 * 91)
    assert sorted(restored(lab, "snapshot-new", "snapshot-old")[anchor].conflicts) == sorted(changed)


def left_after(lab: ModelLab, schema: str, made: int, with_rows: bool) -> None:
    """A restore that was killed once it had made so many tables."""
    manifest = load_manifest(lab.store, "snapshot-s")
    tables = definitions(manifest, manifest.model)
    with lab.database().session("") as connection:
        target = find_target(connection, schema, tables)
    rest = DefinitionTarget(lab.database(), schema, lab.schema, NO_DEFINITION, runs_events=False)
    make_tables(target, dict(list(tables.items())[:made]), rest)
    if with_rows:
        first = lab.model.tables[0].quoted
        lab.sql(f"INSERT INTO `{schema}`.{first} SELECT * FROM {first} LIMIT 2")


@FULL
@pytest.mark.parametrize(
    ("made", "with_rows"), [(0, False), (1, False), (99, False), (99, True)],
    ids=["schema", "one table", "all tables", "tables and some rows"],
)  # fmt: skip
def test_a_restore_into_nothing_that_was_left_half_done_is_completed(
    model_lab: ModelLab, made: int, with_rows: bool
) -> None:
    lab = model_lab
    lab.fill_units(6)
    snapshot(lab.run(), "s", 60)
    drill = f"{lab.schema}_drill"
    left_after(lab, drill, made, with_rows)
    restored(lab, "snapshot-s", schema=drill)
    assert lab.everything(drill) == lab.everything()
    for table in lab.model.tables:
        ((here,), (there,)) = (
            lab.sql(
                "SELECT GROUP_CONCAT(DISTINCT constraint_name, constraint_type ORDER BY 1) FROM"
                f" information_schema.table_constraints WHERE table_schema = '{schema}' AND table_name = '{table.name}'"
            )[0]
            for schema in (lab.schema, drill)
        )
        assert here == there
        comment = f"SELECT table_comment FROM information_schema.tables WHERE table_schema = '{drill}'"
        assert lab.sql(f"{comment} AND table_name = '{table.name}'") == [("",)]
