"""A sparse matrix times a panel of a few columns, row by row: most of the work of a truncated SVD.

What it takes is the time to fetch, for every entry of the matrix, a row of the panel, so a panel is narrow: the rows of
the frequent words, to which most entries lead, then stay in the processor's own cache. A row of the result is the work
of one thread, in the order of its entries, so the result does not depend on how many threads there are.

R rows and E entries of the matrix (CSR), C columns of it, W columns of the panel (a compile-time constant).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Product = Callable[[Longs, Ints, Floats, Floats, Floats, int, int], None]

TOGETHER = 4  # entries whose rows are added in one go: the sum is then loaded and stored once for all


@cache
def product(width: int) -> Product:
    """The kernel for panels of ``width`` columns, W, best a multiple of 64.

    It fills rows ``first`` to ``last`` (not included) of out (R, W) with those of the matrix times panel (C, W). The
    matrix: indptr (R + 1,), indices (E,), values (E,).
    """

    @kernel
    def multiply(
        indptr: Longs, indices: Ints, values: Floats, panel: Floats, out: Floats, first: int, last: int
    ) -> None:
        for row in range(first, last):
            line = out[row]
            for w in range(width):
                line[w] = 0
            here, end = indptr[row], indptr[row + 1]
            while here + TOGETHER <= end:
                a, b, c, d = values[here], values[here + 1], values[here + 2], values[here + 3]
                of_a, of_b = panel[indices[here]], panel[indices[here + 1]]
                of_c, of_d = panel[indices[here + 2]], panel[indices[here + 3]]
                for w in range(width):
                    line[w] += (a * of_a[w] + b * of_b[w]) + (c * of_c[w] + d * of_d[w])
                here += TOGETHER
            while here < end:
                a, of_a = values[here], panel[indices[here]]
                for w in range(width):
                    line[w] += a * of_a[w]
                here += 1

    return multiply


@kernel
def dots(indptr: Longs, indices: Ints, values: Floats, vector: Floats, out: Floats, first: int, last: int) -> None:
    """As ``product`` for one column: ``vector`` (C,) and ``out`` (R,)."""
    for row in range(first, last):
        total = np.float32(0)
        for here in range(np.uint64(indptr[row]), np.uint64(indptr[row + 1])):
            total += values[here] * vector[np.uint64(indices[here])]
        out[row] = total


def spans(indptr: Longs, parts: int) -> list[tuple[int, int]]:
    """At most ``parts`` ranges of rows, none empty, that cover all R in order and have about equally many entries."""
    rows = len(indptr) - 1
    work = indptr + np.arange(rows + 1)  # an empty row is work too
    cuts = np.searchsorted(work, np.linspace(0, work[-1], parts + 1)[1:-1]).tolist()
    edges = sorted({0, rows, *cuts})
    return list(pairwise(edges))
