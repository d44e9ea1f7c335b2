"""A server whose `max_allowed_packet` is tiny, as a session of the package sees it."""

from __future__ import annotations

from dataclasses import dataclass

from xray_backup.database import Connection, Database, execute


@dataclass(frozen=True)
class SmallTexts(Database):
    """Gives `limit` bytes of text at once."""

    limit: int = 100

    def connect(self, schema: str | None = None) -> Connection:
        connection = super().connect(schema)
        execute(connection, f"SET SESSION group_concat_max_len = {self.limit}")
        return connection
