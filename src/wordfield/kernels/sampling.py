"""What training kernels share: the random choices (noise words, subsampling, window widths) and the arrays that they
are handed.

The generator is SplitMix64 (Steele, Lea and Flood 2014, section 5): the state is a counter, so a stream is named by one
number and handed on by value. Noise words come from an alias table (Walker 1974). Legend: V words, D dimension, N
tokens of a chunk, S sentences.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel

STRIDE = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
HALF, ALWAYS = np.uint64(32), np.uint64(0xFFFFFFFF)

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


Noise = NDArray[np.uint64]
"""Words to draw as noise, (V,): word w stays itself when 32 random bits are at most the high half of ``noise[w]``, else
it is the low half.
"""


class Chunk(NamedTuple):
    """Tokens in sentences: ``ids`` (N,) int32; sentence s is ``ids[starts[s]:starts[s + 1]]``, ``starts`` (S + 1,)
    int64.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]


class Reading(NamedTuple):
    """How a chunk is read: ``keep`` (V,) uint32 to subsample by, words to each side, whether a width is drawn."""

    keep: NDArray[np.uint32]
    window: int
    shrink: bool


class Rates(NamedTuple):
    """The learning rate at the first and after the last token of a chunk; linear between."""

    first: float
    last: float


class Tables(NamedTuple):
    """What is learnt: input (V, D) and output (rows + 1, D), whose last row stays zero: the place of a target that is
    none.
    """

    input: NDArray[np.float32]
    output: NDArray[np.float32]


class Windows(NamedTuple):
    """A thread's room for the tokens that subsampling kept, and for each one's window, ``kept[low[here]:high[here]]``,
    itself included; each (N,) int32. ``thread``: which one it is, from 0.
    """

    kept: NDArray[np.int32]
    low: NDArray[np.int32]
    high: NDArray[np.int32]
    thread: int = 0


@inlined
def mix(state: np.uint64) -> np.uint64:
    """64 random bits of a state; the caller adds STRIDE to the state before each call."""
    z = (state ^ (state >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


@inlined
def below(bits: np.uint64, bound: int) -> int:
    """A number from 0 to ``bound - 1``, of the high half of 64 random bits."""
    return int(np.int64(((bits >> HALF) * np.uint64(bound)) >> HALF))


@inlined
def draw(noise: Noise, bits: np.uint64) -> int:
    """A noise word, of 64 random bits."""
    word = below(bits, noise.size)
    cell = noise[word]
    return word if (bits & ALWAYS) <= (cell >> HALF) else int(np.int64(cell & ALWAYS))


@kernel
def alias_table(shares: NDArray[np.float64]) -> Noise:
    """Noise in which word w is drawn in proportion to ``shares[w]`` (Vose 1991): V cells, each of at most two words."""
    size = shares.size
    noise = np.empty(size, np.uint64)
    left = shares * (size / shares.sum())
    waiting = np.empty(size, np.int64)  # the words with less than a cell from the front, those with more from the back
    small, large = 0, size
    for word in range(size):
        noise[word] = (ALWAYS << HALF) | np.uint64(word)
        if left[word] < 1:
            waiting[small] = word
            small += 1
        else:
            large -= 1
            waiting[large] = word
    while small > 0 and large < size:
        small -= 1
        poor, rich = waiting[small], waiting[large]
        noise[poor] = (np.uint64(left[poor] * 4294967295.0) << HALF) | np.uint64(rich)
        left[rich] -= 1 - left[poor]
        if left[rich] < 1:
            large += 1
            waiting[small] = rich
            small += 1
    return noise


@kernel
def windows(chunk: Chunk, reading: Reading, state: np.uint64, out: Windows) -> tuple[int, np.uint64]:
    """Subsample a chunk and draw the windows: how many tokens were kept, and the state after.

    Token w is kept when 32 random bits are at most ``keep[w]``. Dropped tokens leave no gap, as in word2vec.c: windows
    reach past them. A width is drawn from 1 to ``window`` when ``shrink`` is set, and windows end with the sentence.
    """
    count = 0
    for sentence in range(chunk.starts.size - 1):
        begin = count
        for here in range(chunk.starts[sentence], chunk.starts[sentence + 1]):
            word = chunk.ids[here]
            state += STRIDE
            out.kept[count] = word
            if (mix(state) >> HALF) <= np.uint64(reading.keep[word]):
                count += 1
        for here in range(begin, count):
            width = reading.window
            if reading.shrink:
                state += STRIDE
                width = 1 + below(mix(state), reading.window)
            out.low[here] = max(begin, here - width)
            out.high[here] = min(count, here + width + 1)
    return count, state


@inlined
def targets(
    noise: Noise, centre: int, nowhere: int, size: int, at: int, rows: Rows, weights: Floats, state: np.uint64
) -> np.uint64:
    """Fill ``rows[at:at + size]`` with the centre and noise words, and ``weights`` there with how often each counts;
    the state after.

    Rows must differ: a word that is drawn again counts twice, and the centre is never its own noise; the place left
    over gets the row ``nowhere`` and the weight 0.
    """
    rows[at], weights[at] = centre, 1
    for j in range(at + 1, at + size):
        state += STRIDE
        rows[j], weights[j] = draw(noise, mix(state)), 1
    same = 0
    for j in range(at + 1, at + size):
        for i in range(at, j):
            same += rows[i] == rows[j]
    if same > 0:
        for j in range(at + 1, at + size):
            for i in range(at, j):
                if rows[i] == rows[j]:
                    rows[j], weights[j] = nowhere, 0
                    weights[i] += 1 if i > at else 0
                    break
    return state


@inlined
def neighbours(windows: Windows, here: int, inputs: Rows) -> int:
    """Fill ``inputs`` with the words around ``here``; their number."""
    count = 0
    for there in range(windows.low[here], windows.high[here]):
        inputs[count] = windows.kept[there]
        count += there != here
    return count
