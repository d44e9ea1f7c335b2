"""A job's arguments and its role's policy as the synthesized stack of the environment `local` has them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.mysql_server import REPOSITORY

DIST = REPOSITORY / "dist"
ASSETS = DIST / "assets"
STACK = "local-data-lake"
APP = Path(__file__).with_name("local_lake.js")

# One entry of the map: `"--name" = "value"` or `"--name" = a.reference`.
_ENTRY = re.compile(r'"(--[^"]+)" = (?:"((?:[^"\\]|\\.)*)"|([\w.-]+))')
_BUCKET = re.compile(r"\$\{aws_s3_bucket\.Bucket_\w+\.(id|arn)\}")
_JOINED = re.compile(r'\$\{join\("/", \[aws_s3_bucket\.Bucket_\w+\.arn, (.*)\]\)\}')


@dataclass(frozen=True)
class Resources:
    """The resources behind the stack's references in a test: its bucket, and the ARN of each database user's secret."""

    bucket: str
    secrets: Mapping[str, str]

    @property
    def bucket_arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"


def build_assets() -> None:
    """Lays out the job scripts and the zip as the sources have them now, as the build does."""
    subprocess.run(["node", "scripts/build-assets.js"], cwd=REPOSITORY, check=True)


class SynthesizedStack:
    """The stack as the compiled app writes it into `folder`."""

    def __init__(self, folder: Path) -> None:
        if not (DIST / "main.js").exists():
            raise FileNotFoundError(f"{DIST / 'main.js'} is missing: run `npm run build`")
        build_assets()
        environment = os.environ | {"CDKTF_OUTDIR": str(folder)}
        subprocess.run(["node", str(APP)], cwd=REPOSITORY, env=environment, check=True)
        self._stack = json.loads((folder / "stacks" / STACK / "cdk.tf.json").read_text())

    def job_arguments(self, job: str, resources: Resources) -> dict[str, str]:
        """The arguments that every run of a job gets: its defaults, and those that no run can override."""
        found = self._at("resource", "aws_glue_job", f"{job}/Resource")
        return {
            name: value
            for arguments in (found["default_arguments"], found["non_overridable_arguments"])
            for name, value in self._entries(arguments, resources)
        }

    def role_policy(self, job: str, resources: Resources) -> dict[str, Any]:
        """The inline policy of a job's role.

        The emulator enforces S3's resources exactly, but of all other services the actions alone, and no condition:
        a statement without S3 names every resource.
        """
        document = self._at("data", "aws_iam_policy_document", f"{job}/Role/Policy/Resource")
        statements = [
            {
                "Effect": statement.get("effect", "Allow"),
                "Action": statement["actions"],
                "Resource": [self._resource(arn, resources) for arn in statement["resources"]]
                if any(action.startswith("s3:") for action in statement["actions"])
                else "*",
            }
            for statement in document["statement"]
        ]
        return {"Version": "2012-10-17", "Statement": statements}

    def _at(self, block: str, kind: str, path: str) -> dict[str, Any]:
        (found,) = (
            value for value in self._stack[block][kind].values() if value["//"]["metadata"]["path"] == f"{STACK}/{path}"
        )
        return dict(found)

    def _entries(self, expression: str, resources: Resources) -> Iterator[tuple[str, str]]:
        for name, text, reference in _ENTRY.findall(expression):
            value = resources.secrets[self._user_of(reference)] if reference else json.loads(f'"{text}"')
            yield name, self._resolved(value, resources)

    def _user_of(self, reference: str) -> str:
        """The database user whose secret a reference means."""
        kind, identifier, _ = reference.split(".")
        path = self._stack["resource"][kind][identifier]["//"]["metadata"]["path"]
        return str(path.split("/")[2]).removesuffix("-secret")

    def _resource(self, arn: str, resources: Resources) -> str:
        if joined := _JOINED.fullmatch(arn):
            return "/".join([resources.bucket_arn, *json.loads(f"[{joined[1]}]")])
        return self._resolved(arn, resources)

    def _resolved(self, text: str, resources: Resources) -> str:
        resolved = _BUCKET.sub(lambda m: resources.bucket if m[1] == "id" else resources.bucket_arn, text)
        if "${" in resolved:
            raise ValueError(f"the tests do not know what {resolved} stands for")
        return resolved
