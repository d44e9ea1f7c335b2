"""The fingerprint: Python, MySQL and Spark give one number for any row."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lab import Lab
from xray_backup.data_model import X_RAY, Table
from xray_backup.fingerprint import Fingerprint, fingerprint_sql, halves_spark, row_hash_spark, row_hash_sql
from xray_backup.table_copy import copy_table

KEYS = st.integers(-(2**31), 2**31 - 1)
SCORES = st.integers(-9999, 9999).map(lambda n: Decimal(n).scaleb(-3))
TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00"), max_size=100)
# The hours at which clocks change in Berlin and New York are among them.
TIMES = st.one_of(
    st.datetimes(datetime(1971, 1, 1), datetime(2999, 12, 31)).map(lambda t: t.replace(microsecond=0)),
    st.sampled_from([datetime(2022, 3, 27, 2, 30), datetime(2022, 10, 30, 2, 30), datetime(2022, 3, 13, 2, 30)]),
)


def python_hash(row: tuple[Any, ...]) -> int:
    """An implementation of its own: what the two others must equal."""
    texts: list[str] = []
    for value in row:
        if isinstance(value, str):
            texts += [str(len(value)), value]
        elif isinstance(value, datetime):
            texts.append(f"{value:%Y-%m-%d %H:%M:%S}")
        else:
            texts.append(f"{value:.3f}" if isinstance(value, Decimal) else str(value))
    return int(hashlib.sha256("|".join(texts).encode()).hexdigest()[:15], 16)


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
def test_python_mysql_and_spark_agree_on_any_row(name: str, loose_lab: Lab) -> None:
    lab, table = loose_lab, X_RAY.table(name)
    # A key of 0 would ask MySQL for the next free one.
    rows = st.lists(ROWS[name].filter(lambda row: row[0] != 0), min_size=60, max_size=60, unique_by=lambda row: row[0])

    @settings(max_examples=3, deadline=None, derandomize=True, database=None)
    @given(rows)
    def check(made: list[tuple[Any, ...]]) -> None:
        insert(lab, table, made)
        expected = {row[0]: python_hash(row) for row in made}
        assert dict(lab.sql(f"SELECT `{table.key}`, {row_hash_sql(table)} FROM {table.quoted}")) == expected
        ((count, hash_sum),) = lab.sql(f"SELECT {fingerprint_sql(table)} FROM {table.quoted}")
        backup = copy_table(lab.run(), table, f"v1/snapshot/{name}/run_id={uuid.uuid4()}/")
        assert backup.fingerprint == Fingerprint(count, int(hash_sum)) == Fingerprint(60, sum(expected.values()))

    check()


def test_two_rows_never_share_a_text() -> None:
    assert python_hash((1, "a|b", "c", "d")) != python_hash((1, "a", "b|c", "d"))


def test_the_zone_of_this_machine_and_of_java_do_not_matter(lab: Lab) -> None:
    table = X_RAY.anchor
    lab.sql("INSERT INTO image VALUES (1, 'lake', 'xray-images', 'img_1')")
    lab.sql("INSERT INTO `transaction` VALUES (1, 1, '2022-03-27 02:30:00', 0.3, 0.5)")
    zones = lab.spark.sparkContext._jvm.java.util.TimeZone
    kept = zones.getDefault()
    zones.setDefault(zones.getTimeZone("Europe/Berlin"))
    try:
        backup = copy_table(lab.run(), table, "v1/snapshot/transaction/run_id=1/")
    finally:
        zones.setDefault(kept)
    expected = python_hash((1, 1, datetime(2022, 3, 27, 2, 30), Decimal("0.300"), Decimal("0.500")))
    assert backup.fingerprint == Fingerprint(1, expected)
    path = lab.store.spark_path(backup.files[0].key)
    ((seconds,),) = lab.spark.read.parquet(path).selectExpr("UNIX_SECONDS(time)").collect()
    assert seconds == datetime(2022, 3, 27, 2, 30, tzinfo=UTC).timestamp()


def test_sums_stay_whole_above_64_bits(spark: Any) -> None:
    top = 2**60 - 1
    frame = spark.range(1000).selectExpr(f"CAST({top} AS BIGINT) AS row_hash").selectExpr(*halves_spark("row_hash"))
    assert Fingerprint.from_halves(*frame.collect()[0]) == Fingerprint(1000, 1000 * top)
    assert "row_hash" not in row_hash_spark(X_RAY.anchor)
