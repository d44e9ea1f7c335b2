"""Runs a Glue job's script as Glue does, on a Spark of this machine. Run by the Python of the Glue jobs."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
# Glue's own library is to be had inside Glue alone.
sys.path[:0] = [os.environ["GLUE_PACKAGE"], str(REPOSITORY / "glue" / "tests" / "support" / "glue_stand_in")]

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    script = Path(sys.argv[0]).read_text()
    if "awsglue" in script:
        from xray_backup.spark import PACKAGES

        # Glue brings S3 and the MySQL driver; here Spark's own packages do.
        settings = {
            "spark.jars.packages": ",".join(PACKAGES),
            "spark.jars.ivy": str(REPOSITORY / ".local" / "ivy"),
            "spark.hadoop.fs.s3a.endpoint": os.environ["AWS_ENDPOINT_URL"],
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.ui.enabled": "false",
            "spark.master": "local[2]",
        }
        conf = " ".join(f"--conf {name}={value}" for name, value in settings.items())
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"{conf} pyspark-shell"
    runpy.run_path(sys.argv[0], run_name="__main__")
