"""Copies one table from MySQL to Parquet files, range by range, each proved where it is copied."""

from __future__ import annotations

import time

from xray_backup.data_model import Table
from xray_backup.fingerprint import Fingerprint
from xray_backup.key_range import key_ranges
from xray_backup.manifest import TableBackup
from xray_backup.range_copy import RangeCopy, copy_range
from xray_backup.run import Run


def copy_table(run: Run, table: Table, prefix: str, condition: str = "TRUE") -> TableBackup:
    """Writes the rows of `table` that fulfil `condition` into the new folder `prefix` and proves them.

    Raises:
        VerificationError: what was read back is not what MySQL sent.
        BackupError: MySQL or the store failed.
    """
    started = time.monotonic()
    with run.database.session() as connection:
        ranges = key_ranges(connection, table)
    tasks = [RangeCopy(table, keys, condition, f"{prefix}part-{n:05}") for n, keys in enumerate(ranges)]
    copied = [file for files in run.work(f"copy {table.name}", copy_range, tasks) for file in files]
    copied.sort(key=lambda file: file.file.key)
    backup = TableBackup(
        prefix,
        tuple(file.file for file in copied),
        min_key=min((file.min_key for file in copied), default=None),
        max_key=max((file.max_key for file in copied), default=None),
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
