"""What may be deleted, read back from an archive: each unit is one row of the anchor with all its descendants.

Spark sends groups of neighbouring units, and what SQL needs of them as ready text: to make an object of each unit, or
of each row, would take Python longer than MySQL takes to delete it. A group is taken apart only where it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from xray_backup.data_model import Table
from xray_backup.fingerprint import Fingerprint, halves_spark, row_hash_spark
from xray_backup.key_set import KeySet
from xray_backup.manifest import Manifest
from xray_backup.run import Run
from xray_backup.verification import read_rows

# What Spark hands over to Python at once, some 10 MB.
ROWS_PER_PART = 500_000
# Rows next to each other in the table go in one chunk, so that few pages are touched.
ANCHORS_PER_BUCKET = 10_000
ANCHORS_PER_GROUP = 16
_GROUP = ["bucket", "group_key"]


@dataclass(frozen=True)
class Rows:
    """Rows of one table, and the fingerprint they had when they were archived.

    `anchors` and `hashes` have the anchor's key and the hash of each row, in the order of `keys`, commas between them.
    """

    keys: KeySet = field(default_factory=KeySet)
    fingerprint: Fingerprint = field(default_factory=Fingerprint)
    anchors: str = ""
    hashes: str = ""

    def by_anchor(self) -> dict[int, Rows]:
        """The rows of each row of the anchor that has any."""
        found: dict[int, list[tuple[int, int]]] = {}
        if self.keys.count:
            texts = (self.anchors, self.keys.listed, self.hashes)
            for anchor, key, row_hash in zip(*(map(int, text.split(",")) for text in texts), strict=True):
                found.setdefault(anchor, []).append((key, row_hash))
        return {
            anchor: Rows(
                KeySet(min(rows)[0], max(rows)[0], len(rows), ",".join(str(key) for key, _ in rows)),
                Fingerprint(len(rows), sum(row_hash for _, row_hash in rows)),
                ",".join([str(anchor)] * len(rows)),
                ",".join(str(row_hash) for _, row_hash in rows),
            )
            for anchor, rows in found.items()
        }


@dataclass(frozen=True)
class Group:
    """One unit or more, neighbours by key: their rows, by the data model's purged tables, the anchor's first."""

    rows: tuple[Rows, ...]

    @property
    def size(self) -> int:
        """How many rows of all tables."""
        return sum(rows.keys.count for rows in self.rows)

    def apart(self) -> list[Group]:
        """A group for each unit. A row whose anchor is not here, because it is too young, is in none."""
        anchors, *others = (rows.by_anchor() for rows in self.rows)
        return [
            Group((rows, *(other.get(anchor, Rows()) for other in others))) for anchor, rows in sorted(anchors.items())
        ]


Chunk = list[Group]


def merged(chunk: Chunk) -> list[Rows]:
    """The rows of a chunk, one entry per purged table."""
    return [
        _together([rows for rows in column if rows.keys.count])
        for column in zip(*(group.rows for group in chunk), strict=True)
    ]


def _together(rows: Sequence[Rows]) -> Rows:
    if not rows:
        return Rows()
    keys = KeySet(
        min(each.keys.first for each in rows),
        max(each.keys.last for each in rows),
        sum(each.keys.count for each in rows),
        ",".join(each.keys.listed for each in rows),
    )
    return Rows(keys, Fingerprint(keys.count, sum(each.fingerprint.hash_sum for each in rows)))


def chunks(groups: Iterable[Group], rows_per_chunk: int) -> Iterator[list[Group]]:
    """Packs units, in order, into chunks of at most `rows_per_chunk` rows; a larger unit is a chunk of its own."""
    chunk: list[Group] = []
    size = 0
    for group in groups:
        for part in group.apart() if group.size > rows_per_chunk else [group]:
            if chunk and size + part.size > rows_per_chunk:
                yield chunk
                chunk, size = [], 0
            chunk.append(part)
            size += part.size
    if chunk:
        yield chunk


def read_groups(run: Run, manifest: Manifest, before: str) -> Iterator[Group]:
    """Every unit of the archive whose time is before `before`, each once; neighbours by key mostly come together.

    A row of a younger unit may be in a group as well, and makes MySQL's answer differ from it; apart, it is in none.

    Args:
        run: the run.
        manifest: a verified archive.
        before: `YYYY-MM-DD hh:mm:ss`, in the zone of the time column.
    """
    anchor, *descendants = run.model.purged
    total = sum(manifest.tables[table.name].fingerprint.rows for table in run.model.purged)
    parts = max(1, ceil(total / ROWS_PER_PART))
    anchors = _rows(run, manifest, anchor).where(f"`{anchor.time_column}` < TIMESTAMP '{before}'")
    groups = _grouped(parts, _keys_and_hashes(anchor, anchors, anchor.key), 0)
    for position, table in enumerate(descendants, 1):
        groups = groups.join(_grouped(parts, _with_anchor_key(run, manifest, table), position), _GROUP, "left")
    with run.spark_step("read the archive"):
        for _, _, *columns in groups.sortWithinPartitions(*_GROUP).toLocalIterator(prefetchPartitions=True):
            yield Group(tuple(_sent(rows) for rows in columns))


def _sent(row: Sequence[Any] | None) -> Rows:
    if row is None:
        return Rows()
    count, high, low, first, last, listed, anchors, hashes = row
    return Rows(KeySet(first, last, count, listed), Fingerprint.from_halves(count, high, low), anchors, hashes)


def _grouped(parts: int, rows: DataFrame, position: int) -> DataFrame:
    """The rows of each group, spread over `parts` tasks: one shuffle, after which groups are joined where they are."""
    placed = rows.selectExpr(
        f"CAST(FLOOR(anchor_key / {ANCHORS_PER_BUCKET}) AS BIGINT) AS bucket",
        f"CAST(FLOOR(anchor_key / {ANCHORS_PER_GROUP}) AS BIGINT) AS group_key",
        "STRUCT(anchor_key, row_key, row_hash) AS r",
    ).repartition(parts, "bucket")
    found = placed.groupBy(*_GROUP).agg(
        *(F.expr(text) for text in halves_spark("r.row_hash")),
        F.expr("MIN(r.row_key) AS first"),
        F.expr("MAX(r.row_key) AS last"),
        F.expr("SORT_ARRAY(COLLECT_LIST(r)) AS rows"),
    )
    texts = (f"CONCAT_WS(',', CAST(rows.{name} AS ARRAY<STRING>))" for name in ("row_key", "anchor_key", "row_hash"))
    fields = ["fingerprint_rows", "fingerprint_high", "fingerprint_low", "first", "last", *texts]
    return found.selectExpr(*_GROUP, f"STRUCT({', '.join(fields)}) AS rows_{position}")


def _keys_and_hashes(table: Table, rows: DataFrame, anchor_column: str) -> DataFrame:
    return rows.selectExpr(
        f"`{table.key}` AS row_key", f"{row_hash_spark(table)} AS row_hash", f"`{anchor_column}` AS anchor_key"
    )


def _rows(run: Run, manifest: Manifest, table: Table) -> DataFrame:
    return read_rows(run, table, [file.key for file in manifest.tables[table.name].files])


def _with_anchor_key(run: Run, manifest: Manifest, table: Table) -> DataFrame:
    """Key and hash of each row of a descendant, with the key of the anchor row it belongs to."""
    path = run.model.path_to_anchor(table)
    assert table.parent is not None  # noqa: S101
    rows = _keys_and_hashes(table, _rows(run, manifest, table), table.parent.column)
    for ancestor in path[1:-1]:
        assert ancestor.parent is not None  # noqa: S101
        links = _rows(run, manifest, ancestor).selectExpr(
            f"`{ancestor.key}` AS anchor_key", f"`{ancestor.parent.column}` AS next_key"
        )
        rows = rows.join(links, "anchor_key").drop("anchor_key").withColumnRenamed("next_key", "anchor_key")
    return rows
