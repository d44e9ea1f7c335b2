"""AWS Glue's runtimes, rebuilt below `.local/glue-runtime` from what is public, once for each version.

A runtime is a virtual environment of exactly the Python packages that AWS lists for the version (`<version>.txt`), with
the version's Spark and Amazon's `awsglue` package (Amazon Software License: a dependency of tests only), all pinned by
hash. Every package of both lists is on PyPI: none is left out. Spark gets Glue's Hadoop. hadoop-aws, the AWS SDK
for Java and the MySQL driver stay away: nothing of the backup goes through Java.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.support.mysql_server import REPOSITORY

HERE = Path(__file__).resolve().parent
RUNTIMES = REPOSITORY / ".local" / "glue-runtime"


@dataclass(frozen=True)
class Release:
    """A version of Glue; `hadoop` names the jars that replace those which Spark brings, with their SHA-256."""

    version: str
    python: str
    hadoop: Mapping[str, str] = field(default_factory=dict)

    @property
    def requirements(self) -> Path:
        return HERE / f"{self.version}.requirements.txt"


RELEASES = {
    "5.1": Release(
        "5.1",
        "3.11",
        {
            "hadoop-client-api:3.4.1": "a964d4daa054c9615bbafb4553efbb140fa7fb9ac6f358a24393f183a5703438",
            "hadoop-client-runtime:3.4.1": "f6a800a159f918670db533606d33560d6c13b7e13f14eda493280ae33b9eeb2f",
        },
    ),
    "6.0": Release("6.0", "3.13"),
}


@dataclass(frozen=True)
class GlueRuntime:
    """A runtime that is ready to run jobs."""

    release: Release
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def spark(self) -> Path:
        """The folder for SPARK_HOME."""
        return self.folder / "lib" / f"python{self.release.python}" / "site-packages" / "pyspark"

    @property
    def stand_ins(self) -> Path:
        """The compiled classes that stand in for Glue's Java half."""
        return self.folder / "stand-ins"


def find_python(version: str) -> str | None:
    """A Python of this version that can make a virtual environment: the one that runs, on PATH, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"versions/{version}.*/bin/python{version}"))),
    ]
    probe = "import ensurepip, sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"
    for candidate in filter(None, candidates):
        # A shim of pyenv's is on PATH for versions, too, that are not in use.
        found = subprocess.run([candidate, "-c", probe], capture_output=True, text=True)
        if found.stdout.strip() == version:
            return candidate
    return None


@cache
def glue_runtime(version: str) -> GlueRuntime:
    """The runtime of a Glue version, built where it is not there or where what it is built from has changed.

    Raises:
        RuntimeError: a step failed; the line names its log.
    """
    release = RELEASES[version]
    runtime = GlueRuntime(release, RUNTIMES / version)
    stamp = runtime.folder / "built.sha256"
    inputs = [release.requirements.read_bytes(), (HERE / "stand_ins.scala").read_bytes(), repr(release).encode()]
    expected = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in inputs)).hexdigest()
    RUNTIMES.mkdir(parents=True, exist_ok=True)
    with _locked(RUNTIMES / f"{version}.lock"):
        if not stamp.exists() or stamp.read_text() != expected:
            _build(runtime)
            stamp.write_text(expected)
    return runtime


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(runtime: GlueRuntime) -> None:
    release = runtime.release
    python = find_python(release.python)
    if python is None:
        raise RuntimeError(f"Glue {release.version} needs Python {release.python}, which is not on this machine")
    shutil.rmtree(runtime.folder, ignore_errors=True)
    log = RUNTIMES / f"{release.version}.log"
    log.unlink(missing_ok=True)
    with _step(release, "Python packages, about 1 GB"):
        _run(log, python, "-m", "venv", str(runtime.folder))
        # No dependencies: the list is what Glue has, whether it is complete or not.
        _run(
            log, str(runtime.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-cache-dir",
            "--no-deps", "--only-binary=:all:", "--no-binary=pyspark", "--require-hashes", "-r",
            str(release.requirements),
        )  # fmt: skip
    if release.hadoop:
        with _step(release, "Glue's Hadoop"):
            _replace_hadoop(runtime, log)
    with _step(release, "stand-ins for Glue's Java half"):
        runtime.stand_ins.mkdir()
        _run(
            log, "java", "-cp", f"{runtime.spark}/jars/*", "scala.tools.nsc.Main", "-usejavacp",
            "-d", str(runtime.stand_ins), str(HERE / "stand_ins.scala"),
        )  # fmt: skip


def _replace_hadoop(runtime: GlueRuntime, log: Path) -> None:
    """Fetches the jars as Spark fetches its packages, and puts them in the place of Spark's own."""
    ivy, script = runtime.folder / "ivy", runtime.folder / "empty.py"
    script.touch()
    packages = [f"org.apache.hadoop:{name}" for name in runtime.release.hadoop]
    _run(
        log, str(runtime.spark / "bin" / "spark-submit"), "--master", "local[1]",
        "--packages", ",".join(packages), "--conf", f"spark.jars.ivy={ivy}", str(script),
        environment={"SPARK_HOME": str(runtime.spark), "PYSPARK_PYTHON": str(runtime.python)},
    )  # fmt: skip
    for name, sha256 in runtime.release.hadoop.items():
        artifact, version = name.split(":")
        jar = ivy / "jars" / f"org.apache.hadoop_{artifact}-{version}.jar"
        if hashlib.sha256(jar.read_bytes()).hexdigest() != sha256:
            raise RuntimeError(f"{name} is not what it should be: its SHA-256 differs from the one in {Path(__file__)}")
        (own,) = (runtime.spark / "jars").glob(f"{artifact}-*.jar")
        own.unlink()
        jar.rename(own.with_name(f"{artifact}-{version}.jar"))
    shutil.rmtree(ivy)
    script.unlink()


@contextmanager
def _step(release: Release, what: str) -> Iterator[None]:
    start = time.monotonic()
    print(f"Glue {release.version}: {what} …", file=sys.stderr, flush=True)
    yield
    print(f"Glue {release.version}: {what}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def _run(log: Path, *command: str, environment: Mapping[str, str] | None = None) -> None:
    with log.open("ab") as output:
        done = subprocess.run(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
    if done.returncode != 0:
        said = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise RuntimeError(
            f"{Path(command[0]).name} failed ({done.returncode}) while a Glue runtime was built: see {log}: "
            + " | ".join(said)
        )


if __name__ == "__main__":
    for name in sys.argv[1:] or RELEASES:
        glue_runtime(name)
