"""Tables with every kind of key, and with none, are backed up, compared, restored and purged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.support.keyed_lab import KeyedLab, keyed_lab
from tests.support.mysql_server import MySqlServer
from tests.support.odd_model import in_ucs2
from xray_backup import key_range, range_copy, whole_copy
from xray_backup.archive import archive
from xray_backup.archive_policy import ArchivePolicy
from xray_backup.comparison import Difference, compare
from xray_backup.data_model import Table
from xray_backup.database import query
from xray_backup.errors import BackupError, UsageError
from xray_backup.keys import keys_condition
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.restore import restore
from xray_backup.restore_batches import Batch, read_batches
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import Store
from xray_backup.table_definition import parse_definition, table_statement
from xray_backup.verification import verify
from xray_backup.verify import verify_backups


@pytest.fixture(autouse=True)
def _small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_range, "ROWS_PER_RANGE", 7)
    monkeypatch.setattr(range_copy, "KEYS_PER_ANSWER", 3)
    monkeypatch.setattr(range_copy, "BYTES_PER_FILE", 200)
    monkeypatch.setattr(whole_copy, "BYTES_PER_FILE", 50)


@pytest.fixture
def lab(server: MySqlServer, folder_store: Store) -> Iterator[KeyedLab]:
    with keyed_lab(server, folder_store) as lab:
        yield lab


@pytest.fixture(params=["server", "mariadb"])
def any_lab(request: pytest.FixtureRequest, folder_store: Store) -> Iterator[KeyedLab]:
    with keyed_lab(request.getfixturevalue(request.param), folder_store) as lab:
        yield lab


def test_every_row_comes_back_whatever_its_key(any_lab: KeyedLab) -> None:
    lab = any_lab
    snapshot(lab.run(), "s", 60)
    manifest = load_manifest(lab.store, "snapshot-s")
    for name, table in manifest.tables.items():
        assert len(table.files) > 1 or name in ("tree", "doctor", "team"), name
    assert {(manifest.tables[name].min_key, manifest.tables[name].max_key) for name in ("pair", "line")} == {
        (None, None)
    }
    verify(lab.run(), manifest)
    other = f"{lab.schema}_other"
    restored = restore(lab.run(), ["snapshot-s"], other, Selection())
    content = lab.content()
    assert lab.content(other) == content
    assert {name: table.inserted for name, table in restored.items()} == {
        name: len(rows) for name, rows in content.items()
    }
    again = restore(lab.run(), ["snapshot-s"], other, Selection())
    assert {name: table.present for name, table in again.items()} == {name: len(rows) for name, rows in content.items()}
    assert not any(table.conflicts or table.orphans or table.refused for table in again.values())


def test_a_comparison_finds_what_is_alike_changed_and_missing(any_lab: KeyedLab) -> None:
    lab = any_lab
    snapshot(lab.run(), "s", 60)
    manifest = load_manifest(lab.store, "snapshot-s")
    rows = {name: len(rows) for name, rows in lab.content().items()}
    assert compare(lab.run(), manifest) == {name: Difference(equal=count) for name, count in rows.items()}
    lab.sql("UPDATE pair SET word = 'x' WHERE a = 1")
    lab.sql("DELETE FROM pair WHERE a = 2 AND b = 0")
    lab.sql("INSERT INTO pair VALUES (9, 9, 'new'), (8, 9, 'new')")
    lab.sql("UPDATE latin SET word = 'x' WHERE code = 'é3ß'")
    lab.sql("DELETE FROM line WHERE word = 'twice' LIMIT 1")
    lab.sql("INSERT INTO line VALUES (NULL, NULL)")
    lab.sql("UPDATE amount SET word = '' WHERE value = -20")
    found = compare(lab.run(), manifest)
    assert found["pair"] == Difference(rows["pair"] - 5, changed=4, only_in_backup=1, only_in_database=2)
    assert found["latin"] == Difference(rows["latin"] - 1, changed=1)
    assert found["line"] == Difference(rows["line"] - 1, only_in_backup=1, only_in_database=1)
    assert found["amount"] == Difference(rows["amount"] - 1, changed=1)
    assert found["slide"] == Difference(rows["slide"])


def test_a_restore_fills_tables_with_every_key(any_lab: KeyedLab) -> None:
    lab = any_lab
    snapshot(lab.run(), "s", 60)
    before = lab.content()
    keyed = [table for table in before if table != "line"]
    for table in keyed:
        lab.empty(table, max(1, len(before[table]) // 2))
    with_word = [table for table in keyed if lab.sql(f"SHOW COLUMNS FROM `{table}` LIKE 'word'")]
    for table in with_word:
        lab.sql(f"UPDATE `{table}` SET word = 'changed' LIMIT 1")
    result = restore(lab.run(), ["snapshot-s"], None, Selection())
    for table in keyed:
        missing = max(1, len(before[table]) // 2)
        changed = int(table in with_word)
        counts = result[table].counts
        expected = (missing, len(before[table]) - missing - changed, changed, 0, 0)
        assert (counts.inserted, counts.present, counts.conflicts, counts.orphans, counts.refused) == expected, table
        assert len(lab.content()[table]) == len(before[table])


def test_a_restore_fills_what_is_missing_and_tells_of_conflicts_without_a_value(lab: KeyedLab) -> None:
    snapshot(lab.run(), "s", 60)
    before = lab.content()
    lab.sql("DELETE FROM stain WHERE part = 1")
    lab.sql("DELETE FROM pair WHERE a IN (1, 3)")
    lab.sql("DELETE FROM latin WHERE code > 'é2ß'")
    lab.sql("DELETE FROM moment WHERE DAY(at) > 20")
    lab.sql("UPDATE amount SET word = 'changed' WHERE value = -20")
    lab.sql("DELETE FROM amount WHERE value > 0")
    lab.sql("UPDATE parted SET code = 'C1' WHERE code = 'c1' AND day = 1")
    dry = restore(lab.run(dry_run=True), ["snapshot-s"], None, Selection())
    result = restore(lab.run(), ["snapshot-s"], None, Selection())
    counts = {name: table.counts for name, table in result.items()}
    assert {name: table.counts.inserted for name, table in dry.items()} == {
        name: count.inserted + (name == "parted") for name, count in counts.items()
    }
    assert (counts["stain"].inserted, counts["pair"].inserted, counts["moment"].inserted) == (39, 8, 8)
    assert (counts["latin"].conflicts, counts["amount"].conflicts, counts["parted"].conflicts) == (0, 1, 1)
    ((shown,),) = lab.sql(
        "SELECT CONCAT('sha2:', LEFT(SHA2(CONCAT_WS(',', value), 256), 12)) FROM amount WHERE word = 'changed'"
    )
    assert result["amount"].conflicts == [shown]
    ((shown,),) = lab.sql("SELECT CONCAT('sha2:', LEFT(SHA2('1,c1', 256), 12))")
    assert result["parted"].conflicts == [shown]
    lab.sql("UPDATE amount SET word = NULL WHERE value = -20")
    lab.sql("UPDATE parted SET code = 'c1' WHERE code = 'C1'")
    assert lab.content() == before


def test_a_dry_run_of_two_backups_counts_each_row_once(lab: KeyedLab) -> None:
    snapshot(lab.run(), "a", 60)
    lab.sql("INSERT INTO latin VALUES ('new', 'row')")
    lab.sql("UPDATE latin SET word = 'changed' WHERE code = 'é3ß'")
    lab.sql("DELETE FROM line")
    snapshot(lab.run(), "b", 60)
    result = restore(lab.run(dry_run=True), ["snapshot-a", "snapshot-b"], f"{lab.schema}_other", Selection())
    latin = result["latin"]
    assert (latin.inserted, latin.present, len(latin.conflicts)) == (41, 39, 1)
    assert (result["pair"].inserted, result["pair"].present) == (36, 36)
    assert result["line"].inserted == 16


def test_a_table_without_a_key_is_restored_only_where_it_is_empty(lab: KeyedLab) -> None:
    snapshot(lab.run(), "s", 60)
    before = lab.content()
    lab.sql("DELETE FROM line WHERE word = 'twice' LIMIT 1")
    lab.sql("DELETE FROM pair")
    with pytest.raises(UsageError, match=rf"table {lab.schema}.line has no key and has 15 rows already"):
        restore(lab.run(), ["snapshot-s"], None, Selection())
    # It was told before anything was written.
    assert lab.count("pair") == 0
    lab.sql("DELETE FROM line")
    assert restore(lab.run(), ["snapshot-s"], None, Selection())["line"].inserted == 16
    assert lab.content() == before
    assert restore(lab.run(), ["snapshot-s"], None, Selection())["line"].present == 16
    assert lab.content() == before
    snapshot(lab.run(), "t", 60)
    with pytest.raises(UsageError, match="table line has no key, and snapshot-s and snapshot-t both hold rows of it"):
        restore(lab.run(), ["snapshot-s", "snapshot-t"], f"{lab.schema}_other", Selection())


def test_rows_of_cycles_go_in_and_those_without_parents_are_told(lab: KeyedLab) -> None:
    snapshot(lab.run(), "s", 60)
    before = lab.content()
    for table in ("tree", "doctor", "team"):
        lab.empty(table)
    result = restore(lab.run(), ["snapshot-s"], None, Selection())
    assert [(result[name].inserted, result[name].orphans) for name in ("tree", "doctor", "team")] == [
        (5, []),
        (3, []),
        (3, []),
    ]
    assert lab.content() == before
    # Once more, from a backup that has a row without its parent.
    lab.insert("tree", [("lost", "nobody")])
    snapshot(lab.run(), "t", 60)
    lab.empty("tree")
    result = restore(lab.run(), ["snapshot-t"], None, Selection())
    ((shown,),) = lab.sql("SELECT CONCAT('sha2:', LEFT(SHA2('lost', 256), 12))")
    assert (result["tree"].inserted, result["tree"].orphans) == (6, [shown])


def test_units_with_text_keys_are_purged_with_all_that_belongs_to_them(any_lab: KeyedLab) -> None:
    lab = any_lab
    before = lab.content()
    archive(lab.run(), "a", 2)
    told = purge(lab.run(dry_run=True), 2, 10, 0.0)
    assert told.units == {"would_delete": 48}
    assert lab.content() == before
    result = purge(lab.run(), 2, 10, 0.0)
    assert (result.rows, result.units, result.kept) == ({"visit": 48, "slide": 36, "stain": 108}, {"deleted": 48}, {})
    assert (lab.count("visit"), lab.count("slide"), lab.count("stain")) == (1, 3, 9)
    restored = restore(lab.run(), ["archive-a"], None, Selection())
    assert {name: restored[name].inserted for name in result.rows} == result.rows
    assert lab.content() == before


def test_a_changed_unit_with_a_text_key_is_kept_and_named_by_its_hash(lab: KeyedLab) -> None:
    archive(lab.run(), "a", 2)
    lab.sql("UPDATE stain SET word = 'changed' WHERE code = 'ward/1' AND part = 1")
    lab.sql("INSERT INTO slide VALUES ('late', 'a,b', 2, NULL)")
    result = purge(lab.run(), 2, 10, 0.0)
    assert result.units == {"deleted": 46, "changed": 2}
    shown = [row[0] for row in lab.sql(
        "SELECT CONCAT('sha2:', LEFT(SHA2(CONCAT_WS(',', ward, number), 256), 12)) FROM visit WHERE YEAR(moment) < 2040"
    )]  # fmt: skip
    assert result.kept == {"changed": sorted(shown)}
    assert len(shown) == 2


def test_many_composite_keys_are_found_by_their_index(lab: KeyedLab) -> None:
    lab.empty("pair")
    numbers = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199999)"
    deep = "/*+ SET_VAR(cte_max_recursion_depth = 1000000) */"
    lab.sql(f"INSERT INTO pair {numbers} SELECT {deep} i DIV 7, i, NULL FROM n")
    lab.sql("ANALYZE TABLE pair")
    literals = [b"%d,%d" % (n // 7, n) for n in range(0, 200_000, 10)]
    condition = keys_condition(["`a`", "`b`"], np.array(literals, np.object_))
    with lab.database().session() as connection:
        ((count,),) = query(connection, f"SELECT COUNT(*) FROM pair WHERE {condition} FOR UPDATE")
        # Rows that were read are locked; those that no key names must stay free for others.
        (read,) = query(connection, "SHOW SESSION STATUS LIKE 'Handler_read_next'")
        assert (count, int(read[1])) == (20_000, 0)


def test_a_unit_that_another_schema_references_is_kept_and_told_by_its_hash(lab: KeyedLab) -> None:
    archive(lab.run(), "a", 2)
    lab.sql(f"CREATE DATABASE {lab.schema}_other CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    lab.sql(
        f"CREATE TABLE {lab.schema}_other.note (number INT, ward VARCHAR(20),"
        f" CONSTRAINT of_visit FOREIGN KEY (ward, number) REFERENCES {lab.schema}.visit (ward, number)"
        " ON DELETE CASCADE)"
    )
    lab.sql(f"INSERT INTO {lab.schema}_other.note VALUES (2, 'it''s')")
    ((shown,),) = lab.sql("SELECT CONCAT('sha2:', LEFT(SHA2('it\\'s,2', 256), 12))")
    result = purge(lab.run(), 2, 10, 0.0)
    assert (result.units, result.kept) == ({"deleted": 47, "referenced": 1}, {"referenced": [shown]})
    assert result.obstacles == [
        f"{lab.schema}_other.note (foreign key of_visit, ON DELETE CASCADE) references rows of visit: {shown}"
    ]
    assert lab.sql("SELECT ward, number FROM visit WHERE YEAR(moment) < 2040") == [("it's", 2)]
    lab.sql(f"DROP DATABASE {lab.schema}_other")


NAME = "Zimmermann"


def test_no_record_or_event_holds_a_key_that_may_be_a_name(lab: KeyedLab) -> None:
    lab.insert("visit", [(NAME, 1, "2022-01-01 00:00:00"), (f"{NAME}2", 1, "2022-01-01 00:00:00")])
    lab.insert("slide", [(NAME, NAME, 1, None)])
    lab.insert("latin", [(NAME, "old")])
    lab.insert("line", [(NAME, None)])
    lab.insert("tree", [(NAME, "nobody")])
    snapshot(lab.run(), "s", 60)
    archive(lab.run(), "a", 2)
    lab.sql("UPDATE latin SET word = 'changed' WHERE code = %s", (NAME,))
    lab.sql("UPDATE slide SET word = 'changed' WHERE code = %s", (NAME,))
    restore(lab.run(), ["snapshot-s"], None, Selection())
    purge(lab.run(), 2, 10, 0.0)
    restore(lab.run(), ["archive-a"], None, Selection())
    with pytest.raises(BackupError):
        verify_backups(lab.run(), ["snapshot-s"], against_database=True)
    told = json.dumps(lab.events.events, default=str).encode()
    records = [item.key for item in lab.store.list("v1/") if not item.key.endswith(".parquet")]
    told += b"".join(content.body for key in records if (content := lab.store.read(key)))
    assert told.count(b"sha2:") > 5
    for spelled in (NAME, NAME.encode().hex(), NAME.encode().hex().upper()):
        assert spelled.encode() not in told


def test_a_restore_that_dies_leaves_no_half_of_a_table_without_a_key(
    lab: KeyedLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(lab.run(), "s", 60)
    before = lab.content()
    lab.empty("line")
    lab.empty("latin")

    def dying(store: Store, table: Table, *more: Any) -> Iterator[Batch]:
        for number, batch in enumerate(read_batches(store, table, *more)):
            if table.name == "line" and number:
                raise KeyboardInterrupt
            yield batch

    with monkeypatch.context() as patch:
        patch.setattr("xray_backup.restore.read_batches", dying)
        with pytest.raises(KeyboardInterrupt):
            restore(lab.run(), ["snapshot-s"], None, Selection())
    assert lab.count("line") == 0
    assert restore(lab.run(), ["snapshot-s"], None, Selection())["line"].inserted == 16
    assert lab.content() == before


def test_rows_of_a_table_without_a_key_that_the_server_refuses_are_told_and_the_others_are_there(lab: KeyedLab) -> None:
    snapshot(lab.run(), "s", 60)
    lab.empty("line")
    lab.sql("ALTER TABLE line ADD CONSTRAINT no_quote CHECK (word <> '''')")
    result = restore(lab.run(), ["snapshot-s"], None, Selection())["line"]
    # The text of the row: the length of its word, no number, the word.
    ((shown,),) = lab.sql("SELECT CONCAT('sha2:', LEFT(SHA2(CONCAT('1', 0x1F, ''''), 256), 12))")
    assert (result.inserted, result.refused, lab.count("line")) == (15, [shown], 15)


def test_a_table_is_made_with_the_unique_index_by_which_its_rows_are_found(lab: KeyedLab) -> None:
    with lab.database().session() as connection:
        made = parse_definition(table_statement(connection, lab.schema, "moment"))
    assert "  UNIQUE KEY `at` (`at`)" in made.columns
    assert made.keys == ()


@pytest.mark.parametrize("last", ["\U0010ffff", "a"])
def test_a_key_that_is_no_utf8_is_named_with_its_table_and_column(lab: KeyedLab, last: str) -> None:
    lab.sql(
        "CREATE TABLE broken (n INT, code VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (code, n))"
    )
    lab.sql(f"INSERT INTO broken VALUES (1, {in_ucs2(b'x' + bytes.fromhex('eda080'))}), (1, %s)", (last,))
    with pytest.raises(
        BackupError, match="column code of table broken is of its key, and holds a text that is no UTF-8"
    ):
        snapshot(lab.run(), "s", 60)
    assert not list(lab.store.list("v1/_manifests/"))


def test_units_may_reference_each_other_by_several_foreign_keys(lab: KeyedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    # All units are in one file, and so in one block.
    monkeypatch.setattr(range_copy, "BYTES_PER_FILE", 2**20)
    monkeypatch.setattr(key_range, "ROWS_PER_RANGE", 1000)
    lab.sql(
        "CREATE TABLE pick (n INT NOT NULL, code VARCHAR(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " ward VARCHAR(20), number INT, PRIMARY KEY (code, n),"
        " CONSTRAINT pick_of_slide FOREIGN KEY (code) REFERENCES slide (code),"
        " CONSTRAINT pick_of_visit FOREIGN KEY (ward, number) REFERENCES visit (ward, number))"
    )
    # Of one unit, of none besides, and of another unit, which keeps the visit that it references.
    lab.insert(
        "pick", [(1, "ward/1", "ward", 1), (2, "ward/1", None, None), (3, "it's/0", "a,b", 1), (4, "A", "a,b", 2)]
    )
    archive(lab.run(), "a", 2)
    result = purge(lab.run(), 2, 1000, 0.0)
    ((kept,),) = lab.sql("SELECT CONCAT('sha2:', LEFT(SHA2('a,b,2', 256), 12))")
    assert (result.units, result.kept) == ({"deleted": 47, "referenced": 1}, {"referenced": [kept]})
    assert lab.sql("SELECT n FROM pick") == [(4,)]
    restored = restore(lab.run(), ["archive-a"], None, Selection())
    assert (restored["visit"].inserted, restored["pick"].inserted) == (47, 3)


def test_the_highest_key_stays_where_it_is_an_integer_without_a_sign(lab: KeyedLab) -> None:
    lab.sql("CREATE TABLE event (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, at DATETIME NOT NULL)")
    lab.insert("event", [(key, "2022-01-01 00:00:00") for key in (0, 9, 10, 2**63 + 1, 2**64 - 2)])
    policies = (ArchivePolicy("event", "at"),)
    archive(lab.run(policies=policies), "a", 2)
    result = purge(lab.run(policies=policies), 2, 10, 0.0)
    ((shown,),) = lab.sql("SELECT CONCAT('sha2:', LEFT(SHA2(MAX(id), 256), 12)) FROM event")
    assert (result.units, result.kept) == ({"deleted": 4, "last_key": 1}, {"last_key": [shown]})
    assert lab.sql("SELECT id FROM event") == [(2**64 - 2,)]
