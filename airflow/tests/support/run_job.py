"""Runs a Glue job's script in the rebuilt runtime of Glue, whose Python runs this, on a Spark of one process."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    package, stand_ins = os.environ["GLUE_PACKAGE"], Path(sys.prefix) / "stand-ins"
    sys.path.insert(0, package)
    # For the workers, which are Python processes of their own.
    os.environ.update(PYTHONPATH=package, PYSPARK_PYTHON=sys.executable)
    os.environ["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[2] --conf spark.ui.enabled=false --driver-class-path {stand_ins} pyspark-shell"
    )
    runpy.run_path(sys.argv[0], run_name="__main__")
