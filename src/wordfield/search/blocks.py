"""How the rows of a table are gone through for queries: in blocks, in the form that is multiplied soonest, by how many
threads.

A few vectors take the time in which the memory gives the table, so they are multiplied with the rows as these are kept,
codes as codes, by ``kernels.coded``, in a few threads that each take a part of the table. For many vectors blocks of
rows, decoded where they are codes, are multiplied by the algebra library, which has threads of its own. A sparse table
(CSR) is never made dense, the vectors are.

V rows of the table, D dimensions, C candidate rows, R rows of a block, q vectors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.arrays import gapless

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Matrix: TypeAlias = "NDArray[np.float32] | csr_array[Any] | Readable"

T = TypeVar("T")
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

QUERIES = 256
"""Vectors in one product, at most."""
SCORES = 1 << 20
"""Scores in one product: 4 MiB, so that what looks at them finds them in the cache."""
AT_ONCE = 16
"""Vectors multiplied with a sparse table in one go, if there are several."""
FEW = 6
"""Vectors that are sooner multiplied with a sparse table one by one."""
FEW_OF_NUMBERS = 4
"""Vectors that are sooner multiplied with rows of numbers by ``kernels.coded`` than by the algebra library."""
FEW_OF_CODES = 8
"""The same of rows of codes, which the algebra library takes decoded."""
PRODUCTS = 1 << 16
"""Products of few vectors made at once: 256 KiB."""
COPIED = 1 << 20
"""Numbers of rows copied at once for few vectors, where the table cannot be looked at as it is."""
SHARED = 1 << 21
"""Numbers of a table from which several threads go through it for few vectors."""
SPARSE = 1 << 22
"""Entries of a sparse table in one product."""
THREADS = 4
"""That multiply a sparse table, or go through one for few vectors, at most: memory does not feed more."""

QUIET = np.errstate(over="ignore", invalid="ignore", divide="ignore")
"""Rows that hold NaN or infinity make such products, which are no answers; there is nothing to warn of."""


class Readable(Protocol):
    """A table (V, D) that makes the rows that are read of it: float32, those of a slice or of given numbers."""

    @property
    def shape(self) -> tuple[int, int]: ...
    def __getitem__(self, rows: Any, /) -> Floats: ...


class Codes(Readable, Protocol):
    """A table of codes that is multiplied without decoding: ``products`` of vectors (q, D) with all rows, (q, V).
    ``chosen``: rows of it, those of a slice not copied.
    """

    def chosen(self, rows: Any, /) -> Codes: ...
    def products(self, vectors: Floats, /) -> Floats: ...


class Stretch(NamedTuple):
    """Rows of a sparse table, as ``csr_array`` has them; one of those would copy what is less than half of its
    memory.
    """

    indptr: NDArray[Any]
    indices: NDArray[Any]
    data: Floats
    shape: tuple[int, int]


Block: TypeAlias = "Floats | Codes | Stretch"
"""Rows of a table, as `product` takes them."""


class Pass:
    """One pass over a table with norms (V,), or over the ``candidates`` (C,) of it, ascending, for so many vectors, in
    blocks of at most ``most`` rows; None: of as many as is best.
    """

    def __init__(
        self, matrix: Matrix, norms: Floats, candidates: Rows | None, vectors: int, most: int | None = None
    ) -> None:
        self.matrix, self.norms, self.candidates = matrix, norms, candidates
        self.count = matrix.shape[0] if candidates is None else len(candidates)
        self.first = int(candidates[0]) if candidates is not None and self.count else 0
        self.together = candidates is None or not self.count or int(candidates[-1]) - self.first == self.count - 1
        self.sparse, self.codes = _is_sparse(matrix), _is_coded(matrix)
        self.few = not self.sparse and vectors <= (FEW_OF_CODES if self.codes else FEW_OF_NUMBERS)
        self.step = min(self._step(vectors), most or self.count or 1)

    def _step(self, vectors: int) -> int:
        """Rows of a block."""
        if self.sparse:
            matrix: Any = self.matrix
            return max(1, SCORES // QUERIES, int(SPARSE * matrix.shape[0] // max(1, matrix.nnz)))
        if not self.few:
            return max(1, SCORES // QUERIES)
        step = PRODUCTS // max(1, vectors)
        if not self.together or not (self.codes or isinstance(self.matrix, np.ndarray)):
            step = min(step, COPIED // max(1, self.matrix.shape[1]))
        return max(1, step)

    def blocks(self, first: int, last: int) -> Iterator[tuple[Rows, Block, Floats]]:
        """The rows from number ``first`` to ``last`` (not included) of those that may answer: their numbers in the
        table (R,), the rows (R, D), and what makes a product with a unit vector a cosine (R,).
        """
        for start in range(first, last, self.step):
            stop = min(start + self.step, last)
            if self.together or self.candidates is None:
                wanted: Any = slice(self.first + start, self.first + stop)
                rows = np.arange(wanted.start, wanted.stop)
            else:
                wanted = rows = self.candidates[start:stop]
            lengths = self.norms[wanted]
            scale = np.divide(np.float32(1), lengths, out=np.zeros(len(rows), np.float32), where=lengths > 0)
            yield rows, self._block(wanted), scale

    def _block(self, wanted: Any) -> Block:
        """Rows: as the table has them where ``wanted`` is a slice, and else copied."""
        matrix: Any = self.matrix
        if self.sparse:
            return _stretch(matrix, wanted)
        found: Block = matrix.chosen(wanted) if self.few and self.codes else matrix[wanted]
        return found

    def shared(self, work: Callable[[int, int], T]) -> list[T]:
        """What ``work`` gives for each part of the rows, in order; each is done by a thread of its own."""
        shared = self.few and self.count * self.matrix.shape[1] >= SHARED
        threads = min(threads_allowed(), self.count) if shared else 1
        bounds = [self.count * thread // threads for thread in range(threads + 1)]
        if threads == 1:
            return [work(*bounds)]
        quiet = QUIET(work)  # it counts for one thread
        with ThreadPoolExecutor(threads - 1) as pool:
            others = [pool.submit(quiet, *part) for part in pairwise(bounds[1:])]
            return [work(*bounds[:2]), *(other.result() for other in others)]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_allowed() -> int:
    """Threads that go through a table: as many as there are cores, ``THREADS`` at most, and no more than the variables
    allow that limit the algebra library.
    """
    limits = [os.environ.get(name, "") for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]
    return max(1, min(THREADS, cores(), *(int(limit) for limit in limits if limit.isdecimal())))


def _is_sparse(matrix: Matrix) -> TypeGuard[csr_array[Any]]:
    return hasattr(matrix, "indptr")


def _is_coded(matrix: Matrix) -> TypeGuard[Codes]:
    return hasattr(matrix, "products")


def _stretch(matrix: csr_array[Any], wanted: Any) -> Stretch:
    """Rows of a sparse table, of a slice not copied."""
    if not isinstance(wanted, slice):
        chosen = matrix[wanted]
        return Stretch(chosen.indptr, chosen.indices, chosen.data, chosen.shape)
    begin, end = matrix.indptr[wanted.start], matrix.indptr[wanted.stop]
    shape = (wanted.stop - wanted.start, matrix.shape[1])
    pointers = matrix.indptr[wanted.start : wanted.stop + 1] - begin
    return Stretch(pointers, matrix.indices[begin:end], matrix.data[begin:end], shape)


def product(directions: Floats, block: Block) -> Floats:
    """The products of directions (q, D) and the rows of a block (R, D), (q, R)."""
    if isinstance(block, Stretch):
        return _sparse_product(directions, block)
    if not isinstance(block, np.ndarray):
        return block.products(directions)
    if len(directions) > FEW_OF_NUMBERS:
        return directions @ block.T
    from wordfield.kernels.coded import products

    found = np.empty((len(directions), len(block)), np.float32)
    products(gapless(block), directions, found)
    return found


def _sparse_product(directions: Floats, block: Stretch) -> Floats:
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
