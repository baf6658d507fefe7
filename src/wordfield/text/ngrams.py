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
Hashes = NDArray[Any]
"""Of 32 bits, in finalfusion of 64."""

END_OF_SENTENCE = "</s>"
"""What fastText reads at the end of a line: a word without n-grams."""

SEED = 2166136261
"""What the hashes of fastText and of floret begin with."""

HASHES = ("fasttext", "floret", "finalfusion", "listed")

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
    finalfusion (De Kok and Pütz 2019) has FNV-1a of 64 bits into a power of two of buckets, or a list of the n-grams.
    """

    minn: int = 3
    maxn: int = 6
    bucket: int = 2_000_000
    word_ngrams: int = 1
    kept: Rows | None = None
    """The buckets that have rows, in the rows' order, (K,), each once; None: all B have, in order."""
    zeros: bool = False
    """Whether buckets without a row count as rows of zeros, the one after all others, and are not left out."""
    hash: Literal["fasttext", "floret", "finalfusion", "listed"] = "fasttext"
    """Whose hash, and so whose rows; listed: none, each n-gram that has a row is named."""
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
    combined: bool = False
    """Whether the row of a word is all of its vector, as in files of finalfusion. n-grams, marks alone among them, are
    then for words beyond the vocabulary, whose vectors are brought to unit length."""
    listed: dict[str, int] | None = None
    """The bucket of each n-gram that has a row, where they are listed."""

    def __post_init__(self) -> None:
        if self.minn < 0 or self.maxn < 0 or 0 < self.maxn < self.minn or self.word_ngrams < 1:
            raise ValueError(
                f"n-grams from {self.minn} to {self.maxn} characters, runs of up to {self.word_ngrams} words: minn is "
                "from 0 to maxn (maxn=0: no n-grams of characters), word_ngrams 1 or more"
            )
        if self.bucket < 1 and (self.maxn or self.word_ngrams > 1 or self.hash == "floret"):
            raise ValueError(f"n-grams need at least 1 bucket, not {self.bucket}; without n-grams, say maxn=0")
        if self.hash not in HASHES:
            raise ValueError(f"the hash is one of {', '.join(HASHES)}, not {self.hash!r}")
        most = 4 if self.hash == "floret" else 1
        if not 1 <= self.hash_count <= most:
            raise ValueError(f"an n-gram has 1 row, in floret 1 to 4, not {self.hash_count} in {self.hash}")
        if not 0 <= self.seed < 1 << 32 or (self.seed != SEED and self.hash != "floret"):
            raise ValueError(f"the seed is a number of 32 bits, without floret {SEED}, not {self.seed}")
        self._check_combined()

    def _check_combined(self) -> None:
        """``ValueError`` for what finalfusion does not have."""
        if not self.combined and self.hash in ("finalfusion", "listed"):
            raise ValueError(f"n-grams are {self.hash} only where the rows of words are combined already")
        if self.combined and (self.minn < 1 or self.word_ngrams > 1):
            raise ValueError(
                "where rows are combined, n-grams have 1 character or more, and there are no runs of words"
            )
        if self.hash == "finalfusion" and self.bucket & (self.bucket - 1):
            raise ValueError(f"finalfusion has a power of two of buckets, not {self.bucket}")
        if (self.listed is not None) != (self.hash == "listed"):
            raise ValueError("n-grams are given where they are listed, and only there")
        if self.listed is not None and not all(0 <= bucket < self.bucket for bucket in self.listed.values()):
            raise ValueError(f"a listed n-gram has one of the buckets 0 to {self.bucket - 1}")

    @property
    def rows(self) -> int:
        """Rows of the table after the words' own."""
        return self.bucket if self.kept is None else len(self.kept) + self.zeros

    @property
    def plain(self) -> bool:
        """Whether fastText would have the same n-grams in the same buckets."""
        marked = (self.begin, self.end) == ("<", ">")
        return self.hash == "fasttext" and self.own and marked and not self.combined

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

    def placed(self, hashes: Hashes, words: int) -> Rows:
        """The rows of these hashes in a table of so many words; -1 for those that have none."""
        buckets = (hashes % np.uint64(max(self.bucket, 1))).astype(np.int64)
        there = buckets if self.kept is None else self._kept_places(buckets)
        if self.hash == "listed":
            there = np.where(hashes < np.uint64(self.bucket), there, -1)
        return np.where(there < 0, -1, there + words)

    def _kept_places(self, buckets: Rows) -> Rows:
        """Which of the rows that were kept these buckets have, -1 for none."""
        if self.kept is None or self.bucket <= MANY:
            return self.places[buckets].astype(np.int64)
        order = np.argsort(self.kept)
        places = np.searchsorted(self.kept, buckets, sorter=order)
        there = np.append(order, -1)[places]
        missing = np.append(self.kept, -1)[there] != buckets
        there[missing] = len(self.kept) if self.zeros else -1
        return there

    def hashes(self, words: Sequence[str]) -> tuple[Hashes, Rows]:
        """The hashes of the n-grams of each word, and where each word's begin, (W + 1,). Where n-grams are listed,
        their buckets; one more than there are for an n-gram that is not.
        """
        from wordfield.kernels import ngrams

        starts = np.zeros(len(words) + 1, np.int64)
        if not words or (not self.maxn and self.hash != "floret"):
            return np.empty(0, np.uint32), starts
        if self.hash == "listed":
            return self._named(words, starts)
        if self.hash == "finalfusion":
            return self._numbered(words, starts)
        begin, end = encoded(self.begin), encoded(self.end)
        bare = None if self.combined else END_OF_SENTENCE
        text, bounds = joined([b"" if word == bare else begin + encoded(word) + end for word in words])
        if self.hash == "floret":
            return self._floret(text, bounds, starts)
        count = ngrams.spelled(text, bounds, self.minn, self.maxn, self.combined, starts, np.empty(0, np.uint32))
        found = np.empty(count, np.uint32)
        ngrams.spelled(text, bounds, self.minn, self.maxn, self.combined, starts, found)
        return found, starts

    def _named(self, words: Sequence[str], starts: Rows) -> tuple[Hashes, Rows]:
        """The buckets of the n-grams as they are listed, one more than there are for one that is not."""
        named = [self.spelled(word) for word in words]
        np.cumsum([len(each) for each in named], out=starts[1:])
        listed = self.listed or {}
        return np.array([listed.get(ngram, self.bucket) for each in named for ngram in each], np.uint64), starts

    def _numbered(self, words: Sequence[str], starts: Rows) -> tuple[Hashes, Rows]:
        """The hashes of finalfusion, of characters and not of bytes."""
        from wordfield.kernels import ngrams

        wide = [(self.begin + word + self.end).encode("utf-32-le", "surrogatepass") for word in words]
        text, bounds = np.frombuffer(b"".join(wide) or bytes(4), "<u4").astype(np.uint32), joined(wide)[1] // 4
        count = ngrams.numbered(text, bounds, self.minn, self.maxn, starts, np.empty(0, np.uint64))
        found = np.empty(count, np.uint64)
        ngrams.numbered(text, bounds, self.minn, self.maxn, starts, found)
        return found, starts

    def _floret(self, text: NDArray[np.uint8], bounds: Rows, starts: Rows) -> tuple[NDArray[np.uint32], Rows]:
        """The hashes of the words between their marks, and of their n-grams, ``hash_count`` of each."""
        from wordfield.kernels import murmur, ngrams

        count = ngrams.spans(text, bounds, self.minn, self.maxn, self.combined, starts, np.empty((0, 2), np.int64))
        spans = np.empty((count, 2), np.int64)
        ngrams.spans(text, bounds, self.minn, self.maxn, self.combined, starts, spans)
        found = murmur.hashes(text, spans, self.seed)[:, : self.hash_count]
        return np.ascontiguousarray(found).reshape(-1), starts * self.hash_count

    def bags(self, words: Sequence[str], own: Rows, size: int) -> Bags:
        """The rows of each word: ``own`` (W,), -1 for none, and those of its n-grams, in a table of ``size`` words;
        where rows are combined, of its n-grams only if it has none of its own.
        """
        if not self.own:
            own = np.full(len(words), -1, np.int64)
        parted = np.flatnonzero(own < 0) if self.combined else np.arange(len(words))
        hashes, ends = self.hashes([words[word] for word in parted.tolist()])
        sizes = np.zeros(len(words), np.int64)
        sizes[parted] = np.diff(ends)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        rows = self.placed(hashes, size)
        rows = np.insert(rows, starts[:-1], own)
        starts = starts + np.arange(len(starts))
        there = np.concatenate([[0], np.cumsum(rows >= 0)])
        return Bags(there[starts], rows[rows >= 0])

    def spelled(self, word: str) -> list[str]:
        """The n-grams of a word, in the order of their hashes; in floret first the word between its marks."""
        if word == END_OF_SENTENCE and not self.combined:
            return []
        marked = list(self.begin + word + self.end)
        if self.hash in ("fasttext", "floret"):
            characters = re.findall(rb"[^\x80-\xbf][\x80-\xbf]*", encoded("".join(marked)))
            marked = [each.decode(errors="surrogateescape") for each in characters]
        found = [
            "".join(marked[first : first + size])
            for first in range(len(marked))
            for size in range(max(1, self.minn), min(self.maxn, len(marked) - first) + 1)
            if size > 1 or self.combined or 0 < first < len(marked) - 1
        ]
        if self.hash != "floret":
            return found
        return [each for each in ["".join(marked), *found] for _ in range(self.hash_count)]

    def narrowed(self, kept: Rows, zeros: bool) -> Ngrams:
        """The same n-grams, with rows for the buckets ``kept`` only."""
        return replace(self, kept=np.asarray(kept, np.int64), zeros=zeros)


class NgramVocabulary(Vocabulary):
    """Words that share rows: each has its own, and those of its n-grams, which words beyond the vocabulary have too.
    Where rows are combined, only these are made of n-grams.
    """

    parts = "n-grams"

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
        if self.ngrams.combined and self.ngrams.own and word in self:
            return Origin(word, True, [])
        hashes, _ = self.ngrams.hashes([word])
        rows = self.ngrams.placed(hashes, self.first)
        seen = np.isin(hashes, self._hashes)
        spelled = self.ngrams.spelled(word)
        found = zip(spelled, rows.tolist(), seen.tolist(), strict=True)
        return Origin(word, self.ngrams.own and word in self, [each for each in found if each[1] >= 0])

    def composes(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Which words have n-grams with rows, (W,)."""
        starts, _ = self.ngrams.bags(words, np.full(len(words), -1, np.int64), self.first)
        return np.diff(starts) > 0

    def told(self, word: str) -> str:
        """What the vector of a word is made of: "its own row and n-grams, 7 of 9 known"."""
        return str(self.origin(word))

    @cached_property
    def _hashes(self) -> Hashes:
        """The hashes of all n-grams of the vocabulary, sorted; those listed are its own."""
        if self.ngrams.listed is not None:
            return np.arange(self.ngrams.bucket, dtype=np.uint64)
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
