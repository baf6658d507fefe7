"""The tree of hierarchical softmax: made of counts (Huffman 1952), and turned into paths from its root to each word.

Legend: V words, T nodes of a tile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import Rows

TILE = 4
"""Nodes that are worked on at once."""


class Paths(NamedTuple):
    """From the root to each word, in whole tiles: word w turns at ``nodes[starts[w]:starts[w + 1]]``.

    ``labels`` is 1 for a turn to the left (code 0 in word2vec.c) and 0 for one to the right. The places that fill the
    last tile have the weight 0 and the node ``nowhere``.
    """

    starts: NDArray[np.int64]
    nodes: NDArray[np.int64]
    labels: NDArray[np.float32]
    weights: NDArray[np.float32]
    hot: int
    """Nodes from here on are so often passed that each thread works on copies of its own; V - 1 where none has any."""


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
    return Paths(starts, nodes, labels, weights, inner)
