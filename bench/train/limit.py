"""The time to read the columns from memory once. No pass over them can be faster."""

import concurrent.futures
import time

THREADS = 2
TRIES = 30


def time_to_stream(rows, columns=2):
    """Seconds to read `columns` columns of `rows` 64-bit floats once, by two threads: the fastest of many tries.

    Each thread takes half of every column. `max` and `sum` of numpy run in vector registers and let go of Python's lock;
    whichever is quicker counts, since both do nothing but read.
    """
    import numpy

    data = [numpy.random.default_rng(column).random(rows) for column in range(columns)]
    halves = [numpy.array_split(column, THREADS) for column in data]
    mine = [[parts[thread] for parts in halves] for thread in range(THREADS)]

    def once(pool, reduce):
        begun = time.perf_counter()
        list(pool.map(lambda parts: [reduce(part) for part in parts], mine))
        return time.perf_counter() - begun

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        return min(once(pool, reduce) for _ in range(TRIES) for reduce in (numpy.max, numpy.sum))


def time_of_product(rows, columns, k):
    """Seconds of one product of `rows` times `columns` with `columns` times `k` 32-bit floats, by the BLAS of numpy on its
    own threads: the fastest of some tries. The rows are taken in blocks, so that the result is not written to memory."""
    import numpy

    block = 4_096
    points = numpy.random.default_rng(1).random((rows, columns), dtype=numpy.float32)
    centers = numpy.random.default_rng(2).random((columns, k), dtype=numpy.float32)
    into = numpy.empty((block, k), dtype=numpy.float32)

    def once():
        begun = time.perf_counter()
        for start in range(0, rows, block):
            part = points[start : start + block]
            numpy.matmul(part, centers, out=into[: len(part)])
        return time.perf_counter() - begun

    return min(once() for _ in range(TRIES))
