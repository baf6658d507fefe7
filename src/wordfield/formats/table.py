"""What stands between a file and the library: plain words, counts, vectors, and what a recipe remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.storage import Storage
from wordfield.text import pieces
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Bags, Vocabulary

HELD = 1 << 23
"""Numbers of rows that are added up at once."""


class FormatError(ValueError):
    """A file is not what it should be, or cannot hold what it was given."""


@dataclass
class Classes:
    """What a classifier has besides its words. L labels, D dimensions."""

    labels: list[str]
    """The label of each row (L), without its prefix."""
    storage: Storage
    """The output vectors: of each label (L, D), or of each inner node of the tree above them, from the leaves to the
    root and one that is not used (L, D)."""
    loss: str
    """softmax, hierarchical, negative or one-vs-all: how scores become probabilities."""
    counts: NDArray[np.int64] | None = None
    """How often each label was given (L); the tree is made of these."""
    prefix: str = "__label__"
    """What a word begins with that is a label."""


@dataclass
class Network:
    """What reads words in context, the vectors being its table: an architecture and its tensors."""

    config: dict[str, Any]
    """The architecture, as the config.json of a Hugging Face checkpoint says it."""
    tensors: Mapping[str, NDArray[Any]]
    """All tensors by the names that this architecture gives them, numbers as float32 or float16; read when they are
    asked for."""
    output: Storage | None = None
    """The table (V, D) that turns vectors back into words, where it is another than the one of the words."""


@dataclass
class Table:
    """The content of a file of vectors. V words, D dimensions."""

    words: list[str]
    """The word of each row (V)."""
    storage: Storage
    """The vectors (V, D), and those of n-grams after them."""
    counts: NDArray[np.int64] | None = None
    """How often each word occurred (V), where the file tells."""
    config: dict[str, Any] = field(default_factory=dict)
    """What a result remembers besides: recipe, tokenizer, history. JSON."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Arrays needed to go on training."""
    ngrams: Ngrams | None = None
    """Which n-grams have rows of the vectors, after the words' own."""
    classes: Classes | None = None
    """The labels of a classifier."""
    network: Network | None = None
    """What reads the words in context."""
    repaired: list[str] = field(default_factory=list)
    """What was wrong with the file that this was read from, and left out or mended."""

    def __post_init__(self) -> None:
        words, rows = len(self.words), self.storage.shape[0]
        if self.ngrams is not None and words * self.ngrams.own + self.ngrams.rows != rows:
            raise ValueError(
                f"{words * self.ngrams.own} rows of words and {self.ngrams.rows} of n-grams for {rows} rows of vectors"
            )
        if self.ngrams is None and words != rows:
            raise ValueError(f"{words} words for {rows} rows of vectors: one word a row is needed")
        if self.counts is not None and len(self.counts) != words:
            raise ValueError(f"{len(self.counts)} counts for {words} words: one count a word is needed, or None")

    @property
    def vocabulary(self) -> Vocabulary:
        """The words, with their n-grams where they have any; tokens, with the tokenizer that cuts words into them."""
        if self.ngrams is not None:
            return NgramVocabulary(self.words, self.counts, self.ngrams)
        vocabulary, tokenizer = Vocabulary(self.words, self.counts), self.tokenizer
        return vocabulary if tokenizer is None else pieces.cut_by(vocabulary, tokenizer)

    @property
    def tokenizer(self) -> Tokenizer | None:
        """What cuts text into the words, where the configuration says it; ``FormatError`` for what is no tokenizer."""
        named = self.config.get("tokenizer")
        try:
            return None if named is None else Tokenizer.described(named)
        except (TypeError, ValueError) as error:
            raise FormatError(f'config.json: the entry "tokenizer" is {named!r}: {error}') from error


@np.errstate(over="ignore", invalid="ignore")  # rows with infinity or NaN make such a word; no need to warn of it
def composed(storage: Storage, bags: Bags) -> NDArray[np.float32]:
    """The mean of the rows of each word, (n, D), added up in float32 one after the other, as fastText does."""
    starts, rows = bags
    sizes = np.diff(starts)
    if len(rows) == len(sizes) and (sizes == 1).all():
        return storage.take(rows)
    found = np.zeros((len(sizes), storage.shape[1]), np.float32)
    most = int(sizes.max(initial=0))
    step = max(1, HELD // max(1, storage.shape[1] * max(1, most)))
    for first in range(0, len(sizes), step):
        some, here = found[first : first + step], starts[first : first + step + 1]
        taken = storage.take(rows[here[0] : here[-1]])
        for place in range(int(sizes[first : first + step].max())):  # the sum of several at once has other last bits
            longer = np.flatnonzero(sizes[first : first + step] > place)
            some[longer] += taken[here[longer] - here[0] + place]
    found *= (1 / np.maximum(sizes, 1)).astype(np.float32)[:, None]
    return found
