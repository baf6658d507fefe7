"""A score on a set: over which of its items, how sure it is, and whether another model's is really different.

Both by the bootstrap (Efron 1979): the items are drawn anew, with repetition, as often as there are, many times over;
the middle 95 % of the scores of these samples are the interval. Of two models the same items are drawn for both
(Koehn 2004). I items of a set, n of them covered, B samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.correlation import Floats, Measure, Rows
from wordfield.unknown import Unknown

SAMPLES = 2000
SEED = 1
NUMBERS = 1 << 20
"""Numbers of items that are drawn at once."""

Method = Literal["add", "mul"]


@dataclass(frozen=True)
class Settings:
    """How sets are scored, all models alike."""

    restrict_vocab: int | None = 30_000
    """Analogies are asked of, and answered by, so many of the most frequent words; None or 0: of all."""
    method: str = "add"
    """Analogies: "add" or "mul" (3CosAdd, 3CosMul)."""
    unknown: Unknown = field(default_factory=partial(Unknown, "subword", lower=True))
    """What becomes of words that the model does not know."""

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"unknown method {self.method!r}; known: {', '.join(get_args(Method))}")
        if self.restrict_vocab is not None and self.restrict_vocab < 0:
            raise ValueError(
                "restrict_vocab is how many of the most frequent words may answer, 0 for all, not "
                f"{self.restrict_vocab}"
            )


@dataclass(frozen=True, eq=False)
class Score:
    """What one model reaches on one set, by one metric."""

    task: str
    dataset: str
    metric: str
    covered: NDArray[np.bool_]
    """Which items of the set the model has an answer to, (I,)."""
    measure: Measure
    """The value on samples of covered items: numbers of items (B, n) -> (B,), NaN where nothing can be said."""
    oov: str
    """What was done about unknown words: a policy of ``wordfield.unknown``."""
    more: dict[str, Any] = field(default_factory=dict)
    """Further fields of the result, such as its sections."""

    @cached_property
    def items(self) -> Rows:
        """The numbers of the covered items, (n,)."""
        return np.flatnonzero(self.covered).astype(np.int64)

    @cached_property
    def value(self) -> float | None:
        """The score on all covered items, None where nothing can be said."""
        return _number(self.measure(self.items[None])[0]) if len(self.items) else None

    def result(self) -> dict[str, Any]:
        """As JSON can hold it: task, dataset, metric, value, low, high (95 %), pairs, covered, oov, and more. Value
        None where nothing can be said, low and high None of less than two items.
        """
        low, high = self.interval
        counts = {"pairs": len(self.covered), "covered": len(self.items)}
        named = {"task": self.task, "dataset": self.dataset, "metric": self.metric}
        return named | {"value": self.value, "low": low, "high": high} | counts | {"oov": self.oov} | self.more

    @cached_property
    def interval(self) -> tuple[float | None, float | None]:
        """Between which values the score is, with 95 % confidence; None where nothing can be said."""
        if self.value is None or len(self.items) < 2:
            return None, None
        return _middle(self.sampled(self.items))

    def sampled(self, items: Rows) -> Floats:
        """The values on samples of the items (SAMPLES,): the same samples for every model."""
        draw = np.random.default_rng(SEED)
        step = max(1, NUMBERS // max(1, len(items)))
        values = np.empty(SAMPLES)
        for start in range(0, SAMPLES, step):
            size = min(step, SAMPLES - start)
            drawn = draw.integers(len(items), size=(size, len(items)), dtype=np.int32)
            values[start : start + size] = self.measure(items[drawn])
        return values


def difference(one: Score, other: Score) -> dict[str, Any]:
    """How much better ``one`` is than ``other`` on the items that both cover: ``difference``, ``low``, ``high``
    (95 %), ``p`` (two-sided: how often a sample shows no difference, or the opposite one), ``shared`` items. None where
    nothing can be said. ``ValueError`` for scores of different sets or metrics.
    """
    if (one.task, one.metric, len(one.covered)) != (other.task, other.metric, len(other.covered)):
        raise ValueError(
            f"{one.metric} on {len(one.covered):,} items of {one.dataset} and {other.metric} on "
            f"{len(other.covered):,} of {other.dataset} cannot be compared: one set and one metric are needed"
        )
    items = np.flatnonzero(one.covered & other.covered).astype(np.int64)
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


def share(right: int, count: int) -> dict[str, float | None]:
    """``value``, ``low`` and ``high`` of a share, None of nothing. How often what is right is drawn in a sample is
    binomial: that is drawn, not the items.
    """
    if not count:
        return {"value": None, "low": None, "high": None}
    low = high = None
    if count > 1:
        low, high = _middle(np.random.default_rng(SEED).binomial(count, right / count, SAMPLES) / count)
    return {"value": right / count, "low": low, "high": high}


def of_shares(values: NDArray[Any]) -> Measure:
    """The measure that is the mean of the items' own values (I,)."""
    if values.dtype == bool:
        return lambda rows: np.count_nonzero(values[rows], axis=1) / rows.shape[1]
    return lambda rows: values[rows].mean(axis=1)


def _middle(samples: Floats) -> tuple[float | None, float | None]:
    """Between which values the middle 95 % of the samples are."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
