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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels import simd
from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import Chunk, Rates, Reading, Rows, Tables, Windows, neighbours, windows

TILE = 4


class Paths(NamedTuple):
    """From the root to each word, in whole tiles: word w turns at ``nodes[starts[w]:starts[w + 1]]``.

    ``labels`` is 1 for a turn to the left (code 0 in word2vec.c) and 0 for one to the right. The places that fill the
    last tile have the weight 0 and the node ``nowhere``.
    """

    starts: NDArray[np.int64]
    nodes: NDArray[np.int64]
    labels: NDArray[np.float32]
    weights: NDArray[np.float32]


@kernel
def huffman(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The Huffman tree of ``counts`` (V,), sorted from high to low: the children of each inner node, (V - 1, 2), the
    root last.

    A child that is a word is written -1 - word. The two smallest join first; of equals, words come before inner nodes.
    """
    inner = max(counts.size - 1, 0)
    children, weights = np.empty((inner, 2), np.int64), np.empty(inner, np.int64)
    word, oldest = counts.size - 1, 0
    for node in range(inner):
        weights[node] = 0
        for side in range(2):
            if word >= 0 and (oldest == node or counts[word] <= weights[oldest]):
                children[node, side] = -1 - word
                weights[node] += counts[word]
                word -= 1
            else:
                children[node, side] = oldest
                weights[node] += weights[oldest]
                oldest += 1
    return children


@kernel
def paths(children: Rows, root: int, words: int, nowhere: int) -> Paths:
    """The path to each of ``words`` words below ``root``; ``children`` as `huffman` writes them, its nodes in any
    order.
    """
    inner = children.shape[0]
    above, side_of, depth = np.full(inner, -1, np.int64), np.zeros(inner, np.int64), np.zeros(inner, np.int64)
    leaf, side_of_leaf, turns = np.full(words, -1, np.int64), np.zeros(words, np.int64), np.zeros(words, np.int64)
    order, filled = np.full(max(inner, 1), root, np.int64), 1
    for position in range(inner):
        node = order[position]
        for side in range(2):
            child = children[node, side]
            if child < 0:
                leaf[-1 - child], side_of_leaf[-1 - child], turns[-1 - child] = node, side, depth[node] + 1
            else:
                above[child], side_of[child], depth[child] = node, side, depth[node] + 1
                order[filled] = child
                filled += 1
    starts = np.zeros(words + 1, np.int64)
    for word in range(words):
        starts[word + 1] = starts[word] + (turns[word] + TILE - 1) // TILE * TILE
    size = starts[words]
    nodes, labels, weights = np.full(size, nowhere, np.int64), np.zeros(size, np.float32), np.zeros(size, np.float32)
    for word in range(words):
        node, side = leaf[word], side_of_leaf[word]
        for turn in range(starts[word] + turns[word] - 1, starts[word] - 1, -1):
            nodes[turn], labels[turn], weights[turn] = node, 1 - side, 1
            node, side = above[node], side_of[node]
    return Paths(starts, nodes, labels, weights)


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
        old = np.zeros((2 * reading.window, dim), np.float32)
        error, single = np.zeros((1, dim), np.float32), np.zeros(1, np.int64)
        loss, pairs = 0.0, 0
        for here in range(count):
            if here + 1 < count:
                ahead = scratch.kept[here + 1]
                for at in range(tree.starts[ahead], tree.starts[ahead + 1]):
                    simd.prefetch(tables.output, tree.nodes[at], dim)
                simd.prefetch(tables.input, scratch.kept[min(here + 1 + reading.window, count - 1)], dim)
            inside = neighbours(scratch, here, inputs)
            if inside == 0:
                continue
            rate = rates.first + (rates.last - rates.first) * here / count
            begin, end = tree.starts[scratch.kept[here]], tree.starts[scratch.kept[here] + 1]
            if cbow:
                simd.rows_mean(tables.input, inputs, inside, dim, old)
                for at in range(
                    begin, end, TILE
                ):  # all scores before any update, so that the step is the gradient exactly
                    first = (at - begin) // TILE * room
                    simd.tile_scores(old, single, 1, tables.output, tree.nodes, at, TILE, dim, scores)
                    loss += simd.tile_logistic(scores, 1, tree.labels, tree.weights, at, rate, TILE, slopes, first)
                for column in range(dim):
                    error[0, column] = 0
                for at in range(begin, end, TILE):
                    first = (at - begin) // TILE * room
                    simd.tile_update(error, single, old, 1, tables.output, tree.nodes, at, TILE, dim, slopes, first)
                simd.rows_add(tables.input, inputs, inside, dim, error, 1 / inside if shared else 1.0)
                pairs += 1
            else:
                for i in range(inside):
                    for column in range(dim):
                        old[i, column] = tables.input[inputs[i], column]
                for at in range(begin, end, TILE):
                    first = (at - begin) // TILE * room
                    simd.tile_scores(tables.input, inputs, inside, tables.output, tree.nodes, at, TILE, dim, scores)
                    loss += simd.tile_logistic(scores, inside, tree.labels, tree.weights, at, rate, TILE, slopes, first)
                for at in range(begin, end, TILE):
                    first = (at - begin) // TILE * room
                    simd.tile_update(
                        tables.input, inputs, old, inside, tables.output, tree.nodes, at, TILE, dim, slopes, first
                    )
                pairs += inside
        return loss, pairs

    return train
