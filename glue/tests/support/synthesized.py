"""The Glue jobs of a synthesized stack, with their arguments in the form that Glue gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def jobs_of(stack: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Script, name and arguments of each job."""
    for job in stack.get("resource", {}).get("aws_glue_job", {}).values():
        arguments: list[str] = []
        for expression in (job["default_arguments"], job["non_overridable_arguments"]):
            entries = re.findall(r'"(--[\w-]+)" = (?:"((?:[^"$]|\$\{[^}]*\})*)"|([\w.-]+))', expression)
            assert len(entries) == expression.count('"--')
            arguments += [part for name, text, reference in entries for part in (name, text or reference)]
        yield Path(job["command"]["script_location"]).name, job["name"], arguments
