"""A purge deletes only what a restore can bring back: the same code says so of both."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from tests.support.lab import Emulator, Lab, command
from tests.support.model_lab import ModelLab
from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import MODEL, odd_lab
from tests.support.workloads import on_every_model
from xray_backup.archive import archive
from xray_backup.data_model import quoted
from xray_backup.literals import without_statement
from xray_backup.purge import purge
from xray_backup.purge_record import PurgeResult
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.store import Store

FULL = pytest.mark.parametrize("model", on_every_model(), indirect=True)


def purged(lab: Lab, dry_run: bool = False) -> PurgeResult:
    return purge(lab.run("purge", dry_run=dry_run), 2, 50, 0.0)


def without_checks(lab: Lab, *statements: str) -> None:
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        for statement in ("SET SESSION foreign_key_checks = 0", *statements):
            cursor.execute(statement)


@FULL
def test_an_anchor_without_its_parent_is_kept_and_named_all_others_go(model_lab: ModelLab, emulator: Emulator) -> None:
    lab, anchor = model_lab, model_lab.scope.anchor
    lab.fill_units(8)
    # To the table with the most parents.
    owner = max(
        anchor.foreign_keys, key=lambda key: lab.sql(f"SELECT COUNT(DISTINCT {key.columns[0]}) FROM {lab.anchor}")
    )
    column, key = quoted(owner.columns[0]), quoted(owner.referenced_columns[0])
    parents = f"(SELECT {column} FROM {lab.anchor} WHERE {lab.is_unit(3)} OR {lab.is_unit(5)})"
    alone = {number for (number,) in lab.sql(f"SELECT {lab.kind.number} FROM {lab.anchor} WHERE {column} IN {parents}")}
    assert alone in ({3, 5}, {3, 5, 8})
    without_checks(lab, f"DELETE FROM {quoted(owner.table)} WHERE {key} IN {parents}")
    before = lab.everything()
    archive(lab.run(), "a", 2)
    named = sorted(lab.named(*(alone - lab.not_archived(8))), key=str)
    for dry_run in (True, False):
        result = purged(lab, dry_run)
        gone = result.units["would_delete" if dry_run else "deleted"]
        assert (result.units["no_parent"], gone) == (len(named), 8 - len(alone | {8}))
        assert sorted(result.kept["no_parent"], key=str) == named
        assert result.obstacles == [
            f"the archive lacks the parent of {anchor.name}, which a restore needs before it:"
            f" {', '.join(map(str, named))}"
        ]
    assert lab.numbers() == {8} | alone
    policies = ["--policies", lab.kind.policies]
    process = command("purge", *lab.options(emulator), *policies, "--older-than-days", "2", "--mode", "execute")
    _, error = process.communicate(timeout=60)
    assert (process.returncode, f"{len(named)} units were kept" in error) == (1, True)
    # Everything that went comes back.
    assert not restore(lab.run(), ["archive-a"], None, Selection())[anchor.name].refused
    assert lab.everything() == before


def test_a_unit_that_was_corrected_since_goes_with_the_next_archive(lab: Lab) -> None:
    lab.fill(8)
    without_checks(lab, "DELETE FROM image WHERE image_id IN (3, 5)")
    archive(lab.run(), "a", 2)
    assert purged(lab).units == {"no_parent": 2, "deleted": 5}
    lab.sql("UPDATE `transaction` SET image_id = 1 WHERE transaction_id = 3")
    result = purged(lab)
    assert (result.units, result.kept) == (
        {"no_parent": 1, "changed": 1, "gone": 5}, {"no_parent": [5], "changed": [3]}
    )  # fmt: skip
    lab.sql("UPDATE `transaction` SET image_id = 1 WHERE transaction_id = 5")
    assert purged(lab).units == {"changed": 2, "gone": 5}
    archive(lab.run(), "b", 2)
    assert purged(lab).units == {"deleted": 2}
    assert {row[0] for row in lab.rows("transaction")} == {8}


def test_a_parent_in_another_schema_keeps_every_unit(lab: Lab) -> None:
    other = f"{lab.schema}_clinic"
    lab.fill(4)
    lab.sql(f"CREATE DATABASE `{other}`")
    lab.sql(f"CREATE TABLE `{other}`.ward (ward_id INT PRIMARY KEY)")
    lab.sql(f"INSERT INTO `{other}`.ward VALUES (1)")
    lab.sql("ALTER TABLE `transaction` ADD COLUMN ward_id INT NULL")
    lab.sql(
        f"ALTER TABLE `transaction` ADD CONSTRAINT in_ward FOREIGN KEY (ward_id) REFERENCES `{other}`.ward (ward_id)"
    )
    archive(lab.run(), "a", 2)
    result = purged(lab)
    assert (result.units, result.obstacles) == (
        {"blocked": 3},
        [f"foreign key in_ward of transaction references {other}.ward, whose rows no archive of this schema holds"],
    )
    assert lab.count("transaction") == 4


def test_a_unit_that_is_gone_is_kept_for_no_reason(lab: Lab) -> None:
    lab.fill(4)
    without_checks(lab, "DELETE FROM image WHERE image_id IN (2, 3)")
    archive(lab.run(), "a", 2)
    lab.sql("DELETE FROM pred_bounding_box WHERE transaction_id = 3")
    lab.sql("DELETE FROM `transaction` WHERE transaction_id = 3")
    assert purged(lab).units == {"no_parent": 1, "gone": 1, "deleted": 1}


@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_rows_with_a_generated_column_go_and_come_back(lab: Lab, kind: str) -> None:
    lab.fill(6, boxes_each=1)
    lab.sql("ALTER TABLE pred_bounding_box DROP COLUMN x_max")
    lab.sql(
        f"ALTER TABLE pred_bounding_box ADD COLUMN x_max INT GENERATED ALWAYS AS (x_min + 50) {kind} NOT NULL"
        " AFTER y_min"
    )
    before = lab.rows("pred_bounding_box")
    archive(lab.run(), "a", 2)
    assert purged(lab).units == {"deleted": 5}
    restore(lab.run(), ["archive-a"], None, Selection())
    assert lab.rows("pred_bounding_box") == before


@FULL
def test_a_trigger_that_may_change_what_a_restore_inserts_keeps_every_unit(model_lab: ModelLab) -> None:
    lab, anchor = model_lab, model_lab.scope.anchor.name
    lab.fill_units(4)
    archive(lab.run(), "a", 2)
    time = lab.scope.time_column.quoted
    lab.sql(f"CREATE TRIGGER stamped BEFORE INSERT ON {lab.anchor} FOR EACH ROW SET NEW.{time} = UTC_TIMESTAMP()")
    result = purged(lab)
    assert result.units == {"blocked": 4 - len(lab.not_archived(4))}
    assert result.obstacles == [
        f"trigger {lab.schema}.stamped (BEFORE INSERT) may change what a restore inserts into {anchor}"
    ]
    assert lab.units() == 4


# Half of a surrogate pair, which MySQL takes by way of UCS-2, and one beside a character that UCS-2 has not.
HALF = b"\xed\xa0\x80"
NO_STATEMENT = HALF + "😀".encode()


def test_wide_texts_go_and_come_back(server: MySqlServer, folder_store: Store) -> None:
    with odd_lab(server, folder_store) as lab:
        lab.insert("visit", [(key, None, "2022-01-01 10:00:00") for key in range(1, 5)])
        lab.insert("mark", [(1, 1, "😀" * 4000), (2, 2, HALF + "ü".encode() * 3999), (3, 3, "\\'" * 2000), (4, 4, "x")])
        before = lab.all_bytes()
        archive(lab.run(), "a", 2)
        assert purged(lab).units == {"deleted": 3}
        restore(lab.run(), ["archive-a"], None, Selection())
        assert lab.all_bytes() == before


@pytest.mark.parametrize(
    ("words", "most_bytes", "lost"),
    [
        (["a", "😀", None], 1000, None),
        ([HALF, NO_STATEMENT, "a"], 1000, [False, True, False]),
        (["a" * 900, "'" * 490, "a" * 980], 1000, None),
        (["a" * 900, "'" * 500, "a" * 1000], 1000, [False, True, True]),
        ([HALF + b"a" * 200, HALF + b"a" * 300], 1000, [False, True]),
    ],
)
def test_a_text_that_no_statement_carries_is_found(
    words: list[str | bytes | None], most_bytes: int, lost: list[bool] | None
) -> None:
    """MySQL of today lets no text like the second one in; the archive of another server may hold it."""
    table = MODEL.table("mark")
    word = table.column("word")
    exact = pa.array([value if isinstance(value, bytes) else None for value in words], pa.binary())
    typed = pa.array([value if isinstance(value, str) else None for value in words], pa.string())
    numbers = pa.array(range(len(words)), pa.int64())
    columns = {"mark_id": numbers.cast(pa.int32()), "visit_id": numbers, "word": typed}
    rows = pa.table(columns | ({word.exact_name: exact} if exact.null_count < len(words) else {}))
    found = without_statement(table, rows, most_bytes)
    assert (None if found is None else found.to_pylist()) == lost


def test_a_generated_text_needs_no_room_in_a_statement() -> None:
    table = MODEL.table("mark")
    rows = pa.table({"mark_id": pa.array([1], pa.int32()), "visit_id": [1], "word": ["a" * 1000]})
    assert without_statement(table, rows, 1000) is not None
    word = replace(table.column("word"), is_generated=True)
    assert without_statement(replace(table, columns=(*table.columns[:2], word)), rows, 1000) is None
