"""The binary tree of hierarchical softmax, kept and grown: the words that a model knows keep their way through the
tree, and its rows.

A tree of V words is an array of children, (V - 1, 2): a child that is a word is written -1 - word, any other is a row
of the array.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def root(children: Rows) -> int:
    """The node that is nobody's child; the one word itself, where there is but one."""
    if not len(children):
        return -1
    nodes = np.ones(len(children), bool)
    nodes[children[children >= 0]] = False
    return int(np.flatnonzero(nodes)[0])


def grown(children: Rows, counts: Rows, new: Rows) -> Rows:
    """``children`` with the words ``new`` (rows of ``counts``) in it as a Huffman tree of their own.

    It goes in beside the lightest branch that still outweighs it, where Huffman's algorithm would have joined two of
    such weights. All turns within the old tree stay, so that what its nodes have learnt stays true: rebuilding it would
    hand their rows to other words.
    """
    if not len(new):
        return children
    from wordfield.kernels.trees import huffman

    new = new[np.argsort(-counts[new], kind="stable")]
    branch = huffman(counts[new])
    branch = np.where(branch < 0, -1 - new[-1 - branch], branch + len(children))
    top = len(children) + len(branch) - 1 if len(branch) else -1 - int(new[0])
    result = np.concatenate([children, branch, [[0, 0]]])
    joint, weight, weights = len(result) - 1, counts[new].sum(), _weights(children, counts)
    above, side, below = -1, 0, root(children)
    if not len(children):
        below = -1 - int(np.setdiff1d(np.arange(len(counts)), new)[0])
    while below >= 0:
        sides = [
            (weights[child] if child >= 0 else counts[-1 - child], turn)
            for turn, child in enumerate(children[below].tolist())
        ]
        heavy = [(mass, turn) for mass, turn in sides if mass >= weight]
        if not heavy:
            break
        above, side = below, min(heavy)[1]
        below = int(children[above, side])
    result[joint] = below, top
    if above >= 0:
        result[above, side] = joint
    return result


def _weights(children: Rows, counts: Rows) -> list[int]:
    """How often the words below each node occur, together."""
    order = [root(children)] if len(children) else []
    for node in order:
        order.extend(child for child in children[node].tolist() if child >= 0)
    weights = [0] * len(children)
    for node in reversed(order):
        weights[node] = sum(
            weights[child] if child >= 0 else int(counts[-1 - child]) for child in children[node].tolist()
        )
    return weights
