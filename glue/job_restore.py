"""Glue entry point: inserts missing rows from backups; a dry run unless `--run_mode execute`."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

from xray_backup.glue_job import run_job

glue = GlueContext(SparkContext.getOrCreate())
job = Job(glue)
# A security configuration takes effect only after this call.
job.init(getResolvedOptions(sys.argv, ["JOB_NAME"])["JOB_NAME"])
run_job("restore", sys.argv[1:], glue.spark_session)
job.commit()
