"""A bucket with Object Lock takes an object only with a checksum. The emulator asks for none: the request is judged.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-put-object
"""

from __future__ import annotations

import base64
import zlib
from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.faulty_s3 import FaultyS3
from tests.support.lab import Emulator
from xray_backup.store import Store, open_store


class Noting(FaultyS3):
    """Passes each request on, and notes the checksum of each PUT."""

    def __init__(self, target: str) -> None:
        super().__init__(target, [], 0)
        self.checksums: list[str | None] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.command == "PUT":
            self.checksums.append(handler.headers["x-amz-checksum-crc32"])
        super().answer(handler)


def test_each_object_goes_with_a_checksum(s3_store: Store, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the environment tells botocore to leave out what an operation does not require."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    s3 = Noting(emulator.url)
    try:
        assert open_store(s3_store.url, s3.url, "eu-central-1").create("v1/_checks/sum.json", b"{}\n") is not None
    finally:
        s3.close()
    assert s3.checksums == [base64.b64encode(zlib.crc32(b"{}\n").to_bytes(4, "big")).decode()]
