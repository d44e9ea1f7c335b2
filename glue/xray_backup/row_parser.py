"""Typed Arrow columns from the text of rows, exact for every value.

What a typed column cannot hold (a zero DATE, bytes that are no UTF-8) is NULL there and stands, as MySQL writes it, in
a column of its own beside it: `Column.exact_name`. Only files that need such a column have it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from xray_backup.column_types import DATETIME
from xray_backup.data_model import Column, Table
from xray_backup.row_text import SEPARATOR, value_text

_WALL_CLOCK = pa.timestamp("us")


def parse_rows(table: Table, numbers: bytes, texts: bytes | None) -> pa.Table:
    """The rows of these two parts of their text, numbers with a newline between rows.

    Raises:
        ValueError: the parts do not belong together.
    """
    if not numbers:
        return pa.table({column.name: pa.array([], column.type.arrow) for column in table.columns})
    try:
        fields = _fields(numbers, {column.name: _parsed_type(column) for column in table.columns})
    except pa.ArrowInvalid:
        # A value that its type does not hold: all values as text first, to see which it is.
        fields = _fields(numbers, {column.name: pa.string() for column in table.columns})
    columns: dict[str, pa.Array] = {}
    for column in table.columns:
        if not column.type.is_text:
            columns |= _typed(column, fields[column.name])
    if table.text_columns:
        lengths = [fields[column.name].cast(pa.int32()) for column in table.text_columns]
        for column, values in zip(table.text_columns, _cut(lengths, texts or b""), strict=True):
            columns |= _typed_text(column, values)
    in_order = [name for column in table.columns for name in (column.name, column.exact_name) if name in columns]
    return pa.table({name: columns[name] for name in in_order})


def _parsed_type(column: Column) -> pa.DataType:
    if column.type.is_text:
        return pa.int32()
    return _WALL_CLOCK if column.type.is_datetime else column.type.arrow


def _fields(numbers: bytes, types: dict[str, pa.DataType]) -> dict[str, pa.Array]:
    rows = csv.read_csv(
        pa.BufferReader(numbers),
        read_options=csv.ReadOptions(column_names=list(types), block_size=1 << 26, use_threads=False),
        parse_options=csv.ParseOptions(
            delimiter=SEPARATOR, quote_char=False, escape_char=False, ignore_empty_lines=False
        ),
        convert_options=csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
    )
    return {name: pa.concat_arrays(rows.column(name).chunks) for name in types}


def _typed(column: Column, values: pa.Array) -> dict[str, pa.Array]:
    """The column, and beside it what its type does not hold."""
    if not pa.types.is_string(values.type):
        return {column.name: _in_utc(values) if column.type.is_datetime else values}
    typed = _typed_one_by_one(column, values)
    text = value_text(column, pa.table({column.name: typed}))
    held = pc.fill_null(pc.equal(text, values), False)
    exact = pc.and_(pc.invert(held), pc.is_valid(values))
    if not pc.any(exact).as_py():
        return {column.name: typed}
    return {
        column.name: pc.if_else(held, typed, None),
        column.exact_name: pc.cast(pc.if_else(exact, values, None), pa.binary()),
    }


def _typed_one_by_one(column: Column, values: pa.Array) -> pa.Array:
    """Each value in its type, null where that cannot be; it is slow, and rare."""
    kind = _WALL_CLOCK if column.type.is_datetime else column.type.arrow
    distinct = values.dictionary_encode()
    typed = [_converted(value, kind) for value in distinct.dictionary]
    found = pa.array(typed, kind).take(distinct.indices)
    return _in_utc(found) if column.type.is_datetime else found


def _converted(value: pa.Scalar, kind: pa.DataType) -> object:
    try:
        return value.cast(kind).as_py()
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return None


def _in_utc(values: pa.Array) -> pa.Array:
    # By `view`: a cast to a zone asks the machine for its time zone database.
    return values.view(pa.int64()).view(DATETIME)


def _cut(lengths: list[pa.Array], texts: bytes) -> list[pa.Array]:
    """The values of each text column; all stand in `texts`, those of one row after the other."""
    count, rows = len(lengths), len(lengths[0])
    numbers = [pc.fill_null(length, 0).to_numpy(zero_copy_only=False) for length in lengths]
    ends = np.cumsum(np.stack(numbers, axis=1).ravel(), dtype=np.int64)
    if (ends[-1] if len(ends) else 0) != len(texts):
        raise ValueError("the texts are not as long as their lengths say")
    offsets = np.concatenate([[0], ends]).astype(np.int32)
    every = pa.Array.from_buffers(
        pa.binary(), count * rows, [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(texts)]
    )
    found = []
    for position, length in enumerate(lengths):
        values = every.take(pa.array(np.arange(position, count * rows, count)))
        found.append(pc.if_else(pc.is_valid(length), values, None) if length.null_count else values)
    return found


def _typed_text(column: Column, values: pa.Array) -> dict[str, pa.Array]:
    try:
        return {column.name: values.cast(pa.string())}
    except pa.ArrowInvalid:
        valid = pa.array([None if value is None else _is_utf8(value) for value in values.to_pylist()], pa.bool_())
        held = pc.fill_null(valid, False)
        return {
            column.name: pc.if_else(held, values, None).cast(pa.string()),
            column.exact_name: pc.if_else(held, None, values),
        }


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
