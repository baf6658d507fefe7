"""All layers of a network in one vector: a weighted mean, its weights given or learnt on a task.

After ELMo (Peters et al. 2018, arXiv 1802.05365, equation 1): gamma times the sum of the layers, each by its share in a
softmax of the weights.

K layers, N texts, D dimension, C labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wordfield.models.sequence.contextual import ContextualModel

STEPS, RATE, DECAY = 200, 0.05, 1e-3
"""Of learning the weights: steps over all texts, their size, and how strongly what tells labels is pulled to zero."""


@dataclass(frozen=True)
class ScalarMix:
    """What each layer counts for, from what goes into the first on: give it as ``layer``."""

    weights: tuple[float, ...]
    """Of each layer (K,), before the softmax."""
    gamma: float = 1.0
    """What the whole is multiplied by."""

    @property
    def shares(self) -> list[float]:
        """What each layer is multiplied by (K,)."""
        weights = np.array(self.weights, np.float64)
        powers = np.exp(weights - weights.max())
        return [self.gamma * float(each) for each in powers / powers.sum()]


def learnt(model: ContextualModel, texts: Sequence[str], labels: Sequence[str], seed: int = 1) -> ScalarMix:
    """The mix of layers of which the means over texts tell their labels best by a linear classifier that is learnt with
    it; ``model.layers`` in number. ``ValueError`` for fewer than two labels.
    """
    import torch

    names = sorted({*labels})
    if len(names) < 2 or len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts with {len(labels)} labels, {len(names)} of them different: 2 are needed")
    torch.manual_seed(seed)
    layers = [standardised(model.embed(texts, layer=layer)) for layer in range(model.layers + 1)]
    x = torch.from_numpy(np.stack(layers))
    asked = torch.tensor([names.index(label) for label in labels])
    weights, gamma = torch.zeros(len(layers), requires_grad=True), torch.ones((), requires_grad=True)
    classifier = torch.nn.Linear(x.shape[2], len(names))
    optimizer = torch.optim.Adam([weights, gamma, *classifier.parameters()], RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        mixed = gamma * torch.einsum("k,knd->nd", torch.softmax(weights, 0), x)
        loss = torch.nn.functional.cross_entropy(classifier(mixed), asked)
        loss = loss + DECAY * classifier.weight.square().sum() + DECAY * weights.square().sum()
        loss.backward()
        optimizer.step()
    return ScalarMix(tuple(weights.detach().tolist()), gamma.item())


def standardised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (N, D) of which each number has mean 0, and all together variance 1, so that layers of larger numbers
    count no more.
    """
    centred = vectors - vectors.mean(axis=0)
    return (centred / max(float(centred.std()), 1e-6)).astype(np.float32)
