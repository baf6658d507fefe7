"""The k best of many scores, kept while the scores are made: most of a table is read once and forgotten.

Each query owns a heap of k (score, row) whose root is the worst kept. A stretch of scores is first only compared with
the root, which vectorises; the stretch is looked at one by one only where something in it is better. As the scan goes
on that becomes rare: of V scores in random order about k ln(V / k) enter the heap.

Q queries, R rows of the block, E rows excluded for each query, P factors of a product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel

STRETCH = 128
EMPTY = -1
"""The row of a place in the heap that nothing has filled."""

Float = np.floating[Any]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@kernel
def replace_worst(best: Floats, best_rows: Rows, score: float, row: int) -> None:
    """Put a better score in the place of the root of one heap (k,); its row is higher than any kept."""
    k = len(best)
    here = 0
    while True:
        child = 2 * here + 1
        if child >= k:
            break
        other = child + 1
        if other < k and (
            best[other] < best[child] or (best[other] == best[child] and best_rows[other] > best_rows[child])
        ):
            child = other
        if best[child] >= score:  # among equals the new row, the highest, is the worst
            break
        best[here] = best[child]
        best_rows[here] = best_rows[child]
        here = child
    best[here] = score
    best_rows[here] = row


@kernel
def push(scores: Floats, scale: Floats, rows: Rows, exclude: Rows, best: Floats, best_rows: Rows) -> None:
    """Offer ``scores[q, i] * scale[i]`` of row ``rows[i]`` to the heap of each query q.

    scores (Q, R); scale (R,); rows (R,) ascending within and between calls, so that of equal scores the lower row
    stays; exclude (Q, E) rows never kept, filled up with ``EMPTY``; best, best_rows (Q, k) heaps, at first -inf and
    ``EMPTY``. NaN never enters.
    """
    queries, width = scores.shape
    for q in range(queries):
        line = scores[q]
        worst = best[q, 0]
        for start in range(0, width, STRETCH):
            part = line[start : start + STRETCH]  # views that begin at 0, a count of 32 bits: so the loop vectorises
            scales = scale[start : start + STRETCH]
            better = np.int32(0)
            for i in range(len(part)):
                better += np.int32(part[i] * scales[i] > worst)
            if better == 0:
                continue
            for i in range(len(part)):
                score = part[i] * scales[i]
                if not score > worst:
                    continue
                row = rows[start + i]
                allowed = True
                for e in range(exclude.shape[1]):
                    if exclude[q, e] == row:
                        allowed = False
                if allowed:
                    replace_worst(best[q], best_rows[q], score, row)
                    worst = best[q, 0]


@kernel
def products(cosines: Floats, scale: Floats, positives: int, epsilon: float, out: Floats) -> None:
    """3CosMul's score, out[q, i] = prod((cos + 1) / 2 of the positives) / prod((cos + 1) / 2 + epsilon of the
    negatives).

    cosines (Q, P, R), to be multiplied by scale (R,); the first ``positives`` of each P multiply, the others divide;
    out (Q, R).
    """
    queries, factors, width = cosines.shape
    half, one = np.float32(0.5), np.float32(1.0)
    for q in range(queries):
        line = out[q]
        line[:] = one
        for p in range(factors):
            part = cosines[q, p]
            if p < positives:
                for i in range(width):
                    line[i] *= (part[i] * scale[i] + one) * half
            else:
                for i in range(width):
                    line[i] /= (part[i] * scale[i] + one) * half + np.float32(epsilon)


@inlined
def _answers(of_a: Float, of_b: Float, of_c: Float, multiplied: bool, epsilon: Float) -> Float:
    """The score of a row that has these cosines with a, b and c."""
    half, one = np.float32(0.5), np.float32(1.0)
    if multiplied:
        return (of_b + one) * half * ((of_c + one) * half) / ((of_a + one) * half + epsilon)
    return of_b - of_a + of_c


@kernel
def answer(
    cosines: Floats,
    asked: Rows,
    rows: Rows,
    exclude: Rows,
    multiplied: bool,
    epsilon: float,
    best: Floats,
    best_rows: Rows,
    first: int,
    last: int,
) -> None:
    """The best row so far that is to c as b is to a, of questions ``first`` to ``last`` (not included): best (Q,) its
    score, at first -inf, best_rows (Q,).

    A row's score is its cosine with b - a + c, but for the length of that, or, ``multiplied``, 3CosMul's: made of its
    cosines with the words alone, cosines (U, R). asked (Q, 3): the places of a, b and c among these words. rows (R,)
    ascending within and between calls, so that of equal scores the lower row stays; exclude (Q, E) rows that are no
    answer. NaN never is.
    """
    width = cosines.shape[1]
    small = np.float32(epsilon)
    for q in range(first, last):
        line_a, line_b, line_c = cosines[asked[q, 0]], cosines[asked[q, 1]], cosines[asked[q, 2]]
        most = best[q]
        for start in range(0, width, STRETCH):
            of_a = line_a[start : start + STRETCH]
            of_b = line_b[start : start + STRETCH]
            of_c = line_c[start : start + STRETCH]
            better = np.int32(0)
            if multiplied:
                for i in range(len(of_a)):
                    better += np.int32(_answers(of_a[i], of_b[i], of_c[i], True, small) > most)
            else:
                for i in range(len(of_a)):
                    better += np.int32(_answers(of_a[i], of_b[i], of_c[i], False, small) > most)
            if better == 0:
                continue
            for i in range(len(of_a)):
                score = _answers(of_a[i], of_b[i], of_c[i], multiplied, small)
                if not score > most:
                    continue
                allowed = True
                for e in range(exclude.shape[1]):
                    if exclude[q, e] == rows[start + i]:
                        allowed = False
                if allowed:
                    most = best[q] = score
                    best_rows[q] = rows[start + i]
