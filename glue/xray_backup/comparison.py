"""Holds a backup against the database as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.fingerprint import (
    HASH_COLUMN,
    Fingerprint,
    fingerprint_sql,
    halves_spark,
    row_hash_spark,
    row_hash_sql,
)
from xray_backup.manifest import Manifest
from xray_backup.run import Run
from xray_backup.table_copy import ROWS_PER_RANGE
from xray_backup.verification import read_rows


@dataclass
class Difference:
    """Rows of one table: alike, with other values, only in the backup, only in the database.

    `newer` are those of the database with a higher key than the backup's highest; they came after it.
    """

    equal: int = 0
    changed: int = 0
    only_in_backup: int = 0
    only_in_database: int = 0
    newer: int = 0


def compare(run: Run, manifest: Manifest) -> dict[str, Difference]:
    """Compares every table with the database: by fingerprints of key ranges, by rows where these differ."""
    result = {}
    for table in run.model.tables:
        backup = manifest.tables[table.name]
        difference = result[table.name] = Difference()
        files = [file.key for file in backup.files]
        with run.database.session() as connection:
            top = backup.max_key if backup.max_key is not None else -(2**63)
            ((difference.newer,),) = query(
                connection, f"SELECT COUNT(*) FROM {table.quoted} WHERE `{table.key}` > %s", (top,)
            )
            for bucket, expected in _backup_buckets(run, table, files).items():
                first, last = bucket * ROWS_PER_RANGE, (bucket + 1) * ROWS_PER_RANGE - 1
                if _range_fingerprint(connection, table, first, min(last, top)) == expected:
                    difference.equal += expected.rows
                else:
                    _compare_rows(run, connection, table, files, (first, min(last, top)), difference)
            known = difference.equal + difference.changed + difference.only_in_database + difference.newer
            ((total,),) = query(connection, f"SELECT COUNT(*) FROM {table.quoted}")
            # Rows in ranges of which the backup has none at all.
            difference.only_in_database += max(0, total - known)
    return result


def _backup_buckets(run: Run, table: Table, files: Sequence[str]) -> dict[int, Fingerprint]:
    rows = read_rows(run, table, files).selectExpr(
        f"CAST(FLOOR(`{table.key}` / {ROWS_PER_RANGE}) AS BIGINT) AS bucket",
        f"{row_hash_spark(table)} AS {HASH_COLUMN}",
    )
    rows.createOrReplaceTempView("xray_backup_rows")
    sql = f"SELECT bucket, {', '.join(halves_spark(HASH_COLUMN))} FROM xray_backup_rows GROUP BY bucket ORDER BY bucket"
    with run.spark_step(f"read {table.name}"):
        return {
            bucket: Fingerprint.from_halves(count, high, low)
            for bucket, count, high, low in run.spark.sql(sql).collect()
        }


def _range_fingerprint(connection: Connection, table: Table, first: int, last: int) -> Fingerprint:
    sql = f"SELECT {fingerprint_sql(table)} FROM {table.quoted} WHERE `{table.key}` BETWEEN %s AND %s"
    ((count, hash_sum),) = query(connection, sql, (first, last))
    return Fingerprint(count, int(hash_sum))


def _compare_rows(
    run: Run, connection: Connection, table: Table, files: Sequence[str], keys: tuple[int, int], difference: Difference
) -> None:
    sql = f"SELECT `{table.key}`, {row_hash_sql(table)} FROM {table.quoted} WHERE `{table.key}` BETWEEN %s AND %s"
    in_database = dict(query(connection, sql, keys))
    rows = read_rows(run, table, files).where(f"`{table.key}` BETWEEN {keys[0]} AND {keys[1]}")
    with run.spark_step(f"read {table.name}"):
        in_backup: dict[int, int] = dict(rows.selectExpr(f"`{table.key}`", row_hash_spark(table)).collect())
    common = in_backup.keys() & in_database.keys()
    equal = sum(in_backup[key] == in_database[key] for key in common)
    difference.equal += equal
    difference.changed += len(common) - equal
    difference.only_in_backup += len(in_backup) - len(common)
    difference.only_in_database += len(in_database) - len(common)
