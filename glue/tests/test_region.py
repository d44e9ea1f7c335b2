"""Every client asks in the region of the secret's ARN, and follows a bucket that is elsewhere; no default is needed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import boto3
import pytest

from tests.support.faulty_s3 import FaultyS3
from tests.support.lab import Emulator, Lab, command
from xray_backup.aws import region_of_arn
from xray_backup.database import read_secret
from xray_backup.errors import UsageError
from xray_backup.store import S3Store, open_store

HERE, ELSEWHERE = "ap-southeast-2", "sa-east-1"
SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/(s3|secretsmanager)/")


class Regions(FaultyS3):
    """AWS as it is with regions: S3 answers in the bucket's alone, and says which that is. `asked` notes who asked."""

    def __init__(self, target: str, bucket_region: str) -> None:
        super().__init__(target, [], 0)
        self.bucket_region = bucket_region
        self.asked: list[tuple[str, str]] = []

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        found = SIGNED_FOR.search(handler.headers["Authorization"])
        assert found is not None
        region, service = found[1], found[2]
        self.asked.append((service, region))
        if service == "s3" and region != self.bucket_region:
            self._body(handler)
            body = f"<Error><Code>PermanentRedirect</Code><Region>{self.bucket_region}</Region></Error>".encode()
            self._reply(handler, 301, {"x-amz-bucket-region": self.bucket_region}, body)
        else:
            super().answer(handler)


@pytest.fixture
def no_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a Glue job, which has no default region."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def secret(s3_lab: Lab, emulator: Emulator) -> str:
    """The ARN of the database's secret, which is known in `HERE` alone."""
    document = {"engine": "mysql"} | {
        name: getattr(s3_lab.database().secret, name) for name in ("host", "port", "username", "password", "dbname")
    }
    client = boto3.client("secretsmanager", endpoint_url=emulator.url, region_name=HERE)
    arn = client.create_secret(Name=s3_lab.schema, SecretString=json.dumps(document))["ARN"]
    return str(arn)


@pytest.fixture(params=[HERE, ELSEWHERE])
def aws(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Regions]:
    proxy = Regions(emulator.url, request.param)
    yield proxy
    proxy.close()


@pytest.mark.usefixtures("no_region")
def test_a_backup_asks_where_its_secret_is_and_follows_its_bucket(s3_lab: Lab, secret: str, aws: Regions) -> None:
    s3_lab.fill(5)
    process = command(
        "backup", "--store", s3_lab.store.url, "--endpoint-url", aws.url, "--secret-id", secret,
        "--ssl-mode", "REQUIRED", "--run-slot", "s",
    )  # fmt: skip
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, (output, errors)
    assert aws.asked[0] == ("secretsmanager", HERE)
    assert {region for service, region in aws.asked if service == "s3"} == {HERE, aws.bucket_region}
    # Once told, a client goes there by itself.
    assert aws.asked.count(("s3", HERE)) < len(aws.asked) / 2 or aws.bucket_region == HERE


@pytest.mark.usefixtures("no_region")
def test_a_name_in_place_of_an_arn_needs_a_region(s3_lab: Lab, secret: str, emulator: Emulator) -> None:
    assert read_secret(secret, emulator.url).dbname == s3_lab.schema
    with pytest.raises(UsageError, match="no access to AWS secretsmanager: You must specify a region") as caught:
        read_secret(s3_lab.schema, emulator.url)
    assert "\n" not in str(caught.value)
    store = open_store("s3://bucket/backup", None, region_of_arn(secret))
    assert isinstance(store, S3Store)
    assert store._client.meta.region_name == HERE
