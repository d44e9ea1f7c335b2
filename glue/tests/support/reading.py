"""Reads a backup in a way of its own: the files that the manifest names, row by row."""

from __future__ import annotations

from typing import Any

from tests.support.lab import Lab
from xray_backup import manifest as manifests
from xray_backup.data_model import X_RAY


def backed_up(lab: Lab, name: str, table: str) -> set[tuple[Any, ...]]:
    """The rows of one table of a backup; fails where one is there twice."""
    manifest = manifests.load(lab.store, name, X_RAY)
    paths = [lab.store.spark_path(file.key) for file in manifest.tables[table].files]
    rows = [tuple(row) for row in lab.spark.read.parquet(*paths).collect()] if paths else []
    assert len(set(rows)) == len(rows)
    return set(rows)
