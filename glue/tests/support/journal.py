"""The writes of a client, noted in a file before and after each commit: both bounds of the rows that are committed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

# Table and the row's first text, which tells it from the others.
Key = tuple[str, str]
Row = tuple[str, ...]


def note(file: TextIO, what: str, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """One line: `what` is trying, committed, deleting or deleted."""
    file.write(json.dumps([what, table, rows]) + "\n")
    file.flush()


def read_journal(journal: Path) -> tuple[set[Key], dict[Key, set[Row]], dict[Key, set[Row]]]:
    """The keys that were committed, what each row's last value may be, and everything that was ever tried.

    A row that was tried and not noted as committed may or may not be there: the client or the server died in between.
    Nor need one be there that the client itself deleted; a restore may have brought it back as it was once.
    """
    committed: set[Key] = set()
    last: dict[Key, set[Row]] = defaultdict(set)
    tried: dict[Key, set[Row]] = defaultdict(set)
    for what, table, rows in _lines(journal):
        for row in rows:
            key = (table, str(row[0]))
            if what in ("deleting", "deleted"):
                committed.discard(key)
                last[key] |= tried[key]
                continue
            tried[key].add(texts(row))
            last[key].add(texts(row))
            if what == "committed":
                committed.add(key)
                last[key] = {texts(row)}
    return committed, last, tried


def noted_keys(journal: Path, start: int) -> tuple[set[Key], set[Key]]:
    """The keys of the rows that the client wrote and of those that it deleted, or began to, since `start` bytes."""
    written: set[Key] = set()
    deleted: set[Key] = set()
    for what, table, rows in _lines(journal, start):
        found = deleted if what in ("deleting", "deleted") else written
        found.update((table, str(row[0])) for row in rows)
    return written, deleted


def _lines(journal: Path, start: int = 0) -> Iterator[tuple[str, str, list[list[Any]]]]:
    for line in journal.read_bytes()[start:].splitlines():
        try:
            what, table, rows = json.loads(line)
        except json.JSONDecodeError:
            continue  # the client was killed within the line
        yield what, table, rows


def texts(row: Sequence[Any]) -> Row:
    """A row as text, the same for a driver's, Arrow's and JSON's types."""
    return tuple(str(value) for value in row)
