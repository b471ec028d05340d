"""Loads k-means model folders with Apache Spark's own reader, and predicts with them.

An integration test feeds it what Gugus wrote: if Spark loads a folder and predicts the same, the folder is what
it claims to be. It reads one JSON document from standard input,

    {"models": [{"path": "models/location/batch_00000001", "points": [[34.05, -118.24], ...]}, ...]}

and writes one to standard output, models in the order they were asked for:

    {"models": [{"path", "k", "seed", "uid", "distance_measure", "max_iter", "centers": [[...]], "predictions": [...]}]}

Nothing but that document goes to standard output. It exits with 1, and a line on standard error that names the
folder, when Spark refuses one. Wants pyspark 3.5 (see requirements.txt) and a Java that Spark 3.5 runs on.
"""

import json
import os
import sys


def numpy_as_spark_knows_it():
    """Gives numpy 2 the two names that pyspark 3.5 still asks for.

    numpy 1 has no wheel for Python 3.13, and pyspark 3.5 was written before numpy 2. Its parameter converters
    only compare types by these names, so the aliases of old are all that it misses.
    """
    import numpy

    for gone, today in (("unicode_", "str_"), ("string_", "bytes_")):
        if gone not in numpy.__dict__:
            setattr(numpy, gone, getattr(numpy, today))


def spark():
    """One quiet session in this process, on one core, without web pages and without a port that others can reach."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .appName("load_models")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        # Spark would else read a table's folder in 200 pieces.
        .config("spark.sql.shuffle.partitions", "1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    return session


def describe(path, points):
    """What Spark makes of one folder."""
    from pyspark.ml.clustering import KMeansModel
    from pyspark.ml.linalg import Vectors

    # Spark takes a path without scheme for one on its default file system, which a stray Hadoop configuration may move.
    model = KMeansModel.load("file://" + os.path.abspath(path))
    return {
        "path": path,
        "k": model.getK(),
        "seed": model.getSeed(),
        "uid": model.uid,
        "distance_measure": model.getDistanceMeasure(),
        "max_iter": model.getMaxIter(),
        "centers": [[float(x) for x in center] for center in model.clusterCenters()],
        "predictions": [int(model.predict(Vectors.dense(point))) for point in points],
    }


def main():
    asked = json.load(sys.stdin)["models"]

    # Whatever Spark's launcher or its JVM prints to standard output goes to standard error; the answer keeps the real one.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    numpy_as_spark_knows_it()
    session = spark()
    try:
        found = []
        for model in asked:
            try:
                found.append(describe(model["path"], model["points"]))
            except Exception as error:
                # A Java error's text goes on for pages of stack; what went wrong stands in its first two lines.
                reason = " ".join(str(error).strip().splitlines()[:2]) or type(error).__name__
                print(f"Spark refused the model folder {model['path']}: {reason}", file=sys.stderr)
                return 1
    finally:
        session.stop()

    json.dump({"models": found}, answer)
    answer.write("\n")
    answer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
