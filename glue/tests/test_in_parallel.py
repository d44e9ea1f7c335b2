"""Work on several connections: one fails while another is inside a transaction."""

from __future__ import annotations

import threading

import pytest

from tests.support.lab import Lab
from xray_backup.database import Connection, execute
from xray_backup.in_parallel import in_parallel


def test_what_has_begun_comes_to_its_end_when_another_connection_fails(lab: Lab) -> None:
    """The transaction that is open is committed and told of, the failed one rolled back, and nothing new begins."""
    inserted, failed = threading.Event(), threading.Event()
    told: list[int] = []

    def work(connection: Connection, key: int) -> int:
        execute(connection, "INSERT INTO image VALUES (%s, 'b', 'f', %s)", (key, str(key)))
        if key == 1:
            inserted.set()
            failed.wait(10)
        elif key == 2:
            inserted.wait(10)
            threading.Timer(0.3, failed.set).start()
            raise ValueError("no")
        connection.commit()
        return key

    database = lab.database()
    with database.session() as first, database.session() as second, pytest.raises(ValueError, match="no"):
        in_parallel([first, second], iter(range(1, 10)), work, told.append)
    assert told == [1]
    assert {row[0] for row in lab.rows("image")} == {1}


def test_two_failures_end_the_run_with_one_of_them(lab: Lab) -> None:
    meet = threading.Barrier(2)

    def work(_: Connection, key: int) -> int:
        meet.wait(10)
        raise ValueError(f"no {key}")

    database = lab.database()
    with database.session() as first, database.session() as second, pytest.raises(ValueError, match=r"no [12]"):
        in_parallel([first, second], [1, 2, 3], work, lambda _: None)
