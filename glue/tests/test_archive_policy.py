"""Archive policies over any tables: what each reaches, what is refused, and two of them in one schema."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import Emulator, Lab, command
from tests.support.mysql_server import MySqlServer
from xray_backup.archive import archive
from xray_backup.archive_policy import ArchivePolicy, parse_policies, policy_scopes
from xray_backup.data_model import DataModel, parse_data_model
from xray_backup.database_model import EVERY_TABLE, parse_table_choice
from xray_backup.errors import UsageError, VerificationError
from xray_backup.manifest_store import load_manifest
from xray_backup.purge import purge
from xray_backup.purge_record import PurgeResult, purge_records
from xray_backup.report import gather
from xray_backup.report_page import render
from xray_backup.restore import restore
from xray_backup.restore_selection import Selection
from xray_backup.snapshot import snapshot
from xray_backup.store import Store

POLICIES = parse_policies("visit.seen_at,device_log.logged_on=30")
# A department and its head form a cycle of kept tables; an item belongs to a visit and to one of its notes.
STATEMENTS = (
    "CREATE TABLE department (department_id INT PRIMARY KEY, head_id INT)",
    "CREATE TABLE person (person_id INT PRIMARY KEY, department_id INT NOT NULL, name VARCHAR(40) NOT NULL,"
    " FOREIGN KEY (department_id) REFERENCES department (department_id))",
    "ALTER TABLE department ADD CONSTRAINT head FOREIGN KEY (head_id) REFERENCES person (person_id)",
    "CREATE TABLE unrelated (unrelated_id INT PRIMARY KEY)",
    "CREATE TABLE visit (visit_id INT PRIMARY KEY, person_id INT NOT NULL, seen_at DATETIME NOT NULL,"
    " FOREIGN KEY (person_id) REFERENCES person (person_id))",
    "CREATE TABLE note (note_id INT PRIMARY KEY, visit_id INT NOT NULL,"
    " FOREIGN KEY (visit_id) REFERENCES visit (visit_id))",
    "CREATE TABLE item (item_id INT PRIMARY KEY, note_id INT NULL, visit_id INT NOT NULL,"
    " FOREIGN KEY (note_id) REFERENCES note (note_id), FOREIGN KEY (visit_id) REFERENCES visit (visit_id))",
    "CREATE TABLE device_log (device_log_id BIGINT PRIMARY KEY, person_id INT NULL, logged_on DATE NULL,"
    " FOREIGN KEY (person_id) REFERENCES person (person_id))",
)
ROWS = (
    "INSERT INTO department VALUES (1, NULL), (2, NULL), (3, NULL)",
    "INSERT INTO person VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')",
    "UPDATE department SET head_id = department_id WHERE department_id < 3",
    "INSERT INTO unrelated VALUES (1)",
    "INSERT INTO visit VALUES (1, 1, '2022-01-01'), (2, 1, '2022-01-02'), (3, 2, '2022-01-03'), (4, 3, NOW())",
    "INSERT INTO note VALUES (1, 1), (2, 2), (3, 3), (4, 4)",
    "INSERT INTO item VALUES (1, 1, 1), (2, NULL, 1), (3, 2, 2), (9, 4, 4)",
    "INSERT INTO device_log VALUES (1, 1, '2022-01-01'), (2, NULL, NULL), (3, 3, CURRENT_DATE - INTERVAL 9 DAY),"
    " (4, 2, CURRENT_DATE - INTERVAL 60 DAY), (5, 1, CURRENT_DATE)",
)


class ClinicLab(Lab):
    def create_schema(self, foreign_keys: bool = True) -> ClinicLab:
        assert foreign_keys
        self.server.make_schema(self.schema, (*STATEMENTS, *ROWS))
        return self

    def run(self, command: str = "test", **overrides: Any) -> Any:
        return super().run(command, **({"policies": POLICIES, "tables": EVERY_TABLE} | overrides))

    def everything(self, schema: str | None = None) -> dict[str, set[tuple[Any, ...]]]:
        tables = [name for (name,) in self.sql("SHOW TABLES")]
        return {table: self.rows(table, schema) for table in tables}


@pytest.fixture
def lab(server: MySqlServer, folder_store: Store) -> Iterator[ClinicLab]:
    lab = ClinicLab(server, folder_store, f"clinic_{uuid.uuid4().hex[:8]}").create_schema()
    yield lab
    lab.drop_schema()


def purged(lab: Lab, policy: ArchivePolicy) -> PurgeResult:
    return purge(lab.run("purge"), 2, 2, 0.0, policy)


def test_two_policies_archive_purge_and_restore_in_one_schema(lab: ClinicLab) -> None:
    before = lab.everything()
    snapshot(lab.run(), "s", 60)
    archive(lab.run(), "a", 2)
    manifest = load_manifest(lab.store, "archive-a")
    rows = {name: table.fingerprint.rows for name, table in manifest.tables.items()}
    # Of the tables in a cycle all rows, of one that nothing references none.
    assert rows == {
        "visit": 3, "note": 3, "item": 3, "device_log": 2, "department": 3, "person": 3, "unrelated": 0,
    }  # fmt: skip
    visits, logs = (purged(lab, policy) for policy in POLICIES)
    assert (visits.units, visits.rows) == ({"deleted": 3}, {"visit": 3, "note": 3, "item": 3})
    assert (logs.units, logs.rows) == ({"deleted": 2}, {"device_log": 2})
    assert {row[0] for row in lab.rows("device_log")} == {2, 3, 5}
    assert len(list(purge_records(lab.store, pytest.fail))) == 2
    assert [purged(lab, policy).archives for policy in POLICIES] == [[], []]
    restore(lab.run(), ["archive-a"], None, Selection())
    assert lab.everything() == before
    restore(lab.run(), ["snapshot-s"], f"{lab.schema}_new", Selection())
    assert lab.everything(f"{lab.schema}_new") == before


def test_an_archive_waits_for_the_purge_of_each_of_its_policies(lab: ClinicLab) -> None:
    archive(lab.run(), "a", 2)
    assert purged(lab, POLICIES[0]).units == {"deleted": 3}
    lab.sql("INSERT INTO visit VALUES (9, 1, NOW())")
    assert purged(lab, POLICIES[0]).archives == ["archive-a"]
    archive(lab.run(), "b", 2)
    tables = load_manifest(lab.store, "archive-b").tables
    assert (tables["visit"].fingerprint.rows, tables["device_log"].fingerprint.rows) == (0, 0)
    assert purged(lab, POLICIES[1]).units == {"deleted": 2}


def test_chosen_rows_come_with_all_that_they_reference(lab: ClinicLab) -> None:
    snapshot(lab.run(), "s", 60)
    other = f"{lab.schema}_one"
    restore(lab.run(), ["snapshot-s"], other, Selection(anchor_ids=[3]))
    assert {name: {row[0] for row in rows} for name, rows in lab.everything(other).items()} == {
        "department": {2}, "device_log": set(), "item": set(), "note": {3}, "person": {2}, "unrelated": set(),
        "visit": {3},
    }  # fmt: skip


def test_a_reference_of_a_table_that_is_no_descendant_keeps_a_unit(lab: ClinicLab) -> None:
    policies = parse_policies("visit.seen_at+note")
    archive(lab.run(policies=policies), "a", 2)
    result = purge(lab.run("purge", policies=policies), 2, 2, 0.0)
    assert (result.units, result.kept) == ({"deleted": 1, "referenced": 2}, {"referenced": [1, 2]})


def test_on_the_command_line(lab: ClinicLab, emulator: Emulator) -> None:
    policies = ["--policies", "visit.seen_at,device_log.logged_on=30"]
    backup = command(
        "backup", *lab.options(emulator), *policies, "--archive-older-than-days", "2", "--tables", "!unrelated"
    )
    output, errors = backup.communicate(timeout=120)
    assert (backup.returncode, errors) == (0, ""), errors
    assert "unrelated" in output
    done = command("purge", *lab.options(emulator), *policies, "--older-than-days", "2", "--mode", "execute")
    output, errors = done.communicate(timeout=120)
    assert (done.returncode, errors) == (0, ""), errors
    assert (lab.count("visit"), lab.count("device_log"), lab.count("unrelated")) == (1, 3, 1)
    wrong = command("purge", *lab.options(emulator), "--policies", "visit", "--older-than-days", "2")
    assert "got 'visit', policies with commas between are needed" in wrong.communicate(timeout=60)[1]


@pytest.mark.parametrize("policies", [POLICIES, POLICIES[::-1]])
def test_an_archive_of_one_policy_that_is_damaged_does_not_keep_the_other_from_its_purge(
    lab: ClinicLab, emulator: Emulator, tmp_path: Path, policies: tuple[ArchivePolicy, ...]
) -> None:
    archive(lab.run(policies=POLICIES[:1]), "visits", 2)
    archive(lab.run(policies=POLICIES[1:]), "logs", 2)
    file = load_manifest(lab.store, "archive-visits").tables["note"].files[0]
    path = tmp_path / "store" / file.key
    path.write_bytes(path.read_bytes()[:-1])
    text = ",".join(map(str, policies))
    done = command(
        "purge", *lab.options(emulator), "--policies", text, "--older-than-days", "2", "--mode", "execute"
    )  # fmt: skip
    _, errors = done.communicate(timeout=120)
    assert (done.returncode, errors.count(file.key)) == (VerificationError.exit_code, 1), errors
    assert (lab.count("visit"), lab.count("device_log")) == (4, 3)


def test_the_report_tells_what_was_left_out_and_whose_rows_each_purge_deleted(lab: ClinicLab) -> None:
    chosen = parse_table_choice("!unrelated")
    snapshot(lab.run(), "a", 60)
    for slot in ("b", "c"):
        snapshot(lab.run(tables=chosen), slot, 60)
    archive(lab.run(), "c", 2)
    for policy in POLICIES:
        purged(lab, policy)
    report = gather(lab.store, lab.events)
    page = render(report)
    assert re.findall(r"<li>(.*)</li>", page.partition("<h2>Left out</h2>")[2]) == [
        "<code>snapshot-c</code> and 1 earlier: table unrelated"
    ]
    assert "of every table since" not in page
    assert {purge.intent.anchor: purge.deleted for purge in report.purges} == {"visit": 9, "device_log": 2}
    assert page.count('<td class="aside">device_log</td>') == page.count('<td class="aside">visit</td>') == 1
    whole = render(replace(report, snapshots=report.snapshots[-1:]))
    assert ("of every table since" in whole, "Left out" in whole) == (True, False)


def test_a_run_without_policies_is_told_of_them_and_verify_needs_none(lab: ClinicLab, emulator: Emulator) -> None:
    for job in ("backup", "check"):
        output, errors = command(job, *lab.options(emulator)).communicate(timeout=120)
        assert "or name the --policies of your own tables, or none" in errors, (output, errors)
    snapshot(lab.run(), "s", 60)
    verify = command("verify", *lab.options(emulator), "--against-database")
    assert (verify.communicate(timeout=120)[1], verify.returncode) == ("", 0)


def test_an_error_that_every_policy_meets_is_said_once(lab: ClinicLab, emulator: Emulator) -> None:
    policies = ["--policies", "visit.seen_at,device_log.logged_off"]
    done = command("purge", *lab.options(emulator), *policies, "--older-than-days", "2")
    _, errors = done.communicate(timeout=120)
    assert (done.returncode, errors.count("policy device_log.logged_off:")) == (UsageError.exit_code, 1), errors


@pytest.mark.parametrize(
    ("text", "policies"),
    [
        ("a.b", [ArchivePolicy("a", "b")]),
        ("a.b=7", [ArchivePolicy("a", "b", None, 7)]),
        ("a.b+c+d=7,e.f", [ArchivePolicy("a", "b", ("c", "d"), 7), ArchivePolicy("e", "f")]),
    ],
)
def test_policies_are_written_as_they_are_read(text: str, policies: list[ArchivePolicy]) -> None:
    assert list(parse_policies(text)) == policies
    assert ",".join(map(str, policies)) == text


@pytest.mark.parametrize("text", ["", "a", "a.b=", "a.b=x", "a.b,", "a.b+", "a.b,a.c", "a.b.c"])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_policies(text)


def model(*references: tuple[str, str], keyless: str = "", time: str = "date") -> DataModel:
    """Tables a to d, each with a key, a time, and a column for each table that it may reference."""
    names = ("a", "b", "c", "d")
    return parse_data_model(
        {
            "tables": [
                {
                    "name": name,
                    "key": [] if name == keyless else ["id"],
                    "columns": [
                        {"name": "id", "type": "int"},
                        {"name": "at", "type": time},
                        *({"name": other, "type": "int"} for other in names),
                    ],
                    "foreignKeys": [
                        {"name": parent, "columns": [parent], "table": parent, "referencedColumns": ["id"]}
                        for child, parent in references
                        if child == name
                    ],
                }
                for name in names
            ]
        }
    )


@pytest.mark.parametrize(
    ("found", "policies", "message"),
    [
        (model(), "x.at", "the schema has no table 'x'; it has a, b, c, d"),
        (model(), "a.when", "column 'when' of table a is not there: a date, datetime or timestamp is needed"),
        (model(time="int"), "a.at", "column 'at' of table a is int: a date, datetime or timestamp is needed"),
        (model(("b", "a"), ("c", "b"), ("b", "c")), "a.at", "foreign keys of table [bc] lead back to it"),
        (model(("a", "a")), "a.at", "foreign keys of table a lead back to it"),
        (model(("b", "a"), ("b", "b")), "a.at", "foreign keys of table b lead back to it"),
        (model(("c", "a"), ("c", "b")), "a.at,b.at", "table c is reached by two policies, a.at and b.at"),
        (model(("b", "a")), "a.at,b.at", "table b is reached by two policies"),
        (model(("b", "a"), keyless="b"), "a.at", "table b has no key, so none of its rows can be purged"),
        (model(keyless="a"), "a.at", "table a has no key"),
        (model(("b", "a")), "a.at+d", r"no table 'd' has a foreign key that leads to a"),
    ],
)
def test_a_policy_that_cannot_be_followed_is_refused(found: DataModel, policies: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        policy_scopes(found, parse_policies(policies))


def test_a_policy_s_tables_are_in_an_order_of_deletes() -> None:
    (scope,) = policy_scopes(model(("d", "c"), ("c", "b"), ("b", "a"), ("d", "a")), parse_policies("a.at"))
    assert [table.name for table in scope.purged] == ["a", "b", "c", "d"]
    assert scope.owners["d"].table in ("a", "c")
