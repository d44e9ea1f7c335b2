"""Every row that was ever committed, as the client sent it: what database and archives are held against at the end."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from threading import Lock
from typing import Any

TABLES = {"image": "image_id", "transaction": "transaction_id", "pred_bounding_box": "pred_bbox_id"}
"""Each table's key, which is its first column; parents first."""

Row = tuple[str, ...]
"""A row's values as text: whole numbers, names, `YYYY-MM-DD hh:mm:ss`, decimals with three places."""

_ROUND = re.compile(r"ROUND\(([^,()]+), 3\)")
_THOUSANDTH = Decimal("0.001")


def as_text(values: Sequence[Any]) -> Row:
    """A row of a driver, or of literals of a statement, in the one form in which rows are compared."""
    return tuple(_value_as_text(value) for value in values)


def _value_as_text(value: Any) -> str:
    match value:
        case float() | Decimal():
            # The server rounds decimals half away from zero; the shortest text of a float is what the client sent.
            return str(Decimal(str(value)).quantize(_THOUSANDTH, ROUND_HALF_UP))
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)


def row_of_statement(values: str) -> Row:
    """The row that the text between the parentheses of VALUES stands for."""
    literals = _ROUND.sub(r"\1", values)
    return as_text(ast.literal_eval(f"({literals},)"))


class Journal:
    """A file of one row a line, to which several users may write; lines are never changed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = Lock()

    def add(self, table: str, rows: Sequence[Row]) -> None:
        """Notes rows of one commit."""
        lines = "".join(f"{json.dumps([table, *row])}\n" for row in rows)
        with self._lock:
            self._file.write(lines)
            self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_journal(path: Path) -> Iterator[tuple[str, Row]]:
    """Table and row of each line."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            table, *row = json.loads(line)
            yield table, tuple(row)
