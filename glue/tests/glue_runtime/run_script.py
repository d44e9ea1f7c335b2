"""Runs a job script as `__main__` with its arguments, and lets Spark end before Python does.

Workers on the driver's machine start executors again and again while Java shuts down, unless the context was stopped.
"""

import runpy
import sys

from pyspark.context import SparkContext

sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    SparkContext.getOrCreate().stop()
