"""A corpus as one stream of tokens, an end behind each sentence, of which any stretch can be read: nothing is padded
and nothing copied. S sentences, N tokens, L tokens of the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from wordfield.text.ids import Ids

Tokens = NDArray[np.int64]

PARTS = 100
"""Stretches of a corpus, at least, of which some are kept aside: text that stands together stays together."""
LONGEST = 20_000
"""Tokens in such a stretch, about, at most."""
MOST_ASIDE = 100_000
"""Tokens that are kept aside, about, at most: more would tell little more, and take time at each check."""


class Stream:
    """The tokens of some stretches of sentences (first, last) of ``ids``, one after the other. ``end``: the row that
    stands behind each sentence, and before the first.
    """

    def __init__(self, ids: Ids, stretches: Sequence[tuple[int, int]], end: int) -> None:
        self._ids, self.end = ids, end
        self._stretches = [(first, last) for first, last in stretches if last > first]
        sizes = [self._place(last) - self._place(first) for first, last in self._stretches]
        self._begins = np.cumsum([1, *sizes])

    def __len__(self) -> int:
        """Tokens L, the ends with them."""
        return int(self._begins[-1])

    def read(self, first: int, last: int) -> Tokens:
        """Tokens ``first:last`` of the stream, (last - first,)."""
        found = np.full(last - first, self.end, np.int64)
        number = max(int(np.searchsorted(self._begins, first, "right")) - 1, 0)
        while number < len(self._stretches) and self._begins[number] < last:
            begin, (sentence, _) = int(self._begins[number]), self._stretches[number]
            shift = self._place(sentence) - begin  # between a place in this stream and one in the stream of all
            low, high = max(first, begin), min(last, int(self._begins[number + 1]))
            self._fill(found[low - first : high - first], low + shift)
            number += 1
        return found

    def _fill(self, found: Tokens, place: int) -> None:
        """Put the words of sentences into ``found``, which begins at a ``place`` in the stream of all."""
        starts = self._ids.starts
        sentence, after = self._sentence(place), self._sentence(place + len(found) - 1) + 1
        bounds = starts[sentence : after + 1]
        words = self._ids.window(int(bounds[0]), int(bounds[-1]))
        places = np.arange(bounds[0], bounds[-1]) + np.repeat(np.arange(sentence, after), np.diff(bounds)) - place
        inside = (places >= 0) & (places < len(found))
        found[places[inside]] = words[inside]

    def _place(self, sentence: int) -> int:
        """Where a sentence begins in the stream of all: after all tokens and ends before it."""
        return int(self._ids.starts[sentence]) + sentence

    def _sentence(self, place: int) -> int:
        """The sentence in which a place in the stream of all is."""
        low, high = 0, self._ids.sentences - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._place(middle) <= place else (low, middle - 1)
        return low


def split(ids: Ids, share: float, seed: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Stretches of sentences to train on, and others, drawn at random, with a ``share`` of the tokens to keep aside: at
    least one if any, and no more than are needed to measure a loss.
    """
    cuts = np.searchsorted(ids.starts, np.linspace(0, ids.tokens, max(PARTS, ids.tokens // LONGEST) + 1))
    parts = [(low, high) for low, high in pairwise(cuts.tolist()) if high > low]
    if not share:
        return parts, []
    if len(parts) < 2:
        raise ValueError(f"heldout={share} needs more than one sentence: the corpus has {ids.sentences}")
    share = min(share, MOST_ASIDE / ids.tokens)
    count = min(max(1, round(share * len(parts))), len(parts) - 1)
    aside = set(np.random.default_rng(seed).choice(len(parts), count, replace=False).tolist())
    return [p for i, p in enumerate(parts) if i not in aside], [p for i, p in enumerate(parts) if i in aside]


def everything(ids: Ids) -> list[tuple[int, int]]:
    """One stretch of all sentences."""
    return [(0, ids.sentences)]


class Noise(Stream):
    """``count`` tokens drawn at random, of so many ``rows``."""

    def __init__(self, count: int, rows: int) -> None:
        self._count, self._rows, self._random, self.end = count, rows, np.random.default_rng(1), 0

    def __len__(self) -> int:
        return self._count

    def read(self, first: int, last: int) -> Tokens:
        """Some of them, (last - first,)."""
        return self._random.integers(self._rows, size=last - first)
