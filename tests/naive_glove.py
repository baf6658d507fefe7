"""A slow, obvious twin of GloVe, in float64 and one number at a time, after what glove.c does.

``parts`` and ``squares`` are (2, V, D + 1): vector and bias of each word, then of each context. A nonzero is (word,
context, x).
"""

import math

import numpy as np

from naive import Random


def weight(x, x_max, alpha):
    return 1.0 if x > x_max else (x / x_max) ** alpha


def error(parts, word, context, x):
    return parts[0, word, :-1] @ parts[1, context, :-1] + parts[0, word, -1] + parts[1, context, -1] - math.log(x)


def cost(parts, nonzeros, x_max, alpha):
    """f(x) error^2 / 2, summed."""
    return sum(0.5 * weight(x, x_max, alpha) * error(parts, i, j, x) ** 2 for i, j, x in nonzeros)


def train(parts, squares, nonzeros, x_max, alpha, rate, bias_rate):
    """Change parts and squares by each nonzero in turn; the cost of each before it, summed."""
    total = 0.0
    for i, j, x in nonzeros:
        total += cost(parts, [(i, j, x)], x_max, alpha)
        slope = weight(x, x_max, alpha) * error(parts, i, j, x)
        word, context = parts[0, i].copy(), parts[1, j].copy()
        for which, row, other in ((0, i, context), (1, j, word)):
            gradient = slope * np.append(other[:-1], 1.0)
            gradient[:-1] *= rate
            gradient[-1] *= rate if bias_rate == "same" else 1.0  # glove.c: the rate is left out of biases
            parts[which, row] -= gradient / np.sqrt(squares[which, row])
            squares[which, row] += gradient**2
    return total


def tiles(matrix, side, state):
    """The nonzeros of a dense matrix by tile, {(band, band): [(word, context, x) ...]}: a newcomer takes a random
    place, whose owner moves to the end.
    """
    random, found = Random(state), {}
    for i, j in np.argwhere(matrix):
        tile = found.setdefault((i // side, j // side), [])
        tile.append(None)
        place = ((random.bits() >> 32) * len(tile)) >> 32
        tile[-1] = tile[place]
        tile[place] = (int(i), int(j), float(matrix[i, j]))
    return found


def walked(spans, state):
    """The nonzeros of the spans in turn, each from a random place on and around."""
    random, order = Random(state), []
    for span in spans:
        start = ((random.bits() >> 32) * len(span)) >> 32
        order += span[start:] + span[:start]
    return order
