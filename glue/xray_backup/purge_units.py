"""What may be deleted, read back from an archive: each unit is one row of the anchor with all its descendants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from xray_backup.data_model import Table
from xray_backup.fingerprint import HALF_BITS, Fingerprint, halves_spark, row_hash_spark
from xray_backup.manifest import Manifest
from xray_backup.run import Run
from xray_backup.verification import read_rows

# What Spark hands over to Python at once, some 10 MB.
ROWS_PER_PART = 500_000
# Rows next to each other in the table go in one chunk, so that few pages are touched.
ANCHORS_PER_BUCKET = 10_000
_UNIT = ["bucket", "anchor_key"]


@dataclass(frozen=True)
class Rows:
    """Rows of one table, and the fingerprint they had when they were archived.

    `keys` are written as SQL lists them: it is Spark that writes them, so that Python has nothing to do for each row.
    """

    keys: str = ""
    count: int = 0
    last_key: int = 0
    hash_sum: int = 0

    @property
    def fingerprint(self) -> Fingerprint:
        """Count and hash sum."""
        return Fingerprint(self.count, self.hash_sum)


@dataclass(frozen=True)
class Unit:
    """One row of the anchor and its descendants, in the order of the data model's purged tables."""

    rows: tuple[Rows, ...]

    @property
    def anchor_key(self) -> int:
        """Key of the anchor's row."""
        return self.rows[0].last_key

    @property
    def size(self) -> int:
        """How many rows of all tables."""
        return sum(rows.count for rows in self.rows)


Chunk = Sequence[Unit]


def merged(chunk: Chunk) -> list[Rows]:
    """The rows of a chunk, one entry per purged table."""
    return [
        Rows(
            keys=",".join(rows.keys for rows in column if rows.count),
            count=sum(rows.count for rows in column),
            last_key=max(rows.last_key for rows in column),
            hash_sum=sum(rows.hash_sum for rows in column),
        )
        for column in zip(*(unit.rows for unit in chunk), strict=True)
    ]


def chunks(units: Iterable[Unit], rows_per_chunk: int) -> Iterator[list[Unit]]:
    """Packs units, in order, into chunks of at most `rows_per_chunk` rows; a larger unit is a chunk of its own."""
    chunk: list[Unit] = []
    size = 0
    for unit in units:
        if chunk and size + unit.size > rows_per_chunk:
            yield chunk
            chunk, size = [], 0
        chunk.append(unit)
        size += unit.size
    if chunk:
        yield chunk


def read_units(run: Run, manifest: Manifest, before: str) -> Iterator[Unit]:
    """Every unit of the archive whose time is before `before`, each once; neighbours by key mostly come together.

    Args:
        run: the run.
        manifest: a verified archive.
        before: `YYYY-MM-DD hh:mm:ss`, in the zone of the time column.
    """
    anchor, *descendants = run.model.purged
    total = sum(manifest.tables[table.name].fingerprint.rows for table in run.model.purged)
    parts = ceil(total / ROWS_PER_PART)
    units = _in_parts(
        parts,
        _rows(run, manifest, anchor)
        .where(f"`{anchor.time_column}` < TIMESTAMP '{before}'")
        .selectExpr(f"`{anchor.key}` AS anchor_key", f"{row_hash_spark(anchor)} AS anchor_hash"),
    )
    for position, table in enumerate(descendants):
        rows = _in_parts(parts, _with_anchor_key(run, manifest, table))
        grouped = rows.groupBy(*_UNIT).agg(*_aggregates(position))
        units = units.join(grouped, _UNIT, "left")
    with run.spark_step("read the archive"):
        for row in units.sortWithinPartitions(*_UNIT).drop("bucket").toLocalIterator(prefetchPartitions=True):
            key, row_hash, *rest = row
            rows_of = [Rows(str(key), 1, key, row_hash)]
            for keys, count, last, high, low in zip(*(rest[start::5] for start in range(5)), strict=True):
                rows_of.append(Rows(keys, count, last, (high << HALF_BITS) + low) if count else Rows())
            yield Unit(tuple(rows_of))


def _in_parts(parts: int, rows: DataFrame) -> DataFrame:
    """Spread over `parts` tasks, neighbours together: one shuffle, after which units are joined where they are."""
    bucket = F.expr(f"CAST(FLOOR(anchor_key / {ANCHORS_PER_BUCKET}) AS BIGINT)")
    return rows.withColumn("bucket", bucket).repartition(max(1, parts), "bucket")


def _rows(run: Run, manifest: Manifest, table: Table) -> DataFrame:
    return read_rows(run, table, [file.key for file in manifest.tables[table.name].files])


def _with_anchor_key(run: Run, manifest: Manifest, table: Table) -> DataFrame:
    """Key and hash of each row of a descendant, with the key of the anchor row it belongs to."""
    path = run.model.path_to_anchor(table)
    assert table.parent is not None  # noqa: S101
    rows = _rows(run, manifest, table).selectExpr(
        f"`{table.key}` AS row_key", f"{row_hash_spark(table)} AS row_hash", f"`{table.parent.column}` AS anchor_key"
    )
    for ancestor in path[1:-1]:
        assert ancestor.parent is not None  # noqa: S101
        links = _rows(run, manifest, ancestor).selectExpr(
            f"`{ancestor.key}` AS anchor_key", f"`{ancestor.parent.column}` AS next_key"
        )
        rows = rows.join(links, "anchor_key").drop("anchor_key").withColumnRenamed("next_key", "anchor_key")
    return rows


def _aggregates(position: int) -> list[SparkColumn]:
    _, high, low = halves_spark("row_hash")
    texts = [
        "ARRAY_JOIN(CAST(SORT_ARRAY(COLLECT_LIST(row_key)) AS ARRAY<STRING>), ',') AS row_keys",
        "COUNT(*) AS row_count",
        "MAX(row_key) AS last_key",
        high,
        low,
    ]
    return [F.expr(text).alias(f"{text.rsplit(' ', 1)[1]}_{position}") for text in texts]
