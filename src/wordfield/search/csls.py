"""Nearest rows of another space by cross-domain similarity local scaling (Conneau, Lample, Ranzato, Denoyer and Jégou
2018, "Word Translation Without Parallel Data", section 2.3): hubs, near to everything, are set back.

CSLS(x, y) = 2 cos(x, y) - r(x) - r(y), where r is the mean cosine with the k nearest rows of the other space. r(x) is
one number for all answers to x, and does not change their order.

V rows of the table, D dimensions, Q queries, C candidate rows, k neighbours.
"""

from __future__ import annotations

from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from wordfield.search import exact

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class Table(Protocol):
    """A table (V, D) that gives the rows that are asked for, the length of each, and what ``exact`` searches."""

    @property
    def matrix(self) -> Any: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def norms(self) -> Floats: ...
    def take(self, rows: Rows) -> Floats: ...


def crowding(table: Table, queries: NDArray[Any], k: int, candidates: Rows) -> Floats:
    """r: the mean cosine of each query (Q, D) with its k nearest among the candidates (C,), (Q,)."""
    _, scores = exact.nearest(
        table.matrix, queries, min(k, len(candidates)), norms=table.norms, candidates=_or_all(candidates, table)
    )
    mean: Floats = scores.mean(axis=1, dtype=np.float64).astype(np.float32)
    return mean


def nearest(table: Table, queries: NDArray[Any], k: int, crowded: Floats, candidates: Rows) -> tuple[Rows, Floats]:
    """The k candidates with the highest 2 cos(x, y) - r(y) to each query (Q, D), best first: rows (Q, k) and these
    scores (Q, k), from which r(x) is not yet taken.

    ``crowded``: r of each candidate (C,). Candidates have directions: neither zeros nor NaN are among their rows.
    """
    extended = _Extended(table, candidates, crowded)
    directions = exact.unit(queries)
    asked = np.concatenate([2 * directions, np.full((len(directions), 1), -1.0)], axis=1)
    lengths = np.sqrt(np.einsum("qd,qd->q", asked, asked))  # which the search divides by
    places, scores = exact.nearest(extended, asked, k, norms=np.ones(len(candidates), np.float32))
    return np.where(places >= 0, candidates[places], -1), (scores * lengths[:, None]).astype(np.float32)


@final
class _Extended:
    """The candidates in unit length, each with its r as one more number: (C, D + 1), made where they are read. The
    product with (2 x, -1) is 2 cos(x, y) - r(y).
    """

    def __init__(self, table: Table, candidates: Rows, crowded: Floats) -> None:
        self.table, self.candidates, self.crowded = table, candidates, crowded

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.candidates), self.table.shape[1] + 1

    def __getitem__(self, rows: Any) -> Floats:
        chosen = self.candidates[rows]
        units = self.table.take(chosen) / self.table.norms[chosen, None]
        return np.concatenate([units, self.crowded[rows, None]], axis=1)


def _or_all(candidates: Rows, table: Table) -> Rows | None:
    return None if len(candidates) == table.shape[0] else candidates
