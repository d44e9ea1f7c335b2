"""Equality of keys as MySQL sees it: a column's collation may take `p-17` and `P-17` for one, where bytes are two."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from xray_backup.bytes_forms import TextForm
from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.errors import BackupError
from xray_backup.keys import Keys, is_in, key_texts

_KEYS_IN_QUERY = 10_000
# The longest text that MySQL takes into a key.
_CHARACTERS = 3072
# Of what is no text: its literal, byte by byte.
_EXACT = ("utf8mb4", "utf8mb4_bin")


class KeyEquality:
    """Asks the server of a schema."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection, self._schema = connection, schema
        self._columns: dict[str, list[str]] = {}

    def among(self, table: Table, keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:
        """For each of `keys`: does it equal one of `others`, in the key of `table`?

        Raises:
            BackupError: the key has a text, and the schema has no such table any more.
        """
        found = is_in(keys, others)
        if not len(others) or not any(isinstance(column.type.form, TextForm) for column in table.key_columns):
            return found
        left = np.flatnonzero(~found)
        for start in range(0, len(left), _KEYS_IN_QUERY):
            part = left[start : start + _KEYS_IN_QUERY]
            found[part] = self._equal(table, keys[part], others)
        return found

    def _equal(self, table: Table, keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:
        if table.name not in self._columns:
            self._columns[table.name] = self._key_columns(table)
        columns = self._columns[table.name]
        listed = f"JSON_TABLE(%s, '$[*]' COLUMNS (row_number_ FOR ORDINALITY, {', '.join(columns)}))"
        condition = " AND ".join(f"a.part_{part} = b.part_{part}" for part in range(len(columns)))
        answer = query(
            self._connection,
            f"SELECT DISTINCT a.row_number_ FROM {listed} a JOIN {listed} b ON {condition}",
            [json.dumps([key_texts(key) for key in part.tolist()]) for part in (keys, others)],
        )
        found = np.zeros(len(keys), np.bool_)
        found[[int(number) - 1 for (number,) in answer]] = True
        return found

    def _key_columns(self, table: Table) -> list[str]:
        """The parts of a key as columns of JSON_TABLE, with the character sets and collations of the table's own."""
        known = self._collations(table.name)
        parts: Sequence[tuple[str, str] | None] = [
            known.get(column.name) if isinstance(column.type.form, TextForm) else _EXACT for column in table.key_columns
        ]
        columns = []
        for number, part in enumerate(parts):
            if part is None:
                raise BackupError(
                    f"keys of {table.name} are texts, and {self._schema} has no such column any more: which texts are"
                    " equal cannot be told; create the table again, empty, and run it again"
                )
            character_set, collation = part
            columns.append(
                f"part_{number} VARCHAR({_CHARACTERS}) CHARACTER SET {character_set} COLLATE {collation}"
                f" PATH '$[{number}]'"
            )
        return columns

    def _collations(self, table: str) -> dict[str, tuple[str, str]]:
        found = query(
            self._connection,
            "SELECT column_name, character_set_name, collation_name FROM information_schema.columns"
            " WHERE table_schema = %s AND table_name = %s AND collation_name IS NOT NULL",
            (self._schema, table),
        )
        return {str(name): (str(character_set), str(collation)) for name, character_set, collation in found}
