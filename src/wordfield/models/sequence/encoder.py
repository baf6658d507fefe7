"""The encoder of BERT: a transformer in which each token sees all others of its text, on both sides.

Two architectures, as data. Classic, as BERT has it (Devlin, Chang, Lee and Toutanova 2019, arXiv 1810.04805): a learnt
vector for each position, normalisation after each part, biases, GELU. Modern, as ModernBERT has it (Warner et al. 2024,
arXiv 2412.13663): rotary positions (Su et al. 2021, arXiv 2104.09864), normalisation before each part, gated networks
(Shazeer 2020, arXiv 2002.05202), no biases; some layers may see only what is near.

Texts stand one after the other, without padding: all that is done token by token is done for all at once, and
attention for texts of one length together. Legend: N tokens of all texts, B texts, T tokens of one, V rows of the
table, D dimension, K tokens that are guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordfield.models.sequence.operations import Dropout, geglu, rotated, token_losses, waves

SPREAD, WIDTH = 0.02, 768
"""Standard deviation of the weights at the start, as in BERT, of the width that it has: narrower networks have larger
weights, so that sums of their products are as large.
"""
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "gelu_new": lambda x: F.gelu(x, approximate="tanh"),
    "tanh": torch.tanh,
    "gelu_pytorch_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


class Style(NamedTuple):
    """An architecture."""

    before: bool
    """Whether what each part reads is normalised, or what it has added to."""
    rotary: bool
    """Whether positions turn queries and keys, or have vectors of their own."""
    gated: bool
    biased: bool


STYLES = {"classic": Style(False, False, False, True), "modern": Style(True, True, True, False)}


@dataclass(frozen=True)
class Shape:
    """What an encoder is built of."""

    style: str
    vocabulary: int
    """Rows of the table, V."""
    dim: int
    """Numbers in a token's vector, D."""
    layers: int
    heads: int
    """Attention heads."""
    inner: int
    """Numbers inside the network after attention."""
    context: int
    """Tokens of a text, at most."""
    epsilon: float
    """What keeps the normalisation from dividing by zero."""
    skipped: int = 0
    """Rows of the table of positions before the first that a text uses."""
    types: int = 0
    """Rows of the table of the kinds of text, of which the first is used."""
    activation: str = "gelu"
    head: bool = True
    """Whether there is what guesses tokens."""
    bias: bool = True
    """Whether what guesses tokens has a bias for each."""
    tied: bool = True
    """Whether the input and the output table are one."""
    near: int = 0
    """How many tokens on either side the layers see that see only what is near."""
    local: tuple[bool, ...] = ()
    """Which layers those are."""
    bases: tuple[float, float] = (160_000.0, 10_000.0)
    """The longest wave of the rotary positions, over 2 pi, in layers that see all, and in those that do not."""
    labels: int = 0
    """Labels that texts are given, L."""
    pooled: str = "first"
    """What of a text is labelled: the state of its first token, or the mean of all."""
    squeezed: str = "tanh"
    """The activation between both steps of what labels."""


@dataclass(frozen=True)
class Packed:
    """Texts one after the other."""

    ids: Tensor
    """The tokens (N,)."""
    runs: list[tuple[int, int]]
    """How many texts there are of one length, and that length, one run after the other."""
    places: Tensor
    """The place of each token in its text (N,)."""

    @classmethod
    def of(cls, ids: Tensor, lengths: Sequence[int]) -> Packed:
        """``ids`` (N,) of texts of these lengths; those of one length should stand together."""
        runs = [(len([*some]), length) for length, some in groupby(lengths)]
        places = torch.cat([torch.arange(length, device=ids.device).repeat(count) for count, length in runs])
        return cls(ids, runs, places)


class Attention(nn.Module):
    """What each token takes from those of its text."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.width = shape.heads, shape.dim // shape.heads
        biased = STYLES[shape.style].biased
        self.input = nn.Linear(shape.dim, 3 * shape.dim, bias=biased)
        self.output = nn.Linear(shape.dim, shape.dim, bias=biased)

    def forward(self, x: Tensor, runs: list[tuple[int, int]], reach: Reach, chosen: Tensor | None) -> Tensor:
        """(N, D) -> (N, D), or (K, D) for those ``chosen`` of the N."""
        heads = self.input(x).view(-1, 3 * self.heads, self.width)
        turned = heads[:, : 2 * self.heads]
        if reach.waves is not None:
            turned = rotated(turned[None], reach.waves)[0]
        asked, keys = turned.split(self.heads, dim=1)
        values, found, at = heads[:, 2 * self.heads :], [], 0
        for count, length in runs:
            some = (each[at : at + count * length] for each in (asked, keys, values))
            query, key, value = (each.view(count, length, self.heads, self.width).transpose(1, 2) for each in some)
            seen = F.scaled_dot_product_attention(query, key, value, attn_mask=reach.masks.get(length))
            found.append(seen.transpose(1, 2).reshape(count * length, -1))
            at += count * length
        taken = found[0] if len(found) == 1 else torch.cat(found)
        return self.output(taken if chosen is None else taken[chosen])


class Reach(NamedTuple):
    """What a layer knows of places."""

    waves: Tensor | None
    """Cosine and sine of each token's place, (2, N, width / 2), where positions turn queries and keys."""
    masks: dict[int, Tensor]
    """By the length of a text which of its tokens see which, (T, T), where not all see all."""


class Inner(nn.Module):
    """A network of two layers, for each token alone."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        style = STYLES[shape.style]
        self.gated, self.activation = style.gated, ACTIVATIONS[shape.activation]
        self.input = nn.Linear(shape.dim, shape.inner * (1 + style.gated), bias=style.biased)
        self.output = nn.Linear(shape.inner, shape.dim, bias=style.biased)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        found = self.input(x)
        return self.output(geglu(found) if self.gated else self.activation(found))


class Layer(nn.Module):
    """Attention and the network after it, each added to what it reads."""

    def __init__(self, shape: Shape, number: int) -> None:
        super().__init__()
        style = STYLES[shape.style]
        self.before, self.local = style.before, bool(shape.local) and shape.local[number]
        self.attention, self.inner = Attention(shape), Inner(shape)
        # What comes in at the first layer has been normalised already.
        self.attention_norm = None if style.before and not number else norm(shape)
        self.inner_norm = norm(shape)

    def forward(
        self, x: Tensor, packed: Packed, reach: Reach, dropout: Dropout | None, chosen: Tensor | None
    ) -> Tensor:
        """(N, D) -> (N, D), or (K, D) for those ``chosen`` of the N, if only their states are asked for."""
        read = self.attention_norm(x) if self.before and self.attention_norm is not None else x
        found = self.attention(read, packed.runs, reach, chosen)
        x = x if chosen is None else x[chosen]
        x = x + found if dropout is None else dropout.add(x, found)
        x = x if self.before or self.attention_norm is None else self.attention_norm(x)
        found = self.inner(self.inner_norm(x) if self.before else x)
        x = x + found if dropout is None else dropout.add(x, found)
        return x if self.before else self.inner_norm(x)


class Head(nn.Module):
    """What makes of a state one that is like the row of the token to be guessed."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.dense = nn.Linear(shape.dim, shape.dim, bias=STYLES[shape.style].biased)
        self.norm, self.activation = norm(shape), ACTIVATIONS[shape.activation]

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        found: Tensor = self.norm(self.activation(self.dense(x)))
        return found


class Classifier(nn.Module):
    """What makes of a text's state the scores of its labels."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        style = STYLES[shape.style]
        self.dense, self.activation = nn.Linear(shape.dim, shape.dim, bias=style.biased), ACTIVATIONS[shape.squeezed]
        self.norm = norm(shape) if style.before else None
        self.output = nn.Linear(shape.dim, shape.labels)

    def forward(self, x: Tensor, dropout: Dropout | None) -> Tensor:
        """(B, D) -> (B, L)."""
        x = self.activation(self.dense(x if dropout is None else dropout(x)))
        x = x if self.norm is None else self.norm(x)
        found: Tensor = self.output(x if dropout is None else dropout(x))
        return found


class Encoder(nn.Module):
    """The whole network. ``table`` (V, D): the input table; ``output``: the other one, or None where both are one."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape, style = shape, STYLES[shape.style]
        self.table = table(shape.vocabulary, shape.dim)
        self.place_table = None if style.rotary else table(shape.context + shape.skipped, shape.dim)
        self.type_table = table(shape.types, shape.dim) if shape.types else None
        self.norm = norm(shape)
        self.layers = nn.ModuleList(Layer(shape, number) for number in range(shape.layers))
        self.last_norm = norm(shape) if style.before else None
        self.head = Head(shape) if shape.head else None
        self.output = None if shape.tied or not shape.head else table(shape.vocabulary, shape.dim)
        self.bias = nn.Parameter(torch.zeros(shape.vocabulary)) if shape.head and shape.bias else None
        self.classifier = Classifier(shape) if shape.labels else None

    def begin(self, generator: torch.Generator) -> None:
        """Draw all weights: normal, and where parts add to an unnormalised sum, theirs smaller the more layers."""
        spread = SPREAD * (WIDTH / self.shape.dim) ** 0.5
        adding = spread / (2 * self.shape.layers) ** 0.5 if STYLES[self.shape.style].before else spread
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 2:
                    last = name.endswith(("attention.output.weight", "inner.output.weight"))
                    weight.normal_(0.0, adding if last else spread, generator=generator)
                elif name.endswith("bias"):
                    weight.zero_()

    @property
    def tied(self) -> bool:
        """Whether the input and the output table are one tensor."""
        return self.output is None

    def states(self, packed: Packed, dropout: Dropout | None = None, chosen: Tensor | None = None) -> list[Tensor]:
        """What goes into the first layer and what comes out of each, (N, D) each; out of the last only for those
        ``chosen``, (K, D), where given.
        """
        x = F.embedding(packed.ids, self.table)
        if self.place_table is not None:
            x = x + F.embedding(packed.places + self.shape.skipped, self.place_table)
        if self.type_table is not None:
            x = x + self.type_table[0]
        x = self.norm(x)
        x = x if dropout is None else dropout(x)
        found, reaches = [x], self._reaches(packed)
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, packed, reaches[bool(layer.local)], dropout, chosen if number == len(self.layers) else None)
            found.append(x)
        if self.last_norm is not None:
            found[-1] = self.last_norm(x)
        return found

    def guess(self, x: Tensor) -> Tensor:
        """The logits of all tokens, (..., V), for states (..., D). ``ValueError`` where the network has no head."""
        return F.linear(self._headed(x), self.table if self.output is None else self.output, self.bias)

    def losses(self, batch: Tensor, dropout: Dropout | None = None) -> Tensor:
        """The loss, in nats, of each token that is to be guessed, (K,). ``batch`` (B, 2, T): the texts as they are to
        be read, and the tokens to guess, -1 where there are none.
        """
        ids, targets = batch[:, 0].reshape(-1), batch[:, 1].reshape(-1)
        chosen = torch.nonzero(targets >= 0)[:, 0]
        packed = Packed.of(ids, [batch.shape[2]] * len(batch))
        x = self._headed(self.states(packed, dropout, chosen)[-1])
        return token_losses(x, self.table if self.output is None else self.output, targets[chosen], self.bias)

    def judged(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """The losses of the tokens of a ``batch`` that are to be guessed, and which of them are the most probable, (K,)
        each.
        """
        ids, targets = batch[:, 0].reshape(-1), batch[:, 1].reshape(-1)
        chosen = torch.nonzero(targets >= 0)[:, 0]
        logits = self.guess(self.states(Packed.of(ids, [batch.shape[2]] * len(batch)), chosen=chosen)[-1]).float()
        return F.cross_entropy(logits, targets[chosen], reduction="none"), logits.argmax(1) == targets[chosen]

    def scores(self, packed: Packed, dropout: Dropout | None = None) -> Tensor:
        """The scores of all labels for each text, (B, L). ``ValueError`` where the network has no labels."""
        if self.classifier is None:
            raise ValueError("the network gives no labels: its checkpoint was saved without what does")
        x, at, found = self.states(packed, dropout)[-1], 0, []
        for count, length in packed.runs:
            texts = x[at : at + count * length].view(count, length, -1)
            found.append(texts[:, 0] if self.shape.pooled == "first" else texts.mean(1))
            at += count * length
        scores: Tensor = self.classifier(torch.cat(found), dropout)
        return scores

    def _headed(self, x: Tensor) -> Tensor:
        if self.head is None:
            raise ValueError("the network has no head that guesses tokens: its checkpoint was saved without")
        found: Tensor = self.head(x)
        return found

    def _reaches(self, packed: Packed) -> tuple[Reach, Reach]:
        """Of layers that see all, and of those that see what is near."""
        shape = self.shape
        found: list[Tensor | None] = [None, None]
        if STYLES[shape.style].rotary:
            width, longest = shape.dim // shape.heads, max(length for _, length in packed.runs)
            found = [waves(longest, width, base).to(packed.ids.device)[:, packed.places] for base in shape.bases]
        masks = {}
        for length in {length for _, length in packed.runs if any(shape.local) and length > shape.near + 1}:
            place = torch.arange(length, device=packed.ids.device)
            masks[length] = (place[:, None] - place).abs() <= shape.near
        return Reach(found[0], {}), Reach(found[1], masks)


def table(rows: int, dim: int) -> nn.Parameter:
    """An empty table of vectors."""
    return nn.Parameter(torch.empty(rows, dim))


def norm(shape: Shape) -> nn.LayerNorm:
    """Vectors less their mean, divided by their spread, times a weight for each number, and perhaps a bias."""
    return nn.LayerNorm(shape.dim, shape.epsilon, bias=STYLES[shape.style].biased)
