"""Every value that MySQL lets in comes back as the same bytes, whatever a typed column can hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import OddLab, odd_lab
from xray_backup.archive import archive
from xray_backup.comparison import compare
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.verification import verify

TOP, BOTTOM = 2**63 - 1, -(2**63)
# A surrogate's three bytes, which MySQL takes and UTF-8 has not.
NO_UTF8 = b"x\xed\xa0\x80y"
NOTES = [
    (BOTTOM, None, "", None, None, None),
    (-1, "", "empty", 0, "0", "1000-01-01 00:00:00"),
    (0, "0", "zero", -(2**31), "-0.000001", "9999-12-31 23:59:59"),
    (1, "a\x1fb\nc\0d\re\\f'g\"h%i`j\x1a,;|", "\x1f\n\0", 2**31 - 1, "0.000001", "0000-00-00 00:00:00"),
    (2, "ü漢😀" * 1000, "\n", 1, "99999999999999999999999999999999.999999", "2024-00-15 00:00:00"),
    (3, "\\", "'", 1, "-99999999999999999999999999999999.999999", "2024-02-31 10:11:12"),
    (4, NO_UTF8, b"\xed\xbf\xbf", 1, "123456.789", "0000-01-01 00:00:00"),
    (5, "NULL", "\\N", None, "0.1", "0001-01-01 00:00:00"),
    (6, " leading and trailing ", "   ", 7, "1", "2022-00-00 23:59:59"),
    (2**31 - 1, "\r\n", "x", 1, "10", "1969-12-31 23:59:59"),
    (TOP, "\u2028\ufeff\uffff\U0010ffff", "top", 1, "1.5", "2038-01-19 03:14:08"),
]
VISITS = [
    (BOTTOM, None, "0000-00-00 00:00:00"),
    (-3, BOTTOM, "2022-00-15 01:02:03"),
    (2**53 + 1, 2**53 + 1, "2022-01-01 00:00:00"),
    (7, TOP, "2022-01-01 00:00:00"),
    (TOP, None, "2022-01-01 00:00:00"),
]
MARKS = [(-(2**31), BOTTOM, ""), (0, -3, "\n"), (5, 2**53 + 1, "😀"), (2**31 - 1, TOP, "\x1f")]


@pytest.fixture
def lab(server: MySqlServer, folder_store: Store) -> Iterator[OddLab]:
    with odd_lab(server, folder_store) as lab:
        lab.insert("note", [*NOTES, (2**53 + 1, "b", "t", 1, "1", None), (2**53, "b", "t", 1, "1", None)])
        lab.insert("visit", VISITS)
        lab.insert("mark", MARKS)
        yield lab


def test_every_value_comes_back_as_the_same_bytes(lab: OddLab) -> None:
    snapshot(lab.run(), "s", 60)
    manifest = load_manifest(lab.store, "snapshot-s")
    verify(lab.run(), manifest)
    differences = compare(lab.run(), manifest).values()
    assert [(d.equal, d.changed, d.only_in_backup, d.only_in_database) for d in differences] == [
        (13, 0, 0, 0), (5, 0, 0, 0), (4, 0, 0, 0),
    ]  # fmt: skip
    other = f"{lab.schema}_other"
    assert restore(lab.run(), ["snapshot-s"], other, Selection())["note"].inserted == 13
    assert lab.all_bytes(other) == lab.all_bytes()
    again = restore(lab.run(), ["snapshot-s"], other, Selection())
    assert [(table.present, table.conflicts) for table in again.values()] == [(13, []), (5, []), (4, [])]


def test_odd_rows_are_archived_purged_and_restored(lab: OddLab) -> None:
    before = lab.all_bytes()
    archive(lab.run(), "a", 2)
    result = purge(lab.run(), 2, 2, 0.0)
    assert (result.rows, result.kept) == ({"visit": 4, "mark": 3}, {})
    restored = restore(lab.run(), ["archive-a"], None, Selection())
    assert (restored["visit"].inserted, restored["mark"].inserted) == (4, 3)
    assert lab.all_bytes() == before


@pytest.mark.parametrize(
    ("charset", "word"), [("ucs2", b"x\xed\xa0\x80y"), ("latin1", "ÿ€"), ("gbk", "漢"), ("utf8mb3", "ü")]
)
def test_a_text_of_another_character_set_comes_back_as_the_same_bytes(lab: OddLab, charset: str, word: str) -> None:
    lab.sql("UPDATE mark SET word = '' WHERE mark_id = 5")
    lab.sql(f"ALTER TABLE mark MODIFY word VARCHAR(4000) CHARACTER SET {charset} NOT NULL")
    lab.insert("mark", [(9, -3, word)])
    snapshot(lab.run(), "s", 60)
    other = f"{lab.schema}_other"
    restore(lab.run(), ["snapshot-s"], other, Selection())
    assert lab.all_bytes(other) == lab.all_bytes()


def test_a_selection_follows_parents_that_are_large_or_null(lab: OddLab) -> None:
    snapshot(lab.run(), "s", 60)
    other = f"{lab.schema}_other"
    restore(lab.run(), ["snapshot-s"], other, Selection(anchor_ids=[2**53 + 1, BOTTOM]))
    assert lab.sql(f"SELECT note_id FROM `{other}`.note") == [(2**53 + 1,)]
    assert lab.sql(f"SELECT visit_id FROM `{other}`.visit ORDER BY 1") == [(BOTTOM,), (2**53 + 1,)]
    assert lab.sql(f"SELECT mark_id FROM `{other}`.mark ORDER BY 1") == [(-(2**31),), (5,)]


def test_a_query_engine_reads_the_value_beside_the_column_that_cannot_hold_it(lab: OddLab) -> None:
    snapshot(lab.run(), "s", 60)
    files = str(Path(lab.store.url) / "v1/snapshot/note/**/*.parquet")
    rows = duckdb.execute(
        "SELECT note_id, title, hex(title__exact), CAST(seen AS VARCHAR), decode(seen__exact)"
        f" FROM read_parquet('{files}', union_by_name = true) WHERE note_id IN (0, 1, 4, 5, {BOTTOM}) ORDER BY note_id"
    ).fetchall()
    assert [(row[0], row[1], row[2], row[4]) for row in rows] == [
        (BOTTOM, "", None, None),
        (0, "zero", None, None),
        (1, "\x1f\n\0", None, "0000-00-00 00:00:00"),
        (4, None, "EDBFBF", "0000-01-01 00:00:00"),
        (5, "\\N", None, None),
    ]
    assert [row[3] and row[3][:19] for row in rows] == [
        None, "9999-12-31 23:59:59", None, None, "0001-01-01 00:00:00",
    ]  # fmt: skip
