"""What Spark says of its own models of generated records: writes cli/tests/fixtures/generated_300_evaluation.json.

Run it again only when `gugus generate` changes on purpose:

    gugus generate --records 300 --seed 1 --output generated.csv
    PYTHON dev/python/golden_evaluation.py generated.csv cli/tests/fixtures/generated_300_evaluation.json

PYTHON is the environment of `cargo xtask setup`. Costs are of the centers that a fit ends with, which Spark does not tell, so
they are summed up here.
"""

import csv
import json
import math
import sys

from pyspark.ml.clustering import KMeans
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import SparkSession

BATCH = 100


def evaluate(frame, points, k):
    model = KMeans(k=k, seed=1).fit(frame)
    predicted = model.transform(frame)
    centers = [list(map(float, center)) for center in model.clusterCenters()]
    return {
        "k": k,
        "iterations": model.summary.numIter,
        "sizes": list(model.summary.clusterSizes)[: len(centers)],
        "cost": math.fsum(min(math.dist(point, center) ** 2 for center in centers) for point in points),
        "silhouette": ClusteringEvaluator().evaluate(predicted),
    }


def main(source: str, target: str) -> None:
    with open(source, newline="") as file:
        points = [(float(row["LAT"]), float(row["LON"])) for row in csv.DictReader(file)]
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    assembler = VectorAssembler(inputCols=["LAT", "LON"], outputCol="features")
    answers = []
    for start in range(0, len(points), BATCH):
        batch = points[start : start + BATCH]
        frame = assembler.transform(session.createDataFrame(batch, ["LAT", "LON"]).coalesce(1))
        # The numbers of clusters are compared for the first batch.
        numbers = range(2, 7) if start == 0 else [5]
        answers.extend({"batch": start // BATCH + 1, **evaluate(frame, batch, k)} for k in numbers)
    with open(target, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(answer) for answer in answers) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
