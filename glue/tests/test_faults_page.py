"""The page that tells which test shows which fault names tests that exist, and counts what there is."""

from __future__ import annotations

import re

from tests.support.boundaries import STEPS
from tests.support.lab import GLUE
from tests.support.mysql_server import REPOSITORY

PAGE = (REPOSITORY / "docs" / "backup" / "faults.md").read_text()


def test_each_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(test_\w+\.py|…)::(test_\w+)`", PAGE)
    file = ""
    for name, test in named:
        file = file if name == "…" else name
        assert f"def {test}(" in (GLUE / "tests" / file).read_text(), f"{file}::{test}"
    assert len(named) > 40


def test_the_page_counts_the_boundaries() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| +(\d+) \| +(\d+) \| +(\d+) \|", PAGE, re.M)
    assert {name: list(map(int, counts)) for name, *counts in rows} == {
        name: [len(steps.boundaries[name]) for steps in STEPS.values()] for name in STEPS["x-ray"].boundaries
    }
