"""Orthogonal Procrustes (Schönemann 1966): the rotation, perhaps with a reflection, that brings the words of pairs as
close to each other as can be.

A and B: the model that is turned, and the one onto whose space. D dimensions, n pairs of their rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import HELD, Table
from wordfield.search import exact
from wordfield.storage import Dense, Sparse, Storage
from wordfield.vectors import WordVectors

log = logging.getLogger(__name__)

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


def rotation(a: WordVectors, b: WordVectors, pairs: Rows, unit: bool = True, center: bool = False) -> Floats:
    """The orthogonal matrix W that makes the sum of |x W - y|² over the pairs of rows (n, 2) least, (D, D): U V' of the
    singular value decomposition of X'Y.

    The vectors are first brought to unit length, then centred, then to unit length again, as far as that is wanted
    (Artetxe, Labaka and Agirre 2016).
    """
    means = np.zeros((2, a.dim))
    if center:
        for _, x, y in directions(a, b, pairs, unit):
            means += np.stack([x.sum(axis=0), y.sum(axis=0)]) / len(pairs)
    product = np.zeros((a.dim, b.dim))
    for _, x, y in directions(a, b, pairs, unit):
        left, right = x - means[0], y - means[1]
        product += exact.unit(left).T @ exact.unit(right) if unit and center else left.T @ right
    one, values, other = np.linalg.svd(product)
    if values[-1] <= values[0] * len(values) * np.finfo(np.float64).eps:
        log.warning(
            "%d pairs leave open how some of the %d dimensions are turned: at least as many pairs as dimensions are "
            "needed, some thousands are usual",
            len(pairs),
            a.dim,
        )
    found: Floats = one @ other
    return found


def directions(
    a: WordVectors, b: WordVectors, pairs: Rows, unit: bool = True
) -> Iterator[tuple[slice, Floats, Floats]]:
    """The vectors of the pairs, some at a time, as float64: which, A's and B's; ``unit``: in unit
    length.
    """
    step = max(1, HELD // max(1, a.dim))
    for start in range(0, len(pairs), step):
        here = slice(start, min(start + step, len(pairs)))
        x, y = a.table.take(pairs[here, 0]).astype(np.float64), b.table.take(pairs[here, 1]).astype(np.float64)
        yield (here, exact.unit(x), exact.unit(y)) if unit else (here, x, y)


def closeness(a: WordVectors, b: WordVectors, pairs: Rows, turn: Floats) -> Floats:
    """The cosine of the two words of each pair after the rotation (n,)."""
    found = np.empty(len(pairs))
    for here, x, y in directions(a, b, pairs):
        found[here] = np.einsum("nd,nd->n", x @ turn, y)
    return found


def turned(storage: Storage, turn: Floats) -> Dense:
    """All rows of a table multiplied by the rotation, as float32; codes are decoded for it. ``ValueError`` for a sparse
    table.
    """
    if isinstance(storage, Sparse):
        raise ValueError("sparse vectors cannot be turned: every zero would become a number")
    rows, dim = storage.shape
    made = np.empty((rows, dim), np.float32)
    step = max(1, HELD // max(1, dim))
    for start in range(0, rows, step):
        some = storage.take(np.arange(start, min(start + step, rows)))
        with np.errstate(invalid="ignore", over="ignore"):  # a row with NaN or infinity has such numbers then
            made[start : start + step] = some.astype(np.float64) @ turn
    return Dense(made)


def turned_table(table: Table, turn: Floats, note: dict[str, Any]) -> Table:
    """All of a model in another space, with a note in its history: vectors, those of n-grams, and those of a
    classifier's labels, which go on answering as before. What training would go on from is left out.
    """
    classes = table.classes
    if classes is not None:
        classes = replace(classes, storage=turned(classes.storage, turn))
    history = table.config.get("history") or {}
    noted = {"history": history | {"aligned": [*history.get("aligned", []), note]}}
    storage = turned(table.storage, turn)
    return replace(table, storage=storage, classes=classes, config=table.config | noted, state={}, network=None)
