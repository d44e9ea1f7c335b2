"""The next archive takes all that no waiting archive took, and nothing that one did."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray_backup.archive_periods import Period, periods_left


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(None, "50")]),
        ([(None, "30")], [("30", "50")]),
        ([(None, "30"), ("30", "50")], []),
        ([(None, "60")], []),
        ([("10", "20"), ("30", "40")], [(None, "10"), ("20", "30"), ("40", "50")]),
        ([("10", "40"), ("20", "30")], [(None, "10"), ("40", "50")]),
        ([("60", "70")], [(None, "50")]),
        ([("40", "70")], [(None, "40")]),
        ([(None, "30", None, 9)], [(None, "30", 9), ("30", "50")]),
        ([(None, "60", None, 9)], [(None, "50", 9)]),
        ([(None, "50", 5, 9)], [(None, "50", None, 5), (None, "50", 9)]),
        # A row of archives, each with what the one before it left: they join.
        ([(None, "20", None, 9), ("20", "30", None, 12), (None, "20", 9, 12)], [(None, "30", 12), ("30", "50")]),
    ],
)
def test_the_next_archive_takes_what_is_left(
    taken: list[tuple[str | None, str, int | None, int | None]],
    left: list[tuple[str | None, str, int | None, int | None]],
) -> None:
    assert periods_left([Period(*period) for period in taken], "50", "transaction") == tuple(
        Period(*period) for period in left
    )


times = st.integers(10, 20).map(str)
keys = st.none() | st.integers(0, 10)


@given(st.lists(st.builds(Period, st.none() | times, times, keys, keys), max_size=6), times)
def test_every_row_is_left_once_or_taken_whatever_was_taken(taken: list[Period], before: str) -> None:
    """SQLite reads the conditions, so that they are tested as they are sent."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (time TEXT, id INTEGER)")
    rows = [(str(time), key) for time in range(9, 22) for key in range(-1, 12)]
    connection.executemany("INSERT INTO t VALUES (?, ?)", rows)

    def of(period: Period) -> list[tuple[str, int]]:
        return connection.execute(f"SELECT time, id FROM t WHERE {period.condition('time', 'id')}").fetchall()

    was_taken = {row for period in taken for row in of(period)}
    left = [row for period in periods_left(taken, before, "transaction") for row in of(period)]
    assert sorted(left) == sorted(row for row in rows if row[0] < before and row not in was_taken)
