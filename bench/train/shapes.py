"""The inputs of which each program fits one model: how many rows and columns, what lies in them, and what is required."""

import dataclasses

# Row groups of a file, and batches.
SLICES = 10
SEED = 5
# How far the places of blobs may lie from the origin, in standard deviations of a blob.
FAR = 10.0


@dataclasses.dataclass(frozen=True)
class Shape:
    # As in `--rows-of`, and in the tables.
    name: str
    # The name of the file below the folder; two shapes may share it.
    file: str
    rows: int
    columns: int
    k: int
    # "uniform" or "blobs": as many Gaussians as there are clusters.
    data: str = "uniform"
    # How many times faster ours must be, by peer: the whole fit by each program's own clock, or the whole command.
    required: dict = dataclasses.field(default_factory=dict, hash=False)
    by: str = "fit"
    # How many times the time of one bare product of 32-bit floats a pass may take at most.
    passes_at_most: float | None = None
    # Whether it is also fitted with half of the memory that its rows take.
    tight: bool = False

    @property
    def features(self):
        return ["x", "y"] if self.columns == 2 else [f"c{column}" for column in range(self.columns)]

    @property
    def bytes(self):
        return self.rows * self.columns * 8

    @property
    def batch(self):
        return self.rows // SLICES

    def of_rows(self, share):
        return dataclasses.replace(self, rows=max(int(self.rows * share), 40 * self.k, SLICES))


WIDE = {"scikit-learn": 5, "faiss": 1.25}
SHAPES = [
    Shape("k = 5", "large", 10_000_000, 2, 5, required={"spark": 30, "scikit-learn": 2, "faiss": 2}),
    Shape("k = 64", "large", 10_000_000, 2, 64, required={"spark": 20, "scikit-learn": 8, "faiss": 2}),
    Shape("16 columns", "wide16", 1_000_000, 16, 64, required=WIDE, by="seconds", passes_at_most=2, tight=True),
    Shape("16 columns, blobs", "blobs16", 1_000_000, 16, 64, "blobs", WIDE, "seconds", tight=True),
    Shape("64 columns", "wide64", 500_000, 64, 100, required=WIDE, by="seconds", passes_at_most=2, tight=True),
    Shape("64 columns, blobs", "blobs64", 500_000, 64, 100, "blobs", WIDE, "seconds", tight=True),
    Shape("4 columns", "four", 2_000_000, 4, 256, required=WIDE, by="seconds"),
]


def write(folder, shape):
    """The rows by a fixed seed, as a Parquet file."""
    import numpy
    import pyarrow
    import pyarrow.parquet as parquet

    random = numpy.random.default_rng(SEED)
    if shape.data == "blobs":
        places = random.uniform(-FAR, FAR, (shape.k, shape.columns))
        points = places[random.integers(0, shape.k, shape.rows)] + random.standard_normal((shape.rows, shape.columns))
    else:
        points = random.random((shape.rows, shape.columns))
    table = pyarrow.table({name: points[:, column] for column, name in enumerate(shape.features)})
    parquet.write_table(table, folder / f"{shape.file}.parquet", row_group_size=shape.batch)
