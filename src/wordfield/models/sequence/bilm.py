"""The network of ELMo (Peters et al. 2018, arXiv 1802.05365): words from their characters, and two language models
over them, one forwards and one backwards, which share nothing but the words' vectors and the output table.

As the original program has it (bilm/model.py, bilm/training.py): convolutions of several widths over a word's
characters, the largest number of each, highway layers, a projection; in each direction layers of LSTM with projection
and bounds, what went into all but the first layer added to what came out of it. The losses are exact, where the
original draws some words to compare with; of a large vocabulary the output may be adaptive (Grave et al. 2017,
arXiv 1609.04309): rare words have shorter vectors, and one step more.

N words, L characters, B texts, T steps, P numbers of a direction, V rows of the output table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from wordfield.formats.elmo_parts import BEGIN, END, UNKNOWN
from wordfield.models.sequence.operations import Dropout, token_losses
from wordfield.models.sequence.projected_lstm import UNBOUNDED, Bounds, State, Weights, steps
from wordfield.models.sequence.spelling import NAMES

CARRY = -2.0
"""Bias of the highways' gates before training: at first what comes in is handed on."""
SHORTER = 4
"""In an adaptive output the vectors of each group of words are so much shorter than those of the group before."""
DIRECTIONS = (False, True)
"""Forwards, backwards."""
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}


@dataclass(frozen=True)
class Shape:
    """What a network is built of."""

    characters: int
    """Numbers that characters have."""
    width: int
    """Numbers in a character's vector."""
    filters: tuple[tuple[int, int], ...]
    """Characters that a convolution sees at once, and how many numbers it makes of them."""
    highways: int
    dim: int
    """Numbers of a word, and of each state in one direction (P)."""
    cell: int
    """Numbers in a cell."""
    layers: int
    bounds: Bounds = UNBOUNDED
    added: bool = True
    """Whether what goes into a layer is added to what comes out, but for the first."""
    activation: str = "relu"
    lexicon: tuple[int, int] = (0, 0)
    """How many words have numbers besides those that are made of their characters, and how many numbers."""
    outputs: int = 0
    """Words that can be foreseen (V); 0: the network has no output."""
    groups: tuple[int, ...] = ()
    """Where the groups of an adaptive output begin, the first aside; none: the output is one table."""


class BiLM(nn.Module):
    """The network of this shape; its parameters stand as in the original's files, see ``layouts.elmo``."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        wide = sum(count for _, count in shape.filters)
        self.table = _empty(shape.characters, shape.width)
        self.convolutions = nn.ParameterList()
        for width, count in shape.filters:
            self.convolutions += [_empty(1, width, shape.width, count), _empty(count)]
        self.highways = nn.ParameterList()
        for _ in range(shape.highways):
            self.highways += [_empty(wide, wide), _empty(wide), _empty(wide, wide), _empty(wide)]
        if shape.lexicon[1]:
            self.lexicon = _empty(*shape.lexicon)
        self.projection, self.projection_bias = _empty(shape.lexicon[1] + wide, shape.dim), _empty(shape.dim)
        self.forwards, self.backwards = (self._direction() for _ in DIRECTIONS)
        if shape.outputs and not shape.groups:
            self.output, self.bias = _empty(shape.outputs, shape.dim), _empty(shape.outputs)
        elif shape.outputs:
            self.adaptive = nn.AdaptiveLogSoftmaxWithLoss(
                shape.dim, shape.outputs, [*shape.groups], SHORTER, head_bias=True
            )
        self.spelt: Tensor
        self.register_buffer("spelt", torch.zeros(0, 0, dtype=torch.int16), persistent=False)
        self.canonical: list[int] = []

    def begin(self, random: torch.Generator) -> None:
        """Give the parameters the values from which training begins."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if parameter.dim() < 2:
                    parameter.zero_()
                elif name == "output" or name.startswith("adaptive"):
                    parameter.normal_(0, self.shape.dim**-0.5, generator=random)
                elif name == "table":
                    parameter.uniform_(-1, 1, generator=random)
                else:
                    rows = parameter.numel() // parameter.shape[-1]
                    spread = (3 / rows) ** 0.5
                    parameter.uniform_(-spread, spread, generator=random)
            for bias in self.highways[1::4]:
                bias.fill_(CARRY)

    def words(self, spelt: Tensor, known: Tensor | None = None) -> Tensor:
        """Vectors (N, P) of words by the numbers of their characters (N, L), and by their rows of the lexicon (N,),
        where there is one. Behind the longest word so many characters are read that each convolution sees once what
        follows all words: the rest would change nothing.
        """
        nothing = self.shape.characters - 1
        longest = int((spelt != nothing).sum(1).max())
        spelt = spelt[:, : longest + max(width for width, _ in self.shape.filters)]
        letters = F.embedding(spelt.int(), self.table).flatten(1)
        size, found = self.shape.width, list[Tensor]()
        for (width, _), (weight, bias) in zip(self.shape.filters, _grouped(self.convolutions, 2), strict=True):
            seen = letters.unfold(1, width * size, size)
            found.append((seen @ weight.view(width * size, -1)).amax(1) + bias)
        x = ACTIVATIONS[self.shape.activation](torch.cat(found, 1))
        for carry, carry_bias, transform, transform_bias in _grouped(self.highways, 4):
            share = torch.sigmoid(x @ carry + carry_bias)
            x = torch.lerp(x, torch.relu(x @ transform + transform_bias), share)
        if known is not None:
            x = torch.cat([self.lexicon[known], x], 1)
        return (x @ self.projection + self.projection_bias).to(self.table.dtype)

    def read(
        self, x: Tensor, backwards: bool, states: Sequence[State], dropout: Dropout | None = None
    ) -> tuple[list[Tensor], list[State]]:
        """What the layers of one direction make of words (T, B, P) in the order in which it reads them, (T, B, P), and
        their states after each step. ``states``: from which each layer begins.
        """
        outputs, reached = list[Tensor](), list[State]()
        layers = _grouped(self.backwards if backwards else self.forwards, 3)
        for number, (weights, state) in enumerate(zip(layers, states, strict=True)):
            given = x if dropout is None else dropout(x)
            found = steps(given, state, Weights(*weights), self.shape.bounds)
            x = found.output + x if self.shape.added and number else found.output
            outputs.append(x)
            reached.append(found)
        return outputs, reached

    def nothing(self, texts: int) -> list[State]:
        """The state before anything was read, of each layer."""
        kind = self.table
        return [
            State(kind.new_zeros(texts, self.shape.dim), kind.new_zeros(texts, self.shape.cell))
            for _ in range(self.shape.layers)
        ]

    def losses(self, batch: Tensor, dropout: Dropout | None = None) -> Tensor:
        """The losses of all tokens that both directions foresee in stretches of text (B, T + 1), (2 B T,), where
        ``spelt`` has the characters of each row (rows, L).
        """
        states = self.nothing(len(batch))
        ways = [self.losses_of(batch, self.spelt, way, states, dropout)[0] for way in DIRECTIONS]
        return torch.cat([losses.flatten() for losses in ways])

    def losses_of(
        self, rows: Tensor, spelt: Tensor, backwards: bool, states: Sequence[State], dropout: Dropout | None = None
    ) -> tuple[Tensor, list[State]]:
        """The loss of each token that one direction foresees in stretches of text (B, T + 1), (B, T) from left to
        right, and the state of each layer at the end. ``spelt``: the characters of each row. Where a sentence ends and
        the next begins stands one token: what reads on from it takes it for the one end, what foresees it for the
        other.
        """
        begin, end, unknown = (NAMES.index(name) for name in (BEGIN, END, UNKNOWN))
        one, other = (end, begin) if backwards else (begin, end)
        rows = (rows.flip(1) if backwards else rows).T
        types, places = rows[:-1].unique(return_inverse=True)
        vectors = self.words(spelt[types.masked_fill(types.eq(end), one)])
        outputs, reached = self.read(F.embedding(places, vectors), backwards, states, dropout)
        found = outputs[-1] if dropout is None else dropout(outputs[-1])
        targets = rows[1:].masked_fill(rows[1:] >= self.shape.outputs, unknown)
        targets = targets.masked_fill(targets.eq(end), other)
        losses = self.foreseen(found.reshape(-1, self.shape.dim), targets.reshape(-1)).view(targets.shape).T
        last = [State(each.output[-1], each.cell[-1]) for each in reached]
        return losses.flip(1) if backwards else losses, last

    def foreseen(self, x: Tensor, targets: Tensor) -> Tensor:
        """The loss (N,) of each target (N,) after x (N, P)."""
        if self.shape.groups:
            return -self.adaptive(x, targets).output
        return token_losses(x, self.output, targets, self.bias)

    def _direction(self) -> nn.ParameterList:
        shape, found = self.shape, nn.ParameterList()
        for _ in range(shape.layers):
            found += [_empty(2 * shape.dim, 4 * shape.cell), _empty(4 * shape.cell), _empty(shape.cell, shape.dim)]
        return found


def _empty(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape))


def _grouped(parameters: nn.ParameterList, size: int) -> list[tuple[Tensor, ...]]:
    """Parameters that belong together, so many at a time."""
    return list(zip(*(parameters[place::size] for place in range(size)), strict=True))
