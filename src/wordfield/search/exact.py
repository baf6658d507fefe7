"""Nearest rows by cosine, exactly: blocks of the table times queries, the k best kept as the products are made.

No copy of the table in unit length is made; the norms divide the scores. So a table mapped from disk is read once a
call and stays there. A table may be sparse (CSR) or of codes; see `blocks` for how each is multiplied. Equal rows have
equal scores for one query; a row may score otherwise, in the last digit of a float32, when other queries are asked with
it, or other rows.

V rows of the table, D dimensions, Q queries, C candidate rows, k answers, E rows excluded for each query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.search.blocks import QUERIES, QUIET, Floats, Pass, Rows, product

if TYPE_CHECKING:
    from wordfield.search.blocks import Matrix

EPSILON = 0.001
"""Keeps 3CosMul from dividing by zero (Levy and Goldberg 2014, section 4.2)."""


@QUIET
def unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """The vectors (n, D) in unit length, float64; a vector without a direction (zero, infinite, NaN) becomes zero."""
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.einsum("nd,nd->n", wide, wide))
    directed = (norms > 0) & np.isfinite(norms)
    return np.where(directed[:, None], wide / np.where(directed, norms, 1.0)[:, None], 0.0)


@QUIET
def nearest(
    matrix: Matrix,
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
    directions = unit(queries).astype(np.float32)
    asked = _Asked(directions, 1, k, exclude)
    return _found(asked, matrix, norms, candidates, lambda products, scale: (products, scale))


@QUIET
def nearest_by_product(
    matrix: Matrix,
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

    def multiplied(cosines: Floats, scale: Floats) -> tuple[Floats, Floats]:
        scores = np.empty((len(cosines) // factors, len(scale)), dtype=np.float32)
        products(cosines.reshape(len(scores), factors, len(scale)), scale, positives, EPSILON, scores)
        return scores, np.ones_like(scale)

    directions = unit(queries.reshape(count * factors, dim)).astype(np.float32)
    return _found(_Asked(directions, factors, k, exclude), matrix, norms, candidates, multiplied)


@QUIET
def cosines(matrix: Matrix, queries: Floats, *, norms: Floats) -> Floats:
    """The cosine of each query (Q, D) with every row, (Q, V), or of one query (D,), (V,); NaN for rows that hold NaN or
    infinity.
    """
    directions = unit(np.atleast_2d(queries)).astype(np.float32)
    found = np.empty((len(directions), matrix.shape[0]), dtype=np.float32)
    over = Pass(matrix, norms, None, len(directions))

    def fill(first: int, last: int) -> None:
        for rows, block, scale in over.blocks(first, last):
            found[:, rows[0] : rows[-1] + 1] = product(directions, block) * scale

    over.shared(fill)
    return found if queries.ndim == 2 else found[0]


class _Asked(NamedTuple):
    """What is looked for: the directions of all queries, ``factors`` each, (Q * factors, D); how many rows are wanted;
    rows that are not.
    """

    directions: Floats
    factors: int
    k: int
    exclude: Rows | None


def _found(
    asked: _Asked,
    matrix: Matrix,
    norms: Floats,
    candidates: Rows | None,
    scored: Callable[[Floats, Floats], tuple[Floats, Floats]],
) -> tuple[Rows, Floats]:
    """The best rows. ``scored``: makes of products (q * factors, R), and of what makes them cosines (R,), scores (q, R)
    and what these are multiplied by (R,).
    """
    directions, factors, k, exclude = asked
    count = len(directions) // factors
    over = Pass(matrix, norms, candidates, len(directions))
    step = max(1, QUERIES // factors)

    def scan(first: int, last: int) -> _Best:
        best = _Best(count, min(k, over.count), exclude)
        for rows, block, scale in over.blocks(first, last):
            for start in range(0, count, step):
                here = slice(start, min(start + step, count))
                products = product(directions[here.start * factors : here.stop * factors], block)
                best.push(here, *scored(products, scale), rows)
        return best

    return _ordered(over.shared(scan), k)


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


def _ordered(found: Sequence[_Best], k: int) -> tuple[Rows, Floats]:
    """The k best of all heaps, best first."""
    kept = np.concatenate([best.rows for best in found], axis=1)
    made = np.concatenate([best.scores for best in found], axis=1)
    order = np.lexsort((kept, -made), axis=-1)[:, :k]
    rows = np.full((len(order), k), -1, dtype=np.int64)
    scores = np.full((len(order), k), -np.inf, dtype=np.float32)
    lines = np.arange(len(order))[:, None]
    rows[:, : order.shape[1]] = kept[lines, order]
    scores[:, : order.shape[1]] = made[lines, order]
    return rows, scores
