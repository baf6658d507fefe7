"""Words and their rows: what was counted, in the order of the table's rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

SEARCHED = 400_000
"""Of so many most frequent words the nearest spelling is sought, so that an error takes no second."""
MARK = "▁"
"""Begins a piece that begins a word, see ``subwords``."""
ALIKE = 0.6
"""What two spellings must have in common to be called near: twice the letters that one has to keep, in their order, to
become the other, of the letters of both."""


class Bags(NamedTuple):
    """The rows of n words in a table of vectors: those of word w are ``rows[starts[w]:starts[w + 1]]``."""

    starts: NDArray[np.int64]
    rows: NDArray[np.int64]


class Distinct(list[str]):
    """Words of which whoever made the list knows that they are strings, no two of them the same: nobody looks again.
    Not to be changed; a copy is a plain list.
    """


def alone(words: int) -> Bags:
    """One row a word."""
    return Bags(np.arange(words + 1), np.arange(words))


class Vocabulary:
    """Words in the order of their rows, and how often each was seen. Frozen. V: number of words.

    ``words``: V different strings. ``counts``: (V,) integers, or None where nobody counted. ``ValueError`` for a word
    given twice, a word that is no string, or counts that are not one for each word.
    """

    parts: ClassVar[str] = ""
    """What the vectors of words are made of that are not in it: n-grams, pieces, or nothing."""

    def __init__(self, words: Sequence[str], counts: NDArray[np.int64] | Sequence[int] | None = None) -> None:
        self._words = list(words)
        self._counts: NDArray[np.int64] | None = None
        if counts is not None:
            self._counts = np.array(counts, dtype=np.int64)
            self._counts.flags.writeable = False
            if self._counts.shape != (len(self._words),):
                raise ValueError(
                    f"{len(self._words)} words but counts of shape {self._counts.shape}: one count a word expected"
                )
        if isinstance(words, Distinct):
            return
        if len(set(self._words)) != len(self._words):
            raise ValueError(f"a word can have one row only; given twice: {_repeated(self._words)!r}")
        for word in self._words:
            if not isinstance(word, str):
                raise ValueError(f"words must be str, but {word!r} is {type(word).__name__}")

    @classmethod
    def of(cls, counts: Mapping[str, int], min_count: int = 1, max_vocab: int | None = None) -> Vocabulary:
        """The words seen at least ``min_count`` times, most frequent first, ties as ``counts`` has them; at most
        ``max_vocab`` of them.
        """
        words = list(counts)
        chosen = by_frequency(np.fromiter(counts.values(), np.int64, len(words)), min_count, max_vocab)
        return cls([words[type_] for type_ in chosen.tolist()], [counts[words[type_]] for type_ in chosen.tolist()])

    @property
    def words(self) -> list[str]:
        """The V words by row. Do not change it."""
        return self._words

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """(V,) occurrences by row, read-only; None if unknown."""
        return self._counts

    @property
    def total(self) -> int:
        """Occurrences of all words together; 0 if nobody counted."""
        return 0 if self._counts is None else int(self._counts.sum())

    @cached_property
    def index(self) -> dict[str, int]:
        """Word -> row."""
        return {word: row for row, word in enumerate(self._words)}

    @property
    def table_rows(self) -> int:
        """Rows of the table of vectors: one a word."""
        return len(self)

    def rows(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The place of each word, (n,). ``KeyError`` naming the nearest spellings of the first that is unknown."""
        index = self.index
        try:
            return np.fromiter((index[word] for word in words), np.int64, len(words))
        except (KeyError, TypeError):
            raise KeyError(self.unknown(next(word for word in words if word not in self))) from None

    def bags(self, words: Sequence[str]) -> Bags:
        """The rows of the table whose mean is the vector of each word: here one. ``KeyError`` as ``rows``."""
        return Bags(np.arange(len(words) + 1), self.rows(words))

    def named(self, word: str) -> str | None:
        """The word of the vocabulary that a word is: itself, or None."""
        return word if word in self else None

    def composes(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Which of some words that are not in it have rows all the same, (n,)."""
        return np.zeros(len(words), bool)

    def told(self, word: str) -> str:
        """What the vector of a word is made of."""
        return "its own row" if word in self else "nothing"

    def unknown(self, word: str) -> str:
        """What to say about a word that is not here."""
        if not isinstance(word, str):
            return f"words are str, not {type(word).__name__}"
        from rapidfuzz.distance import Indel
        from rapidfuzz.process import extract

        alike = Indel.normalized_similarity
        near = extract(word, self._words[:SEARCHED], scorer=alike, processor=None, score_cutoff=ALIKE, limit=3)
        first = [MARK + word] if MARK + word in self else []
        others = list(dict.fromkeys([*first, *(other for other, _, _ in near)]))[:3]
        also = f"; similar words that are: {', '.join(others)}" if others else ""
        return f"{word!r} is not among the {len(self)} words{also}"

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self.index

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        same_counts = (self._counts is None) == (other._counts is None)
        if self._counts is not None and other._counts is not None:
            same_counts = bool(np.array_equal(self._counts, other._counts))
        return same_counts and self._words == other._words

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words, {self.total} occurrences)"


def by_frequency(counts: NDArray[np.int64], min_count: int, max_vocab: int | None) -> NDArray[np.int64]:
    """Where ``counts`` is at least ``min_count``: largest first, equal ones in their order, at most ``max_vocab`` of
    them.
    """
    if max_vocab is not None and max_vocab < 1:
        raise ValueError(f"max_vocab must be at least 1, or None for no limit, not {max_vocab}")
    kept = np.flatnonzero(counts >= min_count)
    return kept[np.argsort(-counts[kept], kind="stable")][:max_vocab]


def _repeated(words: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]
