"""The units of an archive that a purge must keep, found before it tries to delete them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from xray_backup.data_model import Table
from xray_backup.database import Connection
from xray_backup.delete_effects import DeleteEffects, ForeignKey
from xray_backup.keys import Keys
from xray_backup.purge_record import ChunkResult, Outcome
from xray_backup.purge_units import Block
from xray_backup.rows_in_order import RowsInOrder

_KEYS_IN_WORDS = 10


class KeptUnits:
    """Takes out of blocks the units that a delete would reach beyond, and keeps the reasons in words."""

    def __init__(self, effects: DeleteEffects, keys_at_once: int) -> None:
        self._effects, self._keys_at_once = effects, keys_at_once
        self._referenced: dict[ForeignKey, set[int]] = {key: set() for key in effects.foreign_keys}

    @property
    def reasons(self) -> list[str]:
        """One line for each trigger, foreign key or column that keeps units."""
        reasons = [text for table in self._effects.blocked.values() for text in table]
        for key, kept in self._referenced.items():
            if kept:
                more = f" and {len(kept) - _KEYS_IN_WORDS:,} more" if len(kept) > _KEYS_IN_WORDS else ""
                named = ", ".join(map(str, sorted(kept)[:_KEYS_IN_WORDS]))
                reasons.append(f"{key} references rows of {key.parent}: {named}{more}")
        return reasons

    def take_out(self, connection: Connection, block: Block) -> tuple[Block, ChunkResult | None]:
        """The units that may be tried, and the outcome of the others."""
        none = np.array([], np.int64)
        blocked = [rows.anchors for rows in block.rows if rows.table.name in self._effects.blocked]
        kept: dict[Outcome, Keys] = {"blocked": np.unique(np.concatenate([none, *blocked]))}
        left = block.without(kept["blocked"]) if len(kept["blocked"]) else block
        referenced = [none]
        for rows in left.rows:
            for found in self._references(connection, rows.table, rows.keys):
                referenced.append(rows.anchors[np.isin(rows.keys, found)])
        # So that no other statement waits for this look.
        connection.rollback()
        kept["referenced"] = np.unique(np.concatenate(referenced))
        left = left.without(kept["referenced"]) if len(kept["referenced"]) else left
        every = np.concatenate(list(kept.values()))
        if not len(every):
            return block, None
        result = ChunkResult(int(every.min()), int(every.max()))
        result.units = Counter({outcome: len(keys) for outcome, keys in kept.items() if len(keys)})
        if len(kept["referenced"]):
            result.kept["referenced"] = kept["referenced"].tolist()
        return left, result

    def is_referenced(self, connection: Connection, rows: Sequence[RowsInOrder]) -> bool:
        """Asked again once the rows are locked, so that no reference can come any more."""
        return any(
            len(found) for archived in rows for found in self._references(connection, archived.table, archived.keys)
        )

    def check_unchanged(self, connection: Connection) -> None:
        """Asked once the rows are locked: as of `DeleteEffects`."""
        self._effects.check_unchanged(connection)

    def _references(self, connection: Connection, table: Table, keys: Keys) -> list[Keys]:
        """By foreign key, those of the keys that it references."""
        references = []
        for key, known in self._referenced.items():
            if key.parent == table.name and len(keys):
                found = self._effects.referenced(connection, key, keys, self._keys_at_once)
                known.update(found.tolist())
                references.append(found)
        return references
