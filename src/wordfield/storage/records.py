"""The table whose rows stay where they stand in a file of records, each behind its word.

V rows, D dimensions, n rows asked for, Q vectors.
"""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray

from wordfield.storage.coded import Floats, Multiplied


@final
class Records(Multiplied):
    """A (V, D) table of float32 of which row v begins at byte ``starts[v]`` of ``data``, often at an odd one; ``data``
    (B,) uint8 is the file, mapped or read. Rows are copied out where they are asked for.
    """

    dtype = np.dtype(np.float32)
    itemsize = 4

    def __init__(self, data: NDArray[np.uint8], starts: NDArray[np.int64], dim: int) -> None:
        width = 4 * dim
        if len(starts) and not 0 <= starts.min() <= starts.max() <= len(data) - width:
            raise ValueError(f"rows of {width} bytes do not all lie in {len(data)} bytes")
        self.data, self.starts, self.dim = data, np.ascontiguousarray(starts), dim

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return len(self.starts), self.dim

    @property
    def nbytes(self) -> int:
        """Four a number."""
        return 4 * len(self.starts) * self.dim

    def decoded(self) -> Floats:
        """All rows, copied, (V, D)."""
        from wordfield.kernels.rows import gathered

        rows = np.empty(self.shape, np.float32)
        gathered(self.data, self.starts, rows.view(np.uint8))
        return rows

    def chosen(self, rows: NDArray[np.int64] | slice) -> Records:
        """A table of the given rows; they stay where they are."""
        return Records(self.data, self.starts[rows], self.dim)

    def products(self, vectors: Floats) -> Floats:
        """The products of vectors (Q, D) with all rows, (Q, V)."""
        from wordfield.kernels.rows import products

        found = np.empty((len(vectors), len(self)), np.float32)
        products(self.data, self.starts, np.ascontiguousarray(vectors, np.float32), found)
        return found

    @cached_property
    def norms(self) -> Floats:
        """Euclidean length of every row (V,), computed once in one pass, from squares in float64."""
        from wordfield.kernels.rows import lengths

        norms = np.empty(len(self), np.float32)
        lengths(self.data, self.starts, self.dim, norms)
        return norms
