"""The job zip in an environment of exactly the packages that Glue has: what it lacks must be in the zip."""

from __future__ import annotations

import ast
import json
import subprocess
import zipfile
from typing import Any

import pytest

from tests.glue_runtime.job import glue_arguments
from tests.glue_runtime.runtime import HERE, GlueRuntime
from tests.glue_runtime.synthesized import ASSETS, build_assets
from xray_backup.job_contract import JOBS

PACKAGE = ASSETS / "xray_backup.zip"


@pytest.fixture(scope="module", autouse=True)
def _assets() -> None:
    build_assets()


def in_runtime(runtime: GlueRuntime, code: str, *arguments: str) -> Any:
    """The JSON that `code` prints in the runtime's Python, which sees nothing of the repository."""
    done = subprocess.run(
        [runtime.python, "-I", "-c", code, *arguments], capture_output=True, text=True, cwd=runtime.folder
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def modules_of_jobs() -> set[str]:
    """The modules of the zip that a job can come to import, at its start or later."""
    with zipfile.ZipFile(PACKAGE) as package:
        sources = {
            name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): package.read(name)
            for name in package.namelist()
            if name.startswith("xray_backup/") and name.endswith(".py")
        }
    found: set[str] = set()
    left = ["xray_backup.glue_job"]
    while left:
        module = left.pop()
        if module in sources and module not in found:
            found.add(module)
            left += imports(sources[module])
    return found


def imports(source: bytes) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names


def test_every_module_of_a_job_imports(runtime: GlueRuntime) -> None:
    code = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
failures = {}
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failures[name] = str(error)
from pymysql import __file__ as pymysql
print(json.dumps({"failures": failures, "pymysql": pymysql}))
"""
    modules = modules_of_jobs()
    assert len(modules) > 10
    found = in_runtime(runtime, code, str(PACKAGE), *sorted(modules))
    # Glue has no PyMySQL: it comes with the zip.
    assert found == {"failures": {}, "pymysql": str(PACKAGE / "pymysql" / "__init__.py")}


def test_the_environment_is_what_aws_lists(runtime: GlueRuntime) -> None:
    code = """
import json
from importlib.metadata import distributions
print(json.dumps({d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}))
"""
    listed = dict(
        line.lower().replace("_", "-").split("==")
        for line in (HERE / f"{runtime.release.version}.txt").read_text().splitlines()
        if "==" in line
    )
    installed = in_runtime(runtime, code)
    own = installed.keys() - listed.keys()
    assert {name: installed[name] for name in installed.keys() - own} == listed
    assert own == {"pyspark", "py4j", "awsgluedataplanepython"}


@pytest.mark.parametrize("job", JOBS)
def test_glue_s_own_parser_takes_none_of_our_arguments_for_its_own(runtime: GlueRuntime, job: str) -> None:
    """Glue 5.1 also takes an abbreviation of its arguments' names."""
    code = """
import json, sys
from awsglue.utils import getResolvedOptions
print(json.dumps(getResolvedOptions(sys.argv, ["JOB_NAME"])))
"""
    ours = {f"--{name}": f"our {name}" for name in JOBS[job]}
    found = in_runtime(runtime, code, *glue_arguments("a-job", ours))
    assert found["JOB_NAME"] == "a-job"
    assert found["SECURITY_CONFIGURATION"] == "a-job-security-configuration"
    assert not [value for value in found.values() if value and value.startswith("our ")]
