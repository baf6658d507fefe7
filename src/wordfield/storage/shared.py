"""A table whose rows are rows of another: several may be one and the same, as where a vocabulary was pruned and each
word that lost its vector has that of a similar one; and some of the other's may be nobody's.

V rows, R of them different, D dimensions, Q vectors, n rows asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wordfield.storage.coded import Coded
from wordfield.storage.dense import Storage


@final
class Shared(Coded):
    """A (V, D) table of which row v is row ``rows[v]`` of ``table`` (R, D); it is looked up where it is asked for."""

    def __init__(self, table: Storage, rows: NDArray[np.int64]) -> None:
        if rows.ndim != 1 or (len(rows) and not 0 <= rows.min() <= rows.max() < table.shape[0]):
            raise ValueError(f"rows of shape {rows.shape} do not all stand in a table of {table.shape[0]}")
        self.table, self.rows = table, rows

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return len(self.rows), self.table.shape[1]

    @property
    def nbytes(self) -> int:
        """Those of the table and of the rows' numbers."""
        return int(self.table.matrix.nbytes) + self.rows.nbytes

    def take(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The given rows, copied, (n, D)."""
        return self.table.take(self.rows[np.asarray(rows, dtype=np.int64)])

    def decoded(self) -> NDArray[np.float32]:
        """All rows, copied, (V, D)."""
        return self.table.take(self.rows)

    def chosen(self, rows: NDArray[np.int64] | slice) -> Shared:
        """A table of the given rows; the other table stays."""
        return Shared(self.table, self.rows[rows])

    def products(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The products of vectors (Q, D) with all rows, (Q, V)."""
        products: NDArray[np.float32] = vectors @ self.decoded().T
        return products

    @cached_property
    def norms(self) -> NDArray[np.float32]:
        """Euclidean length of every row (V,), computed once of each row of the other table."""
        return self.table.norms[self.rows]
