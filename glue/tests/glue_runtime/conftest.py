"""The runtime of each Glue version; a test that takes it runs once in each."""

from __future__ import annotations

import pytest

from tests.glue_runtime.runtime import RELEASES, GlueRuntime, find_python, glue_runtime


@pytest.fixture(scope="session", params=RELEASES)
def runtime(request: pytest.FixtureRequest) -> GlueRuntime:
    python = RELEASES[request.param].python
    if find_python(python) is None:
        pytest.skip(f"Glue {request.param} runs on Python {python}, which is not on this machine")
    return glue_runtime(request.param)
