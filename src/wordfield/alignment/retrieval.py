"""Finding words of one model in the space of another, by cosine and by CSLS: how often the right one is found, and
which words are each other's nearest.

A and B: the model that is turned, and the one onto whose space. D dimensions, n rows, I words of A to be found in B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordfield.alignment.pairs import Pair, Rows, directed, row_of
from wordfield.evaluation.scores import Mean, Score
from wordfield.formats.table import HELD
from wordfield.search import csls, exact
from wordfield.vectors import WordVectors

Floats = NDArray[np.float64]

FOUND = (1, 5, 10)
"""Among so many nearest words the right one is looked for."""
REFINED = 15_000
"""Most frequent words of each model that may be each other's nearest, as in MUSE."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Words of A that are to be found in B."""

    words: list[str]
    """All of them (I)."""
    right: dict[int, set[int]]
    """Of those that A knows: the row, and the rows of B that are right."""
    places: list[int]
    """The number of each of these among all."""

    @classmethod
    def of(cls, a: WordVectors, b: WordVectors, pairs: Sequence[Pair]) -> Asked:
        """The words of A in the pairs, and all words of B that stand with them."""
        number: dict[str, int] = {}
        right: dict[int, set[int]] = {}
        places: dict[int, int] = {}
        sound = set(directed(a).tolist())
        for one, other in pairs:
            place, here, there = number.setdefault(one, len(number)), row_of(a, one), row_of(b, other)
            if here in sound:
                places.setdefault(here, place)
                right.setdefault(here, set()).add(there)
        return cls(list(number), right, list(places.values()))


def precision(
    a: WordVectors, b: WordVectors, turn: Floats, asked: Asked, restrict_vocab: int | None, k: int
) -> list[Score]:
    """Precision at 1, 5 and 10 by cosine and by CSLS: whether a right word is among so many nearest ones of the
    ``restrict_vocab`` most frequent. A word that A does not know, or of which no right one is among these, is not
    covered. ``k``: see ``search.csls``.
    """
    candidates = directed(b, restrict_vocab)
    among, covered = set(candidates.tolist()), np.zeros(len(asked.words), bool)
    here = [
        (place, row) for place, (row, right) in zip(asked.places, asked.right.items(), strict=True) if right & among
    ]
    places, rows = np.array(here, np.int64).reshape(-1, 2).T
    covered[places] = True
    answers = dict.fromkeys(("cosine", "csls"), np.empty((0, max(FOUND)), np.int64))
    if len(rows):
        queries = a.table.take(rows) @ turn
        crowded = crowding(a, b, turn, k, candidates, directed(a, restrict_vocab))
        answers["csls"], _ = csls.nearest(b.table, queries, max(FOUND), crowded, candidates)
        answers["cosine"], _ = exact.nearest(
            b.table.matrix, queries, max(FOUND), norms=b.table.norms, candidates=candidates
        )
    scores = []
    for retrieval, found in answers.items():
        good = [[each in asked.right[row] for each in line] for row, line in zip(rows.tolist(), found, strict=True)]
        right = np.array(good, bool).reshape(-1, max(FOUND))
        for most in FOUND:
            hits = np.zeros(len(asked.words), bool)
            hits[places] = right[:, :most].any(axis=1)
            more = {"retrieval": retrieval}
            scores.append(Score("alignment", "pairs", f"precision@{most}", covered, Mean(hits), "skip", more))
    return scores


def crowding(a: WordVectors, b: WordVectors, turn: Floats, k: int, rows: Rows, among: Rows) -> NDArray[np.float32]:
    """Of each row of B the mean cosine with the k nearest of A's rows ``among``, once these are turned, (n,). Not they
    are turned, but B's rows the other way.
    """
    found = np.empty(len(rows), np.float32)
    step = max(1, HELD // max(1, b.dim))
    for start in range(0, len(rows), step):
        some = b.table.take(rows[start : start + step]) @ turn.T
        found[start : start + step] = csls.crowding(a.table, some, k, among)
    return found


def mutual(a: WordVectors, b: WordVectors, turn: Floats, k: int) -> Rows:
    """The rows of A and B, among the most frequent, that are each other's nearest by CSLS (n, 2)."""
    ours, theirs = directed(a, REFINED), directed(b, REFINED)
    there = _best(a, b, turn, k, ours, theirs)
    again = dict(zip(theirs.tolist(), _best(b, a, turn.T, k, theirs, ours).tolist(), strict=True))
    both = [again[other] == one for one, other in zip(ours.tolist(), there.tolist(), strict=True)]
    found: Rows = np.stack([ours, there], axis=1)[np.array(both, bool)]
    return found


def _best(one: WordVectors, other: WordVectors, turn: Floats, k: int, rows: Rows, among: Rows) -> Rows:
    """The nearest row of the other model, by CSLS, of each row (n,)."""
    crowded = crowding(one, other, turn, k, among, rows)
    found = np.empty(len(rows), np.int64)
    step = max(1, HELD // max(1, one.dim))
    for start in range(0, len(rows), step):
        queries = one.table.take(rows[start : start + step]) @ turn
        found[start : start + step] = csls.nearest(other.table, queries, 1, crowded, among)[0][:, 0]
    return found
