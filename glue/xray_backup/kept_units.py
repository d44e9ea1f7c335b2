"""The units of an archive that a purge must keep, found before it tries to delete them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from xray_backup.data_model import Table
from xray_backup.database import Connection, query
from xray_backup.delete_effects import DeleteEffects, ForeignKey
from xray_backup.keys import Keys, found_keys, in_statements, is_in, key_sql, keys_condition, no_keys, shown
from xray_backup.purge_record import ChunkResult, Outcome
from xray_backup.purge_units import Block
from xray_backup.rows_in_order import RowsInOrder, count_and_digest, digest

_KEYS_IN_WORDS = 10
_ROWS_AT_ONCE = 1_000
_FLAWS: dict[Outcome, str] = {
    "no_parent": "the archive lacks the parent of {}, which a restore needs before it",
    "not_insertable": "no INSERT carries a text of {} as it is",
}


class KeptUnits:
    """Takes out of blocks the units that a delete would reach beyond, and keeps the reasons in words."""

    def __init__(self, anchor: Table, effects: DeleteEffects, statement_bytes: int) -> None:
        self._anchor, self._effects, self._statement_bytes = anchor, effects, statement_bytes
        self._none = no_keys(anchor)
        self._referenced: dict[ForeignKey, set[int | str]] = {key: set() for key in effects.foreign_keys}
        self._not_restorable: dict[Outcome, list[int | str]] = {}

    @property
    def reasons(self) -> list[str]:
        """One line for each trigger, foreign key or flaw that keeps units."""
        reasons = [text for table in self._effects.blocked.values() for text in table]
        for key, kept in self._referenced.items():
            if kept:
                reasons.append(f"{key} references rows of {key.parent}: {_in_words(kept)}")
        for outcome, units in self._not_restorable.items():
            reasons.append(f"{_FLAWS[outcome].format(self._anchor.name)}: {_in_words(units)}")
        return reasons

    def take_out(self, connection: Connection, block: Block) -> tuple[Block, ChunkResult | None]:
        """The units that may be tried, and the outcome of the others."""
        blocked = [rows.anchors for rows in block.rows if rows.table.name in self._effects.blocked]
        suspects: dict[Outcome, Keys] = {**block.not_restorable, "blocked": np.concatenate([self._none, *blocked])}
        kept: dict[Outcome, Keys] = {}
        left = block
        for outcome, anchors in suspects.items():
            # A unit that is gone already is kept for no reason.
            kept[outcome] = self._there(connection, np.intersect1d(anchors, left.rows[0].keys))
            if outcome in _FLAWS and len(kept[outcome]):
                # One that was corrected since is for the next archive, as it is now.
                changed = self._changed(connection, left, kept[outcome])
                kept["changed"] = np.concatenate([kept.get("changed", self._none), changed])
                left = left.without(changed)
                kept[outcome] = kept[outcome][~is_in(kept[outcome], changed)]
                self._not_restorable.setdefault(outcome, []).extend(shown(kept[outcome]))
            left = left.without(kept[outcome]) if len(kept[outcome]) else left
        deleted = {rows.table.name: rows.keys for rows in left.rows}
        referenced = [
            rows.anchors[is_in(rows.keys, found)]
            for rows in left.rows
            for found in self._references(connection, rows.table, rows.keys, deleted)
        ]
        # So that no other statement waits for this look.
        connection.rollback()
        kept["referenced"] = np.unique(np.concatenate([self._none, *referenced]))
        left = left.without(kept["referenced"]) if len(kept["referenced"]) else left
        every = np.concatenate(list(kept.values()))
        if not len(every):
            return block, None
        every.sort()
        result = ChunkResult(shown(every[:1])[0], shown(every[-1:])[0])
        for outcome, anchors in kept.items():
            if len(anchors):
                result.units[outcome] = len(anchors)
                if outcome != "blocked":
                    result.kept[outcome] = shown(anchors)
        return left, result

    def _there(self, connection: Connection, anchors: Keys) -> Keys:
        """Those of the units that are in the database."""
        columns = self._anchor.key_columns
        found = [self._none]
        for part in in_statements(anchors, self._statement_bytes):
            condition = keys_condition([column.quoted for column in columns], part)
            sql = f"SELECT {key_sql(columns)} FROM {self._anchor.quoted} WHERE {condition}"
            found.append(found_keys(columns, (key for (key,) in query(connection, sql))))
        return np.concatenate(found)

    def _changed(self, connection: Connection, block: Block, anchors: Keys) -> Keys:
        """Those of the units whose rows are not as they were archived."""
        keys = block.rows[0].keys
        only = block.without(keys[~is_in(keys, anchors)])
        found: list[Keys] = [self._none]
        left = list(only.chunks(_ROWS_AT_ONCE))
        while left:
            chunk = left.pop()
            if all(self._is_as_archived(connection, rows) for rows in chunk.rows):
                continue
            if len(chunk) == 1:
                found.append(only.rows[0].keys[chunk.first : chunk.end])
            else:
                left += chunk.halves()
        return np.concatenate(found)

    def _is_as_archived(self, connection: Connection, rows: RowsInOrder) -> bool:
        parts = (rows.slice(start, end) for start, end in rows.parts(_ROWS_AT_ONCE, self._statement_bytes))
        return all(
            count_and_digest(connection, part.table, part.condition) == (len(part), digest(part)) for part in parts
        )

    def is_referenced(self, connection: Connection, rows: Sequence[RowsInOrder]) -> bool:
        """Asked again once the rows are locked, so that no reference can come any more."""
        deleted = {archived.table.name: archived.keys for archived in rows}
        return any(
            len(found)
            for archived in rows
            for found in self._references(connection, archived.table, archived.keys, deleted)
        )

    def check_unchanged(self, connection: Connection) -> None:
        """Asked once the rows are locked: as of `DeleteEffects`."""
        self._effects.check_unchanged(connection)

    def _references(self, connection: Connection, table: Table, keys: Keys, deleted: Mapping[str, Keys]) -> list[Keys]:
        """By foreign key, those of the keys that it references; rows that are `deleted` themselves do not count."""
        references = []
        for key, known in self._referenced.items():
            if key.parent == table.name and len(keys):
                found = self._effects.referenced(
                    connection,
                    key,
                    keys,
                    self._statement_bytes,
                    deleted[key.table] if self._effects.is_between_purged(key) else None,
                )
                known.update(shown(found))
                references.append(found)
        return references


def _in_words(keys: Collection[int | str]) -> str:
    more = f" and {len(keys) - _KEYS_IN_WORDS:,} more" if len(keys) > _KEYS_IN_WORDS else ""
    return f"{', '.join(map(str, sorted(keys)[:_KEYS_IN_WORDS]))}{more}"
