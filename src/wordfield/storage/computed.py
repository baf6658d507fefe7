"""A table that is computed when it is first asked for. V rows, D dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wordfield.storage.dense import Dense


@final
class Computed:
    """A (V, D) float32 table of which only the shape is known before ``made`` makes it."""

    def __init__(self, shape: tuple[int, int], made: Callable[[], NDArray[np.float32]]) -> None:
        self.shape, self._made = shape, made

    def __repr__(self) -> str:
        return f"Computed({self.shape[0]} x {self.shape[1]})"

    @cached_property
    def _dense(self) -> Dense:
        return Dense(self._made())

    @property
    def matrix(self) -> Any:
        """All rows."""
        return self._dense.matrix

    @property
    def norms(self) -> NDArray[np.float32]:
        """Euclidean length of every row (V,)."""
        return self._dense.norms

    def take(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The given rows, copied, (n, D)."""
        return self._dense.take(rows)

    def mean(self, rows: ArrayLike) -> NDArray[np.float32]:
        """The mean of the given rows, (D,)."""
        return self._dense.mean(rows)
