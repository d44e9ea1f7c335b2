"""The manifest of one backup: what makes files a backup. It is written once, as the last step, and never changed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xray_backup.archive_periods import Period
from xray_backup.data_model import DataModel
from xray_backup.errors import BackupError, UsageError, VerificationError
from xray_backup.fingerprint import Fingerprint
from xray_backup.layout import KINDS, MANIFESTS, SLOT, Kind, backup_name, manifest_key
from xray_backup.store import Store

FORMAT_VERSION = 2
_MANIFEST_KEY = re.compile(rf"{re.escape(MANIFESTS)}(?P<name>(?:{'|'.join(KINDS)})-{SLOT})\.json")
# Version 0.1.0 of the package wrote format 1.
_READABLE = (1, 2)


@dataclass(frozen=True)
class DataFile:
    """One Parquet file: key in the store, bytes, ETag, and the fingerprint of the rows that were read back from it.

    `rows_sha256` is the digest of its rows in their order; manifests of format 1 have none.
    """

    key: str
    size: int
    etag: str
    fingerprint: Fingerprint
    rows_sha256: str | None = None


@dataclass(frozen=True)
class TableBackup:
    """All files of one table, and its folder; a file in the folder that is not named here is not part of the backup.

    `ddl` is the table's CREATE TABLE statement; manifests of format 1 have none.
    """

    prefix: str
    files: tuple[DataFile, ...]
    min_key: int | None
    max_key: int | None
    ddl: str | None = None

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the whole table."""
        return sum((file.fingerprint for file in self.files), Fingerprint())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True)
class Manifest:
    """One committed and verified backup. Times are ISO 8601 in UTC, by the database's clock.

    `archived_periods` are those of an archive, in the zone of the time column; a snapshot has none. `server` names the
    server, as it names itself; manifests of format 1 do not.
    """

    kind: Kind
    slot: str
    run_id: str
    schema: str
    data_model: str
    started_at: str
    cutoff: str
    verified_at: str
    tables: Mapping[str, TableBackup]
    archived_periods: tuple[Period, ...] = ()
    job_run_id: str | None = None
    server: str | None = None
    format_version: int = FORMAT_VERSION

    @property
    def name(self) -> str:
        """How people name this backup."""
        return backup_name(self.kind, self.slot)

    def to_json(self) -> bytes:
        """The document on one line, as Athena reads it; numbers above 2^53 are strings, whole for every JSON reader."""
        document = dataclasses.asdict(self)
        for table in document["tables"].values():
            for file in table["files"]:
                file["fingerprint"]["hash_sum"] = str(file["fingerprint"]["hash_sum"])
        return (json.dumps(document, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, body: bytes, where: str) -> Manifest:
        """The manifest in `body`.

        Raises:
            VerificationError: it is damaged.
            UsageError: it is of a newer format than this package reads.
        """
        try:
            document: dict[str, Any] = json.loads(body)
            version = document["format_version"]
            if version not in _READABLE:
                raise UsageError(
                    f"manifest {where} has format {version}, this package reads up to {FORMAT_VERSION}:"
                    " use a newer version of the package"
                )
            if document["kind"] not in KINDS or backup_name(document["kind"], document["slot"]) != where:
                raise ValueError("its name is not that of its key")
            document["tables"] = {name: _table_backup(table) for name, table in document["tables"].items()}
            document["archived_periods"] = _archived_periods(document)
            return cls(**document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise VerificationError(f"manifest {where} is damaged ({type(error).__name__}: {error})") from None


def _archived_periods(document: dict[str, Any]) -> tuple[Period, ...]:
    """Earlier manifests of this format had `archived_before` alone: their archives took all that was older."""
    before = document.pop("archived_before", None)
    if before is not None:
        return (Period(None, before),)
    return tuple(Period(**period) for period in document.get("archived_periods", ()))


def _table_backup(table: dict[str, Any]) -> TableBackup:
    files = tuple(
        DataFile(
            key=file["key"],
            size=int(file["size"]),
            etag=file["etag"],
            fingerprint=Fingerprint(int(file["fingerprint"]["rows"]), int(file["fingerprint"]["hash_sum"])),
            rows_sha256=file.get("rows_sha256"),
        )
        for file in table["files"]
    )
    return TableBackup(table["prefix"], files, table["min_key"], table["max_key"], table.get("ddl"))


def commit(store: Store, manifest: Manifest) -> None:
    """Makes the files a backup, unless the slot already has one.

    Raises:
        BackupError: another run committed this slot first; its backup stands.
    """
    if store.create(manifest_key(manifest.name), manifest.to_json()) is None:
        raise BackupError(f"{manifest.name} was committed by another run; it stands, and this run's files are not used")


def load(store: Store, name: str, model: DataModel) -> Manifest:
    """The manifest of backup `name`; `latest` is the newest snapshot.

    Raises:
        UsageError: there is no such backup, or it is of another data model.
    """
    if name == "latest":
        snapshots = [manifest for manifest in load_all(store, _newest_unknown) if manifest.kind == "snapshot"]
        if not snapshots:
            raise UsageError(f"there is no snapshot in {store.url}: run `backup` first")
        manifest = max(snapshots, key=lambda manifest: manifest.started_at)
    else:
        content = store.read(manifest_key(name))
        if content is None:
            raise UsageError(f"there is no backup {name!r} in {store.url}: `list` shows what there is")
        manifest = Manifest.from_json(content.body, name)
    check_model(manifest, model)
    return manifest


def _newest_unknown(name: str, error: VerificationError) -> None:
    if name.startswith("snapshot-"):
        raise VerificationError(f"{error}, so which snapshot is the newest cannot be told: name one") from None


def check_model(manifest: Manifest, model: DataModel) -> None:
    """Raises UsageError where the backup is of another data model than `model`."""
    if manifest.data_model != model.digest:
        raise UsageError(
            f"{manifest.name} is of another data model ({manifest.data_model}, this package has {model.digest}): "
            "use the version of the package that wrote it"
        )


def find(store: Store, kind: Kind, slot: str) -> Manifest | None:
    """The committed backup of a slot, if there is one."""
    name = backup_name(kind, slot)
    content = store.read(manifest_key(name))
    return Manifest.from_json(content.body, name) if content else None


# Told of a manifest that cannot be read: its name, and what is wrong.
OnDamage = Callable[[str, VerificationError], None]


def load_all(store: Store, on_damage: OnDamage | None = None) -> Iterator[Manifest]:
    """Every committed backup, by name; what else lies beside them, such as a folder marker, is not ours.

    Args:
        store: where.
        on_damage: told of each manifest that is damaged, which is left out (default: the first one ends it).

    Raises:
        VerificationError: a manifest is damaged, and nobody is to be told.
    """
    for item in store.list(MANIFESTS):
        found = _MANIFEST_KEY.fullmatch(item.key)
        content = store.read(item.key) if found else None
        if found is None or content is None:
            continue
        try:
            yield Manifest.from_json(content.body, found["name"])
        except VerificationError as error:
            if on_damage is None:
                raise
            on_damage(found["name"], error)
