"""Pairs of words, one of each model, that mean the same: read, looked up, and divided into those that the rotation is
made of and those that it is judged by.

A and B: the model that is turned, and the one onto whose space. n pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.lines import PathLike, lines
from wordfield.formats.table import FormatError
from wordfield.vectors import WordVectors

Pair: TypeAlias = tuple[str, str]
Rows = NDArray[np.int64]

HELD_OUT = 1_500
"""Words set apart, at most, as in the dictionaries of MUSE."""


def read_pairs(path: PathLike) -> list[Pair]:
    """The pairs of a dictionary, a line each: a word and its translation, with a tab or else white space between.

    ``FormatError`` with the number of the line that is not that.
    """
    found = []
    for number, line in lines(Path(path)):
        row = [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
        if len(row) != 2 or not all(row):
            raise FormatError(f"{path}: line {number}: a word, a tab and its translation are needed, not {line[:80]!r}")
        found.append((row[0], row[1]))
    if not found:
        raise FormatError(f"{path}: no pairs of words in it: a word, a tab and its translation on each line")
    return found


def alike(a: WordVectors, b: WordVectors, most: int) -> list[Pair]:
    """The words that both spell alike, those that are the most frequent in A."""
    return [(word, word) for word in a.vocabulary.words if word in b.vocabulary.index][:most]


def row_of(words: WordVectors, word: str) -> int:
    """The row of a word as it stands or else in lower case, -1 for an unknown word."""
    index = words.vocabulary.index
    return index.get(word, index.get(word.lower(), -1))


def directed(words: WordVectors, most: int | None = None) -> Rows:
    """The rows, of the first ``most``, whose vectors have a direction: neither zeros, nor NaN or infinity in them."""
    norms = words.table.norms[: most or len(words)]
    return np.flatnonzero((norms > 0) & np.isfinite(norms)).astype(np.int64)


def known(a: WordVectors, b: WordVectors, pairs: Sequence[Pair]) -> Rows:
    """The rows of the pairs (n, 2) whose words both have vectors with a direction, each pair once."""
    rows = dict.fromkeys((row_of(a, one), row_of(b, other)) for one, other in pairs)
    found = np.array([pair for pair in rows if min(pair) >= 0], np.int64).reshape(-1, 2)
    return found[np.isin(found[:, 0], directed(a)) & np.isin(found[:, 1], directed(b))]


def split(pairs: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Pairs to turn by, and a share of them to judge by: a word of A is in one of the two only."""
    words = np.unique(pairs[:, 0])
    number = min(int(share * len(words)), HELD_OUT)
    apart = np.isin(pairs[:, 0], np.random.default_rng(seed).choice(words, number, replace=False))
    return pairs[~apart], pairs[apart]


def spelled(a: WordVectors, b: WordVectors, pairs: Rows) -> list[Pair]:
    """The words of rows (n, 2)."""
    return [(a.vocabulary.words[one], b.vocabulary.words[other]) for one, other in pairs.tolist()]
