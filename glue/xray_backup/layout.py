"""Where everything lies in a store; every key is relative to the store's root (bucket and backup prefix)."""

from __future__ import annotations

import re
from typing import Literal

from xray_backup.errors import UsageError

Kind = Literal["snapshot", "archive"]
KINDS: tuple[Kind, ...] = ("snapshot", "archive")

ROOT = "v1"
MANIFESTS = f"{ROOT}/_manifests/"
PURGES = f"{ROOT}/_purges/"
LOCKS = f"{ROOT}/_locks/"
VERIFICATIONS = f"{ROOT}/_verifications/"
RESTORES = f"{ROOT}/_restores/"
REPORTS = f"{ROOT}/_reports/"

_SLOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")


def checked_slot(slot: str) -> str:
    """`slot` itself.

    Raises:
        UsageError: it is not 1 to 63 letters, digits and hyphens.
    """
    if not _SLOT.fullmatch(slot):
        raise UsageError(
            f"run slot {slot!r} is not allowed: use 1 to 63 letters, digits and hyphens, for example 2026-11-22"
        )
    return slot


def run_prefix(kind: Kind, table: str, run_date: str, run_id: str) -> str:
    """Folder of one table's Parquet files of one run."""
    return f"{ROOT}/{kind}/{table}/run_date={run_date}/run_id={run_id}/"


def manifest_key(name: str) -> str:
    """Key of the manifest of backup `name`."""
    return f"{MANIFESTS}{name}.json"


def backup_name(kind: Kind, slot: str) -> str:
    """How people name a backup: `snapshot-2026-11-22`."""
    return f"{kind}-{slot}"
