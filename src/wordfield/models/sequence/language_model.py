"""What training a language model gives: the table of its tokens as vectors of words, vectors of words in context, how
surprised it is by a text, and texts that it goes on with.

V tokens, D dimension, T tokens of a text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from wordfield.models.sequence.contextual import AT_ONCE, ContextualModel, Floats, Part, Share, mixed
from wordfield.models.sequence.streams import Stream, everything
from wordfield.models.sequence.tokens import Tokens, cut, end_of
from wordfield.models.sequence.windows import windows
from wordfield.progress import Progress, silent
from wordfield.text.corpus import Corpus

if TYPE_CHECKING:
    from wordfield.models.sequence.decoder import Decoder


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
class LanguageModel(ContextualModel):
    """A causal language model and the table of its tokens. A vector of a word depends on all that comes before it; of
    its tokens the last has read the whole word.
    """

    KIND = "language model"
    POOLING = "last"

    @cached_property
    def tokens(self) -> Tokens:
        """How text becomes rows of the table."""
        vocabulary = self._vocabulary
        return Tokens(self.tokenizer, vocabulary, end_of(vocabulary, self.network.config.get("eos_token_id")))

    @property
    def decoder(self) -> Decoder:
        """The network in PyTorch."""
        return self.module

    def parts(self, rows: Sequence[int]) -> Iterator[Part]:
        """Windows over the end that stands before the text, and the text."""
        full = [self.tokens.end, *rows]
        for first, last, new, _ in windows(len(full), self.decoder.shape.context):
            new = max(new, 1)  # the state of the end before the text is left out
            yield Part(full[first:last], new - first, new - 1, last - 1)

    def through(self, texts: Sequence[Sequence[int]], layers: Sequence[Share]) -> list[Floats]:
        """See ``ContextualModel``: shorter texts are followed by ends, which what stands before does not see."""
        decoder = self.decoder
        import torch

        ids = torch.full((len(texts), len(texts[0])), self.tokens.end)
        for place, rows in enumerate(texts):
            ids[place, : len(rows)] = torch.tensor(rows)
        with self._reading():
            states = decoder.states(ids)
            found = mixed(states, layers).float().numpy()
        return [each[: len(rows)] for each, rows in zip(found, texts, strict=True)]

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

    def _shares(self, rows: Sequence[int]) -> Floats:
        """The probability of each token (V,) after these."""
        context = self.decoder.shape.context
        import torch

        with torch.inference_mode():
            logits = self.decoder(torch.tensor([rows[-context:]]))[0, -1, : len(self.words)]
            return torch.softmax(logits.double(), 0).float().numpy()


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
