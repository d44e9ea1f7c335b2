"""What a restore sends: batches of rows as ready VALUES text, made by Spark, so that Python only passes them on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from xray_backup.data_model import DataModel, Table
from xray_backup.errors import UsageError
from xray_backup.fingerprint import Fingerprint, halves_spark, row_hash_spark
from xray_backup.key_set import KeySet
from xray_backup.run import Run

ROWS_PER_BATCH = 5_000
# What Spark hands over to Python at once, some 20 MB.
ROWS_PER_PART = 250_000
_SEPARATOR = ",\n"


@dataclass(frozen=True)
class Selection:
    """Which rows to restore; everything where all is None. `since` and `until` are `YYYY-MM-DD[ hh:mm:ss]`."""

    parent_ids: Sequence[int] | None = None
    anchor_ids: Sequence[int] | None = None
    since: str | None = None
    until: str | None = None

    @property
    def is_everything(self) -> bool:
        """Whether no row is left out."""
        return self == Selection()


@dataclass(frozen=True)
class Batch:
    """Rows of one table, sorted by key: their literals, keys and hashes, each row's after the other's.

    All are text, as Spark wrote it; only a batch of which some rows are there already is taken apart.
    """

    keys: KeySet
    fingerprint: Fingerprint
    hashes: str
    values: str

    @property
    def hash_of(self) -> dict[int, int]:
        """The hash of each row by its key, in order."""
        keys, hashes = (map(int, text.split(",")) for text in (self.keys.listed, self.hashes))
        return dict(zip(keys, hashes, strict=True))

    def subset(self, positions: Sequence[int]) -> Batch:
        """The batch of the rows at these positions; no literal holds a newline, text is hexadecimal."""
        keys, hashes, literals = self.keys.listed.split(","), self.hashes.split(","), self.values.split(_SEPARATOR)
        listed = [keys[position] for position in positions]
        kept = [hashes[position] for position in positions]
        return Batch(
            KeySet(int(listed[0]), int(listed[-1]), len(positions), ",".join(listed)),
            Fingerprint(len(positions), sum(map(int, kept))),
            ",".join(kept),
            _SEPARATOR.join(literals[position] for position in positions),
        )


def batches(run: Run, table: Table, rows: DataFrame, about: int) -> Iterator[Batch]:
    """The rows of one table, each once; `about` is how many there may be at most."""
    literals = ", ',', ".join(column.type.literal.format(column.quoted) for column in table.columns)
    prepared = rows.selectExpr(
        f"CAST(FLOOR(`{table.key}` / {ROWS_PER_BATCH}) AS BIGINT) AS batch",
        f"STRUCT(`{table.key}` AS k, {row_hash_spark(table)} AS h, CONCAT('(', {literals}, ')') AS v) AS r",
    )
    parted = prepared.repartition(max(1, ceil(about / ROWS_PER_PART)), "batch")
    grouped = parted.groupBy("batch").agg(
        F.expr("ARRAY_SORT(COLLECT_LIST(r)) AS rows"), *[F.expr(text) for text in halves_spark("r.h")]
    )
    columns = grouped.sortWithinPartitions("batch").selectExpr(
        "ELEMENT_AT(rows, 1).k",
        "ELEMENT_AT(rows, -1).k",
        "fingerprint_rows",
        "fingerprint_high",
        "fingerprint_low",
        "CONCAT_WS(',', CAST(rows.k AS ARRAY<STRING>))",
        "CONCAT_WS(',', CAST(rows.h AS ARRAY<STRING>))",
        f"CONCAT_WS('{_SEPARATOR}', rows.v)",
    )
    with run.spark_step(f"read {table.name}"):
        for first, last, count, high, low, listed, *texts in columns.toLocalIterator(prefetchPartitions=True):
            yield Batch(KeySet(first, last, count, listed), Fingerprint.from_halves(count, high, low), *texts)


def selected(model: DataModel, rows: dict[str, DataFrame], selection: Selection) -> dict[str, DataFrame]:
    """Narrows every table to the selection: the chosen rows, all that belongs to them, and the parents they need."""
    if selection.is_everything:
        return rows
    anchor = model.anchor
    chosen = rows[anchor.name]
    if selection.parent_ids is not None:
        if anchor.parent is None:
            raise UsageError(f"rows cannot be chosen by parent: {anchor.name} has none")
        chosen = chosen.where(_is_in(anchor.parent.column, selection.parent_ids))
    if selection.anchor_ids is not None:
        chosen = chosen.where(_is_in(anchor.key, selection.anchor_ids))
    if selection.since:
        chosen = chosen.where(f"`{anchor.time_column}` >= TIMESTAMP '{selection.since}'")
    if selection.until:
        chosen = chosen.where(f"`{anchor.time_column}` < TIMESTAMP '{selection.until}'")
    result = {anchor.name: chosen}
    for table in model.purged[1:]:
        assert table.parent is not None  # noqa: S101
        parent = model.table(table.parent.table)
        wanted = result[parent.name].select(F.col(parent.key).alias(table.parent.column))
        result[table.name] = rows[table.name].join(wanted, table.parent.column, "left_semi")
    for table in reversed(model.tables):
        if table.name not in result:
            wanted_keys = [
                result[child.name].select(F.col(child.parent.column).alias(table.key))
                for child in model.children(table)
                if child.parent
            ]
            kept = rows[table.name].where("FALSE")
            for keys in wanted_keys:
                kept = kept.unionByName(rows[table.name].join(keys, table.key, "left_semi"))
            if selection.parent_ids is not None and anchor.parent and table.name == anchor.parent.table:
                # A chosen parent without any row of the anchor is restored too.
                kept = kept.unionByName(rows[table.name].where(_is_in(table.key, selection.parent_ids)))
            result[table.name] = kept.dropDuplicates([table.key])
    return result


def _is_in(column: str, ids: Sequence[int]) -> str:
    return f"`{column}` IN ({', '.join(map(str, ids))})"
