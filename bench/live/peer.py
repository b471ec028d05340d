"""Spark's way from Kafka to a model for each batch, for bench.py: Structured Streaming, and `foreachBatch` that fits, saves and predicts.

    peer.py BROKER TOPIC ROWS FOLDER JARS

Prints `ready` once the query has looked at the topic, then one line for each batch: its number, and the time of its first prediction in seconds since
1970. Runs until it is killed.
"""

import sys
import threading
import time

SEED, K = 1, 5


def main(broker, topic, rows, folder, jars):
    numpy_as_spark_knows_it()
    from pyspark.ml.clustering import KMeans
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import col, from_json

    session = (
        SparkSession.builder.master("local[2]")
        .appName("bench")
        .config("spark.jars", jars)
        .config("spark.driver.memory", "4g")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        # The rows of a small batch are not worth more tasks than cores.
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.default.parallelism", "2")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    records = (
        session.readStream.format("kafka")
        .option("kafka.bootstrap.servers", broker)
        .option("subscribe", topic)
        .option("startingOffsets", "earliest")
        # A batch is exactly so many records, as a batch of gugus is.
        .option("minOffsetsPerTrigger", rows)
        .option("maxOffsetsPerTrigger", rows)
        .option("maxTriggerDelay", "1h")
        .load()
        .select(from_json(col("value").cast("string"), "x string, y string").alias("record"))
        .selectExpr("double(record.x) as x", "double(record.y) as y")
    )
    points = VectorAssembler(inputCols=["x", "y"], outputCol="features").transform(records)
    place = Vectors.dense([0.5, 0.5])

    # Spark's own numbers also count the batch of an empty topic.
    trained = 0
    looked = threading.Event()

    def train(batch, number):
        nonlocal trained
        looked.set()
        if number == 0 and batch.isEmpty():
            return
        trained += 1
        # The rows are read by several passes, and would come from Kafka each time.
        batch.persist()
        model = KMeans(k=K, seed=SEED).fit(batch)
        model.write().overwrite().save(f"{folder}/models/batch_{trained:08}")
        model.predict(place)
        print(trained, time.time(), flush=True)
        batch.unpersist()

    query = points.writeStream.foreachBatch(train).option("checkpointLocation", f"{folder}/checkpoint").start()
    # The first look takes whatever there is: `minOffsetsPerTrigger` counts from the second look on. So the topic must be empty at
    # the first look, or hold a batch at least.
    while not looked.wait(0.01):
        # Raises the error of a query that has one.
        query.awaitTermination(0.01)
    print("ready", flush=True)
    query.awaitTermination()


def numpy_as_spark_knows_it():
    """Gives numpy 2 the two names that pyspark 3.5 still asks for; it only compares types by them."""
    import numpy

    for gone, today in (("unicode_", "str_"), ("string_", "bytes_")):
        if gone not in numpy.__dict__:
            setattr(numpy, gone, getattr(numpy, today))


if __name__ == "__main__":
    main(*sys.argv[1:])
