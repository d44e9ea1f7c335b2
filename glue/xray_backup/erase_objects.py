"""The objects of erased rows, as the values of the rows' columns name them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, zip_longest

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_model import Table
from xray_backup.database import Connection
from xray_backup.erase_rows import read_rows, read_where
from xray_backup.erased_rows import FoundRows, columns_of
from xray_backup.errors import BackupError, UsageError
from xray_backup.keys import Keys, is_in, keys_of, names_one_of, no_keys, shown
from xray_backup.manifest import Manifest
from xray_backup.object_versions import Removed, S3Versions, remove_object
from xray_backup.row_text import text_bytes, value_text
from xray_backup.store import Store

_COLUMN = re.compile(r"\{([^{}]+)\}")
_TEMPLATE = re.compile(r"([^=]+)=s3://([^/]+)/(.+)")
_NAMES_IN_STATEMENT = 200


@dataclass(frozen=True, order=True)
class ObjectName:
    """One object of a bucket."""

    bucket: str
    key: str

    @property
    def digest(self) -> str:
        """The key as a record may have it: it may hold a name."""
        return hashlib.sha256(self.key.encode()).hexdigest()


@dataclass(frozen=True)
class RowObjects:
    """The object of each row of one table: bucket and key with columns in braces."""

    table: str
    bucket: str
    key: str

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of which the names are made."""
        return tuple(dict.fromkeys(_COLUMN.findall(f"{self.bucket}/{self.key}")))

    def check(self, table: Table) -> None:
        """Raises UsageError where the table lacks a column."""
        if missing := set(self.columns) - {column.name for column in table.columns}:
            raise UsageError(f"--objects: table {table.name} has no column {min(missing)!r}")

    def names(self, table: Table, rows: pa.Table) -> list[ObjectName | None]:
        """The object of each row; None where a column is NULL or the text is no UTF-8."""
        values = []
        for name in self.columns:
            column = table.column(name)
            found = text_bytes(column, rows) if column.type.is_text else value_text(column, rows)
            values.append([_text(value) for value in found.to_pylist()])
        return [self._name(dict(zip(self.columns, row, strict=True))) for row in zip(*values, strict=True)]

    def conditions(self, table: Table, names: Sequence[ObjectName]) -> Iterator[str]:
        """The WHERE clauses of the rows whose object may be one of these: they compare all parts together."""
        parts = re.split(r"\{([^{}]+)\}", f"{self.bucket}/{self.key}")
        texts = [f"X'{part.encode().hex()}'" for part in parts[::2]]
        columns = [f"CAST({table.column(name).read_sql} AS BINARY)" for name in parts[1::2]]
        together = ", ".join(chain.from_iterable(zip_longest(texts, columns, fillvalue="''")))
        for start in range(0, len(names), _NAMES_IN_STATEMENT):
            some = names[start : start + _NAMES_IN_STATEMENT]
            listed = ", ".join(f"X'{f'{name.bucket}/{name.key}'.encode().hex()}'" for name in some)
            yield f"CONCAT({together}) IN ({listed})"

    def among(self, table: Table, rows: pa.Table, names: Collection[ObjectName]) -> pa.Array:
        """For each row: is its object one of these? As `conditions` compares them."""
        parts = re.split(r"\{([^{}]+)\}", f"{self.bucket}/{self.key}")
        joined: list[pa.Array | bytes] = []
        for text, name in zip_longest(parts[::2], parts[1::2]):
            joined.append(text.encode())
            if name:
                column = table.column(name)
                found = text_bytes(column, rows) if column.type.is_text else value_text(column, rows)
                joined.append(pc.cast(found, pa.binary()))
        wanted = pa.array([f"{name.bucket}/{name.key}".encode() for name in names], pa.binary())
        return pc.is_in(pc.binary_join_element_wise(*joined, b""), value_set=wanted)

    def _name(self, values: Mapping[str, str | None]) -> ObjectName | None:
        known = {name: value for name, value in values.items() if value is not None}
        if len(known) < len(values):
            return None
        bucket, key = (_COLUMN.sub(lambda found: known[found[1]], part) for part in (self.bucket, self.key))
        return ObjectName(bucket, key)


def _text(value: str | bytes | None) -> str | None:
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return None


def parse_row_objects(text: str) -> RowObjects | None:
    """The objects that `text` names: `table=s3://bucket/key` with columns in braces; None for `none`.

    Raises:
        ValueError: it is written otherwise.
    """
    if text == "none":
        return None
    found = _TEMPLATE.fullmatch(text)
    if not found or not _COLUMN.search(found[3]):
        raise ValueError(text)
    return RowObjects(*found.groups())


def check_named_by_no_other(
    connection: Connection, objects: RowObjects, table: Table, names: Collection[ObjectName], own: Keys
) -> None:
    """Looks for other rows of the database whose object is one of these, be its parts in other columns.

    Args:
        connection: of the database.
        objects: the objects of the table's rows.
        table: the table.
        names: the objects.
        own: keys of the rows that are erased.

    Raises:
        BackupError: there is one, and the object may be another person's.
    """
    rows = read_where(connection, table, objects.conditions(table, sorted(names)))
    others = rows.filter(pc.invert(names_one_of(table, rows, table.key, own)))
    for position, name in enumerate(objects.names(table, others)):
        if name in names:
            other = shown(keys_of(table, others.slice(position, 1)))[0]
            raise BackupError(
                f"row {other} of {table.name} names the object of a row that would be erased: erase it too, or correct"
                " it first; nothing was changed"
            )


def check_named_in_no_backup(
    connection: Connection,
    objects: RowObjects,
    table: Table,
    names: Collection[ObjectName],
    backups: Iterable[tuple[Store, Manifest, FoundRows | None]],
) -> None:
    """Looks for rows that backups alone still have, and whose object is one of these.

    Args:
        connection: of the database, which tells the object of each row that it has.
        objects: the objects of the table's rows.
        table: the table.
        names: the objects.
        backups: each with the rows that are erased from it.

    Raises:
        BackupError: there is one, and the object may be another person's.
    """
    for store, manifest, erased in backups:
        its_own = next((found for found in manifest.model.tables if found.name == table.name), None)
        if its_own is None or not {*objects.columns, *table.key} <= {column.name for column in its_own.columns}:
            continue
        own = erased.keys.get(table.name, no_keys(table)) if erased else no_keys(table)
        for _, rows in columns_of(store, manifest, its_own, {*table.key, *objects.columns}):
            naming = rows.filter(objects.among(its_own, rows, names))
            others = np.unique(keys_of(its_own, naming))
            others = others[~is_in(others, own)]
            others = others[~is_in(others, keys_of(table, read_rows(connection, table, table.key, others)))]
            if len(others):
                raise BackupError(
                    f"{manifest.name}: row {shown(others)[0]} of {table.name}, which the database has no more, names"
                    " the object of a row that would be erased: erase it too, or run it with --objects none and delete"
                    " the object by hand; nothing was changed"
                )


@dataclass
class RemovedObjects:
    """The end of the objects that rows name: `gone` were there, `missing` were not, and of `left` a version is there.

    `refused` are the reasons, other than a lock, with the number of objects.
    """

    versions: Removed = field(default_factory=Removed)
    gone: int = 0
    missing: int = 0
    left: list[ObjectName] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def remove_objects(
    versions_in: Callable[[str], S3Versions], names: Iterable[ObjectName], check: Callable[[], None]
) -> RemovedObjects:
    """Deletes every version of these objects.

    One that cannot be deleted, as in a bucket of others that a row names, keeps no row from its erasure.
    """
    result = RemovedObjects()
    for name in names:
        check()
        try:
            objects = versions_in(name.bucket)
            removed = remove_object(objects, objects.of(name.key))
        except BackupError as error:
            result.refused[str(error)] += 1
            result.left.append(name)
            continue
        result.versions.add(removed)
        if removed.locks:
            result.left.append(name)
        elif removed.versions:
            result.gone += 1
        else:
            result.missing += 1
    return result


def count_objects(versions_in: Callable[[str], S3Versions], names: Iterable[ObjectName], refused: Counter[str]) -> int:
    """How many of the objects are there; one that cannot be looked at goes to `refused`."""
    count = 0
    for name in names:
        try:
            count += any(not version.is_marker for version in versions_in(name.bucket).of(name.key))
        except BackupError as error:
            refused[str(error)] += 1
    return count


def find_by_digest(
    versions_in: Callable[[str], S3Versions], buckets: Mapping[str, Iterable[str]], refused: Counter[str]
) -> set[ObjectName]:
    """The objects with these digests, of which a version was left; a bucket that cannot be listed goes to `refused`."""
    found = set()
    for bucket, digests in buckets.items():
        wanted = set(digests)
        try:
            for version in versions_in(bucket).below(""):
                name = ObjectName(bucket, version.key)
                if name.digest in wanted:
                    found.add(name)
        except BackupError as error:
            refused[str(error)] += len(wanted)
    return found
