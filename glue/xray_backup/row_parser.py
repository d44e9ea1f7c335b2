"""Typed Arrow columns from the text of rows, exact for every value.

What a typed column cannot hold (a zero DATE, bytes that are no UTF-8) is NULL there and stands, as MySQL writes it, in
a column of its own beside it: `Column.exact_name`. Only files that need such a column have it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from xray_backup.data_model import Column, Table
from xray_backup.row_text import RAW, SEPARATOR


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
        marks = [_is_raw(fields[column.name]) for column in table.text_columns]
        lengths = [
            _lengths(fields[column.name], is_raw) for column, is_raw in zip(table.text_columns, marks, strict=True)
        ]
        cut = _cut(lengths, texts or b"")
        for column, values, is_raw in zip(table.text_columns, cut, marks, strict=True):
            columns |= _typed_text(column, values, is_raw)
    in_order = [name for column in table.columns for name in (column.name, column.exact_name) if name in columns]
    return pa.table({name: columns[name] for name in in_order})


def _parsed_type(column: Column) -> pa.DataType:
    if column.type.is_text:
        return pa.string() if column.type.bytes.has_odd_values else pa.int32()
    form = column.type.plain
    return pa.string() if form.is_checked else form.parsed


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
    form = column.type.plain
    if values.type == form.parsed:
        return {column.name: form.typed(values)}
    typed = form.typed(_converted(values, form.parsed))
    held = pc.fill_null(pc.equal(form.text(typed), values), False)
    exact = pc.and_(pc.invert(held), pc.is_valid(values))
    if not pc.any(exact).as_py():
        return {column.name: typed}
    return {
        column.name: pc.if_else(held, typed, None),
        column.exact_name: pc.cast(pc.if_else(exact, values, None), pa.binary()),
    }


def _converted(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Each text in this type, null where that cannot be."""
    try:
        return values.cast(kind)
    except pa.ArrowInvalid:
        # One by one, which is slow, and rare.
        distinct = values.dictionary_encode()
        found = [_converted_one(value, kind) for value in distinct.dictionary]
        return pa.array(found, kind).take(distinct.indices)


def _converted_one(value: pa.Scalar, kind: pa.DataType) -> object:
    try:
        return value.cast(kind).as_py()
    except (pa.ArrowInvalid, ValueError, OverflowError):
        return None


def _is_raw(field: pa.Array) -> pa.Array | None:
    """For each length of a text: is it that of raw bytes? None where none is."""
    if not pa.types.is_string(field.type):
        return None
    is_raw = pc.fill_null(pc.starts_with(field, RAW), False)
    return is_raw if pc.any(is_raw).as_py() else None


def _lengths(field: pa.Array, is_raw: pa.Array | None) -> pa.Array:
    if is_raw is not None:
        field = pc.if_else(is_raw, pc.utf8_slice_codeunits(field, len(RAW)), field)
    return field.cast(pa.int32())


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


def _typed_text(column: Column, values: pa.Array, is_raw: pa.Array | None) -> dict[str, pa.Array]:
    kind = column.type.arrow
    try:
        held = values if is_raw is None else pc.if_else(is_raw, None, values)
        typed = {column.name: held.cast(kind)}
        return typed if is_raw is None else typed | {column.exact_name: pc.if_else(is_raw, values, None)}
    except pa.ArrowInvalid:
        if column.type.bytes.has_odd_values:
            # Of these MySQL says itself which are no UTF-8.
            raise ValueError(f"column {column.name} holds a text that is no UTF-8") from None
        valid = pa.array([None if value is None else is_utf8(value) for value in values.to_pylist()], pa.bool_())
        held = pc.fill_null(valid, False)
        return {
            column.name: pc.if_else(held, values, None).cast(kind),
            column.exact_name: pc.if_else(held, None, values),
        }


def is_utf8(value: bytes) -> bool:
    """True where these bytes are a text in UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
