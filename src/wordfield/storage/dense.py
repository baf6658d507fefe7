"""What every table of rows answers, and the table that holds all of its numbers.

V rows, D dimensions, n rows asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

BLOCK = 1 << 22
"""Numbers looked at in one step, so that a memory-mapped table stays on disk."""


class Storage(Protocol):
    """A table of V rows and D dimensions. ``matrix``: all of it, as ``search`` takes it; what is not kept as numbers
    is decoded where it is asked for, ``matrix[start:stop]``.
    """

    @property
    def matrix(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def norms(self) -> NDArray[np.float32]: ...
    def take(self, rows: ArrayLike) -> NDArray[np.float32]: ...
    def mean(self, rows: ArrayLike) -> NDArray[np.float32]: ...


@final
class Dense:
    """A (V, D) float32 table in memory or mapped from a file; it is never written to."""

    def __init__(self, matrix: NDArray[Any]) -> None:
        if matrix.ndim != 2:
            raise ValueError(f"a table of vectors has 2 axes (words, dimensions), not the shape {matrix.shape}")
        self.matrix: NDArray[np.float32] = np.ascontiguousarray(matrix, dtype=np.float32)

    def __repr__(self) -> str:
        return f"Dense({self.shape[0]} x {self.shape[1]})"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def take(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The given rows, copied, (n, D)."""
        return self.matrix[np.asarray(rows, dtype=np.int64)]

    def mean(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The mean of the given rows, (D,): a word's vector; zeros where no row is given."""
        return averaged(self.take(rows))

    @cached_property
    def norms(self) -> NDArray[np.float32]:
        """Euclidean length of every row (V,), computed once."""
        return lengths(self.matrix)


def averaged(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of rows (n, D), (D,), summed in float64; zeros of none."""
    if len(rows) == 0:
        return np.zeros(rows.shape[1], dtype=np.float32)
    mean: NDArray[np.float64] = rows.mean(axis=0, dtype=np.float64)
    return mean.astype(np.float32)


def lengths(matrix: Any) -> NDArray[np.float32]:
    """Euclidean length of every row (V,), block by block, from squares in float64 (none over- or underflows)."""
    rows, dim = matrix.shape
    norms = np.empty(rows, dtype=np.float32)
    step = max(1, BLOCK // max(1, dim))
    with np.errstate(over="ignore", invalid="ignore"):  # a row with NaN or infinity has such a norm
        for start in range(0, rows, step):
            block = matrix[start : start + step].astype(np.float64)
            norms[start : start + step] = np.sqrt(np.einsum("vd,vd->v", block, block))
    return norms
