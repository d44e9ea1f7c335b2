"""Copies a table without a key: nothing cuts it into units of work, so the driver reads it by one statement.

MySQL sends the text of each row with its SHA-256. The text is parsed into typed columns, written as Parquet files, read
back, and made text again, as of a range of keys. The statement cannot be gone on with: a run that fails is repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import pymysql.cursors

from xray_backup.data_file import decode_in_parts, encode, read_file
from xray_backup.data_model import Table
from xray_backup.database import Connection
from xray_backup.errors import BackupError, VerificationError
from xray_backup.fingerprint import Fingerprint, RowsDigest, hashes_of
from xray_backup.manifest import DataFile
from xray_backup.range_copy import BYTES_PER_FILE, CopiedFile
from xray_backup.row_parser import parse_rows
from xray_backup.row_text import numbers_sql, row_text_sql, row_texts, texts_sql
from xray_backup.run import Run

_ROWS_AT_ONCE = 1_000
# Numbers, texts, and the SHA-256 of both.
_SentRow = tuple[bytes, bytes, str]


def copy_whole(run: Run, table: Table, prefix: str, condition: str) -> list[CopiedFile]:
    """The files with the rows of `table` that fulfil `condition`, proved.

    Raises:
        BackupError: MySQL or the store failed.
        VerificationError: what came back from the store is not what MySQL sent.
    """
    found: list[CopiedFile] = []
    with run.database.session() as connection:
        for rows in _files(_rows(connection, table, condition)):
            found.append(_copied(run, table, f"{prefix}part-{len(found):05}.parquet", rows))
            copied = sum(file.file.fingerprint.rows for file in found)
            run.events("progress", step=f"copy {table.name}", done=copied, total=copied)
    return found


def _rows(connection: Connection, table: Table, condition: str) -> Iterator[_SentRow]:
    selected = [numbers_sql(table), texts_sql(table) or "''", f"SHA2({row_text_sql(table)}, 256)"]
    with connection.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute(f"SELECT {', '.join(selected)} FROM {table.quoted} WHERE {condition}")
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for numbers, texts, digest in rows:
                yield _bytes(numbers), _bytes(texts), _bytes(digest).decode()


def _files(rows: Iterator[_SentRow]) -> Iterator[Sequence[_SentRow]]:
    """The rows in parts of about as many bytes as a file may have."""
    part: list[_SentRow] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row[0]) + len(row[1])
        if size > BYTES_PER_FILE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _copied(run: Run, table: Table, key: str, sent: Sequence[_SentRow]) -> CopiedFile:
    texts = b"".join(row[1] for row in sent) if table.text_columns else None
    # Each with a newline: a row of one column that is NULL is empty.
    rows = parse_rows(table, b"".join(row[0] + b"\n" for row in sent), texts)
    etag = run.store.create(key, encode(rows, None))
    if etag is None:
        raise BackupError(f"file {key} is there already: run it again")
    content = read_file(run.store, key, etag)
    expected = iter(sent)
    found, digest = Fingerprint(), RowsDigest()
    for part in decode_in_parts(table, content.body, key):
        texts_of_rows = row_texts(table, part)
        for text in texts_of_rows.to_pylist():
            row = next(expected, None)
            if row is None or hashlib.sha256(text).hexdigest() != row[2]:
                raise VerificationError(
                    f"table {table.name}: rows of file {key} are not those that MySQL sent; nothing was committed"
                )
        found += Fingerprint.of(hashes_of(texts_of_rows))
        digest.add(texts_of_rows)
    if found.rows != len(sent):
        raise VerificationError(f"table {table.name}: file {key} has fewer rows than MySQL sent")
    file = DataFile(key, len(content.body), content.etag, found, digest.hexdigest())
    return CopiedFile(file, None, None)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
