"""Where vectors are kept: a table of rows that answers shape, rows, mean of rows and norms, whatever holds it.

V rows, D dimensions, n rows asked for, E entries that are not zero.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK = 1 << 22
"""Numbers looked at in one step, so that a memory-mapped table stays on disk."""


CENTROIDS = 256
"""Of each part of a row that is kept as codes of a byte."""


class Storage(Protocol):
    """A table of V rows and D dimensions. ``matrix``: all of it, as ``search`` takes it."""

    matrix: Any

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
        chosen = self.take(rows)
        if len(chosen) == 0:
            return np.zeros(self.shape[1], dtype=np.float32)
        mean: NDArray[np.float64] = chosen.mean(axis=0, dtype=np.float64)
        return mean.astype(np.float32)

    @cached_property
    def norms(self) -> NDArray[np.float32]:
        """Euclidean length of every row (V,), computed once, block by block, from squares in float64 (none over- or
        underflows).
        """
        rows, dim = self.shape
        norms = np.empty(rows, dtype=np.float32)
        step = max(1, BLOCK // max(1, dim))
        with np.errstate(over="ignore", invalid="ignore"):  # a row with NaN or infinity has such a norm
            for start in range(0, rows, step):
                block = self.matrix[start : start + step].astype(np.float64)
                norms[start : start + step] = np.sqrt(np.einsum("vd,vd->v", block, block))
        return norms


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


@final
class Product:
    """A (V, D) table of which each row is kept as codes: product quantisation (Jégou, Douze and Schmid 2011).

    A row is cut into parts of ``part`` numbers, the last perhaps shorter; of each part only the number of the nearest
    of 256 centroids is kept. codes: (V, P) uint8; centroids: (256 D,) float32, those of a part after those of the part
    before, as in fastText. norms: (V,) uint8 and the (256,) float32 that they stand for, where the rows were brought to
    unit length first.
    """

    def __init__(
        self,
        codes: NDArray[np.uint8],
        centroids: NDArray[np.float32],
        part: int,
        lengths: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None,
    ) -> None:
        self.codes, self.centroids, self.part, self.lengths = codes, centroids, part, lengths
        dim = centroids.size // CENTROIDS
        if centroids.size % CENTROIDS or codes.ndim != 2 or codes.shape[1] != -(-dim // max(part, 1)):
            raise ValueError(
                f"codes of shape {codes.shape} and {centroids.size} numbers of centroids do not go together in parts "
                f"of {part}: a row has one code a part, and a part {CENTROIDS} centroids"
            )

    def __repr__(self) -> str:
        return f"Product({self.shape[0]} x {self.shape[1]}, {self.codes.shape[1]} bytes a row)"

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.codes.shape[0], self.centroids.size // CENTROIDS

    def take(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The given rows, decoded, (n, D)."""
        chosen = np.asarray(rows, dtype=np.int64)
        codes, dim = self.codes[chosen], self.shape[1]
        taken = np.empty((len(chosen), dim), np.float32)
        for number, start in enumerate(range(0, dim, self.part)):
            width = min(self.part, dim - start)
            book = self.centroids[CENTROIDS * start : CENTROIDS * (start + width)].reshape(CENTROIDS, width)
            taken[:, start : start + width] = book[codes[:, number]]
        if self.lengths is not None:
            taken *= self.lengths[1][self.lengths[0][chosen]][:, None]
        return taken

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """All rows, decoded."""
        return self.take(range(self.shape[0]))

    def mean(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The mean of the given rows, (D,); zeros where no row is given."""
        return Dense(self.take(rows)).mean(range(len(np.asarray(rows))))

    @cached_property
    def norms(self) -> NDArray[np.float32]:
        """Euclidean length of every row (V,), computed once."""
        return Dense(self.matrix).norms
