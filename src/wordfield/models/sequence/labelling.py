"""Texts and their labels, as a network learns from them: those of like length together, nothing padded on the way
through.

E texts, L labels, B texts of a batch, T tokens of the longest of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from wordfield.models.sequence.encoder import Encoder, Packed
from wordfield.models.sequence.operations import Dropout
from wordfield.models.sequence.training import Measured

SORTED = 32
"""Batches whose texts are sorted by length together."""
NOTHING = -1
"""What stands where a text has no token."""


class Labeller(nn.Module):
    """An encoder and the loss of its labels. ``alone``: whether each label is one for itself."""

    def __init__(self, encoder: Encoder, alone: bool) -> None:
        super().__init__()
        self.encoder, self.alone = encoder, alone

    def losses(self, batch: Tensor, dropout: Dropout | None = None) -> Tensor:
        """The loss of each text, (B,), in nats. ``batch`` (B, T + L): its tokens, and 1 for each of its labels."""
        scores, wanted = self.judged(batch, dropout)
        if self.alone:
            return F.binary_cross_entropy_with_logits(scores, wanted, reduction="none").sum(1)
        return -(F.log_softmax(scores, 1) * wanted).sum(1) / wanted.sum(1)

    def judged(self, batch: Tensor, dropout: Dropout | None = None) -> tuple[Tensor, Tensor]:
        """The scores of all labels, and which there are, (B, L) each."""
        labels = self.encoder.shape.labels
        ids, wanted = batch[:, :-labels], batch[:, -labels:]
        there = ids != NOTHING
        packed = Packed.of(ids[there], there.sum(1).tolist())
        scores = self.encoder.scores(packed, dropout)
        exact = torch.promote_types(scores.dtype, torch.float32)
        return scores.to(exact), wanted.to(exact)


class Labelling:
    """Labelled texts in another order in each epoch. ``rows``: the tokens of each; ``labels``: those of each, by their
    numbers; ``count``: how many labels there are.
    """

    def __init__(
        self, rows: Sequence[Sequence[int]], labels: Sequence[Sequence[int]], count: int, batch: int, seed: int
    ) -> None:
        self._rows, self._seed, self._size = rows, seed, batch
        self._wanted = np.zeros((len(rows), count), np.int64)
        for place, some in enumerate(labels):
            self._wanted[place, list(some)] = 1
        self._lengths = np.array([len(each) for each in rows])
        self.steps = max(1, -(-len(rows) // batch))
        self._order: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    def batch(self, epoch: int, step: int, size: int) -> Tensor:
        """At most ``size`` texts, (B, T + L), the longest first."""
        if self._order[0] != epoch:
            self._order = (epoch, [*self._batches(epoch, size)])
        return self._gathered(self._order[1][step])

    def tokens(self, batch: Tensor) -> int:
        """How many are read."""
        return int((batch[:, : batch.shape[1] - self._wanted.shape[1]] != NOTHING).sum())

    @property
    def read(self) -> int:
        """Tokens of all texts."""
        return int(self._lengths.sum())

    def measured(self, network: Labeller) -> Measured:
        """The mean loss of all texts, and the share of them whose most probable label is right."""
        loss, right = 0.0, 0
        device = next(network.parameters()).device
        order = np.argsort(-self._lengths, kind="stable")
        for some in np.array_split(order, self.steps):
            batch = self._gathered(some).to(device)
            loss += float(network.losses(batch).double().sum())
            scores, wanted = network.judged(batch)
            right += int(wanted.gather(1, scores.argmax(1, keepdim=True)).sum())
        return Measured(loss / len(order), right / len(order))

    def _batches(self, epoch: int, size: int) -> Iterator[NDArray[np.int64]]:
        """The texts of each batch of an epoch: shuffled, then those of like length together, then shuffled."""
        random = np.random.default_rng((self._seed, epoch))
        order = random.permutation(len(self._rows))
        pools = [order[first : first + size * SORTED] for first in range(0, len(order), size * SORTED)]
        found = []
        for pool in pools:
            pool = pool[np.argsort(-self._lengths[pool], kind="stable")]
            found += [pool[first : first + size] for first in range(0, len(pool), size)]
        yield from (found[place] for place in random.permutation(len(found)).tolist())

    def _gathered(self, places: NDArray[np.int64]) -> Tensor:
        ids = np.full((len(places), int(self._lengths[places].max())), NOTHING, np.int64)
        for row, place in enumerate(places.tolist()):
            ids[row, : self._lengths[place]] = self._rows[place]
        return torch.from_numpy(np.concatenate([ids, self._wanted[places]], axis=1))
