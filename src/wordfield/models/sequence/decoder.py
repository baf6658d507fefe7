"""The decoder of a large language model: a causal transformer in the layout of Llama, with the table of its tokens.

A token's row of the table goes through layers that each add what attention finds among the tokens before it, and what
a gated network makes of that; the sum, normalised, is compared with the rows of the output table, and the products are
the logits of the next token. Tied, both tables are one tensor (Press and Wolf 2017, Inan, Khosravi and Socher 2017).

After Vaswani et al. (2017, arXiv 1706.03762), with normalisation before each part and by the root mean square (Zhang
and Sennrich 2019, arXiv 1910.07467), rotary positions (Su et al. 2021, arXiv 2104.09864) and SwiGLU (Shazeer 2020,
arXiv 2002.05202), without biases. Legend: B texts, T tokens, V rows of the table, D dimension.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordfield.models.sequence.operations import Dropout, root_mean_square, rotated, swiglu, token_losses, waves

SPREAD = 0.02
"""Standard deviation of the weights at the start, as in GPT-2."""


@dataclass(frozen=True)
class Shape:
    """What a decoder is built of."""

    vocabulary: int
    """Rows of the table, V."""
    dim: int
    """Numbers in a token's vector, D."""
    layers: int
    heads: int
    """Attention heads."""
    groups: int
    """Heads of keys and values, of which each serves ``heads / groups`` of the others."""
    width: int
    """Numbers in a head."""
    inner: int
    """Numbers between the two halves of the gated network."""
    context: int
    """Tokens that are read together, at most."""
    tied: bool = True
    """Whether the input and the output table are one."""
    base: float = 10_000.0
    """The longest wave of the rotary positions, over 2 pi."""
    epsilon: float = 1e-6
    """What keeps the normalisation from dividing by zero."""


class Norm(nn.Module):
    """Vectors divided by their root mean square, times a weight for each number."""

    def __init__(self, dim: int, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(dim)), epsilon

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return root_mean_square(x, self.weight, self.epsilon)


class Attention(nn.Module):
    """What each token takes from those up to itself."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.groups, self.width = shape.heads, shape.groups, shape.width
        self.input = nn.Linear(shape.dim, (shape.heads + 2 * shape.groups) * shape.width, bias=False)
        self.output = nn.Linear(shape.heads * shape.width, shape.dim, bias=False)

    def forward(self, x: Tensor, waves: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D); ``waves`` (2, T, width / 2): cosine and sine of each position."""
        batch, length, _ = x.shape
        heads = self.input(x).view(batch, length, self.heads + 2 * self.groups, self.width)
        asked, keys = rotated(heads[:, :, : self.heads + self.groups], waves).split([self.heads, self.groups], dim=2)
        values = heads[:, :, self.heads + self.groups :]
        found = F.scaled_dot_product_attention(
            asked.transpose(1, 2),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            is_causal=True,
            enable_gqa=self.heads != self.groups,
        )
        return self.output(found.transpose(1, 2).reshape(batch, length, self.heads * self.width))


class Gated(nn.Module):
    """A network of two layers, of which half the first opens and closes the other half: SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input = nn.Linear(shape.dim, 2 * shape.inner, bias=False)
        self.output = nn.Linear(shape.inner, shape.dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        return self.output(swiglu(self.input(x)))


class Layer(nn.Module):
    """Attention and the gated network, each added to what it reads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.before_attention, self.attention = Norm(shape.dim, shape.epsilon), Attention(shape)
        self.before_gated, self.gated = Norm(shape.dim, shape.epsilon), Gated(shape)

    def forward(self, x: Tensor, waves: Tensor, dropout: Dropout | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        found = self.attention(self.before_attention(x), waves)
        x = x + found if dropout is None else dropout.add(x, found)
        found = self.gated(self.before_gated(x))
        return x + found if dropout is None else dropout.add(x, found)


class Decoder(nn.Module):
    """The whole network. ``table`` (V, D) is the input table; ``output`` the other one, or None where both are one."""

    waves: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.table = nn.Parameter(torch.empty(shape.vocabulary, shape.dim))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.dim, shape.epsilon)
        self.output = None if shape.tied else nn.Parameter(torch.empty(shape.vocabulary, shape.dim))
        self.register_buffer("waves", waves(shape.context, shape.width, shape.base), persistent=False)

    def begin(self, generator: torch.Generator) -> None:
        """Draw all weights: normal, those that add to the sum smaller the more layers there are, as in GPT-2."""
        adding = SPREAD / (2 * self.shape.layers) ** 0.5
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() == 2:
                    spread = adding if name.endswith(("attention.output.weight", "gated.output.weight")) else SPREAD
                    weight.normal_(0.0, spread, generator=generator)

    def untie(self) -> nn.Parameter:
        """Make the output table a copy of its own, which is returned."""
        self.output = nn.Parameter(self.table.detach().clone())
        return self.output

    @property
    def tied(self) -> bool:
        """Whether the input and the output table are one tensor."""
        return self.output is None

    def states(self, ids: Tensor, dropout: Dropout | None = None) -> list[Tensor]:
        """What each layer makes of tokens (B, T): the rows of the table, the sum after each layer, and last the
        normalised sum instead of the plain one; (B, T, D) each.
        """
        x = F.embedding(ids, self.table)
        x = x if dropout is None else dropout(x)
        found, waves = [x], self.waves[:, : ids.shape[1]]
        for layer in self.layers:
            x = layer(x, waves, dropout)
            found.append(x)
        found[-1] = self.norm(x)
        return found

    def forward(self, ids: Tensor) -> Tensor:
        """The logits of the token after each of (B, T): (B, T, V)."""
        return F.linear(self.states(ids)[-1], self.table if self.output is None else self.output)

    def losses(self, ids: Tensor, dropout: Dropout | None = None) -> Tensor:
        """The loss, in nats, of each token of (B, T + 1) but the first of each text: (B, T)."""
        x = self.states(ids[:, :-1], dropout)[-1]
        x = x if dropout is None else dropout(x)
        table = self.table if self.output is None else self.output
        return token_losses(x.flatten(0, 1), table, ids[:, 1:].flatten()).view(len(ids), -1)
