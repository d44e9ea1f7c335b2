"""A backup's part of an erasure: its files without the erased rows, and the manifest that names them.

The new files stand beside the old ones under keys of their own, so that a reader finds a whole backup at every moment:
the old one until the manifest is written over, the new one from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from xray_backup.data_file import decode, encode, read_file
from xray_backup.data_model import Table
from xray_backup.erased_rows import FoundRows
from xray_backup.errors import BackupError, VerificationError
from xray_backup.fingerprint import Fingerprint, RowsDigest, hashes_of
from xray_backup.keys import Keys, names_one_of
from xray_backup.layout import manifest_key
from xray_backup.manifest import REWRITTEN_FORMAT_VERSION, DataFile, Manifest, TableBackup
from xray_backup.object_versions import Versions
from xray_backup.row_text import row_texts
from xray_backup.store import Store
from xray_backup.verification import is_as_written, rewritten_key


@dataclass(frozen=True)
class StoredManifest:
    """A manifest, and the ETag of its object."""

    manifest: Manifest
    etag: str


def rewrite_backup(store: Store, objects: Versions, stored: StoredManifest, found: FoundRows) -> Manifest:
    """Writes the backup anew without the rows that were found in it; the manifest that counts from then on.

    Raises:
        VerificationError: the backup is not what its manifest says, or a new file not what was written.
        BackupError: the manifest was changed meanwhile.
    """
    manifest = stored.manifest
    tables = dict(manifest.tables)
    for table in manifest.model.tables:
        tables[table.name] = _rewrite_table(store, manifest, table, found)
    rewritten = replace(manifest, tables=tables, format_version=REWRITTEN_FORMAT_VERSION)
    if not objects.replace(manifest_key(manifest.name), rewritten.to_json(), stored.etag):
        raise BackupError(f"the manifest of {manifest.name} was changed meanwhile; run it again")
    return rewritten


def _rewrite_table(store: Store, manifest: Manifest, table: Table, found: FoundRows) -> TableBackup:
    backup = manifest.tables[table.name]
    hits = found.files.get(table.name, {})
    if not hits and manifest.format_version > 1:
        return backup
    files: list[DataFile] = []
    for file in backup.files:
        # The fingerprints of format 1 are of another text.
        if file.key in hits or manifest.format_version == 1:
            files += _rewrite_file(store, manifest, table, file, found.keys[table.name] if file.key in hits else None)
        else:
            files.append(file)
    replaced = (*backup.replaced, *(key for key in hits))
    kept = replace(backup, files=tuple(files), replaced=replaced)
    if hits and table.has_integer_key and _is_at_an_end(backup, found.keys[table.name]):
        ends = pc.min_max(pa.chunked_array(_key_columns(store, table, files), table.key_columns[0].type.arrow)).as_py()
        kept = replace(kept, min_key=ends["min"], max_key=ends["max"])
    return kept


def _is_at_an_end(backup: TableBackup, erased: Keys) -> bool:
    return backup.min_key in erased or backup.max_key in erased


def _key_columns(store: Store, table: Table, files: list[DataFile]) -> Iterator[pa.Array]:
    for file in files:
        rows = decode(table, read_file(store, file.key, file.etag).body, file.key, table.key)
        yield from rows.column(table.integer_key).chunks


def _rewrite_file(
    store: Store, manifest: Manifest, table: Table, file: DataFile, erased: Keys | None
) -> Iterator[DataFile]:
    """The file that stands for this one; none where no row is left."""
    rows = decode(table, read_file(store, file.key, file.etag).body, file.key)
    if not is_as_written(table, [rows], file, manifest.format_version):
        raise VerificationError(f"{manifest.name}: the rows in file {file.key} are not those that were written")
    if erased is not None:
        rows = rows.filter(pc.invert(names_one_of(table, rows, table.key, erased)))
    if not rows.num_rows:
        return
    texts = row_texts(table, rows)
    digest = RowsDigest()
    digest.add(texts)
    kept = replace(file, fingerprint=Fingerprint.of(hashes_of(texts)), rows_sha256=digest.hexdigest())
    yield _write(store, table, kept, rows) if erased is not None else kept


def _write(store: Store, table: Table, file: DataFile, rows: pa.Table) -> DataFile:
    """The file with these rows, proved; one that an erasure which was killed has written is taken as it is."""
    key = rewritten_key(file.key, file.rows_sha256 or "")
    content = read_file(store, key, store.create(key, encode(rows, None)))
    written = replace(file, key=key, size=len(content.body), etag=content.etag)
    if not is_as_written(table, [decode(table, content.body, key)], written, REWRITTEN_FORMAT_VERSION):
        raise VerificationError(f"the rows in file {key} are not those that were written; the backup is as it was")
    return written
