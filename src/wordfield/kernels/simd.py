"""Explicit SIMD for Numba: the few operations on rows of a table that every model's inner loop is made of.

Numba cannot promise LLVM that two rows of a table do not overlap, so a loop over several rows is not vectorised by
itself. Each operation therefore stands twice: here as NumPy, which is its meaning and what runs with the JIT off, and
in `llvm` as vector instructions.

Legend: D numbers a row (whole lanes, a compile-time constant), T targets of a tile (a compile-time constant), M inputs
of a tile. A row is named by its table and its number; arrays of row numbers are int64. Scores and slopes of a tile lie
row after row, ``pitch(T)`` apart.
"""

from __future__ import annotations

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from wordfield.kernels import llvm
from wordfield.kernels.llvm import CACHE_LINE, LANES, padded, pitch, spare

__all__ = [
    "LANES",
    "exponentials",
    "padded",
    "pitch",
    "prefetch",
    "rows_add",
    "rows_mean",
    "spare",
    "table",
    "tile_logistic",
    "tile_scores",
    "tile_update",
]

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def table(rows: int, width: int) -> Floats:
    """Zeros, shape (rows, width), that start on a cache line, so that no vector of a padded row straddles two."""
    raw = np.zeros(rows * width * 4 + CACHE_LINE, np.uint8)
    first = -raw.ctypes.data % CACHE_LINE
    return raw[first : first + rows * width * 4].view(np.float32).reshape(rows, width)


@llvm.lowered(types.void, llvm.scores)
def tile_scores(
    left: Floats, inputs: Rows, count: int, right: Floats, targets: Rows, at: int, size: int, dim: int, scores: Floats
) -> None:
    """scores[i, j] = left[inputs[i]] . right[targets[at + j]] for i < count, j < size; lanes from ``size`` to the pitch
    become zero.

    ``scores`` needs `spare(size)` floats more than its rows take.
    """
    step = pitch(size)
    for i in range(count):
        scores[i * step : (i + 1) * step] = 0
        scores[i * step : i * step + size] = right[targets[at : at + size]] @ left[inputs[i]]


@llvm.lowered(types.void, llvm.update)
def tile_update(
    left: Floats,
    inputs: Rows,
    old: Floats,
    count: int,
    right: Floats,
    targets: Rows,
    at: int,
    size: int,
    dim: int,
    slopes: Floats,
    first: int,
) -> None:
    """left[inputs[i]] += sum_j slope[i, j] right[targets[at + j]], and right[targets[at + j]] += sum_i slope[i, j]
    left[inputs[i]].

    Both with the values from before the update; the slopes begin at ``slopes[first]``. When ``old`` is ``left`` itself
    the inputs are read where they are changed; otherwise row i of ``old`` (count, D) holds them. Targets must differ
    from each other; an input that occurs twice is changed twice in turn.
    """
    step = pitch(size)
    slope = slopes[first : first + count * step].reshape(count, step)[:, :size]
    rows = targets[at : at + size]
    gathered = right[rows]
    sums = np.zeros((size, dim), np.float32)
    for i in range(count):
        before = (left[inputs[i]] if old is left else old[i]).copy()
        left[inputs[i]] += slope[i] @ gathered
        sums += np.outer(slope[i], before)
    right[rows] = gathered + sums


@llvm.lowered(types.float64, llvm.logistic)
def tile_logistic(
    scores: Floats,
    count: int,
    labels: Floats,
    weights: Floats,
    at: int,
    rate: float,
    size: int,
    slopes: Floats,
    first: int,
) -> float:
    """Slope = rate * weight * (label - sigmoid(score)), from ``slopes[first]`` on; the sum of -weight * log P(label).

    Target j has the label (1 or 0) ``labels[at + j]`` and the weight ``weights[at + j]``, weight 0 from ``size`` to the
    pitch. The sigmoid is the exact one, never clipped: word2vec.c cuts the slope off beyond scores of 6, gensim leaves
    such pairs out.
    """
    step = pitch(size)
    x = scores[: count * step].astype(np.float64).reshape(count, step)
    label, weight = labels[at : at + step], weights[at : at + step]
    with np.errstate(over="ignore"):
        slopes[first : first + count * step] = (rate * weight * (label - 1 / (1 + np.exp(-x)))).ravel()
    return float((weight * (np.logaddexp(0, x) - label * x)).sum())


@llvm.lowered(types.float64, llvm.exponentials)
def exponentials(scores: Floats, count: int, top: float) -> float:
    """scores[i] = exp(scores[i] - top) for i < count, where no score is above ``top``; the sum of these."""
    scores[:count] = np.exp(np.minimum(scores[:count] - np.float32(top), 0))
    return float(scores[:count].sum(dtype=np.float64))


@llvm.lowered(types.void, llvm.mean)
def rows_mean(left: Floats, inputs: Rows, count: int, dim: int, mean: Floats) -> None:
    """mean[0] = the mean of left[inputs[i]] for i < count."""
    mean[0] = left[inputs[:count]].mean(axis=0)


@llvm.lowered(types.void, llvm.add)
def rows_add(left: Floats, inputs: Rows, count: int, dim: int, change: Floats, scale: float) -> None:
    """left[inputs[i]] += scale * change[0] for i < count, in turn: an input that occurs twice is changed twice."""
    for i in range(count):
        left[inputs[i]] += np.float32(scale) * change[0]


@llvm.lowered(types.void, llvm.prefetch)
def prefetch(left: Floats, row: int, dim: int) -> None:
    """Ask for the cache lines of left[row] ahead of their use."""
