"""Turning one space onto another: of two models that were trained apart the vectors can be compared only then.

Nothing changes between the words of the model that is turned.

A and B: the model that is turned, and the one onto whose space. D dimensions, n pairs, I words of A to be found in B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.alignment import pairs as words_of
from wordfield.alignment.pairs import Pair, read_pairs
from wordfield.alignment.procrustes import closeness, rotation, turned, turned_table
from wordfield.alignment.retrieval import Asked, mutual, precision
from wordfield.evaluation.scores import Score
from wordfield.storage import Sparse
from wordfield.vectors import WordVectors

__all__ = ["Aligned", "Settings", "align", "read_pairs", "turned", "turned_table"]

Floats = NDArray[np.float64]

FREQUENT = 30_000
"""Words of B, of the most frequent, among which those of A are sought."""
PAIRS = 10_000
"""Words that both spell alike, of the most frequent, that are pairs where none are given."""


@dataclass(frozen=True)
class Settings:
    """How a rotation is found and judged."""

    pairs: int = PAIRS
    """How many of the words that both spell alike are pairs, where none are given."""
    center: bool = False
    """Whether the mean of the paired vectors of each model is taken off before the rotation is sought."""
    unit: bool = True
    """Whether vectors count by their direction alone there (Xing et al. 2015)."""
    rounds: int = 0
    """How many times the rotation is sought again from words that are each other's nearest (Conneau et al. 2018)."""
    held_out: float = 0.1
    """Share of the pairs that the rotation is not made of but judged by, where there are no others for that."""
    restrict_vocab: int | None = FREQUENT
    """Words are sought among so many of the most frequent of B; None or 0: among all."""
    k: int = 10
    """Neighbours that tell how crowded a place is, for CSLS."""
    seed: int = 1
    """Of the choice of pairs that are set apart."""

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is a share of the pairs, from 0 to less than 1, not {self.held_out}")
        if self.pairs < 1:
            raise ValueError(f"pairs is how many words that both spell alike are taken, at least 1, not {self.pairs}")
        if self.rounds < 0 or (self.restrict_vocab or 0) < 0 or self.k < 1:
            raise ValueError(
                f"rounds and restrict_vocab are 0 or more and k 1 or more, not {self.rounds}, {self.restrict_vocab} "
                f"and {self.k}"
            )


@dataclass(frozen=True, eq=False)
class Aligned:
    """A in the space of B."""

    a: WordVectors
    b: WordVectors
    rotation: Floats
    """What a vector of A is multiplied by from the right (D, D)."""
    pairs: list[Pair]
    """All pairs whose words both know (n)."""
    cosines: Floats
    """How near the words of each are after the rotation (n,)."""
    fitted: int
    """How many of them the rotation was made of; the others are among those that it is judged by."""
    before: list[Score]
    """What is found without the rotation: precision at 1, 5 and 10, each by cosine and by CSLS."""
    after: list[Score]
    """The same with it."""
    rounds: list[dict[str, Any]]
    """Of each round of refinement the number of pairs, and the mean cosine within them after it."""

    @cached_property
    def words(self) -> WordVectors:
        """A's words in the space of B, as float32; words beyond its vocabulary go along with their n-grams."""
        return WordVectors(self.a.vocabulary, turned(self.a.storage, self.rotation))

    def moved(self, most: int = 20) -> list[tuple[str, str, float]]:
        """The pairs whose words are farthest from each other after the rotation, with their cosine: words that are used
        otherwise in one corpus than in the other.
        """
        order = np.argsort(self.cosines, kind="stable")[:most]
        return [(*self.pairs[place], float(self.cosines[place])) for place in order]


def align(
    a: WordVectors,
    b: WordVectors,
    pairs: Sequence[Pair] | None = None,
    *,
    test: Sequence[Pair] | None = None,
    settings: Settings | None = None,
) -> Aligned:
    """Find the rotation that turns A onto B, and what is found with it.

    ``pairs``: a word of A and the word of B that it should come close to; None: the most frequent words that both spell
    alike. ``test``: pairs to judge the rotation by; a word of A in them is in none of ``pairs``, but may be among those
    that rounds find, which know no answers. None: a share of the pairs, see ``Settings``. A word that is unknown as it
    stands is looked up in lower case.

    ``ValueError`` for spaces of different dimensions, for sparse ones, and where no pair is left.
    """
    chosen = settings or Settings()
    _check(a, b)
    given = words_of.alike(a, b, chosen.pairs) if pairs is None else pairs
    every = words_of.known(a, b, given)
    fitted, apart = words_of.split(every, chosen.held_out if test is None else 0, chosen.seed)
    asked = Asked.of(a, b, words_of.spelled(a, b, apart) if test is None else test)
    fitted = fitted[~np.isin(fitted[:, 0], np.array(list(asked.right), np.int64))]
    if not len(fitted):
        raise ValueError(
            f"none of {len(given)} pairs is left to turn one model onto the other: pairs of words are needed that the "
            "models know, whose vectors are neither zeros nor NaN, and that are not in the test"
        )
    turn = rotation(a, b, fitted, chosen.unit, chosen.center)
    rounds = []
    for _ in range(chosen.rounds):
        near = mutual(a, b, turn, chosen.k)
        if not len(near):
            raise ValueError("no words are each other's nearest: the models cannot be brought closer in rounds")
        turn = rotation(a, b, near, chosen.unit, chosen.center)
        rounds.append({"pairs": len(near), "cosine": float(closeness(a, b, near, turn).mean())})
    before, after = (precision(a, b, each, asked, chosen.restrict_vocab, chosen.k) for each in (np.eye(a.dim), turn))
    cosines = closeness(a, b, every, turn)
    return Aligned(a, b, turn, words_of.spelled(a, b, every), cosines, len(fitted), before, after, rounds)


def _check(a: WordVectors, b: WordVectors) -> None:
    if isinstance(a.storage, Sparse) or isinstance(b.storage, Sparse):
        raise ValueError("sparse vectors cannot be turned: train narrow ones (wordfield train svd)")
    if a.dim != b.dim:
        raise ValueError(
            f"the models have {a.dim} and {b.dim} dimensions: only spaces of equally many can be turned onto each other"
        )
