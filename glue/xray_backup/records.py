"""JSON objects in the store that the package reads back: each a frozen dataclass, written and read here alone.

A record holds names of backups and tables, counts and times, never a column's value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self, TypeVar

from xray_backup.errors import VerificationError
from xray_backup.store import Store


@dataclass(frozen=True)
class Record:
    """One JSON object; its keys are the fields."""

    def to_json(self) -> bytes:
        """The document, on one line."""
        return (json.dumps(asdict(self), sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """The record in `body`; keys that no field has, as a later version may write, are left out.

        Raises:
            ValueError: it is no JSON object, or lacks a field.
        """
        try:
            document = json.loads(body)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if not isinstance(document, dict):
            raise ValueError("it is no JSON object")
        try:
            for field in fields(cls):
                if field.name.endswith("_at"):
                    datetime.fromisoformat(document[field.name])
            return cls.from_document(document)
        except KeyError as error:
            raise ValueError(f"it has no {error}") from None
        except (TypeError, AttributeError) as error:
            raise ValueError(str(error)) from None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The record with these values."""
        return cls(**{field.name: document[field.name] for field in fields(cls)})


AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_record(store: Store, key: str, kind: type[AnyRecord]) -> AnyRecord:
    """One record of the store.

    Raises:
        VerificationError: it is gone or damaged.
    """
    content = store.read(key)
    try:
        return kind.from_json(content.body if content else b"")
    except ValueError as error:
        raise VerificationError(f"record {key} is damaged ({error})") from None


# Told of a record that cannot be read, in one sentence.
OnDamagedRecord = Callable[[str], object]


def read_records(store: Store, prefix: str, kind: type[AnyRecord], on_damage: OnDamagedRecord) -> Iterator[AnyRecord]:
    """The records below `prefix`, in the order of their keys, which is that of time.

    What else lies there, such as a folder marker, is not ours; one that is damaged is told of and left out.
    """
    for item in store.list(prefix):
        if item.key.endswith(".json"):
            try:
                yield read_record(store, item.key, kind)
            except VerificationError as error:
                on_damage(str(error))
