"""Keys of rows, as SQL names them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.int64]


def keys_condition(column: str, keys: Keys) -> str:
    """The WHERE clause of exactly these keys, sorted and each once; by a range where none is missing, which is faster.

    `column` is quoted.
    """
    ends = np.flatnonzero(np.diff(keys) != 1)
    firsts, lasts = keys[np.concatenate([[0], ends + 1])], keys[np.concatenate([ends, [len(keys) - 1]])]
    dense = lasts - firsts >= 2
    parts = [f"{column} BETWEEN {first} AND {last}" for first, last in zip(firsts[dense], lasts[dense], strict=True)]
    single = [key for first, last in zip(firsts[~dense], lasts[~dense], strict=True) for key in {int(first), int(last)}]
    if single:
        parts.append(f"{column} IN ({', '.join(map(str, sorted(single)))})")
    return " OR ".join(parts)
