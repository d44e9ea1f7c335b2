"""The job package as the build lays it out: its files, its imports, and the arguments that the stacks give it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.lab import GLUE
from tests.support.mysql_server import REPOSITORY
from tests.support.synthesized import jobs_of

ZIP = REPOSITORY / "dist" / "assets" / "xray_backup.zip"
VENDOR = GLUE / "vendor"
# Arguments that Glue adds to the job's own.
ADDED_BY_GLUE = [
    "--JOB_NAME", "x", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1", "--TempDir", "s3://x/tmp",
    "--SECURITY_CONFIGURATION", "sc", "--encryption-type", "sse-s3",
]  # fmt: skip


@pytest.fixture(scope="module")
def package() -> Path:
    subprocess.run(["node", "scripts/build-assets.js"], cwd=REPOSITORY, check=True)
    return ZIP


def in_package(package: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` with the zip alone on the path, from a folder that holds none of the sources."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=package.parent, env=os.environ | {"PYTHONPATH": str(package)}, capture_output=True, text=True,
    )  # fmt: skip


def test_pymysql_in_the_package_is_the_pinned_one_byte_for_byte() -> None:
    files = metadata.files("pymysql") or []
    pinned = {
        str(file): Path(str(file.locate())).read_bytes()
        for file in files
        if file.suffix == ".py" or file.name == "LICENSE"
    }
    vendored = {str(file.relative_to(VENDOR)): file.read_bytes() for file in VENDOR.rglob("*") if file.is_file()}
    del vendored["README.md"]
    assert vendored == pinned
    version = metadata.version("pymysql")
    assert f"\npymysql[rsa]=={version}\n" in (GLUE / "requirements.in").read_text()
    assert f"\npymysql=={version} \\\n" in (GLUE / "requirements.txt").read_text()


def test_the_package_holds_what_a_job_uses_and_the_licence_of_what_is_not_ours(package: Path) -> None:
    names = ZipFile(package).namelist()
    assert names == sorted(names)
    version = metadata.version("pymysql")
    for name in (
        f"pymysql-{version}.dist-info/licenses/LICENSE",
        "pymysql/connections.py",
        "xray_backup/glue_job.py",
        "xray_backup/data_model.json",
        "xray_backup/job_contract.json",
        "xray_backup/rds-ca-bundle.pem",
    ):
        assert name in names
    for laptop_s in ("__main__", "report", "report_page", "terminal", "listing"):
        assert f"xray_backup/{laptop_s}.py" not in names


def test_the_same_sources_give_the_same_bytes(package: Path) -> None:
    before = package.read_bytes()
    package.unlink()
    subprocess.run(["node", "scripts/build-assets.js"], cwd=REPOSITORY, check=True)
    assert package.read_bytes() == before


IMPORT_ALL = """
import importlib, sys, zipfile

ALLOWED = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "certifi", "pyarrow", "numpy",
           "pyspark", "py4j", "pymysql", "xray_backup"}
archive = sys.argv[1]
files = [name for name in zipfile.ZipFile(archive).namelist() if name.endswith(".py")]
modules = [name.removesuffix(".py").replace("/", ".") for name in files]

class Refuses:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"{name} is not in Glue's runtime", name=name)

sys.meta_path.insert(0, Refuses())
imported = 0
for module in modules:
    try:
        loaded = importlib.import_module(module.removesuffix(".__init__"))
    except ModuleNotFoundError as error:
        # A laptop has no Spark: the rebuilt runtimes of Glue import this module.
        if (module, error.name) != ("xray_backup.spark_runner", "pyspark"):
            raise
    else:
        assert archive in loaded.__file__, loaded.__file__
        imported += 1
print(imported)
"""


def test_every_module_of_the_package_imports_with_what_glue_has(package: Path) -> None:
    done = in_package(package, IMPORT_ALL, str(package))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40


def synthesized_jobs(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Script, name and arguments of each job of each environment, in the form that Glue gives them."""
    subprocess.run(
        ["node", str(REPOSITORY / "dist" / "main.js")],
        cwd=folder, env=os.environ | {"CDKTF_OUTDIR": str(folder)}, check=True,
    )  # fmt: skip
    for stack in sorted(folder.glob("stacks/*/cdk.tf.json")):
        yield from jobs_of(json.loads(stack.read_text()))


PARSE = """
import json, sys
from xray_backup.arguments import parse_job_arguments
options = parse_job_arguments(sys.argv[1], sys.argv[2:])
print(json.dumps({name: str(value) for name, value in vars(options).items()}))
"""


def test_every_synthesized_job_s_arguments_are_what_its_script_takes(package: Path, tmp_path: Path) -> None:
    found = list(synthesized_jobs(tmp_path))
    assert [name for _, name, _ in found] == [
        f"{environment}-data-lake-{job}"
        for environment, jobs in (
            ("dev", ("backup", "restore")),
            ("local", ("backup", "purge", "restore")),
            ("prod", ("backup", "restore")),
        )
        for job in jobs
    ]
    for script, name, arguments in found:
        job = script.removeprefix("job_").removesuffix(".py")
        done = in_package(package, PARSE, job, *ADDED_BY_GLUE, *arguments)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        options = json.loads(done.stdout)
        assert options["command"] == job
        assert re.fullmatch(r"s3://.+/backup", options["store"])
        assert "secret_id" in options["secret_id"]
        assert (options["ssl_mode"], options["ssl_ca"]) == ("VERIFY_IDENTITY", "None")
        assert options["mode"] == ("execute" if job == "backup" else "dry-run")
        assert options["JOB_RUN_ID"] == "jr_1"
