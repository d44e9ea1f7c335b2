"""Keys of rows, as SQL names them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KeySet:
    """Keys of `count` rows from `first` to `last`.

    `listed` has commas between them: it is Spark that writes it, so that Python has nothing to do for each row.
    """

    first: int = 0
    last: int = 0
    count: int = 0
    listed: str = ""

    def condition(self, column: str) -> str:
        """The WHERE clause: exactly these keys; a range where none is missing, for MySQL reads it faster."""
        if self.last - self.first + 1 == self.count:
            return f"`{column}` BETWEEN {self.first} AND {self.last}"
        return f"`{column}` IN ({self.listed})"
