"""Keys of rows, as SQL names them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Keys = npt.NDArray[np.int64]
# A range is faster, but MySQL also waits for whoever holds the row behind its end: a few keys are named one by one.
KEYS_WORTH_A_RANGE = 100


def keys_of(rows: pa.Table, column: str) -> Keys:
    """The keys in this column of `rows`, those that are there: a row may name no parent."""
    # Without nulls before numpy sees them: with one it makes floats of all, which hold no key above 2^53.
    return rows.column(column).drop_null().cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]


def in_key_order(rows: pa.Table, column: str) -> pa.Table:
    """The rows, sorted by this column."""
    # By the column: `sort_by` reads a name that begins with a dot as a path.
    return rows.take(pc.sort_indices(rows.column(column)))


def is_one_of(rows: pa.Table, column: str, keys: Keys | Sequence[int]) -> pa.ChunkedArray:
    """For each of `rows`: is its value one of `keys`?"""
    return pc.is_in(rows.column(column).cast(pa.int64()), value_set=pa.array(keys, pa.int64()))


def keys_condition(column: str, keys: Keys) -> str:
    """The WHERE clause of exactly these keys, sorted and each once; by ranges where many stand side by side.

    `column` is quoted.
    """
    ends = np.flatnonzero(np.diff(keys) != 1)
    firsts, lasts = keys[np.concatenate([[0], ends + 1])], keys[np.concatenate([ends, [len(keys) - 1]])]
    counts = lasts - firsts + 1
    dense = counts >= KEYS_WORTH_A_RANGE
    parts = [f"{column} BETWEEN {first} AND {last}" for first, last in zip(firsts[dense], lasts[dense], strict=True)]
    single = keys[~np.repeat(dense, counts)]
    if len(single):
        parts.append(f"{column} IN ({', '.join(map(str, single.tolist()))})")
    return " OR ".join(parts)
