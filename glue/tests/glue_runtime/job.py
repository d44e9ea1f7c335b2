"""A job's run as Glue runs it: spark-submit of the script with the zip, and nothing of the repository near."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.glue_runtime.runtime import HERE, GlueRuntime

# One core and 1 GB for each worker, which is a process with a folder of its own.
TWO_WORKERS = "local-cluster[2,1,1024]"
ONE_WORKER = "local-cluster[1,1,1024]"


@dataclass(frozen=True)
class JobRun:
    """End of a run; `output` is Python's, of both streams, and `log` is Java's."""

    code: int
    seconds: float
    output: str
    log: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The job's output log."""
        return [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]

    @property
    def last_line(self) -> str:
        """The line that Glue shows as the run's error."""
        return self.output.strip().splitlines()[-1]


def glue_arguments(job_name: str, arguments: Mapping[str, str]) -> list[str]:
    """The command line that Glue makes of a job's arguments, with those that it adds."""
    added = {
        "--JOB_NAME": job_name,
        "--JOB_ID": f"j_{'1f' * 32}",
        "--JOB_RUN_ID": f"jr_{'2e' * 32}",
        "--TempDir": "s3://aws-glue-assets-123456789012-eu-central-1/temporary/",
        "--SECURITY_CONFIGURATION": f"{job_name}-security-configuration",
    }
    return [part for pair in (added | dict(arguments)).items() for part in pair]


def run_glue_job(
    runtime: GlueRuntime,
    folder: Path,
    script: Path,
    package: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    master: str = TWO_WORKERS,
) -> JobRun:
    """Runs a job script to its end.

    Args:
        folder: the run's own, new: Spark's and the workers' files go there.
        package: the zip that goes to driver and workers.
        environment: what the job sees besides Spark's own variables.
    """
    home = folder / "spark"
    home.mkdir(parents=True)
    for entry in runtime.spark.iterdir():
        # A home of the run's own, since workers keep their folders in it.
        (home / entry.name).symlink_to(entry)
    settings = {
        "spark.driver.extraClassPath": str(runtime.stand_ins),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        # Two more Java processes on a small machine.
        "spark.driver.memory": "512m",
    }
    command = [
        str(home / "bin" / "spark-submit"), "--master", master, "--py-files", str(package),
        *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
        str(HERE / "run_script.py"), str(script), *arguments,
    ]  # fmt: skip
    spark = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": str(runtime.python),
        # Short runs: the second compiler would cost more than it gives.
        "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }
    if java := os.environ.get("JAVA_HOME"):
        spark["JAVA_HOME"] = java
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=folder, env=spark | dict(environment), capture_output=True, text=True, timeout=300
    )  # fmt: skip
    return JobRun(done.returncode, time.monotonic() - start, done.stdout, done.stderr)
