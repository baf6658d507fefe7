"""What training a masked language model gives: the table of its tokens as vectors of words, vectors of words in
context, and guesses at what stands behind a mask. Its checkpoints are those of BERT, RoBERTa, DistilBERT and
ModernBERT.

V tokens, D dimension, T tokens of a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from wordfield.models.sequence.contextual import AT_ONCE, Floats
from wordfield.models.sequence.encoder_model import EncoderModel
from wordfield.models.sequence.masking import Masking
from wordfield.models.sequence.streams import Stream, everything
from wordfield.models.sequence.tokens import cut
from wordfield.progress import Progress, silent
from wordfield.text.corpus import Corpus

if TYPE_CHECKING:
    from wordfield.models.sequence.encoder import Encoder

MASK = "[MASK]"
"""What a text says where a token is to be guessed, whatever the vocabulary calls it."""


class Guessed(NamedTuple):
    """How well a model guesses tokens that were taken out of a text."""

    tokens: int
    """How many it had to guess."""
    accuracy: float
    """The share of them that it guessed right at first."""
    loss: float
    """The mean of their losses, in nats."""


@final
class MaskedLanguageModel(EncoderModel):
    """An encoder that guesses masked tokens, and the table of its tokens."""

    KIND = "masked language model"

    def fill(self, text: str, k: int = 5) -> list[list[tuple[str, float]]]:
        """For each ``[MASK]`` in a text the ``k`` tokens that the model thinks most probable there, with their
        probabilities. ``ValueError`` for a text without one, or one longer than the context.
        """
        pieces = text.split(MASK)
        if len(pieces) < 2:
            raise ValueError(f"the text has no {MASK} where a token is to be guessed: {text!r:.60}")
        rows = self.tokens.rows(pieces[0])
        places = []
        for piece in pieces[1:]:
            places.append(len(rows))
            rows += [self.specials.needed("mask"), *self.tokens.rows(piece)]
        found = list(self.parts(rows))
        if len(found) > 1:
            raise ValueError(f"the text has {len(rows)} tokens, the network reads {self.encoder.shape.context - 2}")
        shares = self._shares(found[0].rows, [found[0].at + place for place in places])
        best = np.argsort(-shares, axis=1, kind="stable")[:, :k]
        words = self._vocabulary.words
        return [
            [(words[row], float(share[row])) for row in rows] for share, rows in zip(shares, best.tolist(), strict=True)
        ]

    def guess(self, corpus: Corpus | Any, share: float = 0.15, seed: int = 1, progress: Progress = silent) -> Guessed:
        """How well the model guesses whole words that are taken out of a corpus, or of what one is made of: a ``share``
        of the tokens, chosen as in training.
        """
        corpus = cut(Corpus.of(corpus), self.tokenizer)
        with corpus.scan() as scan:
            ids = scan.encode(self.tokens.vocabulary, self.tokens.unknown)
            stream = Stream(ids, everything(ids), self.tokens.end)
            if len(stream) < 2:
                raise ValueError(f"there are no words in {corpus.name}: nothing to guess")
            masking = Masking(self._vocabulary.words, self.specials, share)
            return guessed(self.encoder, stream, self.specials.begin, masking, seed, progress)

    def _shares(self, rows: Sequence[int], places: Sequence[int]) -> Floats:
        """The probability of each token (places, V) at some places of a text."""
        import torch

        with torch.inference_mode():
            states = self.encoder.states(self.packed([rows]), chosen=torch.tensor(places))[-1]
            logits = self.encoder.guess(states)[:, : len(self._vocabulary)]
            return torch.softmax(logits.double(), 1).float().numpy()


def guessed(
    encoder: Encoder, stream: Stream, begin: int, masking: Masking, seed: int, progress: Progress = silent
) -> Guessed:
    """How well a network guesses what ``masking`` takes out of a stream, always the same."""
    import torch

    random, length = np.random.default_rng(seed), min(encoder.shape.context, len(stream)) - 1
    device, many = next(encoder.parameters()).device, max(1, AT_ONCE // (length + 1))
    tokens, right, loss = 0, 0, 0.0
    firsts = [*range(1, len(stream) - length + 1, length)]
    with torch.inference_mode():
        for at in range(0, len(firsts), many):
            batch = masked(stream, firsts[at : at + many], length, begin, masking, random)
            losses, best = encoder.judged(torch.from_numpy(batch).to(device))
            tokens, loss = tokens + len(losses), loss + losses.double().sum().item()
            right += int(best.sum())
            progress(min(firsts[at] + many * length, len(stream)), len(stream))
    return Guessed(tokens, right / max(1, tokens), loss / max(1, tokens))


def masked(
    stream: Stream, firsts: Sequence[int], length: int, begin: int, masking: Masking, random: np.random.Generator
) -> Any:
    """Stretches of a stream, each after a token that begins a text: (stretches, 2, length + 1), as they are to be read
    and the tokens to guess, -1 where there are none.
    """
    rows = np.full((len(firsts), length + 1), begin, np.int64)
    for place, first in enumerate(firsts):
        rows[place, 1:] = stream.read(first, first + length)
    return np.stack(masking(rows, random), axis=1)
