"""What models have in common whose network sees a text on both sides.

D dimension, T tokens of a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from wordfield.models.sequence.contextual import ContextualModel, Floats, Part, Share, mixed
from wordfield.models.sequence.specials import Specials
from wordfield.models.sequence.tokens import Tokens
from wordfield.models.sequence.windows import centred

if TYPE_CHECKING:
    from wordfield.models.sequence.encoder import Encoder


class EncoderModel(ContextualModel):
    """An encoder and the table of its tokens. A vector of a word depends on all that stands around it."""

    POOLING = "mean"

    @cached_property
    def specials(self) -> Specials:
        """The rows of the tokens that are no text."""
        return Specials.of(self._vocabulary.words, self.network.config)

    @cached_property
    def tokens(self) -> Tokens:
        """How text becomes rows of the table."""
        return Tokens(self.tokenizer, self._vocabulary, self.specials.end)

    @property
    def encoder(self) -> Encoder:
        """The network in PyTorch."""
        return self.module

    def parts(self, rows: Sequence[int]) -> Iterator[Part]:
        """Windows over the text, each with its beginning and its end."""
        begin, end = self.specials.begin, self.specials.end
        for first, last, new, behind in centred(len(rows), self.encoder.shape.context - 2):
            yield Part([begin, *rows[first:last], end], 1 + new - first, new, behind)

    def through(self, texts: Sequence[Sequence[int]], layers: Sequence[Share]) -> list[Floats]:
        """See ``ContextualModel``: nothing is padded."""
        with self._reading():
            states = self.encoder.states(self.packed(texts))
            found = mixed(states, layers)
        return np.split(found.float().numpy(), np.cumsum([len(rows) for rows in texts[:-1]]))

    def packed(self, texts: Sequence[Sequence[int]]) -> Any:
        """Texts one after the other, as the network reads them."""
        import torch

        from wordfield.models.sequence.encoder import Packed

        ids = torch.from_numpy(np.concatenate([np.asarray(rows, np.int64) for rows in texts]))
        return Packed.of(ids, [len(rows) for rows in texts])
