"""The table of which only what is not zero is kept.

V rows, D dimensions, n rows asked for, E entries that are not zero.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@final
class Sparse:
    """A (V, D) float32 table of which only what is not zero is kept, in rows (CSR), in memory or mapped from files; it
    is never written to, and never made dense.
    """

    def __init__(self, matrix: Any) -> None:
        from scipy.sparse import csr_array

        csr = csr_array(matrix)
        if csr.ndim != 2:
            raise ValueError(f"a table of vectors has 2 axes (words, dimensions), not the shape {csr.shape}")
        if not csr.has_canonical_format:
            csr = csr.copy()
            csr.sum_duplicates()
        self.matrix: csr_array[Any] = csr_array(
            (csr.data.astype(np.float32, copy=False), csr.indices, csr.indptr), shape=csr.shape
        )

    @classmethod
    def identity(cls, size: int) -> Sparse:
        """The table of one-hot vectors: ones where row and column are the same."""
        from scipy.sparse import csr_array

        ones, places = np.ones(size, np.float32), np.arange(size + 1, dtype=np.int32)
        return cls(csr_array((ones, places[:-1], places), shape=(size, size)))

    def __repr__(self) -> str:
        return f"Sparse({self.shape[0]} x {self.shape[1]}, {self.matrix.nnz} entries)"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.matrix.shape[0], self.matrix.shape[1]

    @cached_property
    def is_identity(self) -> bool:
        """Whether it is the table of one-hot vectors, which need not be stored."""
        rows, dim = self.shape
        csr = self.matrix
        if rows != dim or csr.nnz != rows:
            return False
        return bool(
            (csr.data == 1).all() and (csr.indices == np.arange(rows)).all() and (np.diff(csr.indptr) == 1).all()
        )

    def take(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The given rows, dense, (n, D)."""
        taken: NDArray[np.float32] = self.matrix[np.asarray(rows, dtype=np.int64)].toarray()
        return taken

    def mean(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The mean of the given rows, (D,): a word's vector; zeros where no row is given."""
        chosen = np.asarray(rows, dtype=np.int64)
        if len(chosen) == 0:
            return np.zeros(self.shape[1], dtype=np.float32)
        total: NDArray[np.float64] = self.matrix[chosen].sum(axis=0, dtype=np.float64)
        return (total / len(chosen)).astype(np.float32)

    @cached_property
    def norms(self) -> NDArray[np.float32]:
        """Euclidean length of every row (V,), computed once, from squares in float64."""
        csr = self.matrix
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.square(csr.data, dtype=np.float64)
            sums = np.add.reduceat(np.append(squares, 0.0), np.minimum(csr.indptr[:-1], len(squares)))
        return np.where(np.diff(csr.indptr) > 0, np.sqrt(sums), 0.0).astype(np.float32)
