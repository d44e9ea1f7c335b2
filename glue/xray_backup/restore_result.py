"""The outcome of a restore, by table."""

from __future__ import annotations

from dataclasses import dataclass, field

from xray_backup.run_records import RowCounts


@dataclass
class TableResult:
    """Rows of one table: put in, there already, in conflict, without their parent in the target, or refused.

    A row conflicts where its key has other values, or where another row has a value that must be unique; it is refused
    by a CHECK, a trigger or a type, or where the server would not keep it as it was. `conflicts`, `orphans` and
    `refused` hold keys, or hashes of keys that are no integers; these rows are not written, but for orphans of tables
    that reference themselves, which are found once they are there. `erased` counts rows of the backup that `erase` has
    erased since it was made.
    """

    inserted: int = 0
    present: int = 0
    conflicts: list[int | str] = field(default_factory=list)
    orphans: list[int | str] = field(default_factory=list)
    refused: list[int | str] = field(default_factory=list)
    erased: int = 0

    def add(self, other: TableResult) -> None:
        """Adds what became of more rows of the table."""
        self.inserted += other.inserted
        self.present += other.present
        self.erased += other.erased
        # Each once: a row may be in two of the backups that are restored.
        self.conflicts = _together(self.conflicts, other.conflicts)
        self.orphans = _together(self.orphans, other.orphans)
        self.refused = _together(self.refused, other.refused)

    @property
    def counts(self) -> RowCounts:
        """Number of rows of each outcome."""
        return RowCounts(
            self.inserted, self.present, len(self.conflicts), len(self.orphans), len(self.refused), self.erased
        )


def _together(keys: list[int | str], others: list[int | str]) -> list[int | str]:
    # Integers, or texts: a table has keys of one kind.
    return sorted({*keys, *others})


RestoreResult = dict[str, TableResult]
