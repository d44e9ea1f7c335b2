"""The boundaries of each command on each model: the moments at which `tests.support.process` can die."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# By command, in order.
Boundaries = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Steps:
    """The course of the commands on one model. Tables are in the order of the model, parents first.

    Args:
        tables: all of them.
        purged: those that the policy reaches.
        without_archived_rows: those of which an archive takes no row, so that it writes no file.
        chunks: of each lock of a purge's rows, True where their delete follows.
        is_purged_whole: the purge comes to the last row of the archive.
        batches: of a restore's tables with more than one.
        without_keys: tables whose primary key is their only one.
        references: tables with a foreign key.
        before_rows: steps of a restore that make views and routines, and try triggers and events.
        after_rows: steps that make triggers and events.
    """

    tables: tuple[str, ...]
    purged: tuple[str, ...]
    chunks: tuple[bool, ...]
    batches: Mapping[str, int]
    references: tuple[str, ...]
    is_purged_whole: bool = True
    without_archived_rows: frozenset[str] = frozenset()
    without_keys: frozenset[str] = frozenset()
    before_rows: tuple[str, ...] = ()
    after_rows: tuple[str, ...] = ()
    boundaries: Boundaries = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "backup": [*self._copy("snapshot", 1), *self._copy("archive", 2), "end 1"],
            "archive": [*self._copy("archive", 1), "end 1"],
            "purge": [*self._purge(), "end 1"],
            "restore": [*_counted(self._restore()), "end 1"],
        }
        object.__setattr__(self, "boundaries", made)

    def _copy(self, kind: str, nth: int) -> Iterator[str]:
        """A snapshot or an archive, which is the `nth` copy of its process."""
        yield f"SELECT GET_LOCK {nth}"
        yield f"store: v1/_locks/backup/RUN/claim.json {nth}"
        for table in reversed(self.tables):
            yield f"work: copy {table} {nth}"
            if kind == "snapshot" or table not in self.without_archived_rows:
                yield f"store: v1/{kind}/{table}/run_date=DAY/run_id=RUN/part-00000.parquet 1"
        yield f"store: v1/_manifests/{kind}-k.json 1"
        yield f"store: v1/_locks/backup/RUN/released.json {nth}"
        yield f"store: v1/catalog/{kind}-k.json 1"

    def _purge(self) -> Iterator[str]:
        yield "SELECT GET_LOCK 1"
        yield "store: v1/_purges/lock/RUN/claim.json 1"
        yield from (f"work: verify {table} 1" for table in self.tables)
        yield "store: v1/_purges/RUN/intent.json 1"
        deletes = 0
        for lock, is_deleted in enumerate(self.chunks, 1):
            yield from (f"FOR UPDATE {table} {lock}" for table in self.purged)
            if is_deleted:
                deletes += 1
                yield from (f"DELETE FROM {table} {deletes}" for table in reversed(self.purged))
                yield f"COMMIT {deletes}"
        if self.is_purged_whole:
            yield "store: v1/_purges/finished/archive-a.json 1"
        yield "store: v1/_purges/RUN/chunks-00001.jsonl 1"
        yield "store: v1/_purges/RUN/result.json 1"
        yield "store: v1/_purges/lock/RUN/released.json 1"

    def _restore(self) -> Iterator[str]:
        yield "SELECT GET_LOCK"
        yield "store: v1/_locks/restore/RUN/claim.json"
        yield "CREATE DATABASE"
        yield from (f"CREATE TABLE {table}" for table in self.tables)
        yield from self.before_rows
        for table in self.tables:
            for _ in range(self.batches.get(table, 1)):
                yield f"INSERT INTO {table}"
                yield "COMMIT"
        # Keys, foreign keys, and the mark that goes.
        yield from (f"ALTER TABLE {table}" for table in self.tables if table not in self.without_keys)
        yield from (f"ALTER TABLE {table}" for table in self.tables if table in self.references)
        yield from self.after_rows
        yield from (f"ALTER TABLE {table}" for table in self.tables)
        yield "store: v1/_restores/RUN.json"
        yield "store: v1/_locks/restore/RUN/released.json"


def _counted(steps: Iterator[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for step in steps:
        seen[step] = seen.get(step, 0) + 1
        yield f"{step} {seen[step]}"


_TRIGGERS = ("film_added", "film_changed", "film_removed", "member_joined")
STEPS = {
    "x-ray": Steps(
        tables=("image", "transaction", "pred_bounding_box"),
        purged=("transaction", "pred_bounding_box"),
        chunks=(True, True),
        batches={"image": 2, "transaction": 2, "pred_bounding_box": 4},
        references=("transaction", "pred_bounding_box"),
    ),
    "slide-registry": Steps(
        tables=("tissue", "specimen", "slide", "annotation", "review"),
        purged=("slide", "annotation", "review"),
        # The third chunk holds the highest annotation, so it is refused, and its first half again.
        chunks=(True, True, False, False, True, True),
        is_purged_whole=False,
        batches={"tissue": 2, "specimen": 2, "slide": 2, "annotation": 4, "review": 2},
        references=("tissue", "specimen", "slide", "annotation", "review"),
        without_keys=frozenset({"review"}),
    ),
    "film-rental": Steps(
        tables=(
            "film_text", "genre", "nation", "performer", "tongue", "film", "town", "film_genre", "film_performer",
            "place", "clerk", "shop", "disc", "member", "loan", "payment",
        ),
        purged=("loan", "payment"),
        without_archived_rows=frozenset({"film_text", "genre", "performer", "film_genre", "film_performer"}),
        chunks=(True, True),
        batches={"film_performer": 2, "disc": 2},
        references=(
            "film", "town", "film_genre", "film_performer", "place", "clerk", "shop", "disc", "member", "loan",
            "payment",
        ),
        without_keys=frozenset({"genre", "nation", "tongue"}),
        before_rows=(
            *(f"CREATE FUNCTION {name}" for name in ("disc_held_by", "disc_in_stock", "member_balance")),
            *(f"CREATE PROCEDURE {name}" for name in ("film_in_stock", "film_not_in_stock", "rewards")),
            *(
                f"CREATE VIEW {name}"
                for name in (
                    "clerk_list", "film_list", "film_list_in_small", "member_list", "performer_info", "sales_by_genre",
                    "sales_by_shop",
                )
            ),
            *(f"{verb} TRIGGER {name}" for name in _TRIGGERS for verb in ("CREATE", "DROP")),
            "CREATE EVENT late_loans",
            "DROP EVENT late_loans",
        ),
        after_rows=(*(f"CREATE TRIGGER {name}" for name in _TRIGGERS), "CREATE EVENT late_loans"),
    ),
}  # fmt: skip
