"""The method of the hand-made job, written anew as a baseline: three unpartitioned reads, inner joins, a sort, CSV in
one folder per image. It loses rows without partners, and is not meant to be used."""

import sys

from pyspark.sql import SparkSession

url, password, target, ivy, driver = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "2g")
    .config("spark.jars.ivy", ivy)
    .config("spark.jars.packages", driver)
    .getOrCreate()
)


def table(name):
    options = {"url": url, "dbtable": name, "user": "root", "password": password, "driver": "com.mysql.cj.jdbc.Driver"}
    return spark.read.format("jdbc").options(**options).load()


joined = table("image").join(table("`transaction`"), "image_id").join(table("pred_bounding_box"), "transaction_id")
joined.sort("image_id", "transaction_id", "pred_bbox_id").write.partitionBy("image_id").csv(target)
