"""Tries what the web app does with the bucket, and what it must not do, logged in to AWS as the app is.

Run as `python -m usage.rights INI`, with the app's ini file. AWS_CONFIG_FILE names the file of its profile,
AWS_ENDPOINT_URL the emulator, which enforces IAM meanwhile. The output is a JSON object: the identity, and each attempt
as "done" or as AWS's error code.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from xray_web_app.image_folder import ImageFolder
from xray_web_app.settings import read_settings


def enforce_iam(after_requests: str) -> None:
    """The emulator checks rights after so many requests; `inf` is never."""
    headers = {"Content-Type": "text/plain"}
    url = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    urllib.request.urlopen(urllib.request.Request(url, after_requests.encode(), headers))  # noqa: S310


def result_of(action: Callable[[], object]) -> str:
    """`done`, or AWS's error code."""
    try:
        action()
        return "done"
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def main(ini: Path) -> None:
    """Tries everything once."""
    settings = read_settings(ini)
    images = ImageFolder(settings)
    bucket = images.bucket
    session = boto3.Session(**settings.aws_session)
    s3 = session.client("s3")
    attempts: dict[str, Callable[[], object]] = {
        "list xray-images": images.list,
        "upload an image": lambda: images.put("img_1.png", bytes(1000)),
        "upload an image of 20 MB in parts": lambda: images.put("img_2.dcm", bytes(20_000_000)),
        "upload a backup": lambda: s3.put_object(Bucket=bucket, Key="backup/v1/snapshot/x.parquet", Body=b""),
        "upload code of the jobs": lambda: s3.put_object(Bucket=bucket, Key="glue-assets/job_backup.py", Body=b""),
        "read an image": lambda: s3.get_object(Bucket=bucket, Key="xray-images/img_1.png"),
        "delete an image": lambda: s3.delete_object(Bucket=bucket, Key="xray-images/img_1.png"),
        "read a backup": lambda: s3.get_object(Bucket=bucket, Key="backup/"),
        "change the bucket's policy": lambda: s3.delete_bucket_policy(Bucket=bucket),
        "make a user": lambda: session.client("iam").create_user(UserName="mallory"),
    }
    # Both sessions log in before IAM is enforced: the log-in itself carries no signature, which the emulator asks for.
    identity = session.client("sts").get_caller_identity()["Arn"]
    images.list()
    enforce_iam("0")
    try:
        results = {name: result_of(action) for name, action in attempts.items()}
    finally:
        enforce_iam("inf")
    sys.stdout.write(json.dumps({"arn": identity, "attempts": results}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
