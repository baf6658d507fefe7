"""SVD: a matrix of counts, as wide as the vocabulary, pressed into the few columns that tell most of it.

After Deerwester, Dumais, Furnas, Landauer and Harshman (1990), and Levy, Goldberg and Dagan (2015, section 3.3). The
decomposition is a randomised one (Halko, Martinsson and Tropp 2011, section 4.5), by a block Krylov space (Musco and
Musco 2015): what a power iteration throws away after each step is kept, so that panels of a few columns find in as many
steps what it needs several times as many columns for.

Legend: V words, R rows and C columns of a matrix, D dimension, B columns of the Krylov space.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import check
from wordfield.models.count.cooccurrence import GROWTH, counted, fitted, rehearsed
from wordfield.models.count.ppmi import PPMI, weigh
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense, Storage
from wordfield.text.corpus import Corpus, cores

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from wordfield.text.counting import Counts
    from wordfield.text.sampling import Rehearsal, Sample

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

PANEL = 64
"""Columns that are multiplied at once: with more, fewer rows of a panel fit into a core's cache."""
LEAST_PANELS = 8
"""Panels of the Krylov space at least, since each adds a step of the iteration too."""
STRETCH = 1 << 15
"""Rows that are summed in float64 at once."""
JOBS = 16
"""Ranges of rows for each thread: they end together though their entries lie differently."""
LEAST_VALUE = 1e-6
"""A singular value that is a smaller share of the largest is rounding: float32 has seven digits."""
MOST_PASSES = 5
TRIED = 16
"""Columns that a rehearsal looks for."""
MATRICES = ("ppmi", "log", "counts")


@dataclass(frozen=True)
class SVD:
    """Vectors of words from the singular value decomposition of their PPMI matrix, or of their counts."""

    dim: int = 300
    """Numbers in a word's vector."""
    matrix: Literal["ppmi", "log", "counts"] = "ppmi"
    """What is decomposed: PPMI, the logarithm of 1 + count, or the counts themselves."""
    power: float = 0.5
    """Each column is weighted by its singular value to this power: 1 as it is in the matrix, 0 all alike."""
    add_contexts: bool = False
    """Add to each word's vector the one it has as a context (w + c)."""
    oversample: float = 1.5
    """How many more directions are searched than `dim`, as a multiple of it: more finds the last columns better."""
    window: int | Literal["sentence"] = 5
    """Words to each side that count as neighbours, or all of the sentence."""
    weight: Literal["flat", "harmonic", "decay"] = "decay"
    """What a neighbour at distance d counts: 1, 1 / d, or (window + 1 - d) / window as in Word2Vec."""
    context: Literal["both", "left", "right"] = "both"
    """The side on which neighbours count."""
    smoothing: float = 0.75
    """PPMI: how often a context is expected goes by its count to this power."""
    shift: float = 1.0
    """PPMI: the logarithm of this is subtracted before what is negative becomes 0."""
    subsample: float = 0.0
    """Words more frequent than this share of the corpus are skipped at random; 0 keeps all."""
    dirty: bool = True
    """Skip words before windows are drawn, which then reach further; else they leave a gap."""
    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""
    memory: float = 2.0
    """Gigabytes that counting may take; what does not fit goes to temporary files."""
    threads: int | None = None
    """Threads that work; unset: one a processor. Their number changes nothing in the result."""
    seed: int = 1
    """Start of every random choice."""

    def __post_init__(self) -> None:
        self._ppmi()  # which knows what its fields can be
        check(
            self,
            least={"dim": 1},
            choices={"matrix": MATRICES},
            numbers={
                "power": ("from 0 to 2 (0.5 is usual)", lambda power: 0 <= power <= 2),
                "oversample": ("above 0 and at most 100", lambda times: 0 < times <= 100),
            },
        )

    def fit(self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: None = None) -> StaticModel:
        """Count the neighbours in ``corpus``, or what one is made of, and decompose; the same seed gives the same
        vectors, and the model's ``history`` has the ``singular_values`` and the share of the matrix' squared norm that
        they ``captured``.

        ``ValueError`` if the corpus has no word, or none ``min_count`` times, or fewer than ``dim`` that its matrix
        tells apart; and for a ``start``, since a decomposition has none.
        """

        def table(counts: Counts) -> tuple[Storage, dict[str, Any]]:
            matrix = self._matrix(counts)
            parts = decomposed(matrix, self.dim, self.oversample, self.seed, self.threads, progress)
            measured = {"nonzeros": int(matrix.nnz), "captured": parts.captured}
            return Dense(self._vectors(parts)), measured | {"singular_values": parts.values.tolist()}

        return fitted(self, corpus, progress, start, table, self._ppmi().subsampling)

    def rehearse(self, sample: Sample) -> Rehearsal:
        """Count ``sample`` and decompose what was counted for a few columns; the whole takes as many times as long as
        it has entries and panels. ``ValueError`` as in ``fit``.
        """
        counting = rehearsed(self, sample)
        ids = sample.scan.encode(vocabulary := sample.vocabulary(self.min_count, self.max_vocab))
        with counted(self, ids, vocabulary) as counts:
            matrix = self._matrix(counts)
        begun = time.perf_counter()
        decomposed(matrix, min(TRIED, len(vocabulary)), 0.0, self.seed, self.threads)
        panels = max(LEAST_PANELS, -int(-self.dim * (1 + self.oversample) // PANEL)) / LEAST_PANELS
        seconds = (time.perf_counter() - begun) * panels * sample.share**-GROWTH
        memory = counting.memory + 4 * len(vocabulary) * (PANEL * LEAST_PANELS * panels + 2 * self.dim)
        result = 4 * len(vocabulary) * self.dim
        return counting._replace(seconds=counting.seconds + seconds, memory=round(memory), result=result)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "svd", **asdict(self)}

    def _ppmi(self) -> PPMI:
        return PPMI(**{field.name: getattr(self, field.name) for field in fields(PPMI)})

    def _matrix(self, counts: Counts) -> csr_array[Any]:
        """What is decomposed, (V, V) float32."""
        if self.dim > counts.words:
            raise ValueError(f"dim={self.dim} is more than the {counts.words} words there are: take less, or more text")
        if self.matrix == "ppmi":
            return weigh(counts, self.smoothing, self.shift)
        matrix = counts.matrix(np.float32)
        if self.matrix == "log":
            np.log1p(matrix.data, out=matrix.data)
        return matrix

    def _vectors(self, parts: Parts) -> Floats:
        """W = U S^p (V, D); with contexts, which are V S^p, their sum. At p = 1/2 W C' is the matrix."""
        sides = parts.left + parts.right if self.add_contexts else parts.left
        return sides * (parts.values**self.power).astype(np.float32)


class Parts(NamedTuple):
    """A matrix (R, C) as left * values @ right.T, as far as D columns can tell it."""

    left: Floats
    """U (R, D), orthonormal columns; the largest number of each is positive."""
    values: Doubles
    """The singular values (D,), largest first."""
    right: Floats
    """V (C, D), orthonormal columns."""
    captured: float
    """Share of the matrix' squared norm that is in them."""


def decomposed(
    matrix: csr_array[Any],
    dim: int,
    oversample: float = 1.5,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress = silent,
) -> Parts:
    """The ``dim`` largest singular values of a sparse matrix (R, C), and their vectors; the result does not depend on
    ``threads``.

    ``oversample``: how many more directions are searched, as a multiple of ``dim``. A matrix that has no more rows or
    columns than directions is decomposed as a whole. ``ValueError`` if its rank is below ``dim``.
    """
    least = min(matrix.shape)
    if dim > least:
        raise ValueError(f"dim={dim} is more than a matrix of {matrix.shape[0]} x {matrix.shape[1]} has: take {least}")
    panels = max(LEAST_PANELS, -int(-dim * (1 + oversample) // PANEL))
    if panels * PANEL >= least:
        left, values, transposed = np.linalg.svd(matrix.toarray().astype(np.float64), full_matrices=False)
        left, values, right = left[:, :dim], values[:dim], transposed[:dim].T
        progress(1, 1)
    else:
        threads = threads or cores()
        with ThreadPoolExecutor(threads) as pool:
            operator = _Krylov(matrix, dim, panels, pool, threads, progress)
            left, values, right = operator.run(np.random.default_rng(seed))
    rank = int((values > LEAST_VALUE * values[0]).sum())
    if rank < dim:
        raise ValueError(f"dim={dim} is more than the matrix tells apart: take {rank} at most, or more text")
    signs = np.where(left[np.abs(left).argmax(axis=0), np.arange(dim)] < 0, -1.0, 1.0)
    captured = np.square(values).sum() / np.square(matrix.data, dtype=np.float64).sum()
    return Parts((left * signs).astype(np.float32), values, (right * signs).astype(np.float32), float(captured))


class _Krylov:
    """The space of A'A panel, (A'A)^2 panel, ... of a random panel, and what A, the matrix, does in it."""

    def __init__(
        self,
        matrix: csr_array[Any],
        dim: int,
        panels: int,
        pool: ThreadPoolExecutor,
        threads: int,
        progress: Progress,
    ) -> None:
        self.rows, self.columns = matrix.shape
        self.dim, self.panels, self.progress = dim, panels, progress
        self.times = _times(matrix, pool, threads)
        self.times_transposed = _times(matrix.T.tocsr(), pool, threads)

    def run(self, random: np.random.Generator) -> tuple[Floats, Doubles, Floats]:
        """The largest singular values (D,), left vectors (R, D), right vectors (C, D)."""
        basis, reduced = self._space(random)
        _, turns = np.linalg.eigh(reduced, "U")  # of A'A within the space: Rayleigh and Ritz
        right = np.zeros((self.columns, -(-self.dim // PANEL) * PANEL), np.float32)
        np.matmul(basis, turns[:, : -self.dim - 1 : -1].astype(np.float32), out=right[:, : self.dim])
        del basis
        left = np.empty((self.rows, self.dim), np.float32)
        for first in range(0, self.dim, PANEL):
            part = left[:, first : first + PANEL]
            part[:] = self.times(np.ascontiguousarray(right[:, first : first + PANEL]))[:, : part.shape[1]]
        # Once more, with sums in float64: now the columns of A V are orthogonal, their lengths the singular values.
        squares, turns = np.linalg.eigh(_gram(left))
        values, turns = np.sqrt(np.maximum(squares[::-1], 0)), turns[:, ::-1]
        scaled = (turns / np.maximum(values, LEAST_VALUE * max(values[0], 1e-30))).astype(np.float32)
        self.progress(self.panels + 1, self.panels + 1)
        return left @ scaled, values, right[:, : self.dim] @ turns.astype(np.float32)

    def _space(self, random: np.random.Generator) -> tuple[Floats, Doubles]:
        """An orthonormal basis (C, B) of the space, and basis' A'A basis (B, B), of which the upper half is filled."""
        basis = np.empty((self.columns, self.panels * PANEL), np.float32)
        reduced = np.zeros((basis.shape[1], basis.shape[1]))
        panel = random.standard_normal((self.columns, PANEL), np.float32)
        for first in range(0, basis.shape[1], PANEL):
            last = first + PANEL
            basis[:, first:last] = panel = self._orthonormal(panel, basis[:, :first], random)
            panel = self.times_transposed(self.times(panel))
            reduced[:last, first:last] = basis[:, :last].T @ panel
            self.progress(last // PANEL, self.panels + 1)
        return basis, reduced

    def _orthonormal(self, panel: Floats, basis: Floats, random: np.random.Generator) -> Floats:
        """The directions of ``panel`` (C, PANEL) that are new to ``basis`` (C, b); where it has fewer, random ones.

        Of a column that was nearly in the basis much is rounding, so it is done again until nothing changes; mostly
        twice is enough (Giraud, Langou and Rozloznik 2005).
        """
        for _ in range(MOST_PASSES):
            panel -= basis @ (basis.T @ panel)
            wide = panel.astype(np.float64)
            squares, turns = np.linalg.eigh(wide.T @ wide)  # Stathopoulos and Wu (2002), who call it SVQB
            least = max(1e-13 * squares[-1], 1e-300)
            panel = (wide @ (turns / np.sqrt(np.maximum(squares, least)))).astype(np.float32)
            lost = np.flatnonzero(squares <= least)
            panel[:, lost] = random.standard_normal((len(panel), len(lost)), np.float32) / np.sqrt(len(panel))
            if squares[0] > 0.25 and squares[-1] < 4:
                break
        return panel


def _times(matrix: csr_array[Any], pool: ThreadPoolExecutor, threads: int) -> Callable[[Floats], Floats]:
    """What multiplies ``matrix`` (R, C) by a panel (C, PANEL): (R, PANEL)."""
    from wordfield.kernels.spmm import product, spans

    indptr, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32, copy=False)
    values, multiply = matrix.data.astype(np.float32, copy=False), product(PANEL)
    parts = spans(indptr, JOBS * threads)

    def times(panel: Floats) -> Floats:
        out = np.empty((len(indptr) - 1, PANEL), np.float32)
        for done in [pool.submit(multiply, indptr, indices, values, panel, out, *part) for part in parts]:
            done.result()
        return out

    return times


def _gram(table: Floats) -> Doubles:
    """The products of all columns (D, D), summed in float64."""
    total = np.zeros((table.shape[1], table.shape[1]))
    for first in range(0, len(table), STRETCH):
        part = table[first : first + STRETCH].astype(np.float64)
        total += part.T @ part
    return total
