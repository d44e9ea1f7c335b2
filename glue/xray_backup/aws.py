"""Clients of AWS, or of an emulator, from the environment's profile, region and credentials."""

from __future__ import annotations

from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from xray_backup.errors import UsageError


def aws_client(service: Literal["s3", "secretsmanager"], endpoint_url: str | None, config: Config | None = None) -> Any:
    """A client of `service`.

    Raises:
        UsageError: the profile does not exist, there is no region, or the endpoint is no URL.
    """
    try:
        return boto3.client(service, endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"no access to AWS {service}: {error}; check profile, region and --endpoint-url") from None
