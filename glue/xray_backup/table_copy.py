"""Copies one table from MySQL to Parquet and proves the copy.

MySQL computes each row's hash in the very statement that reads the row; Spark computes it again from what it reads back
from the store. Equal sums prove driver, types, time zones, writer and store at once, and rows that change meanwhile
cannot blur it: whatever a row was when it was read, both hashes are of that.
"""

from __future__ import annotations

import time

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812

from xray_backup.data_model import Table
from xray_backup.errors import VerificationError
from xray_backup.fingerprint import HASH_COLUMN, Fingerprint, halves_spark, row_hash_sql
from xray_backup.id_ranges import IdRange, id_ranges
from xray_backup.manifest import DataFile, TableBackup
from xray_backup.run import Run
from xray_backup.verification import data_files, read_back

# A server-side cursor puts its whole result into a temporary table of the server; this bounds it to some 20 MB.
ROWS_PER_RANGE = 250_000


def copy_table(run: Run, table: Table, prefix: str, condition: str = "TRUE") -> TableBackup:
    """Writes the rows of `table` that fulfil `condition` into the new folder `prefix` and reads them back.

    Raises:
        VerificationError: what was read back is not what MySQL sent.
        BackupError: MySQL, Spark or the store failed.
    """
    started = time.monotonic()
    with run.database.session() as connection:
        ranges = id_ranges(connection, table, ROWS_PER_RANGE)
    sent = Fingerprint()
    if ranges:
        with run.spark_step(f"copy {table.name}"):
            sent = _write(run, table, _read(run, table, ranges, condition), prefix)
    backup = _committed_files(run, table, prefix)
    if backup.fingerprint != sent:
        raise VerificationError(
            f"table {table.name}: MySQL sent {sent.rows} rows, {backup.fingerprint.rows} came back from the store, and"
            " their fingerprints differ; nothing was committed"
        )
    run.events(
        "copied",
        table=table.name,
        rows=sent.rows,
        files=len(backup.files),
        bytes=backup.size,
        seconds=round(time.monotonic() - started, 3),
    )
    return backup


def _read(run: Run, table: Table, ranges: list[IdRange], condition: str) -> DataFrame:
    columns = ", ".join(f"{column.type.read.format(column.quoted)} AS {column.quoted}" for column in table.columns)
    # The condition stands inside, before columns are given their JDBC form under the same names.
    source = (
        f"(SELECT {columns}, {row_hash_sql(table)} AS {HASH_COLUMN} FROM {table.quoted} WHERE {condition}) AS source"
    )
    rows = run.spark.read.jdbc(
        run.database.jdbc_url,
        source,
        predicates=[id_range.predicate(table) for id_range in ranges],
        properties=run.database.jdbc_properties,
    )
    typed = [f"{column.type.typed.format(column.quoted)} AS {column.quoted}" for column in table.columns]
    # One task reads several ranges after each other: few files, and never more connections than allowed.
    return rows.selectExpr(*typed, HASH_COLUMN).coalesce(run.connections)


def _write(run: Run, table: Table, rows: DataFrame, prefix: str) -> Fingerprint:
    sent = Observation(f"sent {table.name} {run.run_id}")
    observed = rows.observe(sent, *[F.expr(text) for text in halves_spark(HASH_COLUMN)])
    observed.drop(HASH_COLUMN).write.mode("errorifexists").parquet(run.store.spark_path(prefix))
    halves = sent.get
    return Fingerprint.from_halves(halves["fingerprint_rows"], halves["fingerprint_high"], halves["fingerprint_low"])


def _committed_files(run: Run, table: Table, prefix: str) -> TableBackup:
    stored = data_files(run.store, prefix)
    contents = read_back(run, table, prefix, [item.key for item in stored])
    # A file of a range without rows has no content, and is kept in the list so that it is not taken for a stray one.
    files = tuple(
        DataFile(
            item.key, item.size, item.etag, contents[item.key].fingerprint if item.key in contents else Fingerprint()
        )
        for item in stored
    )
    return TableBackup(
        prefix,
        files,
        min_key=min((content.min_key for content in contents.values()), default=None),
        max_key=max((content.max_key for content in contents.values()), default=None),
    )
