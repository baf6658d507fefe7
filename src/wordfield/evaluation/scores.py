"""A score on a set: over which of its items, how sure it is, and whether another model's is really different.

Both by the bootstrap (Efron 1979): the items are drawn anew, with repetition, as often as there are, many times over;
the middle 95 % of the scores of these samples are the interval. Of two models the same items are drawn for both
(Koehn 2004). I items of a set, n of them covered, B samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

SAMPLES = 2000
SEED = 1
NUMBERS = 1 << 22
"""Numbers of items that are drawn at once."""


@dataclass(frozen=True, eq=False)
class Score:
    """What one model reaches on one set, by one metric."""

    task: str
    dataset: str
    metric: str
    covered: NDArray[np.bool_]
    """Which items of the set the model has an answer to, (I,)."""
    measure: Callable[[Rows], Floats]
    """The value on samples of covered items: numbers of items (B, n) -> (B,), NaN where nothing can be said."""
    oov: str
    """What was done about unknown words: a policy of ``wordfield.unknown``."""
    more: dict[str, Any] = field(default_factory=dict)
    """Further fields of the result, such as its sections."""

    def result(self) -> dict[str, Any]:
        """As JSON can hold it: task, dataset, metric, value, low, high (95 %), pairs, covered, oov, and more. Value None
        where nothing can be said, low and high None of less than two items.
        """
        items = np.flatnonzero(self.covered)
        value = _number(self.measure(items[None])[0]) if len(items) else None
        low = high = None
        if value is not None and len(items) > 1:
            low, high = _middle(self.sampled(items))
        counts = {"pairs": len(self.covered), "covered": len(items)}
        named = {"task": self.task, "dataset": self.dataset, "metric": self.metric}
        return named | {"value": value, "low": low, "high": high} | counts | {"oov": self.oov} | self.more

    def sampled(self, items: Rows) -> Floats:
        """The values on samples of the items (SAMPLES,): the same samples for every model."""
        draw = np.random.default_rng(SEED)
        step = max(1, NUMBERS // max(1, len(items)))
        values = np.empty(SAMPLES)
        for start in range(0, SAMPLES, step):
            size = min(step, SAMPLES - start)
            values[start : start + size] = self.measure(items[draw.integers(len(items), size=(size, len(items)))])
        return values


def difference(one: Score, other: Score) -> dict[str, Any]:
    """How much better ``one`` is than ``other`` on the items that both cover: ``difference``, ``low``, ``high``
    (95 %), ``p`` (two-sided: how often a sample shows no difference, or the opposite one), ``shared`` items. None where
    nothing can be said.
    """
    items = np.flatnonzero(one.covered & other.covered)
    nothing = {"difference": None, "low": None, "high": None, "p": None, "shared": len(items)}
    if len(items) < 2:
        return nothing
    value = _number(one.measure(items[None])[0] - other.measure(items[None])[0])
    samples = one.sampled(items) - other.sampled(items)
    samples = samples[np.isfinite(samples)]
    if value is None or not len(samples):
        return nothing
    less, more = ((samples <= 0).sum(), (samples >= 0).sum())
    p = min(1.0, 2 * (min(less, more) + 1) / (len(samples) + 1))
    low, high = _middle(samples)
    return {"difference": value, "low": low, "high": high, "p": p, "shared": len(items)}


def _middle(samples: Floats) -> tuple[float | None, float | None]:
    """Between which values the middle 95 % of the samples are."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
