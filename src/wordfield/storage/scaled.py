"""Tables of which each row is that of another table, brought to a length of its own and perhaps turned.

V rows, D dimensions, n rows asked for.
"""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wordfield.storage.coded import Coded, Product
from wordfield.storage.dense import Dense, Storage

Floats = NDArray[np.float32]


@final
class Scaled(Coded):
    """A (V, D) table of rows x, made of the rows u of another as ``length * (turn @ u)``. The other stays as it is,
    perhaps mapped from a file.

    rows: V rows. lengths: (V,) float32. turn: (D, D) float32, as optimised product quantisation has it (Ge, He, Ke and
    Sun 2013); None: rows are not turned.
    """

    def __init__(self, rows: Dense | Product, lengths: Floats, turn: Floats | None = None) -> None:
        count, dim = rows.shape
        if lengths.shape != (count,) or (turn is not None and turn.shape != (dim, dim)):
            turned = "" if turn is None else f", and a turn of shape {turn.shape}"
            raise ValueError(
                f"lengths of shape {lengths.shape}{turned} for {count} rows of {dim}: a row has one length, and a turn "
                "as many rows and columns as a row has numbers"
            )
        self.rows, self.lengths, self.turn = rows, lengths, turn

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.rows.shape

    @property
    def nbytes(self) -> int:
        """Those of the other table, four a row and, where rows are turned, four a number of the turn."""
        held = self.rows.nbytes if isinstance(self.rows, Product) else self.rows.matrix.nbytes
        return held + self.lengths.nbytes + (0 if self.turn is None else self.turn.nbytes)

    def take(self, rows: ArrayLike) -> Floats:
        """The given rows, multiplied and turned, (n, D)."""
        chosen = np.asarray(rows, dtype=np.int64)
        return self._made(self.rows.take(chosen), self.lengths[chosen])

    def stretch(self, rows: slice) -> Floats:
        """The rows of a slice, multiplied and turned, (n, D)."""
        return self._made(self.rows.matrix[rows], self.lengths[rows])

    def _made(self, rows: Floats, lengths: Floats) -> Floats:
        """New rows of these."""
        with np.errstate(over="ignore", invalid="ignore"):  # what is damaged in a file need not be finite
            turned = rows if self.turn is None else rows @ self.turn.T
            made: Floats = turned * lengths[:, None]
        return made

    def chosen(self, rows: NDArray[np.int64]) -> Scaled:
        """A table of the given rows; where they follow each other none is copied."""
        return Scaled(_chosen(self.rows, rows), self.lengths[rows], self.turn)


def leading(storage: Storage, count: int) -> Storage:
    """The first rows of a table of numbers or codes; numbers are not copied."""
    if count == storage.shape[0]:
        return storage
    if isinstance(storage, Coded):
        return storage.chosen(np.arange(count))
    return Dense(storage.matrix[:count])


def _chosen(storage: Dense | Product, rows: NDArray[np.int64]) -> Dense | Product:
    if isinstance(storage, Product):
        return storage.chosen(rows)
    first = int(rows[0]) if len(rows) else 0
    if np.array_equal(rows, np.arange(first, first + len(rows))):
        return Dense(storage.matrix[first : first + len(rows)])
    return Dense(storage.take(rows))
