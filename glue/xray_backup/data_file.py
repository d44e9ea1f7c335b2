"""Parquet files of the store: written from typed rows, read back as typed rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xray_backup.data_model import Table
from xray_backup.errors import VerificationError
from xray_backup.key_range import Literals
from xray_backup.store import Content, Store

_PROOF = b"xray_backup.sent"
ROWS_PER_PART = 32_768


@dataclass(frozen=True)
class SentRows:
    """The rows of one answer of MySQL: how many, and the SHA-256 (hexadecimal) that MySQL itself took of their text."""

    rows: int
    numbers: str
    texts: str | None


@dataclass(frozen=True)
class Sent:
    """All rows of one file in order, answer by answer, and the last key that was asked for.

    Of a table whose key is no integer it is the last key's literals, and `above` those behind which the file begins.
    """

    answers: tuple[SentRows, ...]
    last_key: int | Literals
    above: Literals | None = None


def encode(rows: pa.Table, sent: Sent | None) -> bytes:
    """The rows as one Parquet file, which also says what MySQL sent, for a unit of work that is done again."""
    body = io.BytesIO()
    # Without Arrow's own schema a writer leaves out the schema's metadata too: what MySQL sent goes in by itself.
    with pq.ParquetWriter(
        body, rows.schema, compression="zstd", write_page_checksum=True, store_schema=False
    ) as writer:
        writer.write_table(rows)
        if sent:
            writer.add_key_value_metadata({_PROOF: json.dumps(asdict(sent)).encode()})
    return body.getvalue()


def read_file(store: Store, key: str, etag: str | None = None) -> Content:
    """The bytes of one file.

    Raises:
        VerificationError: it is missing, or not the object that had this ETag.
    """
    content = store.read(key)
    if content is None:
        raise VerificationError(f"file {key} is missing")
    if etag is not None and content.etag != etag:
        raise VerificationError(f"file {key} was changed while it was read")
    return content


def decode(table: Table, body: bytes, key: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a Parquet file, typed as the data model says; all columns, or those named.

    Raises:
        VerificationError: it is damaged, or not a file of this table.
    """
    return pa.concat_tables(decode_in_parts(table, body, key, columns), promote_options="default")


def decode_in_parts(table: Table, body: bytes, key: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows as `decode` gives them, in order, in parts that take little memory; at least one part.

    Raises:
        VerificationError: as of `decode`.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) as file:
            found = set(file.schema_arrow.names)
            named = [column for column in table.columns if columns is None or column.name in columns]
            exact = [column for column in named if column.exact_name in found]
            fields = [pa.field(column.name, column.type.arrow) for column in named]
            fields += [pa.field(column.exact_name, pa.binary()) for column in exact]
            schema, names = pa.schema(fields), [field.name for field in fields]
            yield schema.empty_table()
            for batch in file.iter_batches(ROWS_PER_PART, columns=names, use_threads=False):
                yield pa.Table.from_batches([batch]).select(names).cast(schema)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        # Not the error's text, which may quote a value.
        what = f"is damaged, or not of table {table.name} ({type(error).__name__})"
        raise VerificationError(f"file {key} {what}") from None


def sent_of(body: bytes, key: str) -> Sent:
    """The hashes of what MySQL sent, which the file itself keeps.

    Raises:
        VerificationError: it does not say it.
    """
    try:
        document: dict[str, Any] = json.loads(pq.read_metadata(pa.BufferReader(body)).metadata[_PROOF])
        answers = tuple(SentRows(**answer) for answer in document["answers"])
        last, above = document["last_key"], document.get("above")
        return Sent(answers, tuple(last) if isinstance(last, list) else int(last), tuple(above) if above else None)
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"file {key} is damaged ({type(error).__name__})") from None
