"""Copies one table from MySQL to Parquet files, range by range where it has a key, each proved where it is copied."""

from __future__ import annotations

import time
from collections.abc import Sequence

from xray_backup.data_model import Table
from xray_backup.database import Connection
from xray_backup.fingerprint import Fingerprint
from xray_backup.key_range import KeyRange, KeySpan, key_ranges, key_spans
from xray_backup.manifest import TableBackup
from xray_backup.range_copy import CopiedFile, RangeCopy, copy_range
from xray_backup.run import Run
from xray_backup.whole_copy import copy_whole


def copy_table(run: Run, table: Table, prefix: str, condition: str = "TRUE") -> TableBackup:
    """Writes the rows of `table` that fulfil `condition` into the new folder `prefix` and proves them.

    Raises:
        VerificationError: what was read back is not what MySQL sent.
        BackupError: MySQL or the store failed.
    """
    started = time.monotonic()
    copied = _copy_ranges(run, table, prefix, condition) if table.key else copy_whole(run, table, prefix, condition)
    copied.sort(key=lambda file: file.file.key)
    backup = TableBackup(
        prefix,
        tuple(file.file for file in copied),
        min_key=min((file.min_key for file in copied if file.min_key is not None), default=None),
        max_key=max((file.max_key for file in copied if file.max_key is not None), default=None),
    )
    run.events(
        "copied",
        table=table.name,
        rows=sum((file.file.fingerprint for file in copied), Fingerprint()).rows,
        files=len(copied),
        bytes=backup.size,
        seconds=round(time.monotonic() - started, 3),
    )
    return backup


def _copy_ranges(run: Run, table: Table, prefix: str, condition: str) -> list[CopiedFile]:
    with run.database.session() as connection:
        ranges = _ranges(connection, table)
    tasks = [RangeCopy(table, keys, condition, f"{prefix}part-{n:05}") for n, keys in enumerate(ranges)]
    return [file for files in run.work(f"copy {table.name}", copy_range, tasks) for file in files]


def _ranges(connection: Connection, table: Table) -> Sequence[KeyRange | KeySpan]:
    if table.has_integer_key:
        return key_ranges(connection, table)
    return key_spans(connection, table)
