"""The app after a purge: real jobs archive and delete what is old, and the app goes on as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import pytest
from conftest import Recorder
from test_app import NOON, STORED_BOXES, Query, highest, new_name, prediction, stored, upload

from xray_web_app.client import WebApp
from xray_web_app.settings import Settings
from xray_web_app.target import Target

REPOSITORY = Path(__file__).parents[3]
GLUE_PYTHON = REPOSITORY / ".local" / "venv" / "glue" / "bin" / "python"
AGE_DAYS = "3650"  # ten years: only what this test makes, and no row of somebody who looks at the environment


def run_backup_package(target: Target, command: str, user: str, *options: str) -> None:
    arguments = [
        *(GLUE_PYTHON, "-m", "xray_backup", command, "--older-than-days", AGE_DAYS),
        *("--store", f"s3://{target.bucket}/{target.backup_prefix}", "--endpoint-url", target.endpoint_url),
        *("--secret-id", target.user_secret_arns[user], "--ssl-ca", target.ssl_ca, *options),
    ]
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": target.region,
        "PYTHONPATH": str(REPOSITORY / "glue"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"xray_backup {command} ended with {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}")


@pytest.fixture(scope="module")
def purged_image(settings: Settings, target: Target) -> str:
    """An image whose predictions are archived and deleted; the newest row of each table is old, too."""
    name = new_name()
    for _ in range(2):
        with WebApp(settings, lambda: NOON.replace(year=2010)) as app:
            app.upload(prediction(name), b"\x89PNG")
    slot = f"contract-{uuid.uuid4().hex[:12]}"
    run_backup_package(target, "archive", "xray_backup", "--run-slot", slot)
    run_backup_package(target, "purge", "xray_purge", "--mode", "execute")
    return name


def test_purge_keeps_the_highest_ids_and_the_image(purged_image: str, query: Query) -> None:
    # Of the two old predictions the first is gone; the second holds the highest ids.
    assert [row[0] for row in stored(query, purged_image)] == [NOON.replace(year=2010)] * len(STORED_BOXES)
    assert query("SELECT COUNT(*) FROM image WHERE image_file = %s", purged_image) == [(1,)]


def test_same_image_after_a_purge(purged_image: str, settings: Settings, query: Query, recorder: Recorder) -> None:
    before = highest(query)
    upload(settings, purged_image, recorder)
    assert stored(query, purged_image)[len(STORED_BOXES) :] == STORED_BOXES
    assert highest(query) == [before[0], before[1] + 1, before[2] + len(STORED_BOXES)]


def test_new_image_after_a_purge(purged_image: str, settings: Settings, query: Query, recorder: Recorder) -> None:
    before = highest(query)
    name = new_name()
    upload(settings, name, recorder)
    assert stored(query, name) == STORED_BOXES
    assert highest(query) == [before[0] + 1, before[1] + 1, before[2] + len(STORED_BOXES)]
    assert purged_image != name
