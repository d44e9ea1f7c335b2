"""The place where backups are kept: an S3 bucket (or anything that speaks S3) or a folder.

Both give the one write that the design needs: create what is not there. Nothing is written over, nothing is deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import mimetypes
import os
import re
import shlex
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from xray_backup.aws import aws_client
from xray_backup.errors import BackupError, KeyAccessError, UsageError
from xray_backup.lifecycle import ExpiryRule, parse_rules

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class StoredObject:
    """One object of a listing: `size` in bytes, `age_seconds` since it was written, by the store's own clock."""

    key: str
    size: int
    etag: str
    age_seconds: float


@dataclass(frozen=True)
class Content:
    """An object's bytes.

    `store_clock` and `read_at` are one moment, by the store's clock and by this machine's; `encryption` names how the
    store keeps the object, and with which key.
    """

    body: bytes
    etag: str
    store_clock: datetime
    read_at: datetime
    encryption: str


class Store(Protocol):
    """A place for objects with conditional writes."""

    url: str

    def create(self, key: str, body: bytes) -> str | None:
        """Writes a new object and returns its ETag; None, and nothing written, where the key exists."""

    def read(self, key: str) -> Content | None:
        """The object, or None where there is none."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All objects under `prefix`, in the order of their keys."""

    def check_exists(self) -> None:
        """Raises UsageError where there is no such bucket or folder; an empty one is a store without a backup."""

    def expiry_rule(self, key: str, written_at: datetime) -> ExpiryRule | None:
        """The rule of the store itself that has let this object expire; None where none has, or it may not be asked."""


def open_store(url: str, endpoint_url: str | None = None, region: str | None = None) -> Store:
    """The store at `s3://bucket/prefix`, or in a folder.

    Args:
        url: the address.
        endpoint_url: an emulator's address (default: AWS itself).
        region: where S3 is asked first; where the bucket is elsewhere, S3 says so and is asked there.

    Raises:
        UsageError: the address is neither.
    """
    # Not `urlsplit`: a key may hold any character, and a `#` or `?` ends nothing.
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("s3", "s3a"):
        bucket, _, prefix = rest.partition("/")
        prefix = prefix.strip("/")
        if not bucket or not prefix:
            raise UsageError(f"store {url!r} is not complete: use s3://bucket/prefix, for example s3://my-lake/backup")
        if not _BUCKET.fullmatch(bucket):
            raise UsageError(f"store {url!r}: a bucket's name has letters, digits, dots and hyphens, got {bucket!r}")
        return S3Store(bucket, prefix, endpoint_url, region)
    if separator and scheme == "file":
        return FolderStore(Path(unquote(rest)))
    if _SCHEME.match(url):
        raise UsageError(f"store {url!r} is not allowed: use s3://bucket/prefix or a folder")
    return FolderStore(Path(url))


_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
_TRIES = 6
# S3 tells of its key by the same code as of the object.
_KMS_DENIED = re.compile(r"not authorized to perform: (kms:\w+)")
_BROKEN_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError, ConnectionClosedError)


@lru_cache
def _opened(bucket: str, prefix: str, endpoint_url: str | None, region: str | None) -> S3Store:
    """Once in a process: a worker is handed the same store with each unit of work."""
    return S3Store(bucket, prefix, endpoint_url, region)


class S3Store:
    """Objects of one bucket under one prefix."""

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None, region: str | None = None) -> None:
        self.bucket, self.prefix = bucket, prefix
        self.url = f"s3://{bucket}/{prefix}"
        self._opened_with = (bucket, prefix, endpoint_url, region)
        # Path style, since an emulator has no host name per bucket; S3 itself takes both.
        style = {"addressing_style": "path"} if endpoint_url else {}
        config = Config(retries={"mode": "standard", "total_max_attempts": 8}, s3=style)  # type: ignore[arg-type]
        self._client: S3Client = aws_client("s3", endpoint_url, region, config)

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, self._opened_with

    @property
    def client(self) -> S3Client:
        """The client, for what a backup never does: see `object_versions`."""
        return self._client

    def create(self, key: str, body: bytes) -> str | None:
        """See `Store`."""
        # So that a browser shows a report, and does not save it.
        kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
        for attempt in range(_TRIES):
            try:
                answer = self._client.put_object(
                    Bucket=self.bucket,
                    Key=f"{self.prefix}/{key}",
                    Body=body,
                    ContentType=kind,
                    IfNoneMatch="*",
                    # A bucket with Object Lock takes no object without; a setting of botocore may leave it out.
                    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
                    ChecksumAlgorithm="CRC32",
                )
                return str(answer["ETag"])
            except ClientError as error:
                code = error.response["Error"]["Code"]
                # Another write of this key is under way: S3 asks for another try, which meets what came of it.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
                if code == "ConditionalRequestConflict" and attempt < _TRIES - 1:
                    time.sleep(0.1 * 2**attempt)
                    continue
                if code != "PreconditionFailed":
                    raise self._explained(error, "write", key) from None
                # A retry after a lost answer meets our own write: it is ours if it has our bytes.
                current = self.read(key)
                return current.etag if current and current.body == body else None
            except BotoCoreError as error:
                raise self._explained(error, "write", key) from None
        raise AssertionError("unreachable")

    def read(self, key: str) -> Content | None:
        """See `Store`; an answer that breaks off is asked for again."""
        for attempt in range(_TRIES):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")
                body = answer["Body"].read()
                break
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise self._explained(error, "read", key) from None
            except _BROKEN_OFF as error:
                if attempt == _TRIES - 1:
                    raise self._explained(error, "read", key) from None
                time.sleep(0.1 * 2**attempt)
            except BotoCoreError as error:
                raise self._explained(error, "read", key) from None
        read_at, now = datetime.now(UTC), parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        encryption = " ".join(filter(None, (answer.get("ServerSideEncryption"), answer.get("SSEKMSKeyId"))))
        return Content(body, str(answer["ETag"]), now, read_at, encryption)

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See `Store`."""
        skip = len(self.prefix) + 1
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{self.prefix}/{prefix}"
            ):
                now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
                for item in page.get("Contents", []):
                    age = max(0.0, (now - item["LastModified"]).total_seconds())
                    yield StoredObject(item["Key"][skip:], item["Size"], item["ETag"], age)
        except (ClientError, BotoCoreError) as error:
            raise self._explained(error, "list", prefix) from None

    def check_exists(self) -> None:
        """See `Store`."""
        for _ in self.list(""):
            return

    def expiry_rule(self, key: str, written_at: datetime) -> ExpiryRule | None:
        """See `Store`."""
        return next((rule for rule in self._expiry_rules if rule.has_expired(f"{self.prefix}/{key}", written_at)), None)

    @cached_property
    def _expiry_rules(self) -> tuple[ExpiryRule, ...]:
        """None of a bucket without, and where this role may not read them: a file that is gone is missing then."""
        try:
            answer = self._client.get_bucket_lifecycle_configuration(Bucket=self.bucket)
        except (ClientError, BotoCoreError):
            return ()
        return parse_rules(answer.get("Rules", []))

    def _explained(self, error: Exception, action: str, key: str) -> BackupError:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        url = f"s3://{self.bucket}/{self.prefix}/{key}"
        if code.startswith("KMS."):
            return KeyAccessError(
                f"cannot {action} {url}: {code}; enable the bucket's KMS key, or give the bucket another one"
            )
        if denied := _KMS_DENIED.search(str(error)):
            return KeyAccessError(
                f"cannot {action} {url}: {code}; this role lacks {denied[1]} on the bucket's KMS key: allow it in the"
                " role's policy and in the key's"
            )
        if code == "InvalidObjectState":
            kind = error.response.get("StorageClass", "GLACIER")  # type: ignore[attr-defined]
            return BackupError(
                f"cannot {action} {url}: it is in Glacier (storage class {kind}): restore it and the other files of its"
                f" backup first, each with aws s3api restore-object --bucket {shlex.quote(self.bucket)} --key"
                f" {shlex.quote(f'{self.prefix}/{key}')} --restore-request Days=7"
            )
        hint = {
            "NoSuchBucket": "make the bucket first, or correct --store",
            "AccessDenied": f"this role may not {action} there",
            "NoCredentialsError": "no AWS credentials were found",
            "ConnectTimeoutError": "no way leads to S3: give the network a gateway endpoint for it, or a NAT gateway",
            "EndpointConnectionError": "nothing answers at the endpoint",
        }.get(code, "try again; the run can be repeated safely")
        return BackupError(f"cannot {action} {url}: {code}; {hint}")


class FolderStore:
    """Objects as files of a folder on a local disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.url = str(self.folder)

    def create(self, key: str, body: bytes) -> str | None:
        """See `Store`; a hard link is the one atomic "create if absent" of a whole file."""
        path = self.folder / key
        with self._written(path, body) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return None
        return _etag(path)

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """Writes over the file that has this ETag, at once; False, and nothing written, where it has another."""
        path = self.folder / key
        with self._written(path, body) as temporary:
            if not path.is_file() or _etag(path) != etag:
                return False
            temporary.replace(path)
        return True

    @contextlib.contextmanager
    def _written(self, path: Path, body: bytes) -> Iterator[Path]:
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".write-")
            temporary = Path(name)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                yield temporary
            finally:
                temporary.unlink(missing_ok=True)

    def read(self, key: str) -> Content | None:
        """See `Store`."""
        path = self.folder / key
        try:
            now = datetime.now(UTC)
            return Content(path.read_bytes(), _etag(path), now, now, "")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackupError(f"cannot read {path}: {error.strerror}") from None

    def check_exists(self) -> None:
        """See `Store`."""
        if not self.folder.is_dir():
            what = "is no folder" if self.folder.exists() else "does not exist"
            raise UsageError(f"store {self.folder} {what}: correct --store")

    def expiry_rule(self, key: str, written_at: datetime) -> ExpiryRule | None:  # noqa: ARG002
        """See `Store`; a folder has none."""
        return None

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """See `Store`."""
        root = self.folder / prefix
        for path in sorted(root.rglob("*") if root.is_dir() else []):
            # Hidden files are Hadoop's checksums and our own half-written ones; neither is an object.
            if path.is_file() and not path.name.startswith("."):
                state = path.stat()
                age = max(0.0, time.time() - state.st_mtime)
                yield StoredObject(str(path.relative_to(self.folder)), state.st_size, _etag(path), age)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"cannot write {path}: {error.strerror}") from None


def _etag(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
