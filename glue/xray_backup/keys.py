"""Keys of rows, as SQL names them.

Where one integer column is the key, a key is that integer. Else it is the literals of the key's columns with commas
between, as bytes: MySQL and Arrow write them alike, so equal bytes are equal values.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.bytes_forms import MembersForm
from xray_backup.data_model import Column, ForeignKey, Table
from xray_backup.errors import BackupError
from xray_backup.row_text import one_chunk, text_bytes, value_text
from xray_backup.value_forms import mapped

# Integers, or objects of bytes.
Keys: TypeAlias = npt.NDArray[Any]
# A range is faster, but MySQL also waits for whoever holds the row behind its end: a few keys are named one by one.
KEYS_WORTH_A_RANGE = 100
# An integer key in a statement, with its comma.
_INTEGER_BYTES = 25
_LITERAL = re.compile(rb"_\w+ X'([0-9A-F]*)'|'([^']*)'|([^,']+)")


def keys_of(table: Table, rows: pa.Table, columns: Sequence[str] | None = None) -> Keys:
    """The keys in these columns (default: the table's own key), of the rows where none of them is NULL."""
    found = _columns(table, columns)
    if _is_integer(found):
        # Without nulls before numpy sees them: with one it makes floats of all, which hold no key above 2^53.
        return rows.column(found[0].name).drop_null().cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]
    return _literals(found, rows).drop_null().to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def owner_columns(key: ForeignKey, parent: Table) -> tuple[str, ...]:
    """The child's columns in the order of the parent's key, which the foreign key references."""
    columns = dict(zip(key.referenced_columns, key.columns, strict=True))
    return tuple(columns[name] for name in parent.key)


def no_keys(table: Table, columns: Sequence[str] | None = None) -> Keys:
    """None of the keys that these columns (default: the table's own key) may have."""
    return np.array([], np.int64 if _is_integer(_columns(table, columns)) else np.object_)


def names_one_of(table: Table, rows: pa.Table, columns: Sequence[str], keys: Keys) -> pa.Array:
    """For each row: do these columns of it hold one of `keys`? One with a NULL among them names none."""
    found = _columns(table, columns)
    if _is_integer(found):
        values = one_chunk(rows.column(found[0].name)).cast(pa.int64())
        return pc.is_in(values, value_set=pa.array(keys, pa.int64()))
    return pc.is_in(_literals(found, rows), value_set=pa.array(keys, pa.binary()))


def has_key(table: Table, rows: pa.Table, columns: Sequence[str]) -> pa.Array:
    """For each row: is none of these columns NULL?"""
    together = None
    for column in _columns(table, columns):
        valid = pc.is_valid(one_chunk(rows.column(column.name)))
        if column.exact_name in rows.column_names:
            valid = pc.or_(valid, pc.is_valid(one_chunk(rows.column(column.exact_name))))
        together = valid if together is None else pc.and_(together, valid)
    return together


def no_utf8_error(table: Table, column: str) -> BackupError:
    """The error of a key that no condition finds: MySQL compares such a text with no other as equal."""
    return BackupError(
        f"column {column} of table {table.name} is of its key, and holds a text that is no UTF-8, by which MySQL finds"
        f" no row: correct it, as UPDATE … WHERE HEX({column}) = … does, or leave the table out"
    )


def check_found_by_keys(table: Table, rows: pa.Table) -> None:
    """Looks for keys in `rows` that are no UTF-8.

    Raises:
        BackupError: there is one.
    """
    for column in table.key_columns:
        is_text = column.type.is_text and not column.type.bytes.has_odd_values
        if is_text and column.exact_name in rows.column_names:
            raise no_utf8_error(table, column.name)


def is_in(keys: Keys, others: Keys) -> npt.NDArray[np.bool_]:
    """For each of `keys`: is it one of `others`?"""
    if keys.dtype != np.object_:
        return np.isin(keys, others)
    known = set(others.tolist())
    return np.fromiter((key in known for key in keys.tolist()), np.bool_, len(keys))


def keys_condition(columns: Sequence[str], keys: Keys) -> str:
    """The WHERE clause of exactly these keys, sorted and each once; by ranges where many stand side by side.

    `columns` are quoted.
    """
    if keys.dtype == np.object_:
        listed = b"), (".join(keys.tolist()).decode()
        return f"({', '.join(columns)}) IN (({listed}))" if len(keys) else "FALSE"
    (column,) = columns
    ends = np.flatnonzero(np.diff(keys) != 1)
    firsts, lasts = keys[np.concatenate([[0], ends + 1])], keys[np.concatenate([ends, [len(keys) - 1]])]
    counts = lasts - firsts + 1
    dense = counts >= KEYS_WORTH_A_RANGE
    parts = [f"{column} BETWEEN {first} AND {last}" for first, last in zip(firsts[dense], lasts[dense], strict=True)]
    single = keys[~np.repeat(dense, counts)]
    if len(single):
        parts.append(f"{column} IN ({', '.join(map(str, single.tolist()))})")
    return " OR ".join(parts)


def highest_integer(keys: Keys) -> int:
    """The highest of the keys, sorted and all integers, be they literals."""
    return max(map(int, keys.tolist())) if keys.dtype == np.object_ else int(keys[-1])


def key_sizes(keys: Keys) -> npt.NDArray[np.int64]:
    """Bytes that each key takes in a statement."""
    if keys.dtype != np.object_:
        return np.full(len(keys), _INTEGER_BYTES, np.int64)
    return np.fromiter((len(key) + 4 for key in keys.tolist()), np.int64, len(keys))


def in_statements(keys: Keys, statement_bytes: int) -> Iterator[Keys]:
    """The keys in parts that one statement of about so many bytes can name, but at least one."""
    ends = np.cumsum(key_sizes(keys))
    start = 0
    while start < len(keys):
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + statement_bytes, side="right")))
        yield keys[start:end]
        start = end


def key_sql(columns: Sequence[Column], alias: str = "") -> str:
    """MySQL expression: the key in these columns of the table with this alias, as `found_keys` takes it."""
    if _is_integer(columns):
        return _named(columns[0], alias)
    return f"CONCAT_WS(',', {', '.join(literal_sql(column, alias) for column in columns)})"


def found_keys(columns: Sequence[Column], values: Iterable[Any]) -> Keys:
    """The keys that MySQL answered to `key_sql`."""
    if _is_integer(columns):
        return np.array(list(values), np.int64)
    found = [value.encode() if isinstance(value, str) else value for value in values]
    keys = np.empty(len(found), np.object_)
    keys[:] = found
    return keys


def shown(keys: Keys) -> list[int | str]:
    """The keys as a record or a message may have them.

    Only integers are shown. Of others, which may be a name, it is the beginning of the SHA-256 of the values with
    commas between, by which MySQL finds the row: `WHERE LEFT(SHA2(CONCAT_WS(',', a, b), 256), 12) = '…'`.
    """
    if keys.dtype != np.object_:
        return keys.tolist()  # type: ignore[no-any-return]
    return [f"sha2:{hashlib.sha256(b','.join(_values(key))).hexdigest()[:12]}" for key in keys.tolist()]


def key_digests(keys: Keys) -> list[str]:
    """The SHA-256 (hexadecimal) of each key's value; of several with its length and a colon before each."""
    texts = (b"%d" % key for key in keys.tolist()) if keys.dtype != np.object_ else map(_told_apart, keys.tolist())
    return [hashlib.sha256(text).hexdigest() for text in texts]


def key_texts(key: bytes) -> list[str]:
    """The parts of a key: the texts that are UTF-8, and of others the literals."""
    parts = []
    for found in _LITERAL.finditer(key):
        text = found[0].decode()
        if text.startswith("_utf8mb4 "):
            with suppress(UnicodeDecodeError):
                text = bytes.fromhex(found[1].decode()).decode()
        parts.append(text)
    return parts


def _told_apart(key: bytes) -> bytes:
    values = _values(key)
    return values[0] if len(values) == 1 else b",".join(b"%d:%s" % (len(value), value) for value in values)


def _values(key: bytes) -> list[bytes]:
    parts = []
    for in_hexadecimal, in_quotes, bare in _LITERAL.findall(key):
        parts.append(in_quotes or bare or bytes.fromhex(in_hexadecimal.decode()))
    return parts


def _columns(table: Table, names: Sequence[str] | None) -> Sequence[Column]:
    return table.key_columns if names is None else [table.column(name) for name in names]


def _is_integer(columns: Sequence[Column]) -> bool:
    return len(columns) == 1 and columns[0].type.is_integer


def _literals(columns: Sequence[Column], rows: pa.Table) -> pa.Array:
    """The key of each row; null where one of its columns is."""
    literals = [_literal(column, rows) for column in columns]
    return literals[0] if len(literals) == 1 else pc.binary_join_element_wise(*literals, b",")


def _literal(column: Column, rows: pa.Table) -> pa.Array:
    if not column.type.is_text:
        before, after = _around(column)
        return pc.cast(pc.binary_join_element_wise(before, value_text(column, rows), after, ""), pa.binary())
    values = text_bytes(column, rows)
    # In hexadecimal digits: no byte is lost, whatever the character set of a statement is.
    literal = mapped(
        values, lambda value: b"%s X'%s'" % (column.type.bytes.introducer, _hexadecimal(value)), pa.binary()
    )
    if column.type.bytes.has_odd_values and column.exact_name in rows.column_names:
        is_odd = pc.is_valid(one_chunk(rows.column(column.exact_name)))
        literal = pc.if_else(is_odd, mapped(values, lambda value: _odd_literal(column, value), pa.binary()), literal)
    return literal


def _odd_literal(column: Column, value: bytes) -> bytes:
    if isinstance(column.type.form, MembersForm):
        return value
    return b"_%s X'%s'" % ((column.type.character_set or "").encode(), _hexadecimal(value))


def _hexadecimal(value: bytes) -> bytes:
    return value.hex().upper().encode()


def literal_sql(column: Column, alias: str = "") -> str:
    """MySQL expression: the literal of a value, text."""
    value = column.type.form.sql(_named(column, alias)) if alias else column.read_sql
    if not column.type.is_text:
        before, after = (part.replace("'", "''") for part in _around(column))
        return f"CONCAT('{before}', {value}, '{after}')" if before or after else value
    form, name = column.type.bytes, _named(column, alias)
    literal = _hexadecimal_sql(form.introducer.decode(), value)
    if not (odd := form.odd_sql(name)):
        return literal
    if isinstance(form, MembersForm):
        return f"IF({odd}, CAST({name} AS UNSIGNED), {literal})"
    return f"IF({odd}, {_hexadecimal_sql(f'_{column.type.character_set}', form.raw_sql(name))}, {literal})"


def _named(column: Column, alias: str) -> str:
    return f"{alias}.{column.quoted}" if alias else column.quoted


def _hexadecimal_sql(introducer: str, value: str) -> str:
    return f"CONCAT('{introducer} X''', HEX({value}), '''')"


def _around(column: Column) -> tuple[str, str]:
    """The parts of a plain value's literal before and after its text."""
    before, _, after = column.type.plain.literal(pa.array(["T"]))[0].as_py().decode().partition("T")
    return before, after
