"""BERT: vectors of words in context, learnt by guessing words that were taken out of a text from those on both sides.

After Devlin, Chang, Lee and Toutanova (2019, arXiv 1810.04805), without their second task, which Liu et al. (2019,
arXiv 1907.11692) found to be of no use. What is masked is drawn anew at each reading, whole words at once (Cui et al.
2019, arXiv 1906.08101, for Chinese). As Geiping and Goldstein (2022, arXiv 2212.14034) advise for a small budget: texts
follow each other without padding, only masked places go through the last steps, more than 15 % are masked, nothing is
dropped out, one pass with a learning rate that rises and falls with the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import Network
from wordfield.models.checks import check
from wordfield.models.sequence.encoding import Encoding
from wordfield.models.sequence.masked_language_model import MaskedLanguageModel, guessed
from wordfield.models.sequence.masking import Masking
from wordfield.models.sequence.recipe import Blocks
from wordfield.models.sequence.specials import Specials
from wordfield.models.sequence.streams import Stream
from wordfield.models.sequence.tokens import Tokens
from wordfield.storage import Dense
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.models.sequence.encoder import Encoder
    from wordfield.models.sequence.training import Measured


@dataclass(frozen=True)
class BERT(Encoding):
    """Vectors of words in context, by a transformer that guesses masked words from both sides."""

    MODEL = "bert"

    masked: float = 0.25
    """Share of the tokens that are to be guessed."""
    whole_words: bool = True
    """Whether the pieces of a word are masked together."""
    epochs: int = 1
    """Passes over the corpus."""
    learning_rate: float = 3e-3
    """Step size at its highest."""
    dropout: float = 0.0
    """Share of numbers set to zero at random while training; more for a small corpus that is read often."""

    def __post_init__(self) -> None:
        check(self, {}, {}, {"masked": ("a share, above 0 and below 1", lambda share: 0 < share < 1)})
        super().__post_init__()

    def network(self, tokens: Tokens) -> Encoder:
        """The network for these tokens, as it is before training."""
        import torch

        from wordfield.models.sequence.encoder import Encoder

        made = Encoder(self.shape(len(tokens.vocabulary)))
        made.begin(torch.Generator().manual_seed(self.seed))
        return made

    def examples(self, stream: Stream, tokens: Tokens) -> Guessing:
        """Stretches of the stream with masks."""
        specials = Specials.of(tokens.vocabulary.words, {})
        return Guessing(stream, self.context - 1, self.batch, self.seed, specials, self._masking(tokens, specials))

    def measured(self, network: Encoder, heldout: Stream, tokens: Tokens) -> Measured:
        """The mean loss of all masked tokens, always the same ones, and how many are guessed right."""
        from wordfield.models.sequence.training import Measured

        specials = Specials.of(tokens.vocabulary.words, {})
        found = guessed(network, heldout, specials.begin, self._masking(tokens, specials), self.seed)
        return Measured(found.loss, found.accuracy)

    def continued(self, start: Any, tokens: Tokens) -> Encoder:
        """The network of a masked language model, whatever its shape."""
        from wordfield.models.sequence import layouts

        del tokens
        if not isinstance(start, MaskedLanguageModel):
            raise ValueError("a masked language model goes on from one only: give one as start, or none")
        made: Encoder = layouts.read(start.network.config, start.network.tensors)
        if made.head is None:
            raise ValueError("the model to go on from has no head that guesses tokens: it was saved without")
        if made.shape.context < self.context:
            raise ValueError(f"the model to go on from reads {made.shape.context} tokens, not context={self.context}")
        return made.train()

    def result(
        self, network: Encoder, tokens: Tokens, told: dict[str, Any], state: dict[str, NDArray[Any]]
    ) -> MaskedLanguageModel:
        """The model as trained so far."""
        from wordfield.models.sequence import layouts
        from wordfield.models.sequence.layouts import bert, modernbert

        specials = Specials.of(tokens.vocabulary.words, {})
        layout = bert if network.shape.style == "classic" else modernbert
        config = layout.config(network.shape, specials)
        tensors, names = layouts.tensors(network, config), layout.names(config)
        output = None if network.tied else Dense(tensors[names.head["output"]])
        words = WordVectors(tokens.vocabulary, Dense(tensors[f"{names.prefix}{names.base['table']}"]))
        return MaskedLanguageModel(
            words, tokens.tokenizer, Network(config, tensors, output), self.described(), told, state
        )

    def _masking(self, tokens: Tokens, specials: Specials) -> Masking:
        return Masking(tokens.vocabulary.words, specials, self.masked, whole=self.whole_words)


class Guessing(Blocks):
    """Stretches of a stream, some of whose words are masked, each time others."""

    def __init__(
        self, stream: Stream, length: int, batch: int, seed: int, specials: Specials, masking: Masking
    ) -> None:
        super().__init__(stream, length, batch, seed)
        self._seed, self._begin, self._masking = seed, specials.begin, masking

    def batch(self, epoch: int, step: int, size: int) -> Any:
        """(size, 2, context): as they are to be read, and the tokens to guess, -1 where there are none."""
        import torch

        rows = np.pad(self.read(epoch, step, size), ((0, 0), (1, 0)), constant_values=self._begin)
        found = self._masking(rows, np.random.default_rng((self._seed, epoch, step)))
        return torch.from_numpy(np.stack(found, axis=1))

    def tokens(self, batch: Any) -> int:
        """How many are read."""
        return int(batch[:, 0].numel())
