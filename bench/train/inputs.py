"""The small inputs of all programs, and the parts of a model that are compared. Called in processes of their own, see `common.apart`."""


def write_small(folder, batches, small):
    """Uniform points by a fixed seed: `batches` times `small` rows as many.parquet, the first `small` of them as tiny.parquet."""
    import numpy
    import pyarrow
    import pyarrow.parquet as parquet

    points = numpy.random.default_rng(5).random((batches * small, 2))
    table = pyarrow.table({"x": points[:, 0], "y": points[:, 1]})
    parquet.write_table(table, folder / "many.parquet")
    parquet.write_table(table.slice(0, small), folder / "tiny.parquet")


def read_centers(folder):
    """The centers of a model folder, by cluster."""
    import pyarrow.parquet as parquet

    (file,) = (folder / "data").glob("*.parquet")
    return sorted((row["clusterIdx"], row["clusterCenter"]["values"]) for row in parquet.read_table(file).to_pylist())
