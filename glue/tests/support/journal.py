"""The writes of a client, noted in a file before and after each commit: both bounds of the rows that are committed."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
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
    for line in journal.read_text().splitlines():
        try:
            what, table, rows = json.loads(line)
        except json.JSONDecodeError:
            continue  # the client was killed within the line
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


def texts(row: Sequence[Any]) -> Row:
    """A row as text, the same for a driver's, Arrow's and JSON's types."""
    return tuple(str(value) for value in row)
