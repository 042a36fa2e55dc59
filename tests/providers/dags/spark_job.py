"""What Spark runs: counts by day, and writes the counts as JSON."""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser()
parser.add_argument("--date", required=True)
parser.add_argument("--output", required=True)
given = parser.parse_args()

spark = SparkSession.builder.appName("orders").getOrCreate()
orders = spark.createDataFrame([(given.date, 41), (given.date, 1), ("other", 7)], ["day", "amount"])
orders.filter(orders.day == given.date).groupBy("day").sum("amount").write.json(given.output)
spark.stop()
