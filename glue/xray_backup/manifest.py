"""The manifest of one backup: what makes files a backup. It is written once, as the last step.

Nothing changes it afterwards but an erasure, which takes rows out of a backup.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from xray_backup.archive_periods import Period
from xray_backup.backup_model import model_of_digest
from xray_backup.data_model import DataModel, parse_data_model, write_data_model
from xray_backup.errors import NewerFormatError, VerificationError
from xray_backup.fingerprint import Fingerprint
from xray_backup.layout import KINDS, Kind, backup_name
from xray_backup.schema_definition import SchemaDefinition

FORMAT_VERSION = 3
# Of a backup whose files an erasure has written anew.
REWRITTEN_FORMAT_VERSION = 4
# Version 0.1.0 of the package wrote format 1; the first to hold the data model is 3.
_READABLE = (1, 2, 3, REWRITTEN_FORMAT_VERSION)


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

    `ddl` is the table's CREATE TABLE statement; manifests of format 1 have none. `replaced` are the keys of files that
    an erasure has replaced, which are gone, or go.
    """

    prefix: str
    files: tuple[DataFile, ...]
    min_key: int | None
    max_key: int | None
    ddl: str | None = None
    replaced: tuple[str, ...] = ()

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
    server, as it names itself; manifests of format 1 do not. `schema_definition` is what the schema has beside its
    rows; earlier manifests have none.
    """

    kind: Kind
    slot: str
    run_id: str
    schema: str
    model: DataModel
    started_at: str
    cutoff: str
    verified_at: str
    tables: Mapping[str, TableBackup]
    archived_periods: tuple[Period, ...] = ()
    job_run_id: str | None = None
    server: str | None = None
    schema_definition: SchemaDefinition | None = None
    format_version: int = FORMAT_VERSION

    @property
    def name(self) -> str:
        """Name of this backup, as people write it."""
        return backup_name(self.kind, self.slot)

    def to_json(self) -> bytes:
        """The document on one line; numbers above 2^53 are strings, whole for every JSON reader."""
        document = dataclasses.asdict(self)
        document["model"] = write_data_model(self.model)
        for table in document["tables"].values():
            if not table["replaced"]:
                del table["replaced"]
            for file in table["files"]:
                file["fingerprint"]["hash_sum"] = str(file["fingerprint"]["hash_sum"])
        return (json.dumps(document, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, body: bytes, where: str) -> Manifest:
        """The manifest in `body`.

        Raises:
            VerificationError: it is damaged.
            NewerFormatError: it is of a newer format than this package reads.
        """
        try:
            document: dict[str, Any] = json.loads(body)
            version = document["format_version"]
            if isinstance(version, int) and version > _READABLE[-1]:
                raise NewerFormatError(
                    f"manifest {where} has format {version}, this package reads up to {_READABLE[-1]}:"
                    " use a newer version of the package"
                )
            if version not in _READABLE:
                raise ValueError(f"format {version!r}")
            if document["kind"] not in KINDS or backup_name(document["kind"], document["slot"]) != where:
                raise ValueError("its name is not that of its key")
            for field in ("run_id", "schema", "started_at", "cutoff", "verified_at"):
                if not isinstance(document[field], str):
                    raise ValueError(f"{field} is no text")
            for field in ("started_at", "verified_at"):
                datetime.fromisoformat(document[field])
            document["tables"] = {name: _table_backup(table) for name, table in document["tables"].items()}
            document["archived_periods"] = _archived_periods(document)
            document["model"] = _model(document, where)
            if definition := document.get("schema_definition"):
                document["schema_definition"] = SchemaDefinition.from_json(definition)
            return cls(**document)
        except VerificationError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise VerificationError(f"manifest {where} is damaged ({type(error).__name__}: {error})") from None


def _model(document: dict[str, Any], where: str) -> DataModel:
    """The model that the manifest holds; earlier ones have the digest of one."""
    if "model" in document:
        return parse_data_model(document["model"])
    statements = {name: table.ddl for name, table in document["tables"].items()}
    return model_of_digest(where, str(document.pop("data_model")), statements)


def _archived_periods(document: dict[str, Any]) -> tuple[Period, ...]:
    """Earlier manifests of this format had `archived_before` alone: their archives took all that was older."""
    before = document.pop("archived_before", None)
    if before is not None:
        return (Period(None, before),)
    return tuple(Period(**period) for period in document.get("archived_periods", ()))


def _table_backup(table: dict[str, Any]) -> TableBackup:
    files = tuple(
        DataFile(
            key=str(file["key"]),
            size=int(file["size"]),
            etag=str(file["etag"]),
            fingerprint=Fingerprint(int(file["fingerprint"]["rows"]), int(file["fingerprint"]["hash_sum"])),
            rows_sha256=file.get("rows_sha256"),
        )
        for file in table["files"]
    )
    return TableBackup(
        str(table["prefix"]),
        files,
        table["min_key"],
        table["max_key"],
        table.get("ddl"),
        tuple(table.get("replaced", ())),
    )
