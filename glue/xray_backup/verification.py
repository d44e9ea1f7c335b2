"""Reads a backup back from the store and holds it against its manifest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_file import decode, decode_in_parts, read_file
from xray_backup.data_model import Table
from xray_backup.errors import ExpiredError, VerificationError
from xray_backup.fingerprint import RowsDigest, fingerprint
from xray_backup.manifest import DataFile, Manifest, TableBackup
from xray_backup.row_text import row_texts
from xray_backup.run import Run
from xray_backup.store import Store, StoredObject
from xray_backup.workplace import Workplace


@dataclass(frozen=True)
class FileCheck:
    """A file to read again, of a manifest of this format; `range_of` is a column whose ends are asked for."""

    table: Table
    file: DataFile
    manifest_format: int
    range_of: str | None = None


@dataclass(frozen=True)
class FileContent:
    """The content of one file as it was read back; `first` and `last` are the ends of the column that was asked for."""

    key: str
    first: int | None = None
    last: int | None = None


def data_files(store: Store, prefix: str) -> list[StoredObject]:
    """The Parquet files in a run's folder; scratch files of version 0.1.0 and folder markers are not among them."""
    found = []
    for item in store.list(prefix):
        parts = item.key.removeprefix(prefix).split("/")
        if parts[-1] and not any(part.startswith(("_", ".")) for part in parts):
            found.append(item)
    return found


_REWRITTEN = re.compile(r"\.e[0-9a-f]{8}\.parquet")


def rewritten_key(key: str, rows_sha256: str) -> str:
    """Key of a file that an erasure writes in place of the one with this key: other rows, another key."""
    return f"{_REWRITTEN.sub('', key).removesuffix('.parquet')}.e{rows_sha256[:8]}.parquet"


def is_rewritten(key: str) -> bool:
    """True where an erasure wrote the file."""
    return _REWRITTEN.search(key) is not None


def check_files(store: Store, manifest: Manifest, table: TableBackup) -> None:
    """Compares names, sizes and ETags with the manifest; reads no row from S3.

    Raises:
        ExpiredError: a file is gone because the bucket's lifecycle rule let it expire.
        VerificationError: a file is missing, changed, or should not be there.
    """
    for file, there in zip(table.files, _files_in_store(store, manifest, table), strict=True):
        if file.etag != there.etag:
            raise _changed(manifest, file, there.size, there.etag)


def as_stored(store: Store, manifest: Manifest) -> Manifest:
    """The manifest with the ETags that its files have now, for a reader that proves their rows itself.

    S3 gives a copy of an object under a KMS key another ETag, so those of a copied backup are not the manifest's.

    Raises:
        VerificationError: as of `check_files`, but for the ETags.
    """
    tables = {
        name: replace(table, files=_files_in_store(store, manifest, table)) for name, table in manifest.tables.items()
    }
    return replace(manifest, tables=tables)


def _files_in_store(store: Store, manifest: Manifest, table: TableBackup) -> tuple[DataFile, ...]:
    """The files of a table in the manifest's order, with the ETags that they have in the store."""
    name = manifest.name
    stored = {item.key: item for item in data_files(store, table.prefix)}
    found, missing = [], []
    for file in table.files:
        item = stored.pop(file.key, None)
        if item is None:
            missing.append(file.key)
        elif item.size != file.size:
            raise _changed(manifest, file, item.size, item.etag)
        else:
            found.append(replace(file, etag=item.etag))
    # An erasure that is at work, or was killed, has files there that the manifest does not name yet, or not any more.
    if left := {key for key in stored if key not in table.replaced and not is_rewritten(key)}:
        raise VerificationError(f"{name}: file {min(left)} is not in the manifest")
    if missing:
        # The moment of the oldest file: what is missing was written with it or later.
        rule = store.expiry_rule(missing[0], datetime.fromisoformat(manifest.started_at))
        if rule is None:
            raise VerificationError(f"{name}: file {missing[0]} is missing")
        raise ExpiredError(
            f"{name}: its files expired by the bucket's lifecycle rule {rule.name!r}, after {rule.days} days"
        )
    return tuple(found)


def _changed(manifest: Manifest, file: DataFile, size: int, etag: str) -> VerificationError:
    return VerificationError(
        f"{manifest.name}: file {file.key} was changed: {size} bytes, ETag {etag};"
        f" the manifest says {file.size} bytes, ETag {file.etag}"
    )


def is_as_written(table: Table, parts: Iterable[pa.Table], file: DataFile, manifest_format: int) -> bool:
    """True where these are the rows that the manifest tells of."""
    if file.rows_sha256 is None:
        return fingerprint(table, parts, manifest_format) == file.fingerprint
    digest = RowsDigest()
    for rows in parts:
        digest.add(row_texts(table, rows))
    return (digest.rows, digest.hexdigest()) == (file.fingerprint.rows, file.rows_sha256)


def read_back(workplace: Workplace, check: FileCheck) -> FileContent:
    """One unit of work: reads every row of a file and compares them with the manifest.

    Raises:
        VerificationError: the file is not what the manifest says.
    """
    content = read_file(workplace.store, check.file.key, check.file.etag)
    parts = decode_in_parts(check.table, content.body, check.file.key)
    if not is_as_written(check.table, parts, check.file, check.manifest_format):
        raise VerificationError(f"the rows in file {check.file.key} are not those that were written")
    if check.range_of is None:
        return FileContent(check.file.key)
    column = decode(check.table, content.body, check.file.key, [check.range_of]).column(check.range_of)
    ends = pc.min_max(column).as_py()
    return FileContent(check.file.key, ends["min"], ends["max"])


def verify(run: Run, manifest: Manifest, range_of: dict[str, str] | None = None) -> dict[str, FileContent]:
    """Proves that the store still holds every row of the backup: files first, then each file's rows.

    Args:
        run: the run.
        manifest: the backup.
        range_of: a column of each table, by name, whose ends in each file are asked for.

    Returns:
        What each file holds, by its key.

    Raises:
        VerificationError: it does not.
    """
    found: dict[str, FileContent] = {}
    for table in manifest.model.tables:
        expected = manifest.tables[table.name]
        check_files(run.store, manifest, expected)
        column = (range_of or {}).get(table.name)
        checks = [FileCheck(table, file, manifest.format_version, column) for file in expected.files]
        try:
            found |= {content.key: content for content in run.work(f"verify {table.name}", read_back, checks)}
        except VerificationError as error:
            raise VerificationError(f"{manifest.name}: {error}") from None
        run.events("verified", backup=manifest.name, table=table.name, rows=expected.fingerprint.rows)
    return found
