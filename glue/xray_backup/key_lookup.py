"""Rows that are looked up by their key, whatever the server's statistics say.

By old ones, as after a crash, MySQL takes a table for empty and reads all of it for a few keys: a statement that locks
what it reads would wait for every row that somebody else holds, and keep others waiting.
"""

from __future__ import annotations

from xray_backup.data_model import Table, quoted


def from_by_key(table: Table) -> str:
    """The FROM clause of a SELECT."""
    return f"FROM {table.quoted} FORCE INDEX ({quoted(table.key_index)})" if table.key_index else f"FROM {table.quoted}"


def delete_by_key(table: Table) -> str:
    """The beginning of a DELETE, up to its WHERE clause. It takes no FORCE INDEX, and MySQL heeds this hint alone."""
    hint = f"/*+ JOIN_INDEX({table.quoted} {quoted(table.key_index)}) */ " if table.key_index else ""
    return f"DELETE {hint}FROM {table.quoted}"
