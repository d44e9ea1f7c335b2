"""Does with the bucket what the web app does, logged in to AWS as it is, and what it must not do.

Usage: python web_app.py BUCKET. AWS_CONFIG_FILE names a file with the profile x-ray-app, AWS_ENDPOINT_URL the emulator, which
is told to enforce IAM.
Writes who it is, and each attempt as "done" or as AWS's error code, as JSON to standard output.
"""

from __future__ import annotations

import io
import json
import os
import sys
import urllib.request
from collections.abc import Callable

import boto3
from botocore.exceptions import ClientError


def enforce_iam(after_requests: str) -> None:
    """The emulator checks rights after so many requests; `inf` is never."""
    headers = {"Content-Type": "text/plain"}
    url = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset-auth"
    urllib.request.urlopen(urllib.request.Request(url, after_requests.encode(), headers))


bucket = sys.argv[1]
session = boto3.Session(profile_name="x-ray-app")
s3 = session.resource("s3")
client = s3.meta.client


def attempt(action: Callable[[], object]) -> str:
    try:
        action()
        return "done"
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def upload(key: str, size: int = 1000) -> Callable[[], object]:
    return lambda: client.upload_fileobj(io.BytesIO(bytes(size)), bucket, key)


identity = session.client("sts").get_caller_identity()["Arn"]  # the log-in itself carries no signature
attempts = {
    "list xray-images": lambda: list(s3.Bucket(bucket).objects.filter(Prefix="xray-images")),
    "upload an image": upload("xray-images/img_1.png"),
    "upload an image of 20 MB in parts": upload("xray-images/img_2.dcm", 20_000_000),
    "upload a backup": upload("backup/v1/snapshot/x.parquet"),
    "upload code of the jobs": upload("glue-assets/job_backup.py"),
    "read an image": lambda: client.get_object(Bucket=bucket, Key="xray-images/img_1.png"),
    "delete an image": lambda: client.delete_object(Bucket=bucket, Key="xray-images/img_1.png"),
    "read a backup": lambda: client.get_object(Bucket=bucket, Key="backup/"),
    "change the bucket's policy": lambda: client.delete_bucket_policy(Bucket=bucket),
    "make a user": lambda: session.client("iam").create_user(UserName="mallory"),
}
enforce_iam("0")
try:
    results = {name: attempt(action) for name, action in attempts.items()}
finally:
    enforce_iam("inf")
print(json.dumps({"arn": identity, "attempts": results}))
