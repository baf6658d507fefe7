"""Words and their vectors: looking up, comparing, and asking which words are near.

V words, D dimensions, Q queries, n words given. Cosines throughout; a vector of zeros has the cosine 0 with everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, final, overload

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import composed
from wordfield.search import exact
from wordfield.storage import Coded, Dense, Storage, leading
from wordfield.text import pieces
from wordfield.text.ngrams import NgramVocabulary
from wordfield.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordfield.formats import Table
    from wordfield.formats.files import PathLike
    from wordfield.search.approximate import Index
    from wordfield.text.tokenizers import Tokenizer

Vector: TypeAlias = NDArray[Any]
Term: TypeAlias = str | Vector | tuple[str | Vector, float]
"""A word or a vector, alone or with its weight."""
Filter: TypeAlias = Callable[[str], bool] | Collection[str]
"""Which words may be an answer: those for which the function is true, or those in the collection."""
Terms: TypeAlias = Term | Sequence[Term]
Neighbors: TypeAlias = list[tuple[str, float]]
"""Words with their cosines, nearest first; of equal ones the more frequent word."""


HELD = 1 << 23
"""Numbers of the queries that are looked for at once, so that those of a wide table take little memory."""


class Limits(TypedDict, total=False):
    """Which words may be an answer, and how they are found: see ``WordVectors.most_similar``."""

    restrict_vocab: int | None
    keep: Filter | None
    index: Index | None


@final
class WordVectors:
    """One vector a word: the mean of the word's rows in the storage. Nothing in it changes."""

    def __init__(self, vocabulary: Vocabulary, storage: Storage) -> None:
        if vocabulary.table_rows != storage.shape[0]:
            raise ValueError(
                f"{len(vocabulary)} words for {storage.shape[0]} rows of vectors: {vocabulary.table_rows} are needed"
            )
        self.vocabulary = vocabulary
        self.storage = storage

    @classmethod
    def load(cls, path: PathLike, format: str | None = None) -> WordVectors:
        """The words and vectors of any file that ``wordfield.formats`` reads, recognised by its content."""
        from wordfield import formats

        return cls.of(formats.load(path, format))

    @classmethod
    def of(cls, table: Table) -> WordVectors:
        """The words and vectors of what a format has read."""
        return cls(table.vocabulary, table.storage)

    def cut_by(self, tokenizer: Tokenizer) -> WordVectors:
        """The same vectors; where ``tokenizer`` cuts text into pieces, other words have the mean of those of theirs."""
        vocabulary = pieces.cut_by(self.vocabulary, tokenizer)
        return self if vocabulary is self.vocabulary else WordVectors(vocabulary, self.storage)

    def save(self, path: PathLike, format: str | None = None) -> None:
        """Write words, vectors, counts and n-grams in the format named, or the one that the name's ending says, see
        ``wordfield.formats``; without an ending a native folder. What was there stays until all is written.
        """
        from wordfield import formats

        ngrams = self.vocabulary.ngrams if isinstance(self.vocabulary, NgramVocabulary) else None
        words, counts = list(self.vocabulary.words), self.vocabulary.counts
        formats.save(formats.Table(words, self.storage, counts, ngrams=ngrams), path, format)

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.dim} dimensions)"

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    def __getitem__(self, word: str | Sequence[str]) -> NDArray[np.float32]:
        """A word's vector (D,), or those of several words (n, D), copied. ``KeyError`` names the nearest spellings of
        an unknown word.
        """
        if isinstance(word, str):
            vector: NDArray[np.float32] = self[[word]][0]
            return vector
        if not isinstance(word, Sequence | np.ndarray):
            raise KeyError(self.vocabulary.unknown(word))
        return self._beyond(word, composed(self.storage, self.vocabulary.bags(word)))

    def _beyond(self, words: Sequence[str], found: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vectors of words, those beyond the vocabulary brought to unit length where finalfusion does so."""
        if isinstance(self.vocabulary, NgramVocabulary) and self.vocabulary.ngrams.combined:
            unknown = [here for here, word in enumerate(words) if word not in self.vocabulary]
            found[unknown] = exact.unit(found[unknown])
        return found

    @cached_property
    def table(self) -> Storage:
        """The vectors of the words, one row a word: the storage, or, where words are more rows than one, their means,
        computed once.
        """
        if self.vocabulary.table_rows == len(self):
            return self.storage
        if isinstance(self.vocabulary, NgramVocabulary) and self.vocabulary.ngrams.combined and self.vocabulary.first:
            return leading(self.storage, len(self))
        return Dense(composed(self.storage, self.vocabulary.bags(self.vocabulary.words)))

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        return self.storage.shape[1]

    @property
    def vectors(self) -> Any:
        """All vectors (V, D), perhaps mapped from a file; a SciPy ``csr_array`` where they are sparse; where they are
        codes, decoded anew each time. A name that gensim's users know.
        """
        return self.table.matrix[:] if isinstance(self.table, Coded) else self.table.matrix

    @property
    def vector_size(self) -> int:
        """Numbers in a vector; a name that gensim's users know."""
        return self.dim

    @property
    def index_to_key(self) -> list[str]:
        """The word of each row, not to be changed; a name that gensim's users know."""
        return self.vocabulary.words

    @property
    def key_to_index(self) -> dict[str, int]:
        """The row of each word, not to be changed; a name that gensim's users know."""
        return self.vocabulary.index

    def similarity(self, a: str | Vector, b: str | Vector) -> float:
        """The cosine of two words, -1 to 1; 0 where one of them has a vector of zeros."""
        one, other = (exact.unit(self._vector(term)[None])[0] for term in (a, b))
        lengths = sqrt((one @ one) * (other @ other))  # 1, but for rounding, without which a word is 1.0 like itself
        return _cosine(one @ other / lengths) if lengths else 0.0

    @overload  # a str is a Sequence[str] too: this line comes first and answers it
    def most_similar(  # type: ignore[overload-overlap]
        self, words: str | Vector, k: int = 10, **limits: Unpack[Limits]
    ) -> Neighbors: ...
    @overload
    def most_similar(self, words: Sequence[str | Vector], k: int = 10, **limits: Unpack[Limits]) -> list[Neighbors]: ...
    @overload
    def most_similar(
        self, words: None = None, k: int = 10, *, positive: Terms, negative: Terms = (), **limits: Unpack[Limits]
    ) -> Neighbors: ...
    @overload
    def most_similar(self, words: Terms, k: int = 10, *, negative: Terms, **limits: Unpack[Limits]) -> Neighbors: ...
    def most_similar(
        self,
        words: Terms | None = None,
        k: int = 10,
        *,
        positive: Terms | None = None,
        negative: Terms | None = None,
        restrict_vocab: int | None = None,
        keep: Filter | None = None,
        index: Index | None = None,
    ) -> Neighbors | list[Neighbors]:
        """The k nearest words with their cosines, best first, those asked about left out; fewer where fewer may answer.

        words: one word or vector (D,) gives one list; a list of them gives a list of lists, in one pass over the table.
        positive, negative: give instead one list for the sum of all terms in unit length, each a word, a vector, or
        either with a weight: ``most_similar(positive=["king", ("woman", 0.5)], negative=["man"])``. With ``negative``
        the words count as positive.
        restrict_vocab: only the first, so the most frequent, words may answer. keep: only the words for which the
        function is true, or which the collection holds. index: find them by this index (see
        ``wordfield.search.approximate``), sooner among very many words; it may miss some, and answers among all words.
        ``KeyError`` for an unknown word names the nearest spellings.
        """
        candidates = self._candidates(restrict_vocab, keep)
        if index is not None:
            index.check(self)
        if positive is not None or negative is not None:
            return self._combined(_terms(words) + _terms(positive), _terms(negative), k, candidates, index)
        if words is None:
            raise ValueError("nothing to look for: give a word, several words, or positive=")
        one = isinstance(words, str | np.ndarray)
        each = [words] if one else list(words)
        if not each:
            return []
        found: list[Neighbors] = []
        step = max(1, HELD // max(1, self.dim))
        for start in range(0, len(each), step):
            some = each[start : start + step]
            exclude = np.array([self._row(term) for term in some], dtype=np.int64)[:, None]
            found += self._nearest(np.stack([self._vector(term) for term in some]), k, exclude, candidates, index)
        return found[0] if one else found

    def analogy(
        self,
        a: str | Vector,
        b: str | Vector,
        c: str | Vector,
        k: int = 5,
        method: Literal["add", "mul"] = "add",
        *,
        restrict_vocab: int | None = None,
        keep: Filter | None = None,
    ) -> Neighbors:
        """The words that are to c as b is to a, best first; the three themselves, words or vectors, are left out.

        "add": cosine with b - a + c, each in unit length (Mikolov, Yih and Zweig 2013). "mul": 3CosMul, cosines moved
        to 0..1, those with b and c multiplied and divided by that with a (Levy and Goldberg 2014); its scores may
        exceed 1.
        """
        if method not in ("add", "mul"):
            raise ValueError(f"unknown method {method!r}; known: add, mul")
        candidates = self._candidates(restrict_vocab, keep)
        if method == "add":
            return self._combined([b, c], [a], k, candidates)
        _positive(k)
        exclude = np.array([[self._row(word) for word in (a, b, c)]], dtype=np.int64)
        rows, scores = exact.nearest_by_product(
            self.table.matrix,
            np.stack([self._vector(term) for term in (b, c, a)])[None],
            2,
            min(k, len(self)),
            norms=self.table.norms,
            exclude=exclude,
            candidates=candidates,
        )
        return self._named(rows[0], scores[0], clip=False)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """The word that is least like the rest: of lowest cosine with the mean of all in unit length. At least three
        words.
        """
        given = list(words)
        if isinstance(words, str) or len(given) < 3:
            raise ValueError(f"at least 3 words are needed to tell which does not match, as a list; given: {words!r}")
        directions = exact.unit(self[given])
        mean = exact.unit(directions.mean(axis=0)[None])[0]
        return given[int(np.argmin(directions @ mean))]

    def closer_than(self, a: str, b: str) -> list[str]:
        """The words that are closer to ``a`` than ``b`` is, nearest first; ``a`` itself left out."""
        rows, _ = self._closer(a, b)
        return [self.vocabulary.words[row] for row in rows]

    def rank(self, a: str, b: str) -> int:
        """The place of ``b`` among the neighbours of ``a``: 1 for the nearest word."""
        return len(self._closer(a, b)[0]) + 1

    def _closer(self, a: str, b: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        scores = exact.cosines(self.table.matrix, self[a], norms=self.table.norms)
        there = self._row(b)
        limit = scores[there] if there >= 0 else np.float32(self.similarity(a, b))
        with np.errstate(invalid="ignore"):
            closer = np.flatnonzero(scores > limit)
        closer = closer[closer != self._row(a)]
        closer = closer[np.argsort(-scores[closer], kind="stable")]
        return closer, scores[closer]

    def _combined(
        self,
        positive: list[Term],
        negative: list[Term],
        k: int,
        candidates: NDArray[np.int64] | None,
        index: Index | None = None,
    ) -> Neighbors:
        if not positive and not negative:
            raise ValueError("nothing to look for: positive and negative are both empty")
        query = np.zeros(self.dim)
        rows = []
        for sign, terms in ((1.0, positive), (-1.0, negative)):
            for term in terms:
                item, weight = term if isinstance(term, tuple) else (term, 1.0)
                query += sign * weight * exact.unit(self._vector(item)[None])[0]
                rows.append(self._row(item))
        return self._nearest(query[None], k, np.array([rows], dtype=np.int64), candidates, index)[0]

    def _nearest(
        self,
        queries: Vector,
        k: int,
        exclude: NDArray[np.int64],
        candidates: NDArray[np.int64] | None,
        index: Index | None = None,
    ) -> list[Neighbors]:
        _positive(k)
        search = exact.nearest if index is None else index.nearest
        rows, scores = search(
            self.table.matrix,
            queries,
            min(k, len(self)),
            norms=self.table.norms,
            exclude=exclude,
            candidates=candidates,
        )
        return [self._named(*each) for each in zip(rows, scores, strict=True)]

    def _named(self, rows: NDArray[np.int64], scores: NDArray[np.float32], clip: bool = True) -> Neighbors:
        words = self.vocabulary.words
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        return [(words[row], _cosine(score) if clip else score) for row, score in pairs if row >= 0]

    def _vector(self, term: Any) -> Vector:
        if isinstance(term, str):
            return self[term]
        vector = np.asarray(term)
        if vector.shape != (self.dim,) or vector.dtype.kind not in "fiu":
            raise ValueError(
                f"a word or a vector of {self.dim} numbers is needed, not {type(term).__name__} of shape {vector.shape}"
            )
        return vector

    def _row(self, term: Any) -> int:
        """The row of a word, or of the token that it is; -1 for a vector and a word without one."""
        word = self.vocabulary.named(term) if isinstance(term, str) else None
        return -1 if word is None else self.vocabulary.index[word]

    def _candidates(self, restrict_vocab: int | None, keep: Filter | None) -> NDArray[np.int64] | None:
        if not len(self):
            raise ValueError(
                "the model lists no words, though each has a vector: no word can be an answer (floret keeps n-grams "
                "alone); the vectors of words that you name can be compared"
            )
        if restrict_vocab is not None and restrict_vocab < 1:
            raise ValueError(
                f"restrict_vocab is how many of the first words may be an answer, at least 1, not {restrict_vocab}"
            )
        limit = len(self) if restrict_vocab is None else min(restrict_vocab, len(self))
        if keep is None:
            return None if limit == len(self) else np.arange(limit)
        if isinstance(keep, str):
            raise TypeError(f"keep is a function or a collection of words, not one str: keep=[{keep!r}]")
        if callable(keep):
            chosen = [row for row, word in enumerate(self.vocabulary.words[:limit]) if keep(word)]
        else:
            index = self.vocabulary.index
            chosen = sorted({row for word in keep if (row := index.get(word, limit)) < limit})
        return np.array(chosen, dtype=np.int64)


def _terms(given: Any) -> list[Term]:
    """One term or several as a list: ``("woman", 2.0)`` is one, ``("king", "woman")`` two."""
    if given is None:
        return []
    if isinstance(given, str) or (isinstance(given, np.ndarray) and given.ndim == 1):
        return [given]
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], int | float):
        return [given]
    return list(given)


def _positive(k: int) -> None:
    if not isinstance(k, int | np.integer):
        raise TypeError(f"k is how many words to return, a whole number, not {k!r}")
    if k < 1:
        raise ValueError(f"k is how many words to return, at least 1, not {k}")


def _cosine(value: float) -> float:
    """Without the last bit of rounding that would make a cosine of 1.0000001."""
    return float(min(1.0, max(-1.0, value)))
