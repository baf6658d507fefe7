"""A score on a set: over which of its items, how sure it is, and whether another model's is really different.

Both by the bootstrap (Efron 1979): the items are drawn anew, with repetition, as often as there are, many times over;
the middle 95 % of the scores of these samples are the interval. Of two models the same items are drawn for both
(Koehn 2004). Items that are made of the same parts are not independent: the 19,544 questions of Google are made of 573
pairs of words. There the parts are drawn, and an item is in the sample as often as all of its parts are (Snijders and
Borgatti 1999). I items of a set, n of them covered, P parts, B samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from math import sqrt
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.correlation import Floats, Measure, Rows
from wordfield.unknown import Unknown

SAMPLES = 2000
Z95 = 1.959963984540054
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
    measure: Measure | Mean
    """The value on samples of covered items: numbers of items (B, n) -> (B,), NaN where nothing can be said."""
    oov: str
    """What was done about unknown words: a policy of ``wordfield.unknown``."""
    more: dict[str, Any] = field(default_factory=dict)
    """Further fields of the result, such as its sections."""
    parts: Rows | None = None
    """The numbers of the parts that each item is made of, (I, parts of an item); None: items share none. Only where the
    measure is a ``Mean``."""
    strata: NDArray[Any] | None = None
    """Which of several groups each item, and with it its parts, belongs to, (I,): each is drawn from by itself, and so
    as often as it is large."""

    def __post_init__(self) -> None:
        if self.parts is not None and not isinstance(self.measure, Mean):
            raise ValueError("items are made of parts: their measure is a Mean, in which they can be weighed")

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
        if isinstance(self.measure, Mean) and self.measure.values.dtype == bool and self.value in (0, 1):
            independent = self.items if self.parts is None else np.unique(self.parts[self.items])
            return wilson(int(self.value) * len(independent), len(independent))
        return _middle(self.sampled(self.items))

    def sampled(self, items: Rows) -> Floats:
        """The values on samples of the items (SAMPLES,): the same samples for every model."""
        draw, values = np.random.default_rng(SEED), np.empty(SAMPLES)
        places: Rows | None = None
        drawn_from, strata = items, None if self.strata is None else self.strata[items]
        if self.parts is not None:
            drawn_from, first, inverse = np.unique(self.parts[items], return_index=True, return_inverse=True)
            places = inverse.reshape(len(items), -1)
            strata = None if strata is None else strata[first // places.shape[1]]
        step = max(1, NUMBERS // max(1, len(items)))
        for start in range(0, SAMPLES, step):
            size = min(step, SAMPLES - start)
            drawn = _drawn(draw, (size, len(drawn_from)), strata)
            if places is not None and isinstance(self.measure, Mean):
                values[start : start + size] = self.measure.weighted(items, _weights(drawn, places))
            else:
                values[start : start + size] = self.measure(drawn_from[drawn])
        return values


@dataclass(frozen=True, eq=False)
class Mean:
    """The measure that is the mean of the items' own values (I,)."""

    values: NDArray[Any]

    def __call__(self, rows: Rows) -> Floats:
        """The means of samples (B, n)."""
        if self.values.dtype == bool:
            shares: Floats = np.count_nonzero(self.values[rows], axis=1) / rows.shape[1]
            return shares
        means: Floats = self.values[rows].mean(axis=1)
        return means

    def weighted(self, items: Rows, weights: Floats) -> Floats:
        """The means of items (n,) by samples of weights (B, n); NaN where all are zero."""
        total = weights.sum(axis=1)
        means: Floats = np.divide(weights @ self.values[items], total, out=np.full(len(total), np.nan), where=total > 0)
        return means


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


def wilson(right: int, count: int) -> tuple[float | None, float | None]:
    """95 % interval of a share (Wilson 1927); None of nothing."""
    if count == 0:
        return None, None
    share, z2 = right / count, Z95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    width = Z95 * sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return (middle - width if right else 0.0), (middle + width if right < count else 1.0)


def _drawn(draw: np.random.Generator, shape: tuple[int, int], strata: NDArray[Any] | None) -> Rows:
    """Places drawn with repetition, (B, n) each below n; within each stratum (n,) as many as it has."""
    if strata is None:
        return draw.integers(shape[1], size=shape, dtype=np.int32).astype(np.int64)
    order = np.argsort(strata, kind="stable")
    _, begins, sizes = np.unique(strata[order], return_index=True, return_counts=True)
    begin, size = np.repeat(begins, sizes), np.repeat(sizes, sizes)
    return order[begin + (draw.random(shape) * size).astype(np.int64)]


def _weights(drawn: Rows, places: Rows) -> Floats:
    """How often each item is in samples (B, n), of the parts drawn (B, P) and where among them those of an item are."""
    samples, parts = drawn.shape
    flat = (drawn + parts * np.arange(samples)[:, None]).ravel()
    counts = np.bincount(flat, minlength=samples * parts).reshape(samples, parts).astype(np.float64)
    weights = counts[:, places[:, 0]]
    for column in places.T[1:]:
        weights *= counts[:, column]
    return weights


def _middle(samples: Floats) -> tuple[float | None, float | None]:
    """Between which values the middle 95 % of the samples are."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
