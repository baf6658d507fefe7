"""Who is near whom: how much of its neighbours a word keeps from one model to another, and which words are near to
suspiciously many.

Exact, by cosine. V words, n of them asked about, D dimensions, k neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.scores import Mean, Score
from wordfield.search import exact
from wordfield.vectors import HELD, WordVectors

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

FREQUENT = 30_000
"""Words, of the most frequent, that are looked at."""


@dataclass(frozen=True, eq=False)
class Hubness:
    """How unevenly words are neighbours of others (Radovanović, Nanopoulos and Ivanović 2010, "Hubs in Space")."""

    words: list[str]
    """The words that were looked at (n)."""
    times: Rows
    """N_k: of how many of them each is one of the k nearest (n,)."""
    k: int
    undirected: int
    """Words that were left out because their vectors are zeros, or hold NaN or infinity."""

    @property
    def skewness(self) -> float | None:
        """The third moment of N_k about its mean, over the cube of its standard deviation: 0 where all are neighbours
        alike, large where a few are everybody's; None where all are so equally often.
        """
        apart = self.times - self.times.mean()
        deviation = float(np.sqrt(np.mean(apart**2)))
        return float(np.mean(apart**3)) / deviation**3 if deviation else None

    @property
    def antihubs(self) -> float:
        """The share of words that are nobody's neighbour."""
        return float((self.times == 0).mean())

    def hubs(self, most: int = 10) -> list[tuple[str, int]]:
        """The words that are neighbours most often, with how often; of equal ones the more frequent word first."""
        order = np.argsort(-self.times, kind="stable")[:most]
        return [(self.words[place], int(self.times[place])) for place in order]


@dataclass(frozen=True, eq=False)
class Overlap:
    """The neighbours of the same words in two models. What can be told of n words."""

    models: tuple[WordVectors, WordVectors]
    words: list[str]
    """The words that were asked about (n)."""
    here: list[list[str]]
    """The neighbours of each in the first model, nearest first."""
    there: list[list[str]]
    """Those in the second."""
    k: int
    shared: int
    """Words that both models have, from which those asked about were drawn."""

    @cached_property
    def shares(self) -> Floats:
        """Of each word, the share of its k neighbours that are the same in both (n,)."""
        both = [len({*one} & {*other}) for one, other in zip(self.here, self.there, strict=True)]
        return np.array(both) / self.k

    @property
    def score(self) -> Score:
        """The mean share as a score, with its interval over the words."""
        every = np.ones(len(self.words), bool)
        return Score("neighborhoods", "shared words", f"overlap@{self.k}", every, Mean(self.shares), "skip")

    @cached_property
    def similarities(self) -> Floats:
        """Of each word, whether it is equally near to the same words (n,): the cosine of its cosines in one model, with
        all of its neighbours in either that both have, and those in the other (Hamilton, Leskovec and Jurafsky 2016,
        "Cultural Shift or Linguistic Drift?"). NaN where no neighbour is in both.
        """
        one, other = self.models
        found = np.full(len(self.words), np.nan)
        for place, word in enumerate(self.words):
            around = dict.fromkeys(self.here[place] + self.there[place])
            names = [each for each in around if each in one and each in other]
            if names:
                left, right = _cosines(one, word, names), _cosines(other, word, names)
                lengths = float(np.sqrt((left @ left) * (right @ right)))
                found[place] = left @ right / lengths if lengths else np.nan
        return found

    def drift(self, most: int = 20) -> list[dict[str, Any]]:
        """The words that differ most: of the least overlap, then of the least ``similarities``. Objects of word,
        overlap, similarity, here and there (its neighbours).
        """
        order = np.lexsort((self.similarities, self.shares))[:most]
        return [
            {
                "word": self.words[place],
                "overlap": float(self.shares[place]),
                "similarity": float(self.similarities[place]) if np.isfinite(self.similarities[place]) else None,
                "here": self.here[place],
                "there": self.there[place],
            }
            for place in order
        ]


def hubness(words: WordVectors, k: int = 10, restrict_vocab: int | None = FREQUENT) -> Hubness:
    """How often each word is one of the ``k`` nearest of another, among the ``restrict_vocab`` most frequent (None
    or 0: among all, which takes time with the square of their number).

    ``ValueError`` where there are no two words with a direction.
    """
    limit = _checked(k, restrict_vocab, len(words))
    rows = _directed(words)[:limit].nonzero()[0]
    if len(rows) < 2:
        raise ValueError(f"neighbours need at least 2 words whose vectors have a direction, not {len(rows)}")
    near = min(k, len(rows) - 1)
    found = _nearest(words, rows, near, rows)
    times = np.bincount(found[found >= 0], minlength=len(words))[rows]
    return Hubness([words.vocabulary.words[row] for row in rows], times, near, limit - len(rows))


def overlap(
    one: WordVectors,
    other: WordVectors,
    k: int = 10,
    words: int | None = 1000,
    restrict_vocab: int | None = FREQUENT,
    *,
    among_shared: bool = True,
    seed: int = 1,
) -> Overlap | None:
    """The ``k`` nearest words in both models of up to ``words`` words that both have (None: of all), always the same
    ones; None where there are no two.

    Words and neighbours are among the ``restrict_vocab`` most frequent of each (None or 0: of all), and neighbours
    among those that both have. Not ``among_shared``: neighbours among all words of a model, so that one that is gone
    from the other is a neighbour lost. Words whose vectors have no direction are not asked about.
    """
    limit = _checked(k, restrict_vocab, max(len(one), len(other)))
    if words is not None and words < 1:
        raise ValueError(f"words is how many words to ask about, at least 1, not {words}")
    index, sound = other.vocabulary.index, (_directed(one), _directed(other))
    pairs = [(row, index.get(word, limit)) for row, word in enumerate(one.vocabulary.words[:limit])]
    pairs = [(row, there) for row, there in pairs if there < limit and sound[0][row] and sound[1][there]]
    near = min(k, len(pairs) - 1 if among_shared else min(len(one), len(other)) - 1)
    if near < 1 or not pairs:
        return None
    rows, theirs = np.array(pairs, dtype=np.int64).T
    draw = np.random.default_rng(seed)
    asked = np.sort(draw.choice(len(rows), min(words or len(rows), len(rows)), replace=False))
    found = []
    for model, places in ((one, rows), (other, theirs)):
        among = np.sort(places) if among_shared else None
        names = model.vocabulary.words
        nearest = _nearest(model, places[asked], near, among)
        found.append([[names[row] for row in line if row >= 0] for line in nearest.tolist()])
    chosen = [one.vocabulary.words[row] for row in rows[asked]]
    return Overlap((one, other), chosen, found[0], found[1], near, len(rows))


def _nearest(words: WordVectors, asked: Rows, k: int, among: Rows | None) -> Rows:
    """The rows of the k nearest of each row that is asked about (n, k), itself left out; -1 where there are fewer."""
    table = words.table
    whole = among is None or len(among) == table.shape[0]
    found = np.empty((len(asked), k), np.int64)
    step = max(1, HELD // max(1, words.dim))
    for start in range(0, len(asked), step):
        some = asked[start : start + step]
        found[start : start + step], _ = exact.nearest(
            table.matrix,
            table.take(some),
            k,
            norms=table.norms,
            exclude=some[:, None],
            candidates=None if whole else among,
        )
    return found


def _directed(words: WordVectors) -> NDArray[np.bool_]:
    """Which rows have a direction (V,): neither zeros, nor NaN or infinity among their numbers."""
    norms = words.table.norms
    return (norms > 0) & np.isfinite(norms)


def _cosines(words: WordVectors, word: str, others: list[str]) -> Floats:
    """The cosine of a word with each of the others."""
    directions = exact.unit(words[[word, *others]])
    found: Floats = directions[1:] @ directions[0]
    return found


def _checked(k: int, restrict_vocab: int | None, most: int) -> int:
    """How many words are looked at, of at most ``most``; ``ValueError`` for numbers that mean nothing."""
    if k < 1:
        raise ValueError(f"k is how many neighbours to look at, at least 1, not {k}")
    if restrict_vocab is not None and restrict_vocab < 0:
        raise ValueError(
            f"restrict_vocab is how many of the most frequent words to look at, 0 for all, not {restrict_vocab}"
        )
    return min(restrict_vocab or most, most)
