"""Skip-gram and CBOW with hierarchical softmax over a Huffman tree (Mikolov, Sutskever, Chen, Corrado and Dean 2013,
section 2.1).

A word is a leaf; its probability is the product of the turns on the way from the root to it. The centre's path is
shared by all inputs of the window, which is no approximation: word2vec.c walks it anew for each. Paths are worked on in
tiles of T nodes.

Legend: V words, D padded dimension, M inputs of a window, T nodes of a tile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from wordfield.kernels import simd
from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import Chunk, Floats, Rates, Reading, Tables, Windows, neighbours, windows
from wordfield.kernels.trees import TILE, Paths

NEAR = 7  # turns from the root whose rows need no fetching ahead: they were used a moment ago
HOT, AGREE = 127, 128
"""How many nodes below the root have copies, and after how many centres the threads' copies are brought together.

All threads pass the root at every word. On one copy they would hand its cache lines to and fro, which costs more than
all the rest (Vuurens, Eickhoff and de Vries 2016, "Efficient parallel learning of Word2Vec").
"""


@kernel
def agree(output: Floats, hot: int, own: int, before: Floats) -> None:
    """Add what this thread changed in its copies, ``output[own:]``, since they were ``before``, to the nodes
    ``output[hot:]``, and take over what the other threads changed there.
    """
    for node in range(before.shape[0]):
        for column in range(before.shape[1]):
            now = output[hot + node, column] + (output[own + node, column] - before[node, column])
            output[hot + node, column] = now
            output[own + node, column] = now
            before[node, column] = now


@cache
def trainer(dim: int, cbow: bool, shared: bool) -> Callable[..., tuple[float, int]]:
    """The kernel for rows of ``dim`` numbers; ``cbow`` and ``shared`` as in negative sampling."""
    step, spare = simd.pitch(TILE), simd.spare(TILE)

    @kernel
    def train(
        tables: Tables, chunk: Chunk, reading: Reading, tree: Paths, rates: Rates, scratch: Windows, state: np.uint64
    ) -> tuple[float, int]:
        """Train on a chunk: the loss in nats, summed over inputs and the turns of their paths, and the number of
        inputs.
        """
        count, state = windows(chunk, reading, state, scratch)
        longest = 0
        for word in range(tree.starts.size - 1):
            longest = max(longest, tree.starts[word + 1] - tree.starts[word])
        inputs, room = np.empty(2 * reading.window + 1, np.int64), 2 * reading.window * step + spare
        scores, slopes = np.zeros(room, np.float32), np.zeros(longest // TILE * room, np.float32)
        rows, old = np.empty(longest, np.int64), np.zeros((2 * reading.window, dim), np.float32)
        error, single = np.zeros((1, dim), np.float32), np.zeros(1, np.int64)
        inner = tables.input.shape[0] - 1
        copies = inner - tree.hot
        own = inner + 2 + scratch.thread * copies
        before = np.zeros((copies, dim), np.float32)
        for node in range(copies):
            for column in range(dim):
                before[node, column] = tables.output[tree.hot + node, column]
                tables.output[own + node, column] = before[node, column]
        loss, pairs = 0.0, 0
        for here in range(count):
            if here % AGREE == 0:
                agree(tables.output, tree.hot, own, before)
            if here + 1 < count:
                ahead = scratch.kept[here + 1]
                for at in range(tree.starts[ahead] + NEAR, tree.starts[ahead + 1]):
                    simd.prefetch(tables.output, tree.nodes[at], dim)
                simd.prefetch(tables.input, scratch.kept[min(here + 1 + reading.window, count - 1)], dim)
            inside = neighbours(scratch, here, inputs)
            if inside == 0:
                continue
            rate = rates.first + (rates.last - rates.first) * here / count
            begin = tree.starts[scratch.kept[here]]
            turns = tree.starts[scratch.kept[here] + 1] - begin
            for turn in range(turns):
                node = tree.nodes[begin + turn]
                rows[turn] = own + node - tree.hot if tree.hot <= node < inner else node
            # All scores come before any update, so that the step is the gradient exactly.
            if cbow:
                simd.rows_mean(tables.input, inputs, inside, dim, old)
                for turn in range(0, turns, TILE):
                    at, first = begin + turn, turn // TILE * room
                    simd.tile_scores(old, single, 1, tables.output, rows, turn, TILE, dim, scores)
                    loss += simd.tile_logistic(scores, 1, tree.labels, tree.weights, at, rate, TILE, slopes, first)
                for column in range(dim):
                    error[0, column] = 0
                for turn in range(0, turns, TILE):
                    first = turn // TILE * room
                    simd.tile_update(error, single, old, 1, tables.output, rows, turn, TILE, dim, slopes, first)
                simd.rows_add(tables.input, inputs, inside, dim, error, 1 / inside if shared else 1.0)
                pairs += 1
            else:
                for i in range(inside):
                    for column in range(dim):
                        old[i, column] = tables.input[inputs[i], column]
                for turn in range(0, turns, TILE):
                    at, first = begin + turn, turn // TILE * room
                    simd.tile_scores(tables.input, inputs, inside, tables.output, rows, turn, TILE, dim, scores)
                    loss += simd.tile_logistic(scores, inside, tree.labels, tree.weights, at, rate, TILE, slopes, first)
                for turn in range(0, turns, TILE):
                    first = turn // TILE * room
                    simd.tile_update(
                        tables.input, inputs, old, inside, tables.output, rows, turn, TILE, dim, slopes, first
                    )
                pairs += inside
        agree(tables.output, tree.hot, own, before)
        return loss, pairs

    return train
