"""GloVe: weighted least squares on the logarithms of co-occurrence counts, by AdaGrad (Pennington, Socher and Manning
2014, section 3; Duchi, Hazan and Singer 2011).

The nonzeros of the matrix of counts are cut into tiles, so many rows by so many columns that the vectors of a tile stay
in the second-level cache: each is fetched once a tile, not once a nonzero. A row of a table is one word's: its vector,
its bias, and the sums of their squared gradients, side by side. The bias of the one word is learnt as the number that
meets a constant 1 of the other, so the score w . c + b + b' is one product of two rows, and one step moves all:

    words     [w  b 1  0 ... | sums]        contexts     [c  1 b'  0 ... | sums]

The sums that belong to a constant start at HELD: so large that it never moves.

Legend: V words, D dimension, P padded D + 2, N nonzeros, B bands of ``side`` rows (or columns), S spans of nonzeros.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from wordfield.kernels import llvm, simd
from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import STRIDE, below, mix

Floats = NDArray[np.float32]

BIASES = 2  # places of a row after its vector: the word's bias and a constant, or a constant and the context's bias
HELD = np.float32(1e30)
AHEAD = 4  # rows are fetched so many nonzeros before they are used


class Tables(NamedTuple):
    """What is learnt: a row a word and a row a context, (V, 2 P) each, as drawn above."""

    words: Floats
    contexts: Floats


class Cells(NamedTuple):
    """The nonzeros, tile after tile, (N,) each: row and column within the tile (16 bits each), log x, and f(x)."""

    places: NDArray[np.uint32]
    logs: Floats
    weights: Floats


class Weighting(NamedTuple):
    """f(x) = min(1, (x / x_max) ** alpha)."""

    x_max: float
    alpha: float


def width(dim: int) -> int:
    """P: numbers that vector and biases take, in whole lanes."""
    return simd.padded(dim + BIASES)


@kernel
def tile_sizes(
    indptr: NDArray[np.int64], first: int, columns: NDArray[np.int32], side: int, sizes: NDArray[np.int64]
) -> None:
    """Add to ``sizes`` (B, B) how many nonzeros of a piece each tile has; ``indptr``: where its rows begin in
    ``columns``, from row ``first`` on.
    """
    for row in range(indptr.size - 1):
        band = (first + row) // side
        for here in range(indptr[row], indptr[row + 1]):
            sizes[band, columns[here] // side] += 1


@kernel
def fill_tiles(
    indptr: NDArray[np.int64],
    first: int,
    columns: NDArray[np.int32],
    values: NDArray[np.float64],
    side: int,
    weighting: Weighting,
    starts: NDArray[np.int64],
    filled: NDArray[np.int64],
    cells: Cells,
    state: np.uint64,
) -> np.uint64:
    """Put the nonzeros of a piece into their tiles, which begin at ``starts`` (B, B) and have ``filled`` (B, B) so far;
    the random state after.

    Each takes a random place among those of its tile, whose owner moves to the end: in the end all orders are equally
    likely.
    """
    scale = np.log(weighting.x_max)
    for row in range(indptr.size - 1):
        band = (first + row) // side
        for here in range(indptr[row], indptr[row + 1]):
            other = columns[here] // side
            begin, last = starts[band, other], filled[band, other]
            filled[band, other] += 1
            state += STRIDE
            at, end = begin + below(mix(state), last + 1), begin + last
            cells.places[end], cells.logs[end], cells.weights[end] = cells.places[at], cells.logs[at], cells.weights[at]
            log = np.log(values[here])
            cells.places[at] = np.uint32((first + row - band * side) << 16 | (columns[here] - other * side))
            cells.logs[at] = log
            cells.weights[at] = min(1.0, np.exp(weighting.alpha * (log - scale)))
    return state


@llvm.lowered(types.float64, llvm.adagrad)
def step(
    left: Floats, row: int, right: Floats, column: int, target: float, weight: float, rate: float, half: int
) -> float:
    """Move left[row] and right[column] towards left[row] . right[column] = target: the loss before, weight * error ** 2
    / 2.

    The first ``half`` numbers of a row are what is learnt, the others the sums of their squared gradients, by whose
    root a gradient is divided before it is added to them, as glove.c does. The gradient has the learning rate in it.
    """
    w, w_sums = left[row, :half], left[row, half:]
    c, c_sums = right[column, :half], right[column, half:]
    error = w @ c - np.float32(target)
    slope = np.float32(rate) * np.float32(weight) * error
    w_slope, c_slope = slope * c, slope * w
    w -= w_slope / np.sqrt(w_sums)
    c -= c_slope / np.sqrt(c_sums)
    w_sums += w_slope * w_slope
    c_sums += c_slope * c_slope
    return float(0.5 * np.float32(weight) * error * error)


@cache
def trainer(dim: int) -> Callable[[Tables, Cells, NDArray[np.int64], float, np.uint64], float]:
    """The kernel for vectors of ``dim`` numbers, compiled for just these."""
    half = width(dim)
    whole = 2 * half

    @kernel
    def train(tables: Tables, cells: Cells, spans: NDArray[np.int64], rate: float, state: np.uint64) -> float:
        """Go over spans of nonzeros, each from a random place in it on and around: the sum of f(x) error ** 2 / 2.

        A span, of ``spans`` (S, 4): its first nonzero, the one after its last, and the first row and column of its
        tile.
        """
        loss = 0.0
        for span in range(spans.shape[0]):
            first, last, top, left = spans[span]
            state += STRIDE
            here = first + below(mix(state), last - first)
            ahead = here
            for count in range(last - first + AHEAD):
                if count < last - first:
                    place = cells.places[ahead]
                    simd.prefetch(tables.words, top + np.int64(place >> 16), whole)
                    simd.prefetch(tables.contexts, left + np.int64(place & 0xFFFF), whole)
                    ahead = ahead + 1 if ahead + 1 < last else first
                if count >= AHEAD:
                    place = cells.places[here]
                    row, column = top + np.int64(place >> 16), left + np.int64(place & 0xFFFF)
                    loss += step(
                        tables.words, row, tables.contexts, column, cells.logs[here], cells.weights[here], rate, half
                    )
                    here = here + 1 if here + 1 < last else first
        return loss

    return train
