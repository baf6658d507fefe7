"""Nearest rows by cosine, exactly: blocks of the table times many queries as one matrix product, the k best kept as
they are made.

No copy of the table in unit length is made; the norms divide the scores. So a table mapped from disk is read once a
call and stays there. A table may be sparse (CSR): it is never made dense, the queries are. One of codes is decoded a
block at a time.

V rows of the table, D dimensions, Q queries, C candidate rows, k answers, E rows excluded for each query.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Matrix: TypeAlias = "NDArray[np.float32] | csr_array[Any] | Readable"

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

QUERIES = 256
"""Queries in one product."""
SCORES = 1 << 20
"""Scores in one product: 4 MiB, so that the kernel finds them in the cache."""
AT_ONCE = 16
"""Queries multiplied with a sparse table in one go, if there are several."""
FEW = 6
"""Queries that are sooner multiplied with a sparse table one by one."""
SPARSE = 1 << 22
"""Entries of a sparse table in one product."""
THREADS = 4
"""That multiply a sparse table, at most: memory does not feed more."""
EPSILON = 0.001
"""Keeps 3CosMul from dividing by zero (Levy and Goldberg 2014, section 4.2)."""


class Readable(Protocol):
    """A table (V, D) that makes the rows that are read of it: float32, those of a slice or of given numbers."""

    @property
    def shape(self) -> tuple[int, int]: ...
    def __getitem__(self, rows: Any, /) -> Floats: ...


class Stretch(NamedTuple):
    """Rows of a sparse table, as ``csr_array`` has them; one of those would copy what is less than half of its
    memory.
    """

    indptr: NDArray[Any]
    indices: NDArray[Any]
    data: Floats
    shape: tuple[int, int]


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
    best = _Best(len(queries), min(k, matrix.shape[0] if candidates is None else len(candidates)), exclude)
    directions = unit(queries).astype(np.float32)
    for rows, block, scale in _blocks(matrix, norms, candidates):
        for start in range(0, len(directions), QUERIES):
            here = slice(start, start + QUERIES)
            best.push(here, _product(directions[here], block), scale, rows)
    return best.ordered(k)


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
    best = _Best(count, min(k, matrix.shape[0] if candidates is None else len(candidates)), exclude)
    directions = unit(queries.reshape(count * factors, dim)).astype(np.float32)
    step = max(1, QUERIES // factors)
    for rows, block, scale in _blocks(matrix, norms, candidates):
        one = np.ones_like(scale)
        for start in range(0, count, step):
            cosines = _product(directions[start * factors : (start + step) * factors], block)
            here = slice(start, min(start + step, count))
            scores = np.empty((here.stop - start, len(rows)), dtype=np.float32)
            products(cosines.reshape(len(scores), factors, len(rows)), scale, positives, EPSILON, scores)
            best.push(here, scores, one, rows)
    return best.ordered(k)


@QUIET
def cosines(matrix: Matrix, queries: Floats, *, norms: Floats) -> Floats:
    """The cosine of each query (Q, D) with every row, (Q, V), or of one query (D,), (V,); NaN for rows that hold NaN or
    infinity.
    """
    directions = unit(np.atleast_2d(queries)).astype(np.float32)
    found = np.empty((len(directions), matrix.shape[0]), dtype=np.float32)
    for rows, block, scale in _blocks(matrix, norms, None):
        found[:, rows[0] : rows[-1] + 1] = _product(directions, block) * scale
    return found if queries.ndim == 2 else found[0]


def _blocks(matrix: Matrix, norms: Floats, candidates: Rows | None) -> Iterator[tuple[Rows, Floats | Stretch, Floats]]:
    """The table in order: row numbers (R,), rows (R, D), and what makes a product with a unit vector a cosine (R,)."""
    count = matrix.shape[0] if candidates is None else len(candidates)
    step = SCORES // QUERIES
    if _is_sparse(matrix):
        step = max(step, int(SPARSE * matrix.shape[0] // max(1, matrix.nnz)))
    first = 0 if candidates is None or not count else int(candidates[0])
    together = candidates is None or not count or candidates[-1] - first == count - 1
    for start in range(0, count, step):
        stop = min(start + step, count)
        rows = np.arange(start, stop) if candidates is None else candidates[start:stop]
        block = _stretch(matrix, first + start, first + stop) if together else _chosen(matrix, rows)
        lengths = norms[rows]
        directed = (lengths > 0) & np.isfinite(lengths)
        yield rows, block, np.where(directed, 1 / np.where(directed, lengths, 1), 0).astype(np.float32)


def _is_sparse(matrix: Matrix) -> TypeGuard[csr_array[Any]]:
    return hasattr(matrix, "indptr")


def _stretch(matrix: Any, start: int, stop: int) -> Floats | Stretch:
    """Consecutive rows, not copied where the table has them."""
    if not _is_sparse(matrix):
        block: Floats = matrix[start:stop]
        return block
    begin, end = matrix.indptr[start], matrix.indptr[stop]
    shape = (stop - start, matrix.shape[1])
    return Stretch(matrix.indptr[start : stop + 1] - begin, matrix.indices[begin:end], matrix.data[begin:end], shape)


def _chosen(matrix: Any, rows: Rows) -> Floats | Stretch:
    """Any rows, copied."""
    if not _is_sparse(matrix):
        some: Floats = matrix[rows]
        return some
    chosen = matrix[rows]
    return Stretch(chosen.indptr, chosen.indices, chosen.data, chosen.shape)


def _product(directions: Floats, block: Floats | Stretch) -> Floats:
    """The products of directions (q, D) and rows (R, D), (q, R)."""
    if isinstance(block, np.ndarray):
        return directions @ block.T
    from wordfield.kernels.spmm import dots, product, spans

    indptr, indices = block.indptr.astype(np.int64), block.indices.astype(np.int32, copy=False)
    scores = np.empty((len(directions), block.shape[0]), np.float32)
    parts = spans(indptr, THREADS)
    with ThreadPoolExecutor(THREADS) as pool:

        def multiply(kernel: Any, by: Floats, out: Floats) -> None:
            for done in [pool.submit(kernel, indptr, indices, block.data, by, out, *part) for part in parts]:
                done.result()

        if len(directions) <= FEW:
            for direction, line in zip(directions, scores, strict=True):
                multiply(dots, direction, line)
            return scores
        panel, out = (np.zeros((size, AT_ONCE), np.float32) for size in (block.shape[1], block.shape[0]))
        for start in range(0, len(directions), AT_ONCE):
            some = directions[start : start + AT_ONCE]
            panel[:, : len(some)] = some.T
            multiply(product(AT_ONCE), panel, out)
            scores[start : start + AT_ONCE] = out.T[: len(some)]
    return scores


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
