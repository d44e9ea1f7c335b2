"""Rows as they stand in an INSERT, made by Arrow and not row by row by Python."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_model import Column, Table
from xray_backup.row_text import one_chunk, text_bytes, value_text
from xray_backup.value_forms import mapped


def row_literals(table: Table, rows: pa.Table) -> pa.Array:
    """The literals of each row, binary: `('a',1)`."""
    fields = [literal(column, rows) for column in table.columns]
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(b"(", fields[0], b""), *fields[1:-1],
        pc.binary_join_element_wise(fields[-1], b")", b""), b",",
    ) if len(fields) > 1 else pc.binary_join_element_wise(b"(", fields[0], b")", b"")  # fmt: skip


def literal(column: Column, rows: pa.Table) -> pa.Array:
    """The values of a column as SQL has them, binary."""
    if column.type.is_text:
        form = column.type.bytes
        value = form.literal(text_bytes(column, rows))
        if column.exact_name in rows.column_names:
            value = pc.if_else(_has_exact(column, rows), exact_literals(column, rows), value)
    else:
        value = column.type.plain.literal(value_text(column, rows))
    return pc.fill_null(value, b"NULL")


def exact_literals(column: Column, rows: pa.Table) -> pa.Array:
    """The literals of what the typed column of a text cannot hold; null where there is none."""
    return mapped(rows.column(column.exact_name), column.type.bytes.exact_literal, pa.binary())


def _has_exact(column: Column, rows: pa.Table) -> pa.Array:
    return pc.is_valid(one_chunk(rows.column(column.exact_name)))


def without_statement(table: Table, rows: pa.Table, most_bytes: int, is_mariadb: bool = False) -> pa.Array | None:
    """For each row: is it one that no INSERT of so many bytes can carry as it is? None where there is none."""
    table = replace(table, columns=tuple(column for column in table.columns if not column.is_generated))
    odd = [column for column in table.text_columns if column.exact_name in rows.column_names]
    # Each byte may be escaped, or stand as four digits.
    longest = sum(4 * (pc.max(pc.binary_length(text_bytes(c, rows))).as_py() or 0) for c in table.text_columns)
    if not odd and longest < most_bytes:
        return None
    lost = pc.greater(pc.binary_length(row_literals(table, rows)), most_bytes)
    for column in odd:
        literals = exact_literals(column, rows)
        refused = pc.is_null(literals)
        if is_mariadb and column.type.mysql.startswith("enum"):
            # It takes no index 0, in whatever words, while it is strict.
            refused = pc.or_kleene(refused, pc.equal(one_chunk(rows.column(column.exact_name)), b"0"))
        lost = pc.or_(lost, pc.and_(_has_exact(column, rows), pc.fill_null(refused, False)))
    return lost if pc.any(lost).as_py() else None
