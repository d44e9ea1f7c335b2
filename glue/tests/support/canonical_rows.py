"""The rows of any table as two texts: its key's, and its own as MySQL and Arrow write it alike.

Bytes stand as the characters of the same number, so that a journal of JSON lines holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.support.lab import Lab
from xray_backup.data_file import decode
from xray_backup.data_model import DataModel, Table, quoted
from xray_backup.database import Connection, query
from xray_backup.database_model import read_tables
from xray_backup.manifest import DataFile, Manifest
from xray_backup.row_text import row_text_sql, row_texts

Texts = tuple[str, str]


def texts_where(
    connection: Connection, table: Table, condition: str = "TRUE", values: list[Any] | None = None, schema: str = ""
) -> list[Texts]:
    """The rows of `table` for which the condition holds, as this connection sees them."""
    own = ", ".join(f"CAST({row_text_sql(part)} AS BINARY)" for part in (_key_of(table), table))
    source = f"{quoted(schema)}.{table.quoted}" if schema else table.quoted
    if values:
        own = own.replace("%", "%%")
    found = query(connection, f"SELECT {own} FROM {source} WHERE {condition}", values or None)
    return [(key.decode("latin-1"), row.decode("latin-1")) for key, row in found]


def texts_of_backup(lab: Lab, manifest: Manifest, table: Table) -> Iterator[Texts]:
    """The rows of `table` that the files of a backup hold."""
    for file in manifest.tables[table.name].files:
        yield from texts_of_file(lab, table, file)


def texts_of_file(lab: Lab, table: Table, file: DataFile) -> Iterator[Texts]:
    """The rows of `table` that a file holds."""
    content = lab.store.read(file.key)
    assert content is not None
    rows = decode(table, content.body, file.key)
    keys, texts = (row_texts(part, rows).to_pylist() for part in (_key_of(table), table))
    for key, text in zip(keys, texts, strict=True):
        yield key.decode("latin-1"), text.decode("latin-1")


def model_of(lab: Lab) -> DataModel:
    """The data model of the lab's schema."""
    with lab.database().session() as connection:
        return read_tables(connection, lab.schema).whole_model()


def _key_of(table: Table) -> Table:
    assert table.key
    return replace(table, columns=table.key_columns, foreign_keys=())
