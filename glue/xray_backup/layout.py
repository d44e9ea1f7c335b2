"""Folders and keys of a store; every key is relative to the store's root (bucket and backup prefix)."""

from __future__ import annotations

import re
from typing import Literal

from xray_backup.errors import UsageError
from xray_backup.job_contract import STORE

Kind = Literal["snapshot", "archive"]
KINDS: tuple[Kind, ...] = ("snapshot", "archive")

ROOT = STORE["root"]
MANIFESTS = f"{ROOT}/{STORE['manifests']}/"
CATALOG = f"{ROOT}/{STORE['catalog']}/"
PURGES = f"{ROOT}/{STORE['purges']}/"
LOCKS = f"{ROOT}/{STORE['locks']}/"
VERIFICATIONS = f"{ROOT}/{STORE['verifications']}/"
RESTORES = f"{ROOT}/{STORE['restores']}/"
ERASURES = f"{ROOT}/{STORE['erasures']}/"
REPORTS = f"{ROOT}/{STORE['reports']}/"
CHECKS = f"{ROOT}/{STORE['checks']}/"

SLOT = "[A-Za-z0-9][A-Za-z0-9-]{0,62}"


def checked_slot(slot: str) -> str:
    """`slot` itself.

    Raises:
        UsageError: it is not 1 to 63 letters, digits and hyphens.
    """
    if not re.fullmatch(SLOT, slot):
        raise UsageError(
            f"run slot {slot!r} is not allowed: use 1 to 63 letters, digits and hyphens, for example 2026-11-22"
        )
    return slot


def run_prefix(kind: Kind, table: str, run_date: str, run_id: str) -> str:
    """Folder of one table's Parquet files of one run."""
    return f"{ROOT}/{STORE[kind]}/{table}/run_date={run_date}/run_id={run_id}/"


def manifest_key(name: str) -> str:
    """Key of the manifest of backup `name`."""
    return f"{MANIFESTS}{name}.json"


def catalog_key(name: str) -> str:
    """Key of the line that Athena reads of backup `name`."""
    return f"{CATALOG}{name}.json"


def backup_name(kind: Kind, slot: str) -> str:
    """Name of a backup, as people write it: `snapshot-2026-11-22`."""
    return f"{kind}-{slot}"
