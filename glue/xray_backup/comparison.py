"""Holds a backup against the database as it is now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xray_backup.data_file import decode, read_file
from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.errors import UsageError
from xray_backup.fingerprint import Fingerprint, Hashes, fingerprint_sql, row_hash_sql, row_hashes
from xray_backup.key_range import ROWS_PER_RANGE, KeyRange
from xray_backup.keys import Keys, keys_of
from xray_backup.manifest import FORMAT_VERSION, Manifest
from xray_backup.run import Run
from xray_backup.workplace import Workplace


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
        now = {table.name: table for table in run.read_model(connection).tables}
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
                if _range_fingerprint(connection, table, keys) == expected:
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
    return keys_of(rows, task.table.integer_key), row_hashes(task.table, rows, FORMAT_VERSION)


def _range_fingerprint(connection: Connection, table: Table, keys: KeyRange) -> Fingerprint:
    sql = f"SELECT {fingerprint_sql(table)} FROM {table.quoted} WHERE {keys.condition(table)}"
    ((count, hash_sum),) = query(connection, sql)
    return Fingerprint(count, int(hash_sum))


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
