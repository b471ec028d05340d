"""What Spark's ClusteringEvaluator answers for small made-up data: writes jobs/kmeans-all/tests/fixtures/silhouette.json.

    PYTHON dev/python/golden_silhouette.py jobs/kmeans-all/tests/fixtures/silhouette.json

PYTHON is the environment of `cargo xtask setup`. Each case holds its rows, weights or null, centers that need not be where
a fit would put them, and the silhouette, or null where Spark refuses. Rows are put in clusters here, by their nearest center:
no row is nearly as near to another one.
"""

import json
import math
import random
import sys

from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

# No row may be nearer than this to being in another cluster, relatively: what is compared is the silhouette.
MARGIN = 1e-6


def around(rng, places, rows, spread, digits=4):
    """Rows around the places, in turn."""
    return [
        [round(value + rng.gauss(0, spread), digits) for value in places[i % len(places)]] for i in range(rows)
    ]


def cases():
    rng = random.Random(20_261_123)
    blobs = [[0.0, 0.0], [6.0, 1.0], [2.0, 7.0]]
    yield "three blobs", "euclidean", around(rng, blobs, 150, 1.0), None, blobs
    # Overlapping, and centers that are not means.
    places = [[rng.uniform(-3, 3) for _ in range(3)] for _ in range(4)]
    weights = [round(rng.uniform(0, 3), 2) if i % 11 else 0.0 for i in range(160)]
    yield "weighted and overlapping", "euclidean", around(rng, places, 160, 1.5), weights, places
    # Far from the origin, where squared lengths drown squared distances.
    cities = [[34.05, -118.25], [34.2, -118.45], [33.95, -118.3], [34.02, -118.48]]
    yield "far from the origin", "euclidean", around(rng, cities, 200, 0.03, 5), None, cities
    directions = [[1.0, 0.2, 0.0, 0.1], [0.1, 1.0, 0.3, 0.0], [0.0, 0.1, 1.0, 1.0]]
    longer = [[round(value * rng.uniform(0.5, 20), 4) for value in row] for row in around(rng, directions, 120, 0.2)]
    yield "directions", "cosine", longer, None, directions
    weights = [round(rng.uniform(0.1, 5), 2) for _ in longer]
    yield "weighted directions", "cosine", longer, weights, directions
    two = [[0.0, 0.0], [5.0, 5.0]]
    alone = around(rng, two, 60, 1.0) + [[40.0, -40.0]]
    yield "a cluster of one", "euclidean", alone, None, [[0.0, 0.0], [5.0, 5.0], [39.0, -41.0]]
    yield "a center without rows", "euclidean", alone, None, [[0.0, 0.0], [1e3, 1e3], [5.0, 5.0], [39.0, -41.0]]
    equal = [[1.0, 2.0]] * 5 + [[4.0, 6.0]] * 7 + [[-3.0, 0.5]] * 3
    yield "equal rows", "euclidean", equal, None, [[1.0, 2.0], [4.0, 6.0], [-3.0, 0.5]]
    yield "a cluster without weight", "euclidean", alone[:20], [1.5, 0.0] * 10, two
    # Whose silhouette is 0 then, as that of a row alone.
    yield "one row has its cluster's weight", "euclidean", alone[:20], [1.5, 0.0] * 9 + [1.5, 2.5], two
    # These Spark refuses.
    yield "one cluster", "euclidean", alone[:20], None, [[2.0, 2.0]]
    yield "one cluster with rows", "euclidean", alone[:20], None, [[2.0, 2.0], [1e3, 1e3]]


def nearest(measure, centers, row):
    def distance(center):
        if measure == "euclidean":
            return sum((a - b) ** 2 for a, b in zip(row, center))
        lengths = math.hypot(*row) * math.hypot(*center)
        return 1 - sum(a * b for a, b in zip(row, center)) / lengths

    ranked = sorted((distance(center), number) for number, center in enumerate(centers))
    if len(ranked) > 1:
        assert ranked[1][0] - ranked[0][0] > MARGIN * ranked[1][0], "a row between two clusters"
    return ranked[0][1]


def main(target: str) -> None:
    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    answers = []
    for name, measure, rows, weights, centers in cases():
        given = [
            (Vectors.dense(row), nearest(measure, centers, row), 1.0 if weights is None else weights[i])
            for i, row in enumerate(rows)
        ]
        frame = session.createDataFrame(given, ["features", "prediction", "weight"]).coalesce(1)
        evaluator = ClusteringEvaluator(distanceMeasure="squaredEuclidean" if measure == "euclidean" else "cosine")
        if weights is not None:
            evaluator = evaluator.setWeightCol("weight")
        try:
            silhouette = evaluator.evaluate(frame)
        except Exception as error:
            assert "Number of clusters must be greater than one" in str(error), error
            silhouette = None
        answers.append(
            {
                "name": name,
                "measure": measure,
                "centers": centers,
                "weights": weights,
                "silhouette": silhouette,
                "rows": rows,
            }
        )
        print(name, silhouette, file=sys.stderr)
    with open(target, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(answer) for answer in answers) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
