"""The ini file of the web app's double."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xray_web_app.settings import Settings, read_settings, write_settings


def test_an_app_that_is_reading_reads_the_file_whole(tmp_path: Path) -> None:
    ini = tmp_path / "aws.ini"
    old = Settings({"host": "db", "password": "old"}, {"region_name": "eu-central-1"}, {"root_bucket": "lake"})
    write_settings(ini, old)
    text = ini.read_text()
    with ini.open() as reading:
        write_settings(ini, replace(old, database={"host": "db", "password": "new"}))
        assert reading.read() == text
    assert read_settings(ini).database["password"] == "new"
    assert ini.stat().st_mode & 0o077 == 0
