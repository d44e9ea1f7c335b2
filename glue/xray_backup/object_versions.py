"""Deletes objects with all their versions, and writes over one: rights that only an erasure has.

Object Lock keeps a version until its date; in governance mode a role with the right may delete it all the same. A
version that is kept is hidden behind a delete marker, so that no reader finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from xray_backup.errors import BackupError
from xray_backup.store import FolderStore, S3Store, Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker."""

    key: str
    version_id: str
    is_current: bool
    is_marker: bool = False


@dataclass(frozen=True)
class Lock:
    """The reason why a version is left: the mode of its retention and its end, or a legal hold, which has none."""

    mode: str
    until: datetime | None


class Versions(Protocol):
    """Objects with their versions."""

    def below(self, prefix: str) -> Iterator[Version]:
        """Every version and marker of the objects whose keys begin so."""

    def remove(self, version: Version) -> Lock | None:
        """Deletes a version; the lock that keeps it, where it is left."""

    def hide(self, key: str) -> None:
        """Puts a delete marker over the object."""

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """Writes over the object that has this ETag; False, and nothing written, where it has another."""


@dataclass
class Removed:
    """Versions that were deleted, and the locks of those that are left."""

    versions: int = 0
    locks: list[Lock] = field(default_factory=list)

    def add(self, other: Removed) -> None:
        """Adds what became of other objects."""
        self.versions += other.versions
        self.locks += other.locks

    @property
    def until(self) -> datetime | None:
        """The time at which the last lock ends; None where none has an end."""
        return max((lock.until for lock in self.locks if lock.until), default=None)


def remove_object(objects: Versions, versions: Iterable[Version]) -> Removed:
    """Deletes these versions of one object, and its markers once nothing is left behind them."""
    found, removed = [*versions], Removed()
    for version in found:
        if not version.is_marker:
            if lock := objects.remove(version):
                removed.locks.append(lock)
            else:
                removed.versions += 1
    markers = [version for version in found if version.is_marker]
    if not removed.locks:
        for marker in markers:
            objects.remove(marker)
    elif not any(marker.is_current for marker in markers):
        objects.hide(found[0].key)
    return removed


def versions_of(store: Store, bypass_governance: bool) -> Versions:
    """The versions of a store's objects, by the store's keys."""
    if isinstance(store, S3Store):
        return S3Versions(store.client, store.bucket, f"{store.prefix}/", bypass_governance)
    assert isinstance(store, FolderStore)  # noqa: S101
    return FolderVersions(store)


@dataclass(frozen=True)
class S3Versions:
    """The versions of a bucket's objects under a prefix, which the keys do not have."""

    client: S3Client
    bucket: str
    prefix: str
    bypass_governance: bool

    def below(self, prefix: str) -> Iterator[Version]:
        """See `Versions`."""
        for page in self._pages(prefix):
            yield from page

    def of(self, key: str) -> list[Version]:
        """Every version and marker of one object."""
        found: list[Version] = []
        for page in self._pages(key):
            found += (version for version in page if version.key == key)
            # The object itself comes before the others whose keys begin so.
            if any(version.key != key for version in page):
                break
        return found

    def _pages(self, prefix: str) -> Iterator[list[Version]]:
        pages = self.client.get_paginator("list_object_versions")
        try:
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}{prefix}"):
                yield [
                    Version(
                        item["Key"].removeprefix(self.prefix), item["VersionId"], item["IsLatest"], kind != "Versions"
                    )
                    for kind in ("Versions", "DeleteMarkers")
                    for item in page.get(kind, [])  # type: ignore[attr-defined]
                ]
        except ClientError as error:
            # A bucket that is gone has no object left: rows may name it still.
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise self._explained("list the versions", error) from None
        except BotoCoreError as error:
            raise self._explained("list the versions", error) from None

    def remove(self, version: Version) -> Lock | None:
        """See `Versions`."""
        named: Any = {"Bucket": self.bucket, "Key": f"{self.prefix}{version.key}", "VersionId": version.version_id}
        bypass: Any = {"BypassGovernanceRetention": True} if self.bypass_governance and not version.is_marker else {}
        try:
            self.client.delete_object(**named, **bypass)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied" or not (lock := self._lock(named)):
                raise self._explained("delete versions", error) from None
            return lock
        except BotoCoreError as error:
            raise self._explained("delete versions", error) from None
        return None

    def _lock(self, named: Any) -> Lock | None:
        """The lock on a version; None where nothing shows one."""
        try:
            head = self.client.head_object(**named)
        except (ClientError, BotoCoreError):
            return None
        if mode := head.get("ObjectLockMode"):
            return Lock(mode, head.get("ObjectLockRetainUntilDate"))
        return Lock("LEGAL_HOLD", None) if head.get("ObjectLockLegalHoldStatus") == "ON" else None

    def hide(self, key: str) -> None:
        """See `Versions`."""
        try:
            self.client.delete_object(Bucket=self.bucket, Key=f"{self.prefix}{key}")
        except (ClientError, BotoCoreError) as error:
            raise self._explained("delete", error) from None

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """See `Versions`."""
        try:
            self.client.put_object(
                Bucket=self.bucket,
                Key=f"{self.prefix}{key}",
                Body=body,
                ContentType="application/json",
                IfMatch=etag,
                ChecksumAlgorithm="CRC32",  # see S3Store.create
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict"):
                return False
            raise self._explained(f"write {key}", error) from None
        except BotoCoreError as error:
            raise self._explained(f"write {key}", error) from None
        return True

    def _explained(self, action: str, error: Exception) -> BackupError:
        # Without the key: an image's may hold a name.
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        hint = f"this role may not {action} there" if code == "AccessDenied" else "run it again"
        return BackupError(f"cannot {action} in s3://{self.bucket}/{self.prefix}: {code}; {hint}")


@dataclass(frozen=True)
class FolderVersions:
    """The files of a folder, each of which is its only version."""

    store: FolderStore

    def below(self, prefix: str) -> Iterator[Version]:
        """See `Versions`."""
        for item in self.store.list(prefix):
            yield Version(item.key, "", is_current=True)

    def remove(self, version: Version) -> Lock | None:
        """See `Versions`."""
        self.hide(version.key)
        return None

    def hide(self, key: str) -> None:
        """See `Versions`."""
        path = Path(self.store.folder / key)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise BackupError(f"cannot delete {path}: {error.strerror}") from None

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """See `Versions`."""
        return self.store.replace(key, body, etag)
