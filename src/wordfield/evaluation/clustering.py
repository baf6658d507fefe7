"""Spherical k-means (Dhillon and Modha 2001): vectors of unit length are put into the cluster whose mean direction is
nearest, and the means moved, until nothing changes; then one vector after the other goes where it makes all clusters
tighter, if it does (Dhillon, Guan and Kogan 2002). Of several starts the one whose clusters are tightest is kept.

It works on the cosines of the vectors alone, so that it does not matter how wide they are. n vectors, k clusters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.search.exact import unit

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]

CLUSTERS = range(2, 6)
"""Numbers of clusters that are tried where nobody says how many."""
STARTS, FEWEST, MANY = 20, 3, 1000
"""Starts; of more than so many vectors fewer, as the square of their number grows, but not below the second."""
ROUNDS = 100
SEED = 1
LEAST = 1e-9
"""By how much a move makes clusters tighter, at least."""


def clustered(cosines: Floats, clusters: int, starts: int | None = None, seed: int = SEED) -> Rows:
    """The cluster of each vector (n,), of the cosines of all with all (n, n). The same for the same seed."""
    if starts is None:
        starts = min(STARTS, max(FEWEST, STARTS * MANY**2 // max(1, len(cosines)) ** 2))
    random = np.random.default_rng(seed)
    clusters = min(clusters, len(cosines))
    centres = [first_centres(cosines, clusters, random) for _ in range(starts)]
    tried = [moved(cosines, settled(cosines, each), clusters) for each in centres]
    return max(tried, key=lambda labels: tightness(cosines, labels, clusters))


class Senses(NamedTuple):
    """Vectors in clusters."""

    clusters: list[list[int]]
    """The vectors of each cluster, that nearest its middle first; the largest cluster first."""
    silhouette: float | None
    """How clearly the clusters are apart, -1 to 1; None of one."""
    spread: float | None
    """1 less the mean cosine of two vectors; None of one."""


def senses(vectors: NDArray[np.float32], clusters: int | None = None) -> Senses:
    """Vectors (n, D) in so many clusters, or in as many of 2 to 5 as have the largest silhouette (Rousseeuw 1987): how
    much nearer a vector is to those of its own cluster than to those of the next, by 1 less the cosine.
    """
    if clusters is not None and clusters < 1:
        raise ValueError(f"clusters must be at least 1, not {clusters}")
    near = unit(vectors).astype(np.float64)
    cosines = near @ near.T
    count = len(cosines)
    asked = [clusters] if clusters else [each for each in CLUSTERS if each < count] or [1]
    labelled = [clustered(cosines, min(each, count)) for each in asked]
    values = [silhouette(1 - cosines, labels) for labels in labelled]
    best = int(np.argmax([-1.0 if value is None else value for value in values]))
    groups = [np.flatnonzero(labelled[best] == label) for label in np.unique(labelled[best])]
    ordered = [group[np.argsort(-cosines[np.ix_(group, group)].sum(axis=1), kind="stable")] for group in groups]
    ordered.sort(key=lambda group: -len(group))
    spread = None if count < 2 else float(1 - (cosines.sum() - np.trace(cosines)) / (count * (count - 1)))
    return Senses([group.tolist() for group in ordered], values[best], spread)


def silhouette(distances: Floats, labels: Rows) -> float | None:
    """The mean silhouette of vectors, by the distances of all from all (n, n) and their clusters (n,); of one alone in
    its cluster it is 0. None of a single cluster.
    """
    kinds, places = np.unique(labels, return_inverse=True)
    if len(kinds) < 2:
        return None
    members = np.eye(len(kinds))[places.reshape(-1)]
    sizes = members.sum(axis=0)
    sums = distances @ members
    own = sums[np.arange(len(labels)), places.reshape(-1)] / np.maximum(sizes[places.reshape(-1)] - 1, 1)
    others = np.where(members > 0, np.inf, sums / sizes).min(axis=1)
    alone = sizes[places.reshape(-1)] == 1
    values = np.where(alone, 0.0, (others - own) / np.maximum(np.maximum(own, others), 1e-12))
    return float(values.mean())


def first_centres(cosines: Floats, clusters: int, random: np.random.Generator) -> Rows:
    """Vectors to begin with, (k,): the first by chance, each other the likelier the farther it is from those there are
    (Arthur and Vassilvitskii 2007).
    """
    centres = [int(random.integers(len(cosines)))]
    far = np.clip(1 - cosines[centres[0]], 0, None)
    while len(centres) < clusters:
        far[centres] = 0
        total = far.sum()
        if total <= 0:  # all that is left is one with a centre
            left = np.setdiff1d(np.arange(len(cosines)), centres)
            centres.append(int(random.choice(left)))
            continue
        centres.append(int(random.choice(len(cosines), p=far / total)))
        far = np.minimum(far, np.clip(1 - cosines[centres[-1]], 0, None))
    return np.array(centres, np.int64)


def settled(cosines: Floats, centres: Rows) -> Rows:
    """The clusters (n,) that the centres lead to. One that becomes empty takes the vector that fits worst."""
    clusters = len(centres)
    labels: Rows = cosines[:, centres].argmax(axis=1)
    for _ in range(ROUNDS):
        fill(cosines, labels, clusters)
        nearness = _nearness(cosines, labels, clusters)
        before, labels = labels, nearness.argmax(axis=1)
        stays = nearness[np.arange(len(labels)), before] >= nearness.max(axis=1) - 1e-12
        labels[stays] = before[stays]  # of equally near ones its own
        if (labels == before).all():
            break
    return labels


def moved(cosines: Floats, labels: Rows, clusters: int) -> Rows:
    """The clusters (n,) after the best move of one vector, and the next best, until none makes them tighter: the sum of
    the lengths of the clusters' sums larger.
    """
    labels, each = labels.copy(), np.arange(len(labels))
    members = np.zeros((len(labels), clusters))
    members[each, labels] = 1
    sums, own = cosines @ members, np.diag(cosines)
    squares = np.einsum("nk,nk->k", members, sums)
    gains = _lengths(squares + 2 * sums + own[:, None]) - _lengths(squares)
    while True:
        losses = _lengths(squares)[labels] - _lengths(squares[labels] - 2 * sums[each, labels] + own)
        change = gains - losses[:, None]
        change[each, labels] = 0
        vector, cluster = divmod(int(change.argmax()), clusters)
        if change[vector, cluster] <= LEAST:
            return labels
        before, labels[vector] = labels[vector], cluster
        squares[before] += own[vector] - 2 * sums[vector, before]
        squares[cluster] += own[vector] + 2 * sums[vector, cluster]
        sums[:, before] -= cosines[vector]
        sums[:, cluster] += cosines[vector]
        both = [before, cluster]
        gains[:, both] = _lengths(squares[both] + 2 * sums[:, both] + own[:, None]) - _lengths(squares[both])


def fill(cosines: Floats, labels: Rows, clusters: int) -> None:
    """Give each empty cluster the vector that fits worst where it is, of a cluster that has others."""
    for empty in np.setdiff1d(np.arange(clusters), labels).tolist():
        fits = _nearness(cosines, labels, clusters)[np.arange(len(labels)), labels]
        fits[np.bincount(labels, minlength=clusters)[labels] < 2] = np.inf
        labels[fits.argmin()] = empty


def tightness(cosines: Floats, labels: Rows, clusters: int) -> float:
    """How near vectors are to the mean directions of their clusters: the sum of all cosines with them."""
    return float(_nearness(cosines, labels, clusters)[np.arange(len(labels)), labels].sum())


def _nearness(cosines: Floats, labels: Rows, clusters: int) -> Floats:
    """The cosine of each vector with each cluster's mean direction (n, k), 0 with one that has none."""
    members = np.zeros((len(labels), clusters))
    members[np.arange(len(labels)), labels] = 1
    sums = cosines @ members
    lengths = np.sqrt(np.clip(np.einsum("nk,nk->k", members, sums), 0, None))
    nearness: Floats = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 1e-12)
    return nearness


def _lengths(squares: Floats) -> Floats:
    """Roots, of squares that rounding may have made negative."""
    lengths: Floats = np.sqrt(np.maximum(squares, 0))
    return lengths
