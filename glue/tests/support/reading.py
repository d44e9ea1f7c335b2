"""Reads a backup in a way of its own: the files that the manifest names, row by row."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from tests.support.lab import Lab
from xray_backup.manifest_store import load_manifest


def backed_up(lab: Lab, name: str, table: str) -> set[tuple[Any, ...]]:
    """The rows of one table of a backup; fails where one is there twice."""
    manifest = load_manifest(lab.store, name)
    rows = []
    for file in manifest.tables[table].files:
        content = lab.store.read(file.key)
        assert content is not None
        found = pq.read_table(io.BytesIO(content.body))
        rows += [tuple(map(_value, row.values())) for row in found.to_pylist()]
    assert len(set(rows)) == len(rows)
    return set(rows)


def _value(value: Any) -> Any:
    """As PyMySQL gives it: a DATETIME has no zone."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value
