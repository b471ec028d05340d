"""One fit, or many small ones, by Spark, scikit-learn or faiss, in a process of its own, for bench.py.

    peers.py PEER whole   FILE.parquet K PASSES     one model over all columns
    peers.py PEER batches FOLDER COUNT RESULTS      one model a file, for the first COUNT files, kept in RESULTS

PEER is spark, scikit-learn or faiss. Prints one JSON document; its seconds are by the process's own clock. Each peer
imports only what is its own, since importing is part of what a user waits for.
"""

import json
import pathlib
import sys
import time

SEED = 1
# For the model of one batch. The number of passes is Spark's default.
SMALL_K, SMALL_PASSES = 5, 20


class Spark:
    """Spark's own MLlib on two threads, with enough memory to keep everything, so that its passes never read again."""

    def __init__(self):
        import pyspark

        numpy_as_spark_knows_it()
        from pyspark.ml.clustering import KMeans
        from pyspark.ml.feature import VectorAssembler
        from pyspark.sql import SparkSession

        self.version = pyspark.__version__
        self.KMeans = KMeans
        self.session = (
            SparkSession.builder.master("local[2]")
            .appName("bench")
            .config("spark.driver.memory", "8g")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .getOrCreate()
        )
        self.session.sparkContext.setLogLevel("ERROR")
        self.VectorAssembler = VectorAssembler

    def assembled(self, file):
        rows = self.session.read.parquet(file)
        return self.VectorAssembler(inputCols=features(rows.columns), outputCol="features").transform(rows)

    def load(self, file):
        # The rows are not cached here. Then `fit` keeps them in its own form and takes half the time that it takes with cached
        # assembled rows. It reads while it fits.
        return self.assembled(file).select("features")

    def fit(self, points, k, passes):
        model = self.KMeans(k=k, maxIter=passes, tol=0.0, seed=SEED).fit(points)
        return {"iterations": model.summary.numIter, "cost": model.summary.trainingCost}

    def small(self, file, target):
        points = self.assembled(file)
        self.KMeans(k=SMALL_K, seed=SEED).fit(points).write().overwrite().save(str(target))

    def more(self):
        """The virtual machine is a process beside this one, which wait4 does not see."""
        status = pathlib.Path(f"/proc/{self.session.sparkContext._gateway.proc.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return {"beside": int(peak.split()[1]) * 1024}

    def close(self):
        self.session.stop()


def numpy_as_spark_knows_it():
    """Gives numpy 2 the two names that pyspark 3.5 still asks for; it only compares types by them."""
    import numpy

    for gone, today in (("unicode_", "str_"), ("string_", "bytes_")):
        if gone not in numpy.__dict__:
            setattr(numpy, gone, getattr(numpy, today))


def features(names):
    """The columns to fit. The others of a batch begin with a low line."""
    return [name for name in names if not name.startswith("_")]


class InMemory:
    """A library that fits one array."""

    def load(self, file):
        import numpy
        import pyarrow.parquet as parquet

        columns = features(parquet.read_schema(file).names)
        table = parquet.read_table(file, columns=columns)
        return numpy.column_stack([table[name] for name in columns]).astype(self.dtype, copy=False)

    def small(self, file, target):
        import numpy

        numpy.save(target, self.centers(self.load(file), SMALL_K, SMALL_PASSES))

    def more(self):
        return {}

    def close(self):
        pass


class ScikitLearn(InMemory):
    dtype = "float64"

    def __init__(self):
        import sklearn
        from sklearn.cluster import KMeans

        self.version = sklearn.__version__
        self.KMeans = KMeans

    def model(self, points, k, passes):
        return self.KMeans(k, max_iter=passes, tol=0, n_init=1, random_state=SEED).fit(points)

    def fit(self, points, k, passes):
        model = self.model(points, k, passes)
        return {"iterations": model.n_iter_, "cost": model.inertia_}

    def centers(self, points, k, passes):
        return self.model(points, k, passes).cluster_centers_


class Faiss(InMemory):
    # faiss knows only 32-bit floats, so it moves and multiplies half as much as all others.
    dtype = "float32"

    def __init__(self):
        import faiss

        self.version = faiss.__version__
        self.faiss = faiss

    def model(self, points, k, passes):
        # Without the two limits faiss would fit a sample, and warn about small samples.
        limits = {"max_points_per_centroid": len(points), "min_points_per_centroid": 1}
        model = self.faiss.Kmeans(points.shape[1], k, niter=passes, nredo=1, seed=SEED, **limits)
        model.train(points)
        return model

    def fit(self, points, k, passes):
        model = self.model(points, k, passes)
        return {"iterations": len(model.obj), "cost": float(model.obj[-1])}

    def centers(self, points, k, passes):
        return self.model(points, k, passes).centroids


def whole(peer, file, k, passes):
    begun = time.monotonic()
    points = peer.load(file)
    loaded = time.monotonic()
    told = peer.fit(points, int(k), int(passes))
    return {"load": loaded - begun, "fit": time.monotonic() - loaded, **told}


def batches(peer, folder, count, results):
    target = pathlib.Path(results)
    target.mkdir()
    each = []
    for file in sorted(pathlib.Path(folder).glob("batch_*.parquet"))[: int(count)]:
        begun = time.monotonic()
        peer.small(str(file), target / file.stem)
        each.append(time.monotonic() - begun)
    return {"batches": len(each), "fit": sum(each), "each": each}


def main():
    name, task, *arguments = sys.argv[1:]
    begun = time.monotonic()
    peer = {"spark": Spark, "scikit-learn": ScikitLearn, "faiss": Faiss}[name]()
    told = {"start": time.monotonic() - begun}
    told |= {"whole": whole, "batches": batches}[task](peer, *arguments)
    told |= {"version": peer.version, **peer.more()}
    peer.close()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
