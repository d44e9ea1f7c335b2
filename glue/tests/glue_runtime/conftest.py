"""The runtime of each Glue version, in which a test that takes it runs, and one set of servers for all jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.glue_runtime.rig import GlueRig
from tests.glue_runtime.runtime import RELEASES, GlueRuntime, find_python, glue_runtime
from tests.support.mysql_server import LAUNCHER, REPOSITORY

# Exit, rows and seconds of each run, for people.
FIGURES = REPOSITORY / ".local" / "test-results" / "glue-runtime.json"


@pytest.fixture(scope="session", params=RELEASES)
def runtime(request: pytest.FixtureRequest) -> GlueRuntime:
    python = RELEASES[request.param].python
    if find_python(python) is None:
        pytest.skip(f"Glue {request.param} runs on Python {python}, which is not on this machine")
    return glue_runtime(request.param)


@pytest.fixture(scope="session")
def rig(work_folder: Path) -> Iterator[GlueRig]:
    if not LAUNCHER.exists():
        pytest.skip("needs a MySQL server with a certificate of the tests' own, not the one of MYSQL_URL")
    rig = GlueRig(work_folder / "glue", work_folder / "glue-moto.log")
    yield rig
    rig.close()


@pytest.fixture(scope="session")
def figures() -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    yield rows
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
