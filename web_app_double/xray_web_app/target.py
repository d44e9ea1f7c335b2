"""A deployed environment, as the tools hand it to Python: the stack's outputs and where the servers are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from xray_web_app.settings import Settings, read_settings, write_settings


@dataclass(frozen=True)
class Target:
    """One deployed environment."""

    endpoint_url: str
    region: str
    bucket: str
    images_prefix: str
    backup_prefix: str
    user_secret_arns: dict[str, str]
    """Secret of each database user, by the user's name."""
    ssl_ca: str
    """PEM file of the authority of the database server's certificate."""

    @classmethod
    def load(cls, path: Path) -> Target:
        """Reads the JSON file that the tools wrote; outputs that are of no use here are left out."""
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})

    @property
    def aws_session(self) -> dict[str, Any]:
        """Keyword arguments of `boto3.Session`; the emulator takes any key."""
        return {"region_name": self.region, "aws_access_key_id": "local", "aws_secret_access_key": "local"}

    def client(self, service: str) -> Any:
        """A boto3 client of the environment."""
        return boto3.Session(**self.aws_session).client(service, endpoint_url=self.endpoint_url)  # type: ignore[call-overload]

    def login(self, user: str) -> dict[str, Any]:
        """The content of a database user's secret."""
        secret = self.client("secretsmanager").get_secret_value(SecretId=self.user_secret_arns[user])
        login: dict[str, Any] = json.loads(secret["SecretString"])
        return login

    def app_settings(self, folder: Path, user: str = "xray_app") -> Settings:
        """The app's ini file, written into `folder` from the secret of its user and read again as the app reads it."""
        login = self.login(user)
        database = {
            "host": login["host"],
            "user": login["username"],
            "password": login["password"],
            "ssl_ca": self.ssl_ca,
            "ssl_verify_identity": "true",
        }
        lake = {"root_bucket": self.bucket, "xray_images_bucket": self.images_prefix}
        ini = folder / "aws.ini"
        write_settings(ini, Settings(database, self.aws_session, lake), int(login["port"]))
        return read_settings(ini)
