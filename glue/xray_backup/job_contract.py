"""The interface of the jobs, read once from `job_contract.json`: arguments and defaults, and the store's folders.

The constructs read the same file, so that what they set is what a job takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from typing import Any

from xray_backup.archive_policy import parse_policies
from xray_backup.data_model import X_RAY

_DOCUMENT: Mapping[str, Any] = json.loads(
    resources.files("xray_backup").joinpath("job_contract.json").read_text("utf-8")
)


# Of the schema that this package's migrations make.
X_RAY_POLICIES = parse_policies(_DOCUMENT["everyJob"]["policies"]["default"])


@dataclass(frozen=True)
class Argument:
    """One argument of a job; `fixed` where the construct sets it and no run can."""

    name: str
    type: str
    help: str
    required: bool = False
    fixed: bool = False
    default: str | int | float | None = None
    choices: Sequence[str] = ()
    minimum: int = 0
    maximum: int = 0
    dest: str = ""

    @property
    def option(self) -> str:
        """As Glue passes it."""
        return f"--{self.name}"


def _tables() -> dict[str, str]:
    """The tables whose names stand in an argument's."""
    anchor = X_RAY.table(X_RAY_POLICIES[0].anchor)
    return {"anchor": anchor.name, "parent": anchor.foreign_keys[0].table}


def _arguments(job: Mapping[str, Any]) -> dict[str, Argument]:
    every: Mapping[str, Any] = _DOCUMENT["everyJob"]
    own: Mapping[str, Any] = job["arguments"]
    tables, arguments = _tables(), {}
    for template in [*every, *(name for name in own if name not in every)]:
        fields = {**every.get(template, {}), **own.get(template, {})}
        try:
            name, text = template.format(**tables), fields.pop("help").format(**tables)
        except KeyError:
            # The table that it names has no parent.
            continue
        arguments[name] = Argument(name=name, help=text, dest=template.replace("{", "").replace("}", ""), **fields)
    return arguments


STORE: Mapping[str, str] = _DOCUMENT["store"]
# The table in which the migrations note what they applied, and what each deploy of them makes anew.
MIGRATIONS: Mapping[str, Any] = _DOCUMENT["migrations"]
# The event that the alarm on a missing backup waits for, and its fields.
PROVED_SNAPSHOT: Mapping[str, str] = _DOCUMENT["provedSnapshot"]
JOBS: Mapping[str, Mapping[str, Argument]] = {name: _arguments(job) for name, job in _DOCUMENT["jobs"].items()}
GLUE_ARGUMENTS: Sequence[str] = _DOCUMENT["glueArguments"]


def is_glue_argument(name: str) -> bool:
    """Tells whether `name` (without hyphens before it) is one that Glue itself knows or adds."""
    return any(fnmatchcase(name, pattern) for pattern in GLUE_ARGUMENTS)
