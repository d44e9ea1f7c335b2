"""Reads a backup back from the store and holds it against what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from xray_backup.data_model import Table
from xray_backup.errors import VerificationError
from xray_backup.fingerprint import Fingerprint, halves_spark, row_hash_spark
from xray_backup.manifest import Manifest, TableBackup
from xray_backup.run import Run
from xray_backup.spark import SPARK_ERRORS, explained
from xray_backup.store import Store, StoredObject


@dataclass(frozen=True)
class FileContent:
    """What was read back from one Parquet file."""

    fingerprint: Fingerprint
    min_key: int
    max_key: int


def data_files(store: Store, prefix: str) -> list[StoredObject]:
    """The Parquet files in a run's folder; Spark's scratch files and folder markers are not among them."""
    found = []
    for item in store.list(prefix):
        parts = item.key.removeprefix(prefix).split("/")
        if parts[-1] and not any(part.startswith(("_", ".")) for part in parts):
            found.append(item)
    return found


def read_rows(run: Run, table: Table, keys: Sequence[str]) -> DataFrame:
    """The rows of these files, typed as the data model says; no file gives no row.

    Raises:
        BackupError: Spark, which looks at once whether each file is there, has no access to the store.
    """
    if not keys:
        return run.spark.createDataFrame([], table.spark_schema)
    paths = [run.store.spark_path(key) for key in keys]
    try:
        return run.spark.read.schema(table.spark_schema).parquet(*paths)
    except SPARK_ERRORS as error:
        raise explained(error, f"read {table.name}") from None


def read_back(run: Run, table: Table, prefix: str, keys: Sequence[str]) -> dict[str, FileContent]:
    """Reads every row of these files again and takes each file's fingerprint, by key in the store."""
    if not keys:
        return {}
    rows = read_rows(run, table, keys).selectExpr(
        "_metadata.file_name AS file_name", f"`{table.key}` AS row_key", f"{row_hash_spark(table)} AS row_hash"
    )
    aggregates = [F.expr(text) for text in (*halves_spark("row_hash"), "MIN(row_key)", "MAX(row_key)")]
    with run.spark_step(f"verify {table.name}"):
        files = rows.groupBy("file_name").agg(*aggregates).collect()
    return {
        prefix + name: FileContent(Fingerprint.from_halves(count, high, low), smallest, largest)
        for name, count, high, low, smallest, largest in files
    }


def check_files(store: Store, name: str, table: TableBackup) -> None:
    """Compares names, sizes and ETags with the manifest; reads no row from S3.

    Raises:
        VerificationError: a file is missing, changed, or should not be there.
    """
    stored = {item.key: item for item in data_files(store, table.prefix)}
    for file in table.files:
        item = stored.pop(file.key, None)
        if item is None:
            raise VerificationError(f"{name}: file {file.key} is missing")
        if (item.size, item.etag) != (file.size, file.etag):
            raise VerificationError(
                f"{name}: file {file.key} was changed: {item.size} bytes, ETag {item.etag};"
                f" the manifest says {file.size} bytes, ETag {file.etag}"
            )
    if stored:
        raise VerificationError(f"{name}: file {min(stored)} is not in the manifest")


def verify(run: Run, manifest: Manifest) -> None:
    """Proves that the store still holds every row of the backup: files first, then each file's rows.

    Raises:
        VerificationError: it does not.
    """
    for table in run.model.tables:
        expected = manifest.tables[table.name]
        check_files(run.store, manifest.name, expected)
        found = read_back(run, table, expected.prefix, [file.key for file in expected.files])
        for file in expected.files:
            content = found.get(file.key)
            # A file may have no row: nothing was old yet when its archive was made.
            if (content.fingerprint if content else Fingerprint()) != file.fingerprint:
                raise VerificationError(f"{manifest.name}: the rows in file {file.key} are not those that were written")
        run.events("verified", backup=manifest.name, table=table.name, rows=expected.fingerprint.rows)
