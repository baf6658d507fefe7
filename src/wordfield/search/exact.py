"""Nearest rows by cosine, exactly: blocks of the table times many queries as one matrix product, the k best kept as
they are made.

No copy of the table in unit length is made; the norms divide the scores. So a table mapped from disk is read once a
call and stays there.

V rows of the table, D dimensions, Q queries, C candidate rows, k answers, E rows excluded for each query.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

QUERIES = 256
"""Queries in one product."""
SCORES = 1 << 20
"""Scores in one product: 4 MiB, so that the kernel finds them in the cache."""
EPSILON = 0.001
"""Keeps 3CosMul from dividing by zero (Levy and Goldberg 2014, section 4.2)."""

QUIET = np.errstate(over="ignore", invalid="ignore")
"""Rows that hold NaN or infinity make such products, which are no answers; there is nothing to warn of."""


@QUIET
def unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """The vectors (n, D) in unit length, float64; a vector without a direction (zero, infinite, NaN) becomes zero."""
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    directed = (norms > 0) & np.isfinite(norms)
    return np.where(directed[:, None], wide / np.where(directed, norms, 1.0)[:, None], 0.0)


@QUIET
def nearest(
    matrix: Floats,
    queries: NDArray[Any],
    k: int,
    *,
    norms: Floats,
    exclude: Rows | None = None,
    candidates: Rows | None = None,
) -> tuple[Rows, Floats]:
    """The k rows with the highest cosine to each query, best first, of equal ones the lower row: rows (Q, k) and
    cosines (Q, k).

    matrix (V, D); queries (Q, D) of any length; norms (V,) of the matrix; exclude (Q, E) rows not wanted, filled up
    with -1; candidates (C,) the only rows wanted, ascending. Where fewer than k rows are left the rest is row -1 with
    cosine -inf. Rows of zeros have cosine 0; rows that hold NaN or infinity are never an answer.
    """
    best = _Best(len(queries), min(k, len(matrix) if candidates is None else len(candidates)), exclude)
    directions = unit(queries).astype(np.float32)
    for rows, block, scale in _blocks(matrix, norms, candidates):
        for start in range(0, len(directions), QUERIES):
            here = slice(start, start + QUERIES)
            best.push(here, directions[here] @ block.T, scale, rows)
    return best.ordered(k)


@QUIET
def nearest_by_product(
    matrix: Floats,
    queries: NDArray[Any],
    positives: int,
    k: int,
    *,
    norms: Floats,
    exclude: Rows | None = None,
    candidates: Rows | None = None,
) -> tuple[Rows, Floats]:
    """As ``nearest``, by 3CosMul (Levy and Goldberg 2014): cosines moved to 0..1, the positive ones multiplied, divided
    by the negative ones.

    queries (Q, P, D): of each P vectors the first ``positives`` attract and the others repel.
    """
    from wordfield.kernels.topk import products

    count, factors, dim = queries.shape
    best = _Best(count, min(k, len(matrix) if candidates is None else len(candidates)), exclude)
    directions = unit(queries.reshape(count * factors, dim)).astype(np.float32)
    step = max(1, QUERIES // factors)
    for rows, block, scale in _blocks(matrix, norms, candidates):
        one = np.ones_like(scale)
        for start in range(0, count, step):
            cosines = directions[start * factors : (start + step) * factors] @ block.T
            here = slice(start, min(start + step, count))
            scores = np.empty((here.stop - start, len(rows)), dtype=np.float32)
            products(cosines.reshape(len(scores), factors, len(rows)), scale, positives, EPSILON, scores)
            best.push(here, scores, one, rows)
    return best.ordered(k)


@QUIET
def cosines(matrix: Floats, query: Floats, *, norms: Floats) -> Floats:
    """The cosine of one query (D,) with every row, (V,); NaN for rows that hold NaN or infinity."""
    direction = unit(query[None])[0].astype(np.float32)
    found = np.empty(len(matrix), dtype=np.float32)
    for rows, block, scale in _blocks(matrix, norms, None):
        found[rows] = (block @ direction) * scale
    return found


def _blocks(matrix: Floats, norms: Floats, candidates: Rows | None) -> Iterator[tuple[Rows, Floats, Floats]]:
    """The table in order: row numbers (R,), rows (R, D), and what makes a product with a unit vector a cosine (R,)."""
    count = len(matrix) if candidates is None else len(candidates)
    step = SCORES // QUERIES
    for start in range(0, count, step):
        stop = min(start + step, count)
        if candidates is None:
            rows, block, lengths = np.arange(start, stop), matrix[start:stop], norms[start:stop]
        else:
            rows = candidates[start:stop]
            block, lengths = matrix[rows], norms[rows]
        directed = (lengths > 0) & np.isfinite(lengths)
        yield rows, block, np.where(directed, 1 / np.where(directed, lengths, 1), 0).astype(np.float32)


class _Best:
    """The heaps of ``kernels.topk``, one for each query."""

    def __init__(self, queries: int, k: int, exclude: Rows | None) -> None:
        self.scores = np.full((queries, k), -np.inf, dtype=np.float32)
        self.rows = np.full((queries, k), -1, dtype=np.int64)
        self.exclude = np.empty((queries, 0), dtype=np.int64) if exclude is None else exclude.astype(np.int64)

    def push(self, here: slice, scores: Floats, scale: Floats, rows: NDArray[Any]) -> None:
        from wordfield.kernels.topk import push

        if self.rows.shape[1]:
            push(scores, scale, rows, self.exclude[here], self.scores[here], self.rows[here])

    def ordered(self, k: int) -> tuple[Rows, Floats]:
        order = np.lexsort((self.rows, -self.scores), axis=-1)
        rows = np.full((len(order), k), -1, dtype=np.int64)
        scores = np.full((len(order), k), -np.inf, dtype=np.float32)
        rows[:, : order.shape[1]] = np.take_along_axis(self.rows, order, axis=1)
        scores[:, : order.shape[1]] = np.take_along_axis(self.scores, order, axis=1)
        return rows, scores
