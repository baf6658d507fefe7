"""What training a static model gives: one vector a word, how text becomes words, and what the training was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, final

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import architecture
from wordfield.formats.table import Network
from wordfield.storage.dense import averaged
from wordfield.text.ngrams import NgramVocabulary
from wordfield.text.pooling import Pooling
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Distinct
from wordfield.unknown import OWN, TEXTS, ZEROS, Found, Policy, Unknown
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.formats import Table
    from wordfield.formats.files import PathLike

AT_ONCE = 1 << 16
"""Words of texts that are looked at together."""
HELD = 1 << 24
"""Numbers in their vectors."""


class Embedded(NamedTuple):
    """Vectors of texts, and what is to be known of their words."""

    vectors: NDArray[np.float32]
    """(texts, dim)."""
    tally: Counter[str]
    """Of how many words the vectors came from where: ``unknown.KINDS``."""
    sizes: list[int]
    """How many words each text has, known or not."""


@final
@dataclass(frozen=True, eq=False)
class StaticModel:
    """Word vectors with the tokenizer they were trained with; a text's vector is the mean of its words'."""

    words: WordVectors
    """One vector a word; where the tokenizer cuts text into pieces, one a piece, and of other words the mean of those
    of theirs."""
    tokenizer: Tokenizer
    """Cuts a text into words."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The model's name and hyperparameters; empty for vectors made elsewhere."""
    history: dict[str, Any] = field(default_factory=dict)
    """What training measured: loss of each epoch, tokens, seconds."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays needed to go on training."""
    pooling: Pooling = field(default_factory=Pooling)
    """Which part of a text counts, and what is done to the mean."""
    network: Network | None = field(default=None, repr=False)
    """The network whose table the vectors are, where they are one's."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words.cut_by(self.tokenizer))

    @classmethod
    def load(cls, path: PathLike, format: str | None = None) -> StaticModel:
        """The model in any file that ``wordfield.formats`` reads, recognised by its content; tables are mapped where
        the format allows.
        """
        from wordfield import formats

        return cls.of(formats.load(path, format))

    @classmethod
    def of(cls, table: Table) -> StaticModel:
        """What a format has read, as a model.

        A file that does not name its tokenizer gets Unicode words, lower-cased unless one of its words has an
        upper-case letter.
        """
        tokenizer = table.tokenizer or Tokenizer.for_words(table.words)
        try:
            pooling = Pooling.described(table.config.get("pooling"))
        except ValueError as error:
            from wordfield.formats import FormatError

            raise FormatError(f'config.json: the entry "pooling": {error}') from error
        recipe, history = table.config.get("recipe") or {}, table.config.get("history") or {}
        return cls(WordVectors.of(table), tokenizer, recipe, history, table.state, pooling, table.network)

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        return self.words.dim

    @property
    def output(self) -> WordVectors | None:
        """The vectors by which a network finds the next word, where they are others than those of the words."""
        if self.network is None or self.network.output is None:
            return None
        return WordVectors(self.words.vocabulary, self.network.output)

    def embed(self, texts: Sequence[str], unknown: Unknown | Policy | None = None) -> NDArray[np.float32]:
        """One vector a text, (len(texts), dim): the mean over its words, each as often as it occurs; zeros where none
        has a vector. Of words with n-grams, which are all known, the mean of their directions.

        unknown: what becomes of words that the vocabulary does not have, see ``wordfield.Unknown``; None: the mean of
        their n-grams where the model has n-grams, else they are left out. Zeros count in the mean, what is left out
        does not.
        """
        return self.embedded(texts, unknown).vectors

    def embedded(self, texts: Sequence[str], unknown: Unknown | Policy | None = None) -> Embedded:
        """What ``embed`` gives, and what is to be known of the words of the texts."""
        if isinstance(texts, str):
            raise TypeError("embed takes a list of texts, not one: embed([text])")
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text is a str, not {type(text).__name__}: {text!r:.60}")
        vectors, tally = np.zeros((len(texts), self.dim), dtype=np.float32), Counter[str]()
        sizes: list[int] = []
        by_ngrams = isinstance(self.words.vocabulary, NgramVocabulary)
        policy = Unknown.of(unknown, TEXTS).in_text(self.words)
        mean = self._mean_direction if by_ngrams else self._mean
        for start, some in self._cut(texts):
            sizes += map(len, some)
            seen = Counter(word for words in some for word in words)
            asked = [word for word in seen if by_ngrams or word not in self.words]
            found, places = policy.find(self.words, asked), {word: place for place, word in enumerate(asked)}
            for here, words in enumerate(some, start):
                vectors[here] = mean(words, found, places)
            for word, count in seen.items():
                tally[OWN if word not in places else found.kinds[places[word]]] += count
        return Embedded(self.pooling.finished(vectors), tally, sizes)

    def words_of(self, text: str) -> Sequence[str]:
        """The words of a text that count in its vector, in their order."""
        pooling = self.pooling
        whole = pooling.whole and self.tokenizer.name == "subwords"
        cut = self.tokenizer.pieces_of if whole else self.tokenizer.tokenize
        return pooling.kept(cut(pooling.text(text)))

    def _cut(self, texts: Sequence[str]) -> Iterator[tuple[int, list[Sequence[str]]]]:
        """The words of some texts at a time, and the number of the first of them."""
        most = max(1, min(AT_ONCE, HELD // max(1, self.dim)))
        some: list[Sequence[str]] = []
        count = 0
        for here, text in enumerate(texts, 1):
            some.append(self.words_of(text))
            count += len(some[-1])
            if here == len(texts) or count >= most:
                yield here - len(some), some
                some, count = [], 0

    def _mean(self, words: Sequence[str], found: Found, places: dict[str, int]) -> NDArray[np.float32]:
        """The mean of the words' rows and of what the unknown ones have instead."""
        own: list[str] = []
        others: list[int] = []
        for word in words:
            place = places.get(word)
            stand_in = word if place is None else found.stand_ins[place]
            if stand_in is not None:
                own.append(stand_in)
            elif place is not None and found.known[place]:
                others.append(place)
        rows, storage = self.words.vocabulary.rows(own), self.words.storage
        if not others:
            return storage.mean(rows)
        return averaged(np.concatenate([storage.take(rows), found.vectors[others]]))

    def _mean_direction(self, words: Sequence[str], found: Found, places: dict[str, int]) -> NDArray[np.float32]:
        """The mean of the words' vectors, each in unit length, those of zeros left out unless they were wanted: a
        text's vector in fastText (``FastText::getSentenceVector``).
        """
        here = [place for word in words if found.known[place := places[word]]]
        vectors = found.vectors[here]
        lengths = np.linalg.norm(vectors, axis=1)
        there = (lengths > 0) | np.array([found.kinds[place] == ZEROS for place in here], bool)
        if not there.any():
            return np.zeros(self.dim, np.float32)
        directions = vectors[there] / np.where(lengths > 0, lengths, 1)[there, None]
        mean: NDArray[np.float32] = directions.mean(axis=0)
        return mean

    def table(self) -> Table:
        """All of the model, as a format writes it."""
        from wordfield import formats

        config = {"recipe": self.recipe, "tokenizer": self.tokenizer.describe(), "history": self.history}
        if pooling := self.pooling.describe():
            config["pooling"] = pooling
        vocabulary = self.words.vocabulary
        ngrams = vocabulary.ngrams if isinstance(vocabulary, NgramVocabulary) else None
        words, counts = Distinct(vocabulary.words), vocabulary.counts
        return formats.Table(words, self.words.storage, counts, config, self.state, ngrams, network=self.network)

    def save(self, path: PathLike, format: str | None = None) -> None:
        """Write the format named, or the one that the name's ending says, see ``wordfield.formats``; without an ending
        a native folder, which keeps all. What another does not keep ``wordfield.formats.losses`` tells.

        What was there before stays until all is written.
        """
        from wordfield import formats

        formats.save(self.table(), path, format)

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it: kind, dim, vocabulary, tokens, recipe, tokenizer, history and, where
        the vectors are the table of a network, ``network``: see ``formats.architecture.about``.
        """
        return told(self, "word vectors" if self.network is None else "table of a network")


class Remembered(Protocol):
    """A model that remembers how it was made."""

    @property
    def words(self) -> WordVectors: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def recipe(self) -> dict[str, Any]: ...
    @property
    def history(self) -> dict[str, Any]: ...
    @property
    def state(self) -> dict[str, NDArray[Any]]: ...
    @property
    def network(self) -> Network | None: ...


def told(model: Remembered, kind: str) -> dict[str, Any]:
    """What ``info`` tells of a model; ``kind``: what it is where no recipe says so."""
    words, network = model.words, model.network
    counts = words.vocabulary.counts
    about = None if network is None else architecture.about(network, len(words), words.storage)
    return {
        "kind": model.recipe.get("model", kind),
        "dim": words.dim,
        "vocabulary": len(words),
        "tokens": None if counts is None else int(counts.sum()),
        "tokenizer": model.tokenizer.told(),
        "recipe": model.recipe,
        "history": model.history,
        "trainable": bool(model.state),
    } | ({} if about is None else {"network": about})
