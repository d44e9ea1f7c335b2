"""The text of rows, in one form that MySQL and Arrow write alike: what a row is, told by its bytes.

A row's text has two parts. Its *numbers* are one field for each column with U+001F between: the value of a number or a
time, the length in bytes of a text, nothing for NULL. Its *texts* are the bytes of all text columns, one after the
other. The lengths in the first part say where each text ends, so any byte may stand in a text. An x before the length
says that the bytes are not the value in UTF-8 but its raw bytes (see `BytesForm`).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_model import Column, Table

SEPARATOR = "\x1f"
RAW = "x"


def numbers_sql(table: Table) -> str:
    """MySQL expression: the numbers of one row."""
    fields = (_or_empty(column, _number_sql(column)) for column in table.columns)
    return f"CONCAT_WS(0x1F, {', '.join(fields)})"


def texts_sql(table: Table) -> str | None:
    """MySQL expression: the texts of one row; None for a table without text columns."""
    fields = [_or_empty(column, _bytes_sql(column)) for column in table.text_columns]
    return f"CONCAT({', '.join(fields)})" if fields else None


def row_text_sql(table: Table) -> str:
    """MySQL expression: numbers and texts of one row."""
    texts = texts_sql(table)
    return f"CONCAT({numbers_sql(table)}, {texts})" if texts else numbers_sql(table)


def _number_sql(column: Column) -> str:
    if not column.type.is_text:
        return column.read_sql
    length = f"LENGTH({column.read_sql})"
    form = column.type.bytes
    odd = form.odd_sql(column.quoted)
    return f"IF({odd}, CONCAT('{RAW}', LENGTH({form.raw_sql(column.quoted)})), {length})" if odd else length


def _bytes_sql(column: Column) -> str:
    value = f"CAST({column.read_sql} AS BINARY)"
    form = column.type.bytes
    odd = form.odd_sql(column.quoted)
    return f"IF({odd}, {form.raw_sql(column.quoted)}, {value})" if odd else value


def _or_empty(column: Column, sql: str) -> str:
    return f"IFNULL({sql}, '')" if column.nullable else sql


def numbers(table: Table, rows: pa.Table) -> pa.Array:
    """The numbers of each row, binary."""
    fields = [pc.fill_null(_number(column, rows), "") for column in table.columns]
    return pc.cast(_joined(fields, SEPARATOR), pa.binary())


def _number(column: Column, rows: pa.Table) -> pa.Array:
    if not column.type.is_text:
        return value_text(column, rows)
    lengths = pc.cast(pc.binary_length(text_bytes(column, rows)), pa.string())
    if column.exact_name in rows.column_names and column.type.bytes.has_odd_values:
        is_raw = pc.is_valid(one_chunk(rows.column(column.exact_name)))
        lengths = pc.if_else(is_raw, pc.binary_join_element_wise(RAW, lengths, ""), lengths)
    return lengths


def texts(table: Table, rows: pa.Table) -> pa.Array | None:
    """The texts of each row, binary; None for a table without text columns."""
    fields = [pc.fill_null(text_bytes(column, rows), b"") for column in table.text_columns]
    return _joined(fields, b"") if fields else None


def row_texts(table: Table, rows: pa.Table) -> pa.Array:
    """Numbers and texts of each row, binary."""
    return joined(numbers(table, rows), texts(table, rows))


def joined(numbers_of_rows: pa.Array, texts_of_rows: pa.Array | None) -> pa.Array:
    """Both parts of each row."""
    return numbers_of_rows if texts_of_rows is None else _joined([numbers_of_rows, texts_of_rows], b"")


def value_text(column: Column, rows: pa.Table) -> pa.Array:
    """The values of a number or a time as MySQL writes them; null for NULL."""
    text = column.type.plain.text(one_chunk(rows.column(column.name)))
    if column.exact_name in rows.column_names:
        text = pc.coalesce(text, pc.cast(one_chunk(rows.column(column.exact_name)), pa.string()))
    return text


def text_bytes(column: Column, rows: pa.Table) -> pa.Array:
    """The values of a text column as bytes; null for NULL."""
    values = pc.cast(one_chunk(rows.column(column.name)), pa.binary())
    if column.exact_name in rows.column_names:
        values = pc.coalesce(values, one_chunk(rows.column(column.exact_name)))
    return values


def _joined(fields: list[pa.Array], separator: str | bytes) -> pa.Array:
    # One field alone has nothing to be joined with.
    return fields[0] if len(fields) == 1 else pc.binary_join_element_wise(*fields, separator)


def one_chunk(column: pa.ChunkedArray) -> pa.Array:
    """The column in one piece."""
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def lines(values: pa.Array) -> memoryview:
    """The values with a newline between, in one piece."""
    return separated(values, b"\n")


def separated(values: pa.Array, separator: bytes) -> memoryview:
    """The values with `separator`, one byte, between, in one piece."""
    return joined_bytes(pc.binary_join_element_wise(values, b"", separator))[:-1] if len(values) else memoryview(b"")


def joined_bytes(values: pa.Array) -> memoryview:
    """The bytes of all values of a binary array without nulls, one after the other."""
    _, offsets, data = values.buffers()
    if data is None or not len(values):
        return memoryview(b"")
    numbers = memoryview(offsets).cast("i")
    return memoryview(data)[numbers[values.offset] : numbers[values.offset + len(values)]]
