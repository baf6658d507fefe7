"""How good and how fast a search is that may miss some of the nearest rows, beside exact search, on rows of the table
itself: of half of them it is told how the search is set best, of the other half how good it then is.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import TypeAlias

import numpy as np

from wordfield.search import exact
from wordfield.search.blocks import Floats, Rows
from wordfield.search.described import Table

NEIGHBORS = 10
"""Answers that are compared with those of exact search."""
SAMPLE = 1000
"""Rows that are searched for."""
ALONE = 20
"""Of these searched for one at a time."""
SAME = 1e-6
"""Cosines that differ by no more are equal: of equal rows any is as good as the other."""

Search: TypeAlias = Callable[..., tuple[Rows, Floats]]


class Trial:
    """A sample of some ``rows`` of a table, and what exact search finds for them. ``together``: queries per second of
    that; ``judging``: how many rows tell how good a search is.
    """

    def __init__(self, table: Table, rows: Rows, random: np.random.Generator) -> None:
        self.table = table
        self.sample = np.sort(random.choice(rows, min(SAMPLE, len(rows)), replace=False))
        self.queries: Floats = table.matrix[self.sample]
        self.choosing = random.permutation(len(self.sample)) < len(self.sample) // 2
        self.judging = int((~self.choosing).sum())
        exact.nearest(table.matrix, self.queries[:1], 1, norms=table.norms)  # whatever has to be made ready is
        begun = perf_counter()
        _, self.right = self._found(exact.nearest)
        self.together = len(self.sample) / (perf_counter() - begun)

    def of(self, search: Search) -> tuple[float, float, float]:
        """The recall of a search on the first half, on the second, and queries per second of both at once."""
        begun = perf_counter()
        _, scores = self._found(search)
        seconds = perf_counter() - begun
        halves = (self.choosing, ~self.choosing)
        chosen, judged = (recall(scores[half], self.right[half]) for half in halves)
        return chosen, judged, len(self.sample) / seconds

    def alone(self, search: Search) -> float:
        """Queries per second, one after the other."""
        taken = []
        for here in range(0, len(self.sample), max(1, len(self.sample) // ALONE)):
            begun = perf_counter()
            self._found(search, slice(here, here + 1))
            taken.append(perf_counter() - begun)
        return 1 / median(taken)

    def _found(self, search: Search, some: slice = slice(None)) -> tuple[Rows, Floats]:
        excluded = self.sample[some, None]
        return search(self.table.matrix, self.queries[some], NEIGHBORS, norms=self.table.norms, exclude=excluded)


def recall(found: Floats, right: Floats) -> float:
    """The share of right answers that a search has found: of cosines ``right`` (Q, k), filled up with -inf, those that
    ``found`` (Q, k) reaches.
    """
    there = right > -np.inf
    counts = there.sum(axis=1)
    least = np.where(there, right, np.inf).min(axis=1, initial=np.inf) - SAME
    hits = np.minimum((found >= least[:, None]).sum(axis=1), counts)
    return float(hits.sum() / max(1, counts.sum()))
