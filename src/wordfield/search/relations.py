"""Answers to many questions that share words: the row that is to c as b is to a.

A row's cosine with b - a + c is the sum of its cosines with b, with c and, subtracted, with a, divided by a length that
is the same for all rows; 3CosMul is made of the same three cosines (Levy and Goldberg 2014). So each word, not each
question, is multiplied with the table, block by block, and for a question three rows of cosines are gone through: a
thousand words make the twenty thousand questions of Google's set.

V rows of the table, D dimensions, U words asked about, Q questions, R rows of a block, E rows excluded for each
question.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from wordfield.search.blocks import QUIET, SCORES, Floats, Pass, Rows, product, threads_allowed
from wordfield.search.exact import EPSILON, unit

if TYPE_CHECKING:
    from wordfield.search.blocks import Matrix

LEAST = 512
"""Rows of a block, at least, however many words there are."""
PART = 64
"""Questions of a thread, at least."""


@QUIET
def answers(
    matrix: Matrix,
    vectors: Floats,
    asked: Rows,
    *,
    norms: Floats,
    exclude: Rows,
    multiplied: bool = False,
    candidates: Rows | None = None,
) -> Rows:
    """The row that is to c as b is to a, of equal ones the lowest, for each question (Q,); -1 where no row may answer.

    matrix (V, D) and its norms (V,); vectors (U, D) of the words asked about, of any length; asked (Q, 3): which of
    them are a, b and c; exclude (Q, E) rows that are no answer; candidates (C,) the only rows that may answer,
    ascending. ``multiplied``: by 3CosMul, not by the cosine with b - a + c.
    """
    from wordfield.kernels.topk import answer

    directions = unit(vectors).astype(np.float32)
    best = np.full(len(asked), -np.inf, np.float32)
    found = np.full(len(asked), -1, np.int64)
    over = Pass(matrix, norms, candidates, len(directions), max(LEAST, SCORES // max(1, len(directions))))
    threads = max(1, min(threads_allowed(), len(asked) // PART))
    bounds = [len(asked) * thread // threads for thread in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for rows, block, scale in over.blocks(0, over.count):
            cosines = product(directions, block)
            cosines *= scale
            shared = (cosines, asked, rows, exclude, multiplied, EPSILON, best, found)
            for done in [pool.submit(answer, *shared, *part) for part in pairwise(bounds)]:
                done.result()
    return found
