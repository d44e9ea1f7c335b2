"""The fingerprint: Python, MySQL and Arrow give one number for any row."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lab import Lab
from xray_backup.data_file import decode
from xray_backup.data_model import X_RAY, Table
from xray_backup.fingerprint import Fingerprint, fingerprint, fingerprint_sql, row_hash_sql
from xray_backup.table_copy import copy_table

KEYS = st.integers(-(2**31), 2**31 - 1)
SCORES = st.integers(-9999, 9999).map(lambda n: Decimal(n).scaleb(-3))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)
# The hours at which clocks change in Berlin and New York are among them.
TIMES = st.one_of(
    st.datetimes(datetime(1971, 1, 1), datetime(2999, 12, 31)).map(lambda t: t.replace(microsecond=0)),
    st.sampled_from([datetime(2022, 3, 27, 2, 30), datetime(2022, 10, 30, 2, 30), datetime(2022, 3, 13, 2, 30)]),
)


def python_hash(row: tuple[Any, ...], manifest_format: int = 2) -> int:
    """An implementation of its own: what the two others must equal."""
    numbers: list[bytes] = []
    texts: list[bytes] = []
    for value in row:
        if isinstance(value, str):
            texts.append(value.encode())
            numbers += [str(len(value)).encode(), texts[-1]] if manifest_format == 1 else [b"%d" % len(texts[-1])]
        elif isinstance(value, datetime):
            numbers.append(f"{value.year:04}-{value:%m-%d %H:%M:%S}".encode())
        else:
            numbers.append((f"{value:.3f}" if isinstance(value, Decimal) else str(value)).encode())
    text = b"|".join(numbers) if manifest_format == 1 else b"\x1f".join(numbers) + b"".join(texts)
    return int(hashlib.sha256(text).hexdigest()[:15], 16)


def insert(lab: Lab, table: Table, rows: list[tuple[Any, ...]]) -> None:
    with lab.server.connect(lab.schema) as connection, connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table.quoted}")
        cursor.executemany(f"INSERT INTO {table.quoted} VALUES ({', '.join(['%s'] * len(table.columns))})", rows)


ROWS = {
    "image": st.tuples(KEYS, TEXT, TEXT, TEXT),
    "transaction": st.tuples(KEYS, KEYS, TIMES, SCORES, SCORES),
    "pred_bounding_box": st.tuples(KEYS, KEYS, KEYS, SCORES, KEYS, KEYS, KEYS, KEYS),
}


@pytest.mark.parametrize("name", list(ROWS))
def test_python_mysql_and_arrow_agree_on_any_row(name: str, loose_lab: Lab) -> None:
    lab, table = loose_lab, X_RAY.table(name)
    # A key of 0 would ask MySQL for the next free one.
    rows = st.lists(ROWS[name].filter(lambda row: row[0] != 0), min_size=60, max_size=60, unique_by=lambda row: row[0])

    @settings(max_examples=3, deadline=None, derandomize=True, database=None)
    @given(rows)
    def check(made: list[tuple[Any, ...]]) -> None:
        insert(lab, table, made)
        expected = {row[0]: python_hash(row) for row in made}
        assert dict(lab.sql(f"SELECT {table.quoted_key}, {row_hash_sql(table)} FROM {table.quoted}")) == expected
        ((count, hash_sum),) = lab.sql(f"SELECT {fingerprint_sql(table)} FROM {table.quoted}")
        backup = copy_table(lab.run(), table, f"v1/snapshot/{name}/run_id={uuid.uuid4()}/")
        assert backup.fingerprint == Fingerprint(count, int(hash_sum)) == Fingerprint(60, sum(expected.values()))
        in_files = [decode(table, _body(lab, file.key), file.key) for file in backup.files]
        of_format_1 = fingerprint(table, in_files, 1)
        assert of_format_1 == Fingerprint(60, sum(python_hash(row, 1) for row in made))

    check()


def _body(lab: Lab, key: str) -> bytes:
    content = lab.store.read(key)
    assert content is not None
    return content.body


def test_two_rows_never_share_a_text() -> None:
    assert python_hash((1, "a|b", "c", "d")) != python_hash((1, "a", "b|c", "d"))


def test_sums_stay_whole_above_64_bits() -> None:
    top = 2**60 - 1
    assert Fingerprint.of(np.full(1000, top, np.uint64)) == Fingerprint(1000, 1000 * top)
