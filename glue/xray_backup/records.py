"""Records of `verify` and `restore` in the store: one JSON object for each run, written once, which `report` shows.

A record holds names of backups and tables, counts and times, never a column's value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from xray_backup.errors import BackupError, VerificationError
from xray_backup.run import Run
from xray_backup.store import Store


@contextmanager
def recorded(run: Run, prefix: str) -> Iterator[dict[str, Any]]:
    """Gives the record to fill, and writes it below `prefix` at the end, also of a run that fails half-way.

    A dry run leaves none.

    Beside what the caller puts in there are `run_id`, `started_at` and `finished_at` (ISO 8601 in UTC, by this
    machine's clock), `completed`, and `problem`: what a verification found.
    """
    record: dict[str, Any] = {"run_id": run.run_id, "started_at": _now(), "completed": False, "problem": None}
    try:
        yield record
        record["completed"] = True
    except VerificationError as error:
        record["problem"] = str(error)
        raise
    finally:
        record["finished_at"] = _now()
        if not run.dry_run:
            _write(run, f"{prefix}{run.run_id}.json", record)


def _write(run: Run, key: str, record: dict[str, Any]) -> None:
    """Writes the record; who may only read can verify all the same, and is told that it is no evidence."""
    try:
        run.store.create(key, (json.dumps(record, sort_keys=True) + "\n").encode())
    except BackupError as error:
        run.events("not_recorded", reason=str(error))


def load_record(store: Store, key: str) -> dict[str, Any]:
    """One JSON object of the store.

    Raises:
        VerificationError: it is gone or damaged.
    """
    content = store.read(key)
    try:
        record = json.loads(content.body if content else b"")
        if not isinstance(record, dict):
            raise ValueError("it is no JSON object")
    except ValueError as error:
        raise VerificationError(f"record {key} is damaged ({error})") from None
    return record


def load_records(store: Store, prefix: str) -> Iterator[dict[str, Any]]:
    """The JSON objects below `prefix`, in the order of their keys, which is that of time."""
    for item in store.list(prefix):
        yield load_record(store, item.key)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
