"""Work on several connections: one fails while another is inside a transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.lab import Lab
from xray_backup.database import Connection, execute
from xray_backup.in_parallel import ahead, in_parallel


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


def test_the_next_item_is_made_while_the_caller_works_with_the_last_and_no_further() -> None:
    made, second = [], threading.Event()

    def items() -> Iterator[int]:
        for item in (1, 2, 3):
            made.append(item)
            if item == 2:
                second.set()
            yield item

    following = ahead(items())
    assert next(following) == 1
    assert second.wait(10)
    assert made == [1, 2]
    assert list(following) == [2, 3]


def test_a_failure_to_make_an_item_comes_after_those_that_were_made() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    following = ahead(items())
    assert next(following) == 1
    with pytest.raises(ValueError, match="no"):
        next(following)
