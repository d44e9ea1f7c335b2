"""Glue entry point: deletes what a verified archive holds; a dry run unless `--run_mode execute`."""

import sys

from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

from xray_backup.glue_job import run_job

spark = SparkContext.getOrCreate()
job = Job(GlueContext(spark))
# One name only: whatever is named here must be there. The others that Glue itself adds come along, the security
# configuration among them, which takes effect by this call.
arguments = getResolvedOptions(sys.argv, ["JOB_NAME"])
job.init(arguments["JOB_NAME"], arguments)
run_job("erase", sys.argv[1:], spark)
job.commit()
