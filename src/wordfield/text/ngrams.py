"""Words that are more than one row: a word's own row, and those of the n-grams of characters that it is made of.

After Bojanowski, Grave, Joulin and Mikolov (2017, "Enriching Word Vectors with Subword Information"). W words, V of
them in the vocabulary, B buckets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.text.vocabulary import Bags, Vocabulary

Rows = NDArray[np.int64]

END_OF_SENTENCE = "</s>"
"""What fastText reads at the end of a line: a word without n-grams."""

SEED = 2166136261
"""What the hashes of fastText and of floret begin with."""

MANY = 1 << 26
"""Buckets, so many that the few that have rows are sought and not looked up in a table of all."""


class Origin(NamedTuple):
    """Where a word's vector comes from."""

    word: str
    known: bool
    """Whether the word itself has a row."""
    ngrams: list[tuple[str, int, bool]]
    """Each n-gram that has a row: its characters, its row in the table, and whether some word of the vocabulary has
    it; of others the row was never learnt, or learnt from others that share the bucket. One that has several rows
    stands once for each."""

    def __str__(self) -> str:
        seen = sum(known for _, _, known in self.ngrams)
        parts = (["its own row"] if self.known else []) + (
            [f"n-grams, {seen} of {len(self.ngrams)} known"] if self.ngrams else []
        )
        return " and ".join(parts) or "nothing"


@dataclass(frozen=True, eq=False)
class Ngrams:
    """Which n-grams of characters have rows, and where: after the words' own rows, by hash.

    ``minn`` to ``maxn``: characters of an n-gram, the marks < and > of a word's beginning and end included; ``maxn`` 0:
    none at all. ``bucket``: how many buckets the hashes fall into. ``word_ngrams``: a classifier also hashes runs of up
    to so many words into the same buckets.

    floret (Explosion 2021) gives a word with its marks, and each of its n-grams, ``hash_count`` rows, by MurmurHash3.
    """

    minn: int = 3
    maxn: int = 6
    bucket: int = 2_000_000
    word_ngrams: int = 1
    kept: Rows | None = None
    """The buckets that have rows, in the rows' order, (K,), each once; None: all B have, in order."""
    zeros: bool = False
    """Whether buckets without a row count as rows of zeros, the one after all others, and are not left out."""
    hash: Literal["fasttext", "floret"] = "fasttext"
    """Whose hash, and so whose rows."""
    hash_count: int = 1
    """Rows of each n-gram, 1 to 4 in floret."""
    seed: int = SEED
    """What the hash of floret begins with."""
    own: bool = True
    """Whether a word of the vocabulary has a row of its own before all these; in floret it has none."""
    begin: str = "<"
    """The mark of a word's beginning."""
    end: str = ">"
    """The mark of a word's end."""

    def __post_init__(self) -> None:
        if self.minn < 0 or self.maxn < 0 or 0 < self.maxn < self.minn or self.word_ngrams < 1:
            raise ValueError(
                f"n-grams from {self.minn} to {self.maxn} characters, runs of up to {self.word_ngrams} words: minn is "
                "from 0 to maxn (maxn=0: no n-grams of characters), word_ngrams 1 or more"
            )
        if self.bucket < 1 and (self.maxn or self.word_ngrams > 1 or self.hash == "floret"):
            raise ValueError(f"n-grams need at least 1 bucket, not {self.bucket}; without n-grams, say maxn=0")
        if self.hash not in ("fasttext", "floret"):
            raise ValueError(f"the hash is fasttext or floret, not {self.hash!r}")
        most = 4 if self.hash == "floret" else 1
        if not 1 <= self.hash_count <= most:
            raise ValueError(f"an n-gram has 1 row in fastText, 1 to 4 in floret, not {self.hash_count} in {self.hash}")
        if not 0 <= self.seed < 1 << 32 or (self.seed != SEED and self.hash == "fasttext"):
            raise ValueError(f"the seed is a number of 32 bits, in fastText {SEED}, not {self.seed}")

    @property
    def rows(self) -> int:
        """Rows of the table after the words' own."""
        return self.bucket if self.kept is None else len(self.kept) + self.zeros

    @property
    def plain(self) -> bool:
        """Whether fastText would have the same n-grams in the same buckets."""
        return self.hash == "fasttext" and self.own and (self.begin, self.end) == ("<", ">")

    @cached_property
    def places(self) -> NDArray[np.int32]:
        """The row of each bucket, counted after the words' own, (B,); -1 for one that is left out; none where all have
        their own.
        """
        if self.kept is None:
            return np.empty(0, np.int32)
        places = np.full(max(self.bucket, 1), len(self.kept) if self.zeros else -1, np.int32)
        places[self.kept] = np.arange(len(self.kept), dtype=np.int32)
        return places

    def placed(self, hashes: NDArray[Any], words: int) -> Rows:
        """The rows of these hashes in a table of so many words; -1 for those that have none."""
        buckets = (hashes % np.uint64(max(self.bucket, 1))).astype(np.int64)
        if self.kept is None:
            return buckets + words
        if self.bucket > MANY:
            order = np.argsort(self.kept)
            places = np.searchsorted(self.kept, buckets, sorter=order)
            there = np.append(order, -1)[places]
            missing = np.append(self.kept, -1)[there] != buckets
            there[missing] = len(self.kept) if self.zeros else -1
        else:
            there = self.places[buckets].astype(np.int64)
        return np.where(there < 0, -1, there + words)

    def hashes(self, words: Sequence[str]) -> tuple[NDArray[np.uint32], Rows]:
        """The hashes of the n-grams of each word, and where each word's begin, (W + 1,)."""
        from wordfield.kernels import ngrams

        starts = np.zeros(len(words) + 1, np.int64)
        if not words or (not self.maxn and self.hash == "fasttext"):
            return np.empty(0, np.uint32), starts
        begin, end = encoded(self.begin), encoded(self.end)
        text, bounds = joined([b"" if word == END_OF_SENTENCE else begin + encoded(word) + end for word in words])
        if self.hash == "floret":
            return self._floret(text, bounds, starts)
        count = ngrams.spelled(text, bounds, self.minn, self.maxn, starts, np.empty(0, np.uint32))
        found = np.empty(count, np.uint32)
        ngrams.spelled(text, bounds, self.minn, self.maxn, starts, found)
        return found, starts

    def _floret(self, text: NDArray[np.uint8], bounds: Rows, starts: Rows) -> tuple[NDArray[np.uint32], Rows]:
        """The hashes of the words between their marks, and of their n-grams, ``hash_count`` of each."""
        from wordfield.kernels import murmur, ngrams

        count = ngrams.spans(text, bounds, self.minn, self.maxn, starts, np.empty((0, 2), np.int64))
        spans = np.empty((count, 2), np.int64)
        ngrams.spans(text, bounds, self.minn, self.maxn, starts, spans)
        found = murmur.hashes(text, spans, self.seed)[:, : self.hash_count]
        return np.ascontiguousarray(found).reshape(-1), starts * self.hash_count

    def bags(self, words: Sequence[str], own: Rows, size: int) -> Bags:
        """The rows of each word: ``own`` (W,), -1 for none, and those of its n-grams, in a table of ``size`` words."""
        hashes, starts = self.hashes(words)
        rows = self.placed(hashes, size)
        if not self.own:
            own = np.full(len(words), -1, np.int64)
        rows = np.insert(rows, starts[:-1], own)
        starts = starts + np.arange(len(starts))
        there = np.concatenate([[0], np.cumsum(rows >= 0)])
        return Bags(there[starts], rows[rows >= 0])

    def spelled(self, word: str) -> list[str]:
        """The n-grams of a word, in the order of their hashes; in floret first the word between its marks."""
        if word == END_OF_SENTENCE:
            return []
        marked = [
            each.decode(errors="surrogateescape")
            for each in re.findall(rb"[^\x80-\xbf][\x80-\xbf]*", encoded(self.begin + word + self.end))
        ]
        found = [
            "".join(marked[first : first + size])
            for first in range(len(marked))
            for size in range(max(1, self.minn), min(self.maxn, len(marked) - first) + 1)
            if size > 1 or 0 < first < len(marked) - 1
        ]
        if self.hash == "fasttext":
            return found
        return [each for each in ["".join(marked), *found] for _ in range(self.hash_count)]

    def narrowed(self, kept: Rows, zeros: bool) -> Ngrams:
        """The same n-grams, with rows for the buckets ``kept`` only."""
        return replace(self, kept=np.asarray(kept, np.int64), zeros=zeros)


class NgramVocabulary(Vocabulary):
    """Words that share rows: each has its own, and those of its n-grams, which words beyond the vocabulary have too."""

    def __init__(self, words: Sequence[str], counts: NDArray[np.int64] | Sequence[int] | None, ngrams: Ngrams) -> None:
        super().__init__(words, counts)
        self.ngrams = ngrams

    @property
    def table_rows(self) -> int:
        """Rows of the table: the words' own, where they have any, and those of their n-grams."""
        return self.first + self.ngrams.rows

    @property
    def first(self) -> int:
        """The first row of the n-grams."""
        return len(self) if self.ngrams.own else 0

    def bag(self, word: str) -> Rows:
        """The rows of a word, perhaps none."""
        return self.ngrams.bags([word], np.array([self.index.get(word, -1)]), self.first).rows

    def bags(self, words: Sequence[str]) -> Bags:
        """The rows of each word. ``KeyError`` for one that has none."""
        own = np.array([self.index.get(word, -1) for word in words], np.int64)
        bags = self.ngrams.bags(words, own, self.first)
        empty = np.flatnonzero(np.diff(bags.starts) == 0)
        if len(empty):
            raise KeyError(self.unknown(words[empty[0]]))
        return bags

    def origin(self, word: str) -> Origin:
        """Where the vector of a word comes from."""
        hashes, _ = self.ngrams.hashes([word])
        rows = self.ngrams.placed(hashes, self.first)
        seen = np.isin(hashes, self._hashes)
        spelled = self.ngrams.spelled(word)
        found = zip(spelled, rows.tolist(), seen.tolist(), strict=True)
        return Origin(word, self.ngrams.own and word in self, [each for each in found if each[1] >= 0])

    @cached_property
    def _hashes(self) -> NDArray[np.uint32]:
        """The hashes of all n-grams of the vocabulary, sorted."""
        return np.unique(self.ngrams.hashes(self.words)[0])


def encoded(word: str) -> bytes:
    """A word as UTF-8; halves of surrogate pairs as the bytes that they stand for where a file was no UTF-8."""
    try:
        return word.encode()
    except UnicodeEncodeError:
        try:
            return word.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return word.encode("utf-8", "surrogatepass")


def joined(words: Sequence[bytes]) -> tuple[NDArray[np.uint8], Rows]:
    """Words as one text, and where each begins and ends in it, (W, 2)."""
    ends = np.cumsum([0, *map(len, words)], dtype=np.int64)
    return np.frombuffer(b"".join(words) or b"\0", np.uint8), np.stack([ends[:-1], ends[1:]], axis=1)


def word_hashes(words: Sequence[str]) -> NDArray[np.uint32]:
    """The hash of each word, (W,), as fastText makes it."""
    from wordfield.kernels import ngrams

    return ngrams.hashes(*joined([encoded(word) for word in words]))
