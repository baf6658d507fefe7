"""What models have in common that read words in context: the table of their tokens as vectors of words, vectors of
words where they stand and of texts, and how they are kept.

V tokens, D dimension, T tokens of a text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import FormatError, Network, Table
from wordfield.models.sequence import missing
from wordfield.models.sequence.scalar_mix import ScalarMix
from wordfield.static import told
from wordfield.storage import Storage
from wordfield.text.corpus import cores
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.formats.files import PathLike

Floats = NDArray[np.float32]
Pooled = Literal["last", "first", "mean"]
Layer = int | Sequence[int] | ScalarMix
Precision = Literal["auto", "float32", "bfloat16"]

Given = TypeVar("Given")
Made = TypeVar("Made")

AT_ONCE = 4096
"""Tokens that go through the network together."""
TEXTS = 4096
"""Texts of which the states are held at once, and which are sorted by length together."""
PICKED = {"last": slice(-1, None), "first": slice(0, 1), "mean": slice(None)}


class Share(NamedTuple):
    """A layer, counted from 0, and what its states are multiplied by."""

    layer: int
    share: float


class Part(NamedTuple):
    """What a network reads at once of a text, and which states are taken from it."""

    rows: list[Any]
    """The tokens, those that are no text with them."""
    at: int
    """The place among them of the first token whose state is taken."""
    first: int
    """That token's place in the text."""
    last: int
    """The place in the text behind the last token whose state is taken."""


@dataclass(frozen=True, eq=False)
class ContextualModel(ABC):
    """A network that reads words in context, and the table of its tokens."""

    KIND: ClassVar[str]
    """What it is called."""
    POOLING: ClassVar[Pooled]
    """Which tokens of a word its vector is made of where nobody says."""

    words: WordVectors
    """The input table: one vector a token, and of a word the mean of those of its tokens."""
    tokenizer: Tokenizer
    """Cuts a text into tokens."""
    network: Network
    """The architecture and its tensors, in the layout of a Hugging Face checkpoint."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The model's name and hyperparameters; empty for one made elsewhere."""
    history: dict[str, Any] = field(default_factory=dict)
    """What training measured."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays needed to go on training."""
    precision: Precision = "float32"
    """What matrices are multiplied in when texts are read: auto is bfloat16 where the processor has such arithmetic."""

    def __post_init__(self) -> None:
        if self.precision not in get_args(Precision):
            raise ValueError(f"precision must be one of {', '.join(get_args(Precision))}, not {self.precision!r}")
        object.__setattr__(self, "words", self.words.cut_by(self.tokenizer))

    @classmethod
    def of(cls, table: Table) -> Self:
        """What a format has read, as a model. ``FormatError`` for a table without network."""
        if table.network is None:
            raise FormatError("there is no network in it: only vectors")
        tokenizer = table.tokenizer or Tokenizer.for_words(table.words)
        recipe, history = table.config.get("recipe") or {}, table.config.get("history") or {}
        return cls(WordVectors.of(table), tokenizer, table.network, recipe, history, table.state)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """The model in a checkpoint folder, whoever wrote it."""
        from wordfield import formats

        return cls.of(formats.load(path))

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        return self.words.dim

    @property
    def tied(self) -> bool:
        """Whether the input and the output table are one."""
        return self.network.output is None

    @cached_property
    def output(self) -> WordVectors:
        """The output table, which turns vectors back into tokens: ``words`` itself where both are tied."""
        table: Storage | None = self.network.output
        return self.words if table is None else WordVectors(self.words.vocabulary, table)

    @property
    @abstractmethod
    def tokens(self) -> Any:
        """How text becomes what the network reads: its tokens, rows of the table in most."""

    @cached_property
    def module(self) -> Any:
        """The network in PyTorch, made when it is first needed. ``ImportError`` that names the extra without it."""
        try:
            from wordfield.models.sequence import layouts
        except ImportError as error:
            raise missing(error) from error
        return layouts.read(self.network.config, self.network.tensors)

    @abstractmethod
    def parts(self, rows: Sequence[Any]) -> Iterator[Part]:
        """What the network reads of a text (T tokens), one part after the other where it is longer than the context;
        each token's state is taken from one of them.
        """

    @abstractmethod
    def through(self, texts: Sequence[Sequence[Any]], layers: Sequence[Share]) -> list[Floats]:
        """The state at each token of each text, (its tokens, D): the sum of some layers, each by its share. The longest
        text is first.
        """

    def embed_words(
        self, text: str | Sequence[str], layer: Layer = -1, pooling: Pooled | None = None
    ) -> tuple[list[str], Floats]:
        """The words of a text as they stand, or the words given, and one vector for each occurrence, (words, D): the
        state of the network there, which depends on what stands around it.

        ``layer``: 0 is what goes into the first layer, 1 the state after that layer, -1 the last; of several the mean,
        or a ``ScalarMix`` of all.
        ``pooling``: which of a word's tokens counts. A text longer than the context is read in windows that overlap by
        half.
        """
        return self.embed_words_of([text], layer, pooling)[0]

    def embed_words_of(
        self, texts: Sequence[str | Sequence[str]], layer: Layer = -1, pooling: Pooled | None = None
    ) -> list[tuple[list[str], Floats]]:
        """What ``embed_words`` gives of each of many texts, which are read together."""
        pooling = pooling or self.POOLING
        if pooling not in PICKED:
            raise ValueError(f"pooling must be one of {', '.join(PICKED)}, not {pooling!r}")
        read = [self.tokens.read(text) for text in texts]
        found = []
        for each, states in zip(read, self.states([each.rows for each in read], layer), strict=True):
            picked = [places[PICKED[pooling]] for places in each.tokens]
            found.append((each.words, _means(states, picked) if picked else np.zeros((0, self.dim), np.float32)))
        return found

    def embed(self, texts: Sequence[str], layer: Layer = -1) -> Floats:
        """One vector a text, (len(texts), D): the mean of the states of its tokens; zeros for a text without any."""
        if isinstance(texts, str):
            raise TypeError("embed takes a list of texts, not one: embed([text])")
        found = np.zeros((len(texts), self.dim), np.float32)
        for first in range(0, len(texts), TEXTS):
            rows = [self.tokens.rows(text) for text in texts[first : first + TEXTS]]
            for number, states in enumerate(self.states(rows, layer), first):
                if len(states):
                    found[number] = states.mean(axis=0)
        return found

    def states(self, texts: Sequence[Sequence[Any]], layer: Layer = -1) -> list[Floats]:
        """The state of the network at each token of each text, (T, D) each."""
        layers = self._layers(layer)
        found = [np.zeros((len(rows), self.dim), np.float32) for rows in texts]
        read = [
            (number, part)
            for number, rows in enumerate(texts)
            if len(rows)
            for part in self.parts(rows)
            if part.last > part.first
        ]
        read.sort(key=lambda each: -len(each[1].rows))
        batches = [*_together(read)]
        asked = [[part.rows for _, part in some] for some in batches]
        for some, states in zip(
            batches, self.side_by_side(lambda texts: self.through(texts, layers), asked), strict=True
        ):
            for (number, part), rows in zip(some, states, strict=True):
                found[number][part.first : part.last] = rows[part.at : part.at + part.last - part.first]
        return found

    def side_by_side(self, work: Callable[[Given], Made], batches: Sequence[Given]) -> Iterator[Made]:
        """What is made of each batch of texts, in order: of several each thread takes one through the whole network, so
        that threads need not wait for each other at every multiplication.
        """
        _ = self.module  # which one thread makes, before there are several
        if len(batches) < 2:
            yield from map(work, batches)
            return
        from wordfield.models.sequence.training import allotted

        threads = min(len(batches), cores())
        with allotted(1), ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, batches)

    def table(self) -> Table:
        """All of the model, as a format writes it."""
        config = {"recipe": self.recipe, "tokenizer": self.tokenizer.describe(), "history": self.history}
        vocabulary = self.words.vocabulary
        return Table(vocabulary.words, self.words.storage, vocabulary.counts, config, self.state, network=self.network)

    def save(self, path: PathLike, format: str | None = None) -> None:
        """Write the format named, or a folder that ``transformers`` loads; what was there before stays until all is
        written.
        """
        from wordfield import formats

        formats.save(self.table(), path, format)

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it; ``network``: see ``formats.architecture.about``."""
        return told(self, self.KIND)

    def _reading(self) -> Any:
        """Without gradients, and with matrices multiplied as ``precision`` says."""
        import torch

        from wordfield.models.sequence.training import precision_of

        both = ExitStack()
        both.enter_context(torch.inference_mode())
        low = precision_of(self.precision, "cpu") == "bfloat16"
        both.enter_context(torch.autocast("cpu", torch.bfloat16, enabled=low))
        return both

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        """The tokens by their rows."""
        vocabulary = self.words.vocabulary
        if self.tokenizer.name == "subwords" and (names := self.tokenizer.pieces.listed()) != vocabulary.words:
            return Vocabulary(names)  # of which some have no row, or no name of their own
        return vocabulary

    @property
    def layers(self) -> int:
        """Layers of the network."""
        return int(self.module.shape.layers)

    def _layers(self, layer: Layer) -> list[Share]:
        """The layers that are meant."""
        most = self.layers
        if isinstance(layer, ScalarMix):
            if len(layer.weights) != most + 1:
                raise ValueError(f"the mix has {len(layer.weights)} weights, the network {most} layers and its input")
            return [Share(number, share) for number, share in enumerate(layer.shares)]
        asked = [layer] if isinstance(layer, int) else [*layer]
        if not asked:
            raise ValueError("no layer is asked for: give one, or several")
        for each in asked:
            if not -most - 1 <= each <= most:
                raise ValueError(f"layer must be from {-most - 1} to {most}, not {each}: the network has {most}")
        return [Share(each % (most + 1), 1 / len(asked)) for each in asked]


def mixed(states: Sequence[Any], layers: Sequence[Share]) -> Any:
    """The sum of some of the states of all layers, tensors, each by its share."""
    if len(layers) == 1 and layers[0].share == 1:
        return states[layers[0].layer]
    return sum(states[each.layer] * each.share for each in layers)


def _means(states: Floats, places: Sequence[Sequence[int]]) -> Floats:
    """The mean of the states at the places of each word, at least one, (words, D)."""
    sizes = np.array([len(each) for each in places])
    every = np.fromiter(chain.from_iterable(places), np.int64, sizes.sum())
    sums: Floats = np.add.reduceat(states[every], np.cumsum(sizes) - sizes, axis=0)
    sums /= sizes[:, None].astype(np.float32)
    return sums


def _together(read: list[tuple[int, Part]]) -> Iterator[list[tuple[int, Part]]]:
    """Parts of texts, the longest first, some at a time."""
    at = 0
    while at < len(read):
        some = read[at : at + max(1, AT_ONCE // len(read[at][1].rows))]
        yield some
        at += len(some)
