"""How far two lists of numbers go together, on many samples of them at once: Pearson's correlation, and Spearman's,
which is that of their ranks.

I items, of which B samples of n are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Measure: TypeAlias = Callable[[Rows], Floats]
"""Numbers of items (B, n) -> the value on each sample (B,), NaN where nothing can be said."""


def pearson(ours: NDArray[Any], theirs: NDArray[Any]) -> Measure:
    """The measure of two lists of numbers (I,); NaN for samples on which one of them does not vary."""
    one, other = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    return lambda rows: _correlated(one[rows], other[rows])


def spearman(ours: NDArray[Any], theirs: NDArray[Any]) -> Measure:
    """As ``pearson``, of the ranks that the numbers have in the sample, equal ones sharing a mean rank."""
    (ranks, many), (others, more) = _places(ours), _places(theirs)
    return lambda rows: _correlated(_ranked(ranks[rows], many), _ranked(others[rows], more))


def _places(numbers: NDArray[Any]) -> tuple[Rows, int]:
    """The place of each number among the different ones (I,), and how many these are."""
    different, places = np.unique(numbers, return_inverse=True)
    return places.reshape(-1).astype(np.int64), len(different)


def _ranked(places: Rows, many: int) -> Floats:
    """The ranks of samples (B, n) of ``many`` different numbers, without sorting: how many lie before each."""
    samples = len(places)
    counts = np.bincount((places + many * np.arange(samples)[:, None]).ravel(), minlength=samples * many)
    counts = counts.reshape(samples, many)
    middle = counts.cumsum(axis=1) - (counts + 1) / 2
    ranks: Floats = np.take_along_axis(middle, places, axis=1)
    return ranks


def _correlated(ones: Floats, others: Floats) -> Floats:
    """The correlation of each row of one array (B, n) with that of the other."""
    varied = (np.ptp(ones, axis=1) > 0) & (np.ptp(others, axis=1) > 0)
    ones = ones - ones.mean(axis=1, keepdims=True)
    others = others - others.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.einsum("bn,bn->b", ones, ones) * np.einsum("bn,bn->b", others, others))
    products = np.einsum("bn,bn->b", ones, others)
    values = np.divide(products, lengths, out=np.full(len(ones), np.nan), where=varied & (lengths > 0))
    bounded: Floats = np.clip(values, -1.0, 1.0)
    return bounded
