"""Keeps the emulator's content in a file from its end to its next start, since AWS forgets nothing."""

from __future__ import annotations

import atexit
import pickle
from pathlib import Path
from threading import Lock
from typing import Any

from cryptography.hazmat.primitives import serialization
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends

EMULATOR_ITSELF = ("moto_api", "instance_metadata")


def keep_state_in(file: Path, requests: Lock) -> None:
    """Takes up what an earlier emulator left in the file, and leaves it there again when this one ends.

    Args:
        file: of this emulator alone.
        requests: held while a request is answered.
    """
    if file.exists():
        _load(file)
    atexit.register(_save, file, requests)


def _private_key(pem: bytes) -> Any:
    return serialization.load_pem_private_key(pem, None)


class _Pickler(pickle.Pickler):
    """Takes the private keys of KMS, too, which do not pickle by themselves."""

    def reducer_override(self, value: Any) -> Any:
        if not hasattr(value, "private_bytes"):
            return NotImplemented
        pem = value.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _private_key, (pem,)


def _save(file: Path, requests: Lock) -> None:
    requests.acquire()  # for good: what would still be answered would be lost
    services = {
        backend.service_name: {account: dict(by_region) for account, by_region in backend.items()}
        for backend in BackendDict._instances
        if backend.service_name not in EMULATOR_ITSELF
    }
    partial = file.with_suffix(".partial")
    with partial.open("wb") as output:
        # In one: services refer to one another's objects.
        _Pickler(output).dump((services, s3_backends.bucket_accounts))
    partial.rename(file)


def _load(file: Path) -> None:
    with file.open("rb") as source:
        services, bucket_accounts = pickle.load(source)
    for name, accounts in services.items():
        for account, by_region in accounts.items():
            get_backend(name)[account].update(by_region)
    s3_backends.bucket_accounts.update(bucket_accounts)
