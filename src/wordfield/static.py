"""What training a static model gives: one vector a word, how text becomes words, and what the training was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from wordfield.text.ngrams import NgramVocabulary
from wordfield.text.tokenizers import Tokenizer
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.formats import Table
    from wordfield.formats.files import PathLike


@final
@dataclass(frozen=True, eq=False)
class StaticModel:
    """Word vectors with the tokenizer they were trained with; a text's vector is the mean of its words'."""

    words: WordVectors
    """One vector a word."""
    tokenizer: Tokenizer
    """Cuts a text into words."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The model's name and hyperparameters; empty for vectors made elsewhere."""
    history: dict[str, Any] = field(default_factory=dict)
    """What training measured: loss of each epoch, tokens, seconds."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays needed to go on training."""

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
        named = table.config.get("tokenizer")
        if named is None:
            tokenizer = Tokenizer.of("words", lowercase=all(word == word.lower() for word in table.words))
        else:
            try:
                tokenizer = Tokenizer.described(named)
            except (TypeError, ValueError) as error:
                from wordfield.formats import FormatError

                raise FormatError(f'config.json: the entry "tokenizer" is {named!r}: {error}') from error
        recipe, history = table.config.get("recipe") or {}, table.config.get("history") or {}
        return cls(WordVectors.of(table), tokenizer, recipe, history, table.state)

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        return self.words.dim

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, (len(texts), dim): the mean over its known words, each as often as it occurs; zeros where
        none is known. Of words with n-grams, which are all known, the mean of their directions.
        """
        if isinstance(texts, str):
            raise TypeError("embed takes a list of texts, not one: embed([text])")
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text is a str, not {type(text).__name__}: {text!r:.60}")
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        vocabulary = self.words.vocabulary
        for here, text in enumerate(texts):
            words = self.tokenizer.tokenize(text)
            if isinstance(vocabulary, NgramVocabulary):
                vectors[here] = self._mean_direction([word for word in words if len(vocabulary.bag(word))])
            else:
                vectors[here] = self.words.storage.mean(vocabulary.rows([word for word in words if word in vocabulary]))
        return vectors

    def _mean_direction(self, words: Sequence[str]) -> NDArray[np.float32]:
        """The mean of the words' vectors, each in unit length, those of zeros left out: a text's vector in fastText
        (``FastText::getSentenceVector``).
        """
        found = self.words[words]
        lengths = np.linalg.norm(found, axis=1)
        there = lengths > 0
        if not there.any():
            return np.zeros(self.dim, np.float32)
        mean: NDArray[np.float32] = (found[there] / lengths[there, None]).mean(axis=0)
        return mean

    def table(self) -> Table:
        """All of the model, as a format writes it."""
        from wordfield import formats

        config = {"recipe": self.recipe, "tokenizer": self.tokenizer.describe(), "history": self.history}
        vocabulary = self.words.vocabulary
        ngrams = vocabulary.ngrams if isinstance(vocabulary, NgramVocabulary) else None
        words, counts = list(vocabulary.words), vocabulary.counts
        return formats.Table(words, self.words.storage, counts, config, self.state, ngrams)

    def save(self, path: PathLike, format: str | None = None) -> None:
        """Write a native folder, which keeps all, or words and vectors alone as word2vec text (.txt, .vec) or binary
        (.bin).

        What was there before stays until all is written.
        """
        from wordfield import formats

        formats.save(self.table(), path, format)

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it: kind, dim, vocabulary, tokens, recipe, tokenizer, history."""
        counts = self.words.vocabulary.counts
        return {
            "kind": self.recipe.get("model", "word vectors"),
            "dim": self.dim,
            "vocabulary": len(self.words),
            "tokens": None if counts is None else int(counts.sum()),
            "tokenizer": self.tokenizer.describe(),
            "recipe": self.recipe,
            "history": self.history,
            "trainable": bool(self.state),
        }
