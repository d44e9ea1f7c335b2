"""Keys that are texts: MySQL takes some for equal that have other bytes, and a key may hold any character."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.erasures import erased
from tests.support.lab import Lab
from xray_backup.arguments import parse_command_line
from xray_backup.data_file import decode, read_file
from xray_backup.database_model import EVERY_TABLE
from xray_backup.erasure_record import ErasureEnded
from xray_backup.errors import BackupError, UsageError
from xray_backup.manifest_store import load_manifests
from xray_backup.restore import restore
from xray_backup.restore_selection import ChosenRows, Selection
from xray_backup.run import Run
from xray_backup.snapshot import snapshot


def run(lab: Lab, command: str = "test") -> Run:
    return lab.run(command, policies=(), tables=EVERY_TABLE)


def rows_erased(lab: Lab, table: str, *keys: str | tuple[str, ...]) -> ErasureEnded:
    chosen = Selection(rows=ChosenRows(table, keys))
    done = erased(lab, chosen, objects="none", policies=(), tables=EVERY_TABLE)
    assert done
    return done


def stored(lab: Lab, name: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of a table in each backup."""
    return {
        manifest.name: [
            row
            for file in manifest.tables[name].files
            for row in decode(manifest.model.table(name), read_file(lab.store, file.key).body, file.key).to_pylist()
        ]
        for manifest in load_manifests(lab.store)
    }


def test_a_key_that_was_written_otherwise_before(lab: Lab) -> None:
    lab.sql("CREATE TABLE patient (code VARCHAR(20) PRIMARY KEY, name VARCHAR(20))")
    lab.sql("INSERT INTO patient VALUES ('p-17', 'Ann'), ('p-18', 'Bob')")
    snapshot(run(lab), "s", 0)
    lab.sql("UPDATE patient SET code = 'P-17' WHERE code = 'p-17'")
    snapshot(run(lab), "t", 0)
    kept = {item.key: lab.store.read(item.key) for item in lab.store.list("v1/")}
    done = rows_erased(lab, "patient", "P-17")
    assert (done.completed, done.rows["snapshot-s"]) == (True, {"patient": 1})
    bob = [{"code": "p-18", "name": "Bob"}]
    assert stored(lab, "patient") == {"snapshot-s": bob, "snapshot-t": bob}
    # A copy from before gives it back in neither way of writing.
    for key, content in kept.items():
        assert content
        path = lab.store.folder / key  # type: ignore[attr-defined]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.body)
    result = restore(run(lab, "restore"), ["snapshot-s", "snapshot-t"], None, Selection())
    assert (result["patient"].inserted, result["patient"].erased) == (0, 2)


def test_rows_that_name_their_parent_otherwise(lab: Lab) -> None:
    """At both depths: a foreign key holds where the collation takes the texts for equal."""
    lab.sql("CREATE TABLE patient (code VARCHAR(20) PRIMARY KEY)")
    lab.sql(
        "CREATE TABLE scan (code VARCHAR(20) PRIMARY KEY, patient VARCHAR(20),"
        " FOREIGN KEY (patient) REFERENCES patient (code))"
    )
    lab.sql(
        "CREATE TABLE finding (id INT PRIMARY KEY, scan VARCHAR(20), name VARCHAR(20),"
        " FOREIGN KEY (scan) REFERENCES scan (code))"
    )
    lab.sql("INSERT INTO patient VALUES ('abc'), ('b')")
    lab.sql("INSERT INTO scan VALUES ('s1', 'ABC'), ('s2', 'ábc'), ('s3', 'b')")
    lab.sql("INSERT INTO finding VALUES (1, 'S1', 'tumour'), (2, 's3', 'none')")
    snapshot(run(lab), "s", 0)
    done = rows_erased(lab, "patient", "abc")
    assert done.rows["snapshot-s"] == done.rows["database"] == {"patient": 1, "scan": 2, "finding": 1}
    left = {name: [*rows.values()] for name, rows in ((n, stored(lab, n)) for n in ("patient", "scan", "finding"))}
    assert left == {
        "patient": [[{"code": "b"}]],
        "scan": [[{"code": "s3", "patient": "b"}]],
        "finding": [[{"id": 2, "scan": "s3", "name": "none"}]],
    }


@pytest.mark.parametrize(
    ("column", "texts", "others"),
    [
        ("VARCHAR(20) CHARACTER SET latin1", ["müller", "MÜLLER"], ["Mueller"]),
        ("VARCHAR(20) COLLATE utf8mb4_bin", ["x", "x "], ["X"]),
        ("VARCHAR(20) COLLATE utf8mb4_0900_bin", ["x"], ["X", "x "]),
        ("VARBINARY(20)", ["x"], ["X"]),
    ],
)
def test_the_columns_own_collation_tells(lab: Lab, column: str, texts: list[str], others: list[str]) -> None:
    lab.sql(f"CREATE TABLE patient (code {column} PRIMARY KEY, name INT)")
    for number, text in enumerate(texts):
        lab.sql("DELETE FROM patient")
        for other in (text, *others):
            lab.sql("INSERT INTO patient VALUES (%s, 1)", (other,))
        snapshot(run(lab), f"s{number}", 0)
    done = rows_erased(lab, "patient", texts[-1])
    assert done.completed
    assert {len(rows) for rows in stored(lab, "patient").values()} == {len(others)}


def test_a_key_that_was_a_number_before(lab: Lab) -> None:
    lab.sql("CREATE TABLE patient (code INT PRIMARY KEY, name VARCHAR(20))")
    lab.sql("INSERT INTO patient VALUES (17, 'Ann'), (18, 'Bob'), (19, 'Cy')")
    snapshot(run(lab), "s", 0)
    lab.sql("ALTER TABLE patient MODIFY code VARCHAR(20)")
    lab.sql("DELETE FROM patient WHERE code = '18'")
    done = rows_erased(lab, "patient", "17", "18")
    assert (done.rows["database"], done.rows["snapshot-s"]) == ({"patient": 1}, {"patient": 2})
    assert stored(lab, "patient")["snapshot-s"] == [{"code": 19, "name": "Cy"}]


def test_a_key_of_several_parts(lab: Lab) -> None:
    """A text and a number: each part is compared in its own way."""
    lab.sql("CREATE TABLE slide (case_no VARCHAR(20), number INT, PRIMARY KEY (case_no, number))")
    lab.sql("INSERT INTO slide VALUES ('s-1', 1), ('s-1', 11)")
    snapshot(run(lab), "s", 0)
    lab.sql("UPDATE slide SET case_no = 'S-1'")
    assert rows_erased(lab, "slide", "S-1/1").rows["snapshot-s"] == {"slide": 1}
    assert stored(lab, "slide")["snapshot-s"] == [{"case_no": "s-1", "number": 11}]


def test_a_table_that_is_gone_is_told(lab: Lab) -> None:
    """The server cannot say any more how the texts of its key compare."""
    lab.sql("CREATE TABLE patient (code VARCHAR(20) PRIMARY KEY)")
    lab.sql(
        "CREATE TABLE scan (code VARCHAR(20) PRIMARY KEY, patient VARCHAR(20),"
        " FOREIGN KEY (patient) REFERENCES patient (code))"
    )
    lab.sql("CREATE TABLE finding (id INT PRIMARY KEY, scan VARCHAR(20), FOREIGN KEY (scan) REFERENCES scan (code))")
    lab.sql("INSERT INTO patient VALUES ('a')")
    lab.sql("INSERT INTO scan VALUES ('s', 'a')")
    lab.sql("INSERT INTO finding VALUES (1, 'S')")
    snapshot(run(lab), "s", 0)
    lab.sql("DROP TABLE finding, scan")
    with pytest.raises(BackupError, match="snapshot-s was not looked into: keys of scan are texts"):
        rows_erased(lab, "patient", "a")


def test_keys_with_a_comma_or_a_slash_are_chosen_by_json(lab: Lab) -> None:
    lab.sql("CREATE TABLE visit (ward VARCHAR(20), code VARCHAR(20), name VARCHAR(20), PRIMARY KEY (ward, code))")
    lab.sql("INSERT INTO visit VALUES ('a,b', 'c', 'Ann'), ('a', 'b,c', 'Bob'), ('a', 'b/c', 'Cy')")
    snapshot(run(lab), "s", 0)
    options = ["erase", "--store", "s3://a/b", "--secret-id", "x", "--rows"]
    chosen = parse_command_line([*options, '{"visit": [["a,b", "c"], ["a", "b/c"]]}']).rows
    done = rows_erased(lab, chosen.table, *chosen.keys)
    assert (done.rows["database"], done.rows["snapshot-s"]) == ({"visit": 2}, {"visit": 2})
    assert [row["name"] for row in stored(lab, "visit")["snapshot-s"]] == ["Bob"]
    assert parse_command_line([*options, '{"patient": ["Doe, Jane", 7]}']).rows.keys == ("Doe, Jane", "7")
    for wrong in (
        '{"a": ["x"], "b": []}',
        '{"a": []}',
        '{"a": "x"}',
        '{"a": [null]}',
        '{"a": [true]}',
        "{",
        '{"a": [""]}',
    ):
        with pytest.raises(UsageError, match="one table and its keys are needed"):
            parse_command_line([*options, wrong])
