"""The app's ini file: one section for the database, one for the AWS session, one that names bucket and folder."""

from __future__ import annotations

from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECTIONS = ("Credential-AWS-RDS-MySQL", "Credential-AWS-S3", "Info-AWS-S3")
# An ini file holds text only, and PyMySQL refuses a port that is text. A server on another port than 3306, as
# on a laptop, is reached by a MySQL option file that the section names.
OPTION_FILE = "[client]\nport={port}\n"


@dataclass(frozen=True)
class Settings:
    """The sections of the app's ini file, each as keyword arguments of what it configures."""

    database: dict[str, Any]
    """Of `pymysql.connect`: host, user, password, and `ssl_ca`, which turns TLS on."""
    aws_session: dict[str, Any]
    """Of `boto3.Session`: the region, and an access key where no role gives one."""
    data_lake: dict[str, str]
    """`root_bucket` and `xray_images_bucket`, which is the folder in it."""


def read_settings(path: Path) -> Settings:
    """Reads the ini file as the app does: every value stays text."""
    parser = ConfigParser(interpolation=None)
    with path.open(encoding="utf-8") as file:
        parser.read_file(file)
    return Settings(*(dict(parser[section]) for section in SECTIONS))


def write_settings(path: Path, settings: Settings, port: int = 3306) -> None:
    """Writes the ini file, readable by its owner only, and beside it an option file where the port is not 3306.

    It takes the place of an earlier one whole: an app may read at any moment.
    """
    database = dict(settings.database)
    if port != 3306:
        option_file = path.with_suffix(".cnf")
        option_file.write_text(OPTION_FILE.format(port=port), encoding="utf-8")
        database["read_default_file"] = str(option_file)
    parser = ConfigParser(interpolation=None)
    parser.read_dict(dict(zip(SECTIONS, (database, settings.aws_session, settings.data_lake), strict=True)))
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    with new.open("w", encoding="utf-8") as file:
        parser.write(file)
    new.replace(path)
