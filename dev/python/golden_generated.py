"""What Spark answers for the generated records: writes cli/tests/fixtures/generated_10000_location.json.

Run it again only when `gugus generate` changes on purpose:

    gugus generate --records 10000 --seed 1 --output generated.csv
    PYTHON dev/python/golden_generated.py generated.csv cli/tests/fixtures/generated_10000_location.json

PYTHON is the environment of `cargo xtask setup`. It takes about four minutes: Spark needs two seconds a batch.
"""

import csv
import json
import sys

from pyspark.ml.clustering import KMeans
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

BATCH = 100


def main(source: str, target: str) -> None:
    with open(source, newline="") as file:
        points = [(float(row["LAT"]), float(row["LON"])) for row in csv.DictReader(file)]
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    assembler = VectorAssembler(inputCols=["LAT", "LON"], outputCol="features")
    answers = []
    for start in range(0, len(points), BATCH):
        frame = session.createDataFrame(points[start : start + BATCH], ["LAT", "LON"]).coalesce(1)
        model = KMeans(k=5, seed=1).fit(assembler.transform(frame))
        centers = [list(map(float, center)) for center in model.clusterCenters()]
        answers.append(
            {
                "batch": start // BATCH + 1,
                "centers": centers,
                "iterations": model.summary.numIter,
                "sizes": list(model.summary.clusterSizes)[: len(centers)],
            }
        )
    with open(target, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(answer) for answer in answers) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
