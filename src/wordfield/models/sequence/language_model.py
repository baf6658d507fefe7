"""What training a language model gives: the table of its tokens as vectors of words, vectors of words in context, how
surprised it is by a text, and texts that it goes on with.

V tokens, D dimension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import FormatError, Network, Table
from wordfield.models.sequence import missing
from wordfield.models.sequence.streams import Stream, everything
from wordfield.models.sequence.tokens import Tokens, cut, end_of
from wordfield.models.sequence.windows import windows
from wordfield.progress import Progress, silent
from wordfield.static import told
from wordfield.text.corpus import Corpus
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.formats.files import PathLike
    from wordfield.models.sequence.decoder import Decoder

Floats = NDArray[np.float32]
Pooled = Literal["last", "first", "mean"]

AT_ONCE = 4096
"""Tokens that go through the network together."""


class Surprise(NamedTuple):
    """How well a model foresees a text."""

    tokens: int
    """How many it had to foresee, the ends of sentences with them."""
    loss: float
    """The mean of their losses, in nats."""
    bits_per_byte: float
    """All their losses for each byte of the text, which compares models of different tokens."""

    @property
    def perplexity(self) -> float:
        """Among how many equally probable tokens the model wavers: the exponential of the loss."""
        return math.exp(min(self.loss, 700))


@final
@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A causal language model and the table of its tokens."""

    words: WordVectors
    """The input table: one vector a token, and of a word the mean of those of its tokens."""
    tokenizer: Tokenizer
    """Cuts a text into tokens."""
    network: Network
    """The architecture and its tensors, in the layout of Llama."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The model's name and hyperparameters; empty for one made elsewhere."""
    history: dict[str, Any] = field(default_factory=dict)
    """What training measured."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays needed to go on training."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", self.words.cut_by(self.tokenizer))

    @classmethod
    def of(cls, table: Table) -> LanguageModel:
        """What a format has read, as a model. ``FormatError`` for a table without network."""
        if table.network is None:
            raise FormatError("there is no network in it: only vectors")
        tokenizer = table.tokenizer or Tokenizer.for_words(table.words)
        recipe, history = table.config.get("recipe") or {}, table.config.get("history") or {}
        return cls(WordVectors.of(table), tokenizer, table.network, recipe, history, table.state)

    @classmethod
    def load(cls, path: PathLike) -> LanguageModel:
        """The model in a checkpoint folder, of Llama's layout, whoever wrote it."""
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
        table = self.network.output
        return self.words if table is None else WordVectors(self.words.vocabulary, table)

    @cached_property
    def tokens(self) -> Tokens:
        """How text becomes rows of the table."""
        vocabulary = self.words.vocabulary
        if self.tokenizer.name == "subwords" and (names := self.tokenizer.pieces.listed()) != vocabulary.words:
            vocabulary = Vocabulary(names)  # of which some have no row, or no name of their own
        return Tokens(self.tokenizer, vocabulary, end_of(vocabulary, self.network.config.get("eos_token_id")))

    @cached_property
    def decoder(self) -> Decoder:
        """The network in PyTorch, made when it is first needed. ``ImportError`` that names the extra without it."""
        try:
            from wordfield.models.sequence import llama
        except ImportError as error:
            raise missing(error) from error
        return llama.decoder(self.network.config, self.network.tensors)

    def embed_words(
        self, text: str | Sequence[str], layer: int = -1, pooling: Pooled = "last"
    ) -> tuple[list[str], Floats]:
        """The words of a text as they stand, or the words given, and one vector for each occurrence, (words, dim): the
        state of the network there, which depends on all that comes before.

        ``layer``: 0 is the row of the table, 1 the state after the first layer, -1 the last, normalised. ``pooling``:
        which of a word's tokens counts; the last has read the whole word. A text longer than the context is read in
        windows that overlap by half.
        """
        read = self.tokens.read(text)
        states = self._states([read.rows], layer)[0]
        pick = {"last": lambda each: each[-1:], "first": lambda each: each[:1], "mean": lambda each: each}
        if pooling not in pick:
            raise ValueError(f"pooling must be one of {', '.join(pick)}, not {pooling!r}")
        found = np.empty((len(read.words), self.dim), np.float32)
        for number, tokens in enumerate(read.tokens):
            found[number] = states[pick[pooling](tokens)].mean(axis=0)
        return read.words, found

    def embed(self, texts: Sequence[str], layer: int = -1) -> Floats:
        """One vector a text, (len(texts), dim): the mean of the states of its tokens; zeros for a text without any."""
        if isinstance(texts, str):
            raise TypeError("embed takes a list of texts, not one: embed([text])")
        found = np.zeros((len(texts), self.dim), np.float32)
        for number, states in enumerate(self._states([self.tokens.rows(text) for text in texts], layer)):
            if len(states):
                found[number] = states.mean(axis=0)
        return found

    def surprise(self, corpus: Corpus | Any, progress: Progress = silent) -> Surprise:
        """How well the model foresees a corpus, or what one is made of: each token, and each end of a sentence, from
        those before it, at least half a context of them but at the beginning.

        Words that the vocabulary lacks are foreseen as the token for what is unknown.
        """
        corpus = cut(Corpus.of(corpus), self.tokenizer)
        with corpus.scan() as scan:
            tokens = self.tokens
            ids = scan.encode(tokens.vocabulary, tokens.unknown)
            stream = Stream(ids, everything(ids), tokens.end)
            if len(stream) < 2:
                raise ValueError(f"there are no words in {corpus.name}: nothing to foresee")
            loss, count = total_loss(self.decoder, stream, self.decoder.shape.context, progress), len(stream) - 1
        return Surprise(count, loss / count, loss / math.log(2) / max(scan.bytes, 1))

    def next(self, text: str, k: int = 10) -> list[tuple[str, float]]:
        """The ``k`` most probable tokens after a text, with their probabilities."""
        shares = self._shares([self.tokens.end, *self.tokens.rows(text)])
        best = np.argsort(-shares, kind="stable")[:k]
        return [(self.words.vocabulary.words[row], float(shares[row])) for row in best.tolist()]

    def generate(
        self, text: str = "", tokens: int = 50, *, temperature: float = 0.8, top: float = 0.95, seed: int = 1
    ) -> str:
        """``text`` and how the model goes on with it, for so many ``tokens``; an end of a sentence is a line feed.

        ``temperature``: 0 takes the most probable token each time, 1 draws as the model thinks. ``top``: drawn are only
        the most probable tokens that together have this share (Holtzman et al. 2020, arXiv 1904.09751).
        """
        return self.tokens.text([*self.continued(text, tokens, temperature, top, seed)])

    def continued(self, text: str, tokens: int, temperature: float, top: float, seed: int) -> Iterator[int]:
        """The rows of a text, and of the tokens that the model goes on with, as they come."""
        if tokens < 0 or temperature < 0 or not 0 < top <= 1:
            raise ValueError(
                f"tokens={tokens}, temperature={temperature} must be 0 or more, top={top} above 0, at most 1"
            )
        random, rows = np.random.default_rng(seed), [self.tokens.end, *self.tokens.rows(text)]
        yield from rows[1:]
        unknown = self.tokens.unknown
        for _ in range(tokens):
            shares = self._shares(rows)
            if unknown is not None:
                shares[unknown] = 0
            rows.append(_drawn(shares, temperature, top, random))
            yield rows[-1]

    def table(self) -> Table:
        """All of the model, as a format writes it."""
        config = {"recipe": self.recipe, "tokenizer": self.tokenizer.describe(), "history": self.history}
        vocabulary = self.words.vocabulary
        return Table(vocabulary.words, self.words.storage, vocabulary.counts, config, self.state, network=self.network)

    def save(self, path: PathLike, format: str | None = None) -> None:
        """Write the format named, or a folder that ``transformers`` loads as a LlamaForCausalLM; what was there before
        stays until all is written.
        """
        from wordfield import formats

        formats.save(self.table(), path, format)

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it; ``network``: see ``formats.architecture.about``."""
        return told(self, "language model")

    def _shares(self, rows: Sequence[int]) -> Floats:
        """The probability of each token (V,) after these."""
        import torch

        context = self.decoder.shape.context
        with torch.inference_mode():
            logits = self.decoder(torch.tensor([rows[-context:]]))[0, -1, : len(self.words)]
            return torch.softmax(logits.double(), 0).float().numpy()

    def _states(self, texts: Sequence[Sequence[int]], layer: int) -> list[Floats]:
        """The state of the network at each token of each text, (tokens, dim) each."""
        decoder = self.decoder
        import torch

        layers = decoder.shape.layers
        if not -layers - 1 <= layer <= layers:
            raise ValueError(f"layer must be from {-layers - 1} to {layers}, not {layer}: the network has {layers}")
        found = [np.zeros((len(rows), self.dim), np.float32) for rows in texts]
        read = [
            (number, window)
            for number, rows in enumerate(texts)
            if rows
            for window in windows(len(rows) + 1, decoder.shape.context)
        ]
        read.sort(key=lambda each: each[1].first - each[1].last)
        with torch.inference_mode():
            for some in _together(read):
                longest = some[0][1].last - some[0][1].first
                ids = torch.full((len(some), longest), self.tokens.end)
                for place, (number, window) in enumerate(some):
                    rows = [self.tokens.end, *texts[number]][window.first : window.last]
                    ids[place, : len(rows)] = torch.tensor(rows)
                states = decoder.states(ids)[layer].float().numpy()
                for place, (number, (first, last, new)) in enumerate(some):
                    new = max(new, 1)  # the state of the end before the text is left out
                    found[number][new - 1 : last - 1] = states[place, new - first : last - first]
        return found


def total_loss(decoder: Decoder, stream: Stream, context: int, progress: Progress = silent) -> float:
    """The sum of the losses of all tokens of a stream but the first, in nats."""
    import torch

    device, total = next(decoder.parameters()).device, len(stream) - 1
    loss, many = 0.0, max(1, AT_ONCE // context)
    with torch.inference_mode():
        shapes = groupby(windows(total, context), lambda each: (each.last - each.first, each.new - each.first))
        for (length, old), alike in shapes:
            while some := [*islice(alike, many)]:
                ids = np.stack([stream.read(each.first, each.first + length + 1) for each in some])
                losses = decoder.losses(torch.from_numpy(ids).to(device))
                loss += losses[:, old:].double().sum().item()
                progress(some[-1].last, total)
    return loss


def _together(read: list[Any]) -> Iterator[list[Any]]:
    """Windows, the longest first, some at a time."""
    at = 0
    while at < len(read):
        longest = read[at][1].last - read[at][1].first
        some = read[at : at + max(1, AT_ONCE // longest)]
        yield some
        at += len(some)


def _drawn(shares: Floats, temperature: float, top: float, random: np.random.Generator) -> int:
    """A row, drawn by its probability."""
    if temperature == 0:
        return int(shares.argmax())
    sharp = np.where(shares > 0, np.log(np.maximum(shares, 1e-38)), -np.inf).astype(np.float64) / temperature
    weights = np.exp(sharp - sharp.max())
    order = np.argsort(-weights, kind="stable")
    sums = np.cumsum(weights[order]) / weights.sum()
    kept = order[: int(np.searchsorted(sums, top)) + 1]
    return int(random.choice(kept, p=weights[kept] / weights[kept].sum()))
