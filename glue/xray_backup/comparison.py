"""Holds a backup against the database as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pymysql.cursors

from xray_backup.data_file import ROWS_PER_PART, decode, read_file
from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.database_model import read_tables
from xray_backup.errors import UsageError
from xray_backup.fingerprint import (
    Fingerprint,
    Hashes,
    fingerprint_sql,
    hash_sql,
    hashes_of,
    row_hash_sql,
    row_hashes,
)
from xray_backup.key_range import ROWS_PER_RANGE, KeyRange
from xray_backup.keys import Keys, key_sql, keys_of, no_keys
from xray_backup.manifest import FORMAT_VERSION, Manifest, TableBackup
from xray_backup.rights import check_right
from xray_backup.run import Run
from xray_backup.workplace import Workplace

# By row: the hash of its key, and of all of it.
HashPairs: TypeAlias = tuple[Hashes, Hashes]


@dataclass
class Difference:
    """Rows of one table: alike, with other values, only in the backup, only in the database.

    `newer` are those of the database with a higher key than the backup's highest; they came after it. Only integer keys
    tell that. Without a key a row with other values is one only in the backup and one only in the database.
    """

    equal: int = 0
    changed: int = 0
    only_in_backup: int = 0
    only_in_database: int = 0
    newer: int = 0


@dataclass(frozen=True)
class FileKeys:
    """A file of which keys and hashes are asked for; `bucket` where only those of one bucket are."""

    table: Table
    key: str
    bucket: int | None = None


def compare(run: Run, manifest: Manifest) -> dict[str, Difference]:
    """Compares every table of the backup with the database.

    By fingerprints of buckets of keys, and by rows where these differ.

    Raises:
        UsageError: the backup has other columns than the database.
    """
    with run.database.session() as connection:
        # The backup says which tables there are to compare, whatever the run's policies name.
        check_right(connection, run.database.schema, "SELECT", manifest.model.tables)
        now = {table.name: table for table in read_tables(connection, run.database.schema).model.tables}
    for table in manifest.model.tables:
        there = now.get(table.name)
        if there is None or (there.key, there.columns) != (table.key, table.columns):
            raise UsageError(
                f"{manifest.name} has other columns of table {table.name} than the database: verify it without"
                " --against-database, or restore it into another schema and look there"
            )
    result = {}
    for table in manifest.model.tables:
        backup = manifest.tables[table.name]
        difference = result[table.name] = Difference()
        if not table.has_integer_key:
            _compare_by_hashes(run, table, backup, difference)
            continue
        files = [FileKeys(table, file.key) for file in backup.files]
        buckets: dict[int, Fingerprint] = {}
        files_of: dict[int, list[str]] = {}
        for key, found in run.work(f"read {table.name}", bucket_fingerprints, files):
            for bucket, fingerprint in found.items():
                buckets[bucket] = buckets.get(bucket, Fingerprint()) + fingerprint
                files_of.setdefault(bucket, []).append(key)
        with run.database.session() as connection:
            top = backup.max_key if backup.max_key is not None else -(2**63)
            ((difference.newer,),) = query(
                connection, f"SELECT COUNT(*) FROM {table.quoted} WHERE {table.quoted_key} > {top}"
            )
            for bucket, expected in sorted(buckets.items()):
                first, last = bucket * ROWS_PER_RANGE, (bucket + 1) * ROWS_PER_RANGE - 1
                keys = KeyRange(first, min(last, top))
                if _fingerprint(connection, table, keys.condition(table)) == expected:
                    difference.equal += expected.rows
                else:
                    tasks = [FileKeys(table, key, bucket) for key in files_of[bucket]]
                    found_pairs = run.work(f"read {table.name}", keys_and_hashes, tasks)
                    in_backup = dict(pair for pairs in found_pairs for pair in pairs)
                    _compare_rows(connection, table, keys, in_backup, difference)
            known = difference.equal + difference.changed + difference.only_in_database + difference.newer
            ((total,),) = query(connection, f"SELECT COUNT(*) FROM {table.quoted}")
            # Rows in buckets of which the backup has none at all.
            difference.only_in_database += max(0, total - known)
    return result


def bucket_fingerprints(workplace: Workplace, task: FileKeys) -> tuple[str, dict[int, Fingerprint]]:
    """One unit of work: the fingerprint of the rows in each bucket of keys that the file has rows of, and its key."""
    keys, hashes = _keys_and_hashes(workplace, task)
    buckets = np.floor_divide(keys, ROWS_PER_RANGE)
    found = {int(bucket): Fingerprint.of(hashes[buckets == bucket]) for bucket in np.unique(buckets)}
    return task.key, found


def keys_and_hashes(workplace: Workplace, task: FileKeys) -> list[tuple[int, int]]:
    """One unit of work: key and hash of each row of the bucket."""
    keys, hashes = _keys_and_hashes(workplace, task)
    chosen = np.floor_divide(keys, ROWS_PER_RANGE) == task.bucket
    return list(zip(keys[chosen].tolist(), hashes[chosen].tolist(), strict=True))


def _keys_and_hashes(workplace: Workplace, task: FileKeys) -> tuple[Keys, Hashes]:
    rows = decode(task.table, read_file(workplace.store, task.key).body, task.key)
    keys = keys_of(task.table, rows) if task.table.key else no_keys(task.table)
    return keys, row_hashes(task.table, rows, FORMAT_VERSION)


def _compare_rows(
    connection: Connection, table: Table, keys: KeyRange, in_backup: dict[int, int], difference: Difference
) -> None:
    sql = f"SELECT {table.quoted_key}, {row_hash_sql(table)} FROM {table.quoted}"
    in_database = dict(query(connection, f"{sql} WHERE {keys.condition(table)}"))
    common = in_backup.keys() & in_database.keys()
    equal = sum(in_backup[key] == in_database[key] for key in common)
    difference.equal += equal
    difference.changed += len(common) - equal
    difference.only_in_backup += len(in_backup) - len(common)
    difference.only_in_database += len(in_database) - len(common)


def _compare_by_hashes(run: Run, table: Table, backup: TableBackup, difference: Difference) -> None:
    """Compares a table whose keys are no integers: as a whole, then by the hash of each key and row, in any order."""
    with run.database.session() as connection:
        if _fingerprint(connection, table) == backup.fingerprint:
            difference.equal = backup.fingerprint.rows
            return
        files = [FileKeys(table, file.key) for file in backup.files]
        in_backup = _together(run.work(f"read {table.name}", key_and_row_hashes, files))
        in_database = _together(_hashes_in_database(connection, table))
    if table.key:
        _, here, there = np.intersect1d(in_backup[0], in_database[0], assume_unique=True, return_indices=True)
        common = len(here)
        difference.equal = int((in_backup[1][here] == in_database[1][there]).sum())
    else:
        rows, times = np.unique(in_backup[1], return_counts=True)
        rows_there, times_there = np.unique(in_database[1], return_counts=True)
        _, here, there = np.intersect1d(rows, rows_there, assume_unique=True, return_indices=True)
        common = difference.equal = int(np.minimum(times[here], times_there[there]).sum())
    difference.changed = common - difference.equal
    difference.only_in_backup = len(in_backup[1]) - common
    difference.only_in_database = len(in_database[1]) - common


def key_and_row_hashes(workplace: Workplace, task: FileKeys) -> HashPairs:
    """One unit of work: the hash of the key and of the whole of each row."""
    keys, rows = _keys_and_hashes(workplace, task)
    return hashes_of(pa.array(keys, pa.binary())) if task.table.key else rows, rows


def _hashes_in_database(connection: Connection, table: Table) -> Iterator[HashPairs]:
    row = row_hash_sql(table)
    key = hash_sql(key_sql(table.key_columns)) if table.key else row
    with connection.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute(f"SELECT {key}, {row} FROM {table.quoted}")
        while rows := cursor.fetchmany(ROWS_PER_PART):
            pairs = np.array(rows, np.uint64)
            yield pairs[:, 0], pairs[:, 1]


def _together(parts: Iterable[HashPairs]) -> HashPairs:
    keys, rows = zip(*parts, (np.array([], np.uint64),) * 2, strict=True)
    return np.concatenate(keys), np.concatenate(rows)


def _fingerprint(connection: Connection, table: Table, where: str = "TRUE") -> Fingerprint:
    ((count, hash_sum),) = query(connection, f"SELECT {fingerprint_sql(table)} FROM {table.quoted} WHERE {where}")
    return Fingerprint(count, int(hash_sum))
