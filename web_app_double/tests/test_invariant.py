"""The check of the year finds what it is there to find."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from usage.invariant import Archives, Key, check_invariant
from usage.journal import Row, as_text, row_of_statement

IMAGE: Row = ("1", "lake", "xray-images", "img_1.png")
OLD: Row = ("1", "1", "2026-01-01 10:00:00", "0.300", "0.500")
NEW: Row = ("2", "1", "2026-06-01 10:00:00", "0.300", "0.500")
JOURNAL = [("image", IMAGE), ("transaction", OLD), ("transaction", NEW)]
DATABASE: dict[Key, Row] = {("image", "1"): IMAGE, ("transaction", "2"): NEW}
ARCHIVES = {"image": [IMAGE, IMAGE], "transaction": [OLD]}


def test_invariant_that_holds() -> None:
    finding = check_invariant(JOURNAL, DATABASE, Archives(ARCHIVES))
    assert (finding.committed, finding.in_database, finding.in_one_archive, finding.faults) == (3, 2, 1, {})


def test_row_that_waits_for_its_purge_may_be_in_both() -> None:
    archives = Archives(ARCHIVES, waiting=frozenset({("transaction", "1")}))
    finding = check_invariant(JOURNAL, DATABASE | {("transaction", "1"): OLD}, archives)
    assert (finding.in_database, finding.in_one_archive, finding.in_both_until_purged, finding.faults) == (3, 0, 1, {})


@pytest.mark.parametrize(
    ("fault", "journal", "database", "archives"),
    [
        ("lost", JOURNAL, DATABASE, {"transaction": []}),
        ("lost", JOURNAL, {("transaction", "2"): NEW}, ARCHIVES),
        ("in several archives", JOURNAL, DATABASE, {"transaction": [OLD, OLD]}),
        ("in the database after its purge", JOURNAL, DATABASE | {("transaction", "1"): OLD}, ARCHIVES),
        ("changed in an archive", JOURNAL, DATABASE, {"transaction": [(*OLD[:4], "0.400")]}),
        ("changed in the database", JOURNAL, DATABASE | {("transaction", "2"): (*NEW[:4], "0.400")}, ARCHIVES),
        ("in the database, never committed", JOURNAL, DATABASE | {("transaction", "3"): NEW}, ARCHIVES),
        ("archived, never committed", JOURNAL, DATABASE, {"transaction": [OLD, ("9", *OLD[1:])]}),
        ("committed twice under one key", [*JOURNAL, ("transaction", OLD)], DATABASE, ARCHIVES),
    ],
)
def test_fault_is_found(
    fault: str, journal: list[tuple[str, Row]], database: dict[Key, Row], archives: dict[str, list[Row]]
) -> None:
    assert check_invariant(journal, database, Archives(archives)).faults == {fault: 1}


def test_row_of_a_statement_is_what_the_server_gives_back() -> None:
    sent = row_of_statement("5, 3, 2, ROUND(0.8765, 3), 1, 2, 3, 4")
    assert sent == as_text((5, 3, 2, Decimal("0.877"), 1, 2, 3, 4))
    sent = row_of_statement('7, 1, "2026-01-01 10:00:00", 0.3, 0.75')
    assert sent == as_text((7, 1, datetime(2026, 1, 1, 10), Decimal("0.300"), Decimal("0.750")))
