"""What may be deleted, read back from an archive: each unit is one row of the anchor with all its descendants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from xray_backup.data_model import Table
from xray_backup.fingerprint import HALF_BITS, Fingerprint, halves_spark, row_hash_spark
from xray_backup.manifest import Manifest
from xray_backup.run import Run
from xray_backup.verification import read_rows


@dataclass(frozen=True)
class Rows:
    """Rows of one table by key, and the fingerprint they had when they were archived."""

    keys: tuple[int, ...]
    hash_sum: int

    @property
    def fingerprint(self) -> Fingerprint:
        """Count and hash sum."""
        return Fingerprint(len(self.keys), self.hash_sum)


@dataclass(frozen=True)
class Unit:
    """One row of the anchor and its descendants, in the order of the data model's purged tables."""

    rows: tuple[Rows, ...]

    @property
    def size(self) -> int:
        """How many rows of all tables."""
        return sum(len(rows.keys) for rows in self.rows)


Chunk = Sequence[Unit]


def merged(chunk: Chunk) -> list[Rows]:
    """The rows of a chunk, one entry per purged table."""
    return [
        Rows(tuple(key for rows in column for key in rows.keys), sum(rows.hash_sum for rows in column))
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
    """Every unit of the archive whose time is before `before`, in the order of the anchor's keys.

    Args:
        run: the run.
        manifest: a verified archive.
        before: `YYYY-MM-DD hh:mm:ss`, in the zone of the time column.
    """
    model = run.model
    anchor, *descendants = model.purged
    units = (
        _rows(run, manifest, anchor)
        .where(f"`{anchor.time_column}` < TIMESTAMP '{before}'")
        .selectExpr(f"`{anchor.key}` AS anchor_key", f"{row_hash_spark(anchor)} AS anchor_hash")
    )
    for position, table in enumerate(descendants):
        grouped = _with_anchor_key(run, manifest, table).groupBy("anchor_key").agg(*_aggregates(position))
        units = units.join(grouped, "anchor_key", "left")
    with run.spark_step("read the archive"):
        for row in units.orderBy("anchor_key").toLocalIterator(prefetchPartitions=True):
            key, row_hash, *rest = row
            rows = [Rows((key,), row_hash)]
            for keys, high, low in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
                rows.append(Rows(tuple(keys or ()), ((high or 0) << HALF_BITS) + (low or 0)))
            yield Unit(tuple(rows))


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
    texts = ["COLLECT_LIST(row_key) AS row_keys", high, low]
    return [F.expr(text).alias(f"{text.rsplit(' ', 1)[1]}_{position}") for text in texts]
