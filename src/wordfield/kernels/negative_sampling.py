"""Skip-gram and CBOW with negative sampling (Mikolov, Sutskever, Chen, Corrado and Dean 2013, section 2.2).

Skip-gram, as in word2vec.c: each neighbour is an input, the centre is the answer, which over a corpus makes the same
pairs as the other way round. The centre and its noise words are shared by all inputs of the window, so a step is a
product of small matrices whose rows stay in registers (Ji, Satish, Li and Dubey 2016, "Parallelizing word2vec in shared
and distributed memory"). CBOW: the input is the mean of the neighbours.

Legend: V words, D padded dimension, M inputs of a window, T targets: the centre and its noise words.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from wordfield.kernels import simd
from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import Chunk, Noise, Rates, Reading, Tables, Windows, neighbours, targets, windows

AHEAD, RING = 3, 4  # targets are drawn, and their rows fetched, so many centres before they are used


@cache
def trainer(dim: int, negatives: int, cbow: bool, shared: bool) -> Callable[..., tuple[float, int]]:
    """The kernel for rows of ``dim`` numbers and this many noise words, compiled for just these.

    ``cbow``: the mean of the neighbours is the input, else each neighbour. ``shared``: its gradient is divided among
    the neighbours, as the derivative of a mean is (Irsoy, Benton and Stratos 2021, arXiv 2012.15332); else each gets it
    whole, as in word2vec.c.
    """
    size = negatives + 1
    step, spare = simd.pitch(size), simd.spare(size)

    @kernel
    def train(
        tables: Tables, chunk: Chunk, reading: Reading, noise: Noise, rates: Rates, scratch: Windows, state: np.uint64
    ) -> tuple[float, int]:
        """Train on a chunk: the loss in nats, summed over inputs and their targets, and the number of inputs."""
        count, state = windows(chunk, reading, state, scratch)
        inputs, room = np.empty(2 * reading.window + 1, np.int64), 2 * reading.window * step + spare
        scores, slopes = np.zeros(room, np.float32), np.zeros(room, np.float32)
        ring = RING * step
        rows, weights, labels = np.zeros(ring, np.int64), np.zeros(ring, np.float32), np.zeros(ring, np.float32)
        labels[::step] = 1
        mean, error, single = np.zeros((1, dim), np.float32), np.zeros((1, dim), np.float32), np.zeros(1, np.int64)
        loss, pairs, nowhere = 0.0, 0, tables.output.shape[0] - 1
        for ahead in range(count + AHEAD):
            if ahead < count:
                at = ahead % RING * step
                state = targets(noise, scratch.kept[ahead], nowhere, size, at, rows, weights, state)
                for j in range(size):
                    simd.prefetch(tables.output, rows[at + j], dim)
                simd.prefetch(tables.input, scratch.kept[min(ahead + reading.window, count - 1)], dim)
            here = ahead - AHEAD
            if here < 0:
                continue
            inside = neighbours(scratch, here, inputs)
            if inside == 0:
                continue
            at = here % RING * step
            rate = rates.first + (rates.last - rates.first) * here / count
            if cbow:
                simd.rows_mean(tables.input, inputs, inside, dim, mean)
                simd.tile_scores(mean, single, 1, tables.output, rows, at, size, dim, scores)
                loss += simd.tile_logistic(scores, 1, labels, weights, at, rate, size, slopes, 0)
                for column in range(dim):
                    error[0, column] = 0
                simd.tile_update(error, single, mean, 1, tables.output, rows, at, size, dim, slopes, 0)
                simd.rows_add(tables.input, inputs, inside, dim, error, 1 / inside if shared else 1.0)
                pairs += 1
            else:
                simd.tile_scores(tables.input, inputs, inside, tables.output, rows, at, size, dim, scores)
                loss += simd.tile_logistic(scores, inside, labels, weights, at, rate, size, slopes, 0)
                simd.tile_update(
                    tables.input, inputs, tables.input, inside, tables.output, rows, at, size, dim, slopes, 0
                )
                pairs += inside
        return loss, pairs

    return train
