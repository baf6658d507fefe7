"""LLM: the table of token vectors inside a language model, learnt by foreseeing the next token; input and output share
one matrix, or each has its own.

A compact decoder as large language models are built today, see ``decoder``. After Bengio, Ducharme, Vincent and Jauvin
(2003), who learnt word vectors this way first, and Press and Wolf (2017, arXiv 1608.05859) and Inan, Khosravi and
Socher (2017, arXiv 1611.01462), who tied both tables.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from wordfield.formats.table import Network
from wordfield.models.sequence.language_model import LanguageModel, total_loss
from wordfield.models.sequence.recipe import Blocks
from wordfield.models.sequence.streams import Stream
from wordfield.models.sequence.tokens import CAUSAL, Tokens
from wordfield.models.sequence.transforming import Transforming
from wordfield.storage import Dense
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.models.sequence.decoder import Decoder
    from wordfield.models.sequence.training import Measured


@dataclass(frozen=True)
class LLM(Transforming):
    """Vectors of tokens, and of words in context, by a causal transformer that foresees the next token."""

    MODEL = "llm"
    READING = CAUSAL

    tied: bool | str = True
    """Whether the input and the output table are one matrix; "until:0.66": until this share of the training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.until()

    def until(self) -> float:
        """The share of the training up to which both tables are one: 0 is never, 1 always."""
        if isinstance(self.tied, bool):
            return float(self.tied)
        match = re.fullmatch(r"until:(0?\.\d+)", str(self.tied))
        if match is None:
            raise ValueError(f'tied must be True, False, or "until:" and a share such as until:0.66, not {self.tied!r}')
        return float(match[1])

    def network(self, tokens: Tokens) -> Decoder:
        """The network for these tokens, as it is before training."""
        return self.decoder(len(tokens.vocabulary))

    def examples(self, stream: Stream, tokens: Tokens) -> Foreseeing:
        """Stretches of the stream."""
        del tokens
        return Foreseeing(stream, self.context + 1, self.batch, self.seed, overlap=1)

    def measured(self, network: Decoder, heldout: Stream, tokens: Tokens) -> Measured:
        """The mean loss of all tokens."""
        from wordfield.models.sequence.training import Measured

        del tokens
        return Measured(total_loss(network, heldout, self.context) / (len(heldout) - 1))

    def continued(self, start: Any, tokens: Tokens) -> Decoder:
        """The network of a language model of the same shape."""
        from wordfield.models.sequence import layouts

        if not isinstance(start, LanguageModel):
            raise ValueError("a language model goes on from a language model only: give one as start, or none")
        made: Decoder = layouts.read(start.network.config, start.network.tensors)
        asked, there = self.network(tokens).shape, made.shape
        if replace(asked, tied=there.tied) != there:
            raise ValueError(
                f"the model to go on from has {there}, the recipe asks for {asked}: give its dim and so on"
            )
        return made

    def passed(self, network: Decoder, share: float) -> None:
        """Give the output its own table when its time has come."""
        until = self.until()
        if network.tied and until < 1 and share >= until:
            network.untie()

    def result(
        self, network: Decoder, tokens: Tokens, told: dict[str, Any], state: dict[str, NDArray[Any]]
    ) -> LanguageModel:
        """The model as trained so far."""
        from wordfield.models.sequence import layouts
        from wordfield.models.sequence.layouts import llama

        config = llama.config(replace(network.shape, tied=network.tied), tokens.end)
        tensors = layouts.tensors(network, config)
        output = None if network.tied else Dense(tensors["lm_head.weight"])
        words = WordVectors(tokens.vocabulary, Dense(tensors["model.embed_tokens.weight"]))
        return LanguageModel(words, tokens.tokenizer, Network(config, tensors, output), self.described(), told, state)

    def decoder(self, vocabulary: int) -> Decoder:
        """The network for so many tokens, as it is before training."""
        import torch

        from wordfield.models.sequence.decoder import Decoder, Shape

        shape = Shape(
            vocabulary=vocabulary,
            dim=self.dim,
            layers=self.layers,
            heads=self.heads,
            groups=self.heads,
            width=self.dim // self.heads,
            inner=self.inside(),
            context=self.context,
            tied=self.until() > 0,
        )
        made = Decoder(shape)
        made.begin(torch.Generator().manual_seed(self.seed))
        return made


class Foreseeing(Blocks):
    """Stretches of a stream, of which each token but the first is to be foreseen."""

    def batch(self, epoch: int, step: int, size: int) -> Any:
        """(size, context + 1)."""
        import torch

        return torch.from_numpy(self.read(epoch, step, size))

    def tokens(self, batch: Any) -> int:
        """How many are read."""
        return int(batch[:, 1:].numel())
