"""Records of `verify` and `restore`: one for each run, written once, which `report` shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from xray_backup.errors import BackupError, VerificationError
from xray_backup.records import Record
from xray_backup.run import Run


@dataclass(frozen=True)
class RunRecord(Record):
    """One run; times are ISO 8601 in UTC, by its machine's clock, and `problem` is the finding of a verification."""

    run_id: str
    started_at: str
    finished_at: str
    completed: bool
    problem: str | None

    @property
    def at(self) -> datetime:
        """The end of the run."""
        return datetime.fromisoformat(self.finished_at)

    @property
    def seconds(self) -> float:
        """Duration of the run."""
        return (self.at - datetime.fromisoformat(self.started_at)).total_seconds()


@dataclass(frozen=True)
class VerificationRecord(RunRecord):
    """One run of `verify`, and the backups that it found whole."""

    backups: Sequence[str]
    against_database: bool


@dataclass(frozen=True)
class RowCounts:
    """Rows of a table by the outcome of a restore.

    They were put in, there already, in conflict, without parent, refused, or left out because they were erased.
    """

    inserted: int = 0
    present: int = 0
    conflicts: int = 0
    orphans: int = 0
    refused: int = 0
    erased: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.inserted + other.inserted,
            self.present + other.present,
            self.conflicts + other.conflicts,
            self.orphans + other.orphans,
            self.refused + other.refused,
            self.erased + other.erased,
        )

    @property
    def as_backed_up(self) -> int:
        """Rows that are in the target as the backup has them."""
        return self.inserted + self.present

    @property
    def total(self) -> int:
        """Rows of all outcomes."""
        return self.as_backed_up + self.left_out + self.erased

    @property
    def left_out(self) -> int:
        """Rows that are not in the target as the backup has them."""
        return self.conflicts + self.orphans + self.refused


@dataclass(frozen=True)
class RestoreRecord(RunRecord):
    """One run of `restore` that wrote; a drill is one into another schema, `is_everything` one without a selection."""

    backups: Sequence[str]
    schema: str
    is_drill: bool
    is_everything: bool
    tables: Mapping[str, RowCounts]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """See `Record`."""
        tables = {name: RowCounts(**counts) for name, counts in document["tables"].items()}
        return super().from_document({**document, "tables": tables})

    @property
    def rows(self) -> RowCounts:
        """Rows of all tables."""
        return sum(self.tables.values(), RowCounts())

    @property
    def is_clean(self) -> bool:
        """True where every row is in the target as the backup has it."""
        return self.completed and not self.rows.left_out


@contextmanager
def recorded(run: Run, prefix: str, record: Callable[[RunRecord], RunRecord]) -> Iterator[None]:
    """Writes a record below `prefix` at the end, also of a run that fails half-way; a dry run leaves none.

    Args:
        run: the run.
        prefix: folder of the records.
        record: the whole record, made at the end from the part that all have.
    """
    started_at, completed, problem = _now(), False, None
    try:
        yield
        completed = True
    except VerificationError as error:
        problem = str(error)
        raise
    finally:
        if not run.dry_run:
            _write(run, prefix, record(RunRecord(run.run_id, started_at, _now(), completed, problem)))


def _write(run: Run, prefix: str, record: RunRecord) -> None:
    """Writes the record; who may only read can verify all the same, and is told that it is no evidence."""
    try:
        run.store.create(f"{prefix}{run.run_id}.json", record.to_json())
    except BackupError as error:
        run.events("not_recorded", reason=str(error))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
