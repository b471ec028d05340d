"""The inputs of all programs, and the parts of a model that are compared. Called in processes of their own, see `common.apart`."""

# Row groups of the large file.
SLICES = 10


def write_inputs(folder, rows, batches, small):
    """Uniform points by a fixed seed: large.parquet, the first of them as many.parquet, `small` of them as tiny.parquet."""
    import numpy
    import pyarrow
    import pyarrow.parquet as parquet

    points = numpy.random.default_rng(5).random((rows, 2))
    table = pyarrow.table({"x": points[:, 0], "y": points[:, 1]})
    parquet.write_table(table, folder / "large.parquet", row_group_size=rows // SLICES)
    parquet.write_table(table.slice(0, batches * small), folder / "many.parquet")
    parquet.write_table(table.slice(0, small), folder / "tiny.parquet")


def read_centers(folder):
    """The centers of a model folder, by cluster."""
    import pyarrow.parquet as parquet

    (file,) = (folder / "data").glob("*.parquet")
    return sorted((row["clusterIdx"], row["clusterCenter"]["values"]) for row in parquet.read_table(file).to_pylist())
