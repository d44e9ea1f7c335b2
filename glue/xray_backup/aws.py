"""Clients of AWS, or of an emulator, from the environment's profile and credentials."""

from __future__ import annotations

from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from xray_backup.errors import UsageError


def aws_client(
    service: Literal["s3", "secretsmanager"],
    endpoint_url: str | None,
    region: str | None = None,
    config: Config | None = None,
) -> Any:
    """A client of `service`.

    Args:
        service: which one.
        endpoint_url: an emulator's address (default: AWS itself).
        region: where to ask (default: the environment's region).
        config: botocore's.

    Raises:
        UsageError: the profile does not exist, there is no region, or the endpoint is no URL.
    """
    try:
        # A network without a way to AWS is told in a minute, not in ten.
        config = Config(connect_timeout=10).merge(config or Config())
        return boto3.client(service, endpoint_url=endpoint_url, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"no access to AWS {service}: {error}; check profile, region and --endpoint-url") from None


def region_of_arn(name: str) -> str | None:
    """The region that an ARN names; None where `name` is no ARN."""
    parts = name.split(":")
    return parts[3] or None if parts[0] == "arn" and len(parts) > 5 else None
