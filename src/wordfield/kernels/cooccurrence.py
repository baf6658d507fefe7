"""Text -> how often words stand near each other: lay (sentences between stops), index (the places of each word), gather
(the neighbours of a word, summed), merge (rows that were gathered apart), margins and lifts (sums -> association).

A row of the matrix is gathered at once, as in the product of sparse matrices (Gustavson 1978): the neighbours at all
places of a word are summed in an array over the whole vocabulary. Which eights of words were touched is noted, so that
the sums are read off in the order of their columns without sorting them, and without looking at all of them. A row is
one thread's work, in the order of the text: the sums are the same, to the last bit, however many threads share the
rows.

V vocabulary, N tokens and S sentences of a chunk, R rows of a piece, E entries of a piece, C chunks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel
from wordfield.kernels.sampling import HALF, STRIDE, mix

Bytes = NDArray[np.uint8]
Eights = NDArray[np.uint64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Doubles = NDArray[np.float64]

STOP, GAP = -1, -2  # in text: where a sentence ends, and a word that is left out but keeps its place
THREE = np.uint64(3)


class Row(NamedTuple):
    """Room for one row, all zero between rows: ``sums`` (V and up to 63 more,) of its columns; ``touched``, for each
    eight of these whether one was added to; ``eights``, the same memory by eights.
    """

    sums: Doubles
    touched: Bytes
    eights: Eights


def row(words: int) -> Row:
    """Room for a row of ``words`` columns: 8 1/8 bytes a word."""
    width = -(-words // 64) * 64
    touched = np.zeros(width // 8, np.uint8)
    return Row(np.zeros(width), touched, touched.view(np.uint64))


@kernel
def lay(
    ids: Ints, starts: Longs, keep: NDArray[np.uint32], dirty: bool, state: np.uint64, text: Ints, counts: Longs
) -> int:
    """Lay the sentences of ``ids`` (N,), which begin at ``starts`` (S + 1,), into ``text`` (N + S + 1,) with a STOP
    before, between and after them, and count the words in ``counts`` (V,); how long the text is.

    ``keep`` (V,), or none to keep all: token t of word w is kept when the 32 bits drawn from ``state`` and t are at
    most keep[w]. One that is not leaves nothing behind if ``dirty``, else a GAP.
    """
    text[0] = STOP
    size = 1
    for sentence in range(len(starts) - 1):
        for here in range(starts[sentence], starts[sentence + 1]):
            word = ids[here]
            if len(keep) and mix(state + STRIDE * np.uint64(here + 1)) >> HALF > np.uint64(keep[word]):
                text[size] = GAP
                size += not dirty
                continue
            text[size] = word
            counts[word] += 1
            size += 1
        text[size] = STOP
        size += 1
    return size


@kernel
def index(text: Ints, free: Longs, places: Ints) -> None:
    """Put the places of each word in ``text`` into ``places`` (N,), in order, from ``free[word]`` on, which then is
    where they end.
    """
    for here in range(len(text)):
        word = text[here]
        if word >= 0:
            at = np.uint64(free[np.uint64(word)])
            places[at] = here
            free[np.uint64(word)] = at + np.uint64(1)


@inlined
def add(column: np.uint64, value: np.float64, row: Row) -> None:
    """Add to one column."""
    row.sums[column] += value
    row.touched[column >> THREE] = 1


@inlined
def walk(text: Ints, here: np.int64, step: int, weights: Doubles, row: Row) -> None:
    """Add the neighbours to one side of ``here``, by their distance, to where the sentence or the window ends."""
    for distance in range(1, len(weights)):
        here += step
        word = text[np.uint64(here)]
        if word < 0:
            if word == STOP:
                break
            continue
        add(np.uint64(word), weights[np.uint64(distance)], row)


@inlined
def emit(row: Row, columns: Ints, values: Doubles, entries: int) -> int:
    """Move a row to ``columns`` and ``values`` from ``entries`` on, columns ascending; how many entries there are now.

    What is at the end of both is written over, so they need room for one entry more.
    """
    for eight in range(len(row.eights)):
        if row.eights[np.uint64(eight)]:
            for group in range(8 * eight, 8 * eight + 8):
                if row.touched[np.uint64(group)]:
                    for column in range(8 * group, 8 * group + 8):
                        value = row.sums[np.uint64(column)]
                        columns[np.uint64(entries)] = column
                        values[np.uint64(entries)] = value
                        entries += value != 0  # no branch: half of them are, at random
                        row.sums[np.uint64(column)] = 0
            row.eights[np.uint64(eight)] = 0
    return entries


@kernel
def gather(
    text: Ints,
    places: Ints,
    starts: Longs,
    first: int,
    weights: Doubles,
    sides: tuple[bool, bool],
    row: Row,
    columns: Ints,
    values: Doubles,
    ends: Longs,
) -> int:
    """The rows of ``len(ends)`` words from ``first`` on: ``columns`` and ``values`` (E + 1,) are filled, and ``ends``
    (R,) with where each row ends; how many entries there are.

    ``places`` (N,): those of word w are ``places[starts[w]:starts[w + 1]]``; ``weights`` (W + 1,): what a neighbour at
    each distance adds, the first is not used; ``sides``: whether to look to the left and to the right.
    """
    left, right = sides
    entries = 0
    for this in range(len(ends)):
        for at in range(starts[first + this], starts[first + this + 1]):
            here = np.int64(places[np.uint64(at)])
            if left:
                walk(text, here, -1, weights, row)
            if right:
                walk(text, here, 1, weights, row)
        entries = emit(row, columns, values, entries)
        ends[this] = entries
    return entries


@kernel
def merge(parts: tuple[Ints, Doubles], bounds: Longs, row: Row, columns: Ints, values: Doubles, ends: Longs) -> int:
    """Rows whose entries stand in C places each, summed in that order, as ``gather`` gives them.

    ``parts``: the columns and values of all; part c of row r is ``bounds[c, r]:bounds[c, r + 1]`` of them.
    """
    entries = 0
    for this in range(len(ends)):
        for chunk in range(len(bounds)):
            for at in range(bounds[chunk, this], bounds[chunk, this + 1]):
                add(np.uint64(parts[0][np.uint64(at)]), parts[1][np.uint64(at)], row)
        entries = emit(row, columns, values, entries)
        ends[this] = entries
    return entries


@kernel
def margins(columns: Ints, values: Doubles, bounds: Longs, rows: Doubles, contexts: Doubles) -> None:
    """Sum the entries by rows (R,) and, on top of what is there, by columns, ``contexts`` (V,); row r is
    ``bounds[r]:bounds[r + 1]``.
    """
    for this in range(len(rows)):
        total = 0.0
        for at in range(bounds[this], bounds[this + 1]):
            total += values[np.uint64(at)]
            contexts[np.uint64(columns[np.uint64(at)])] += values[np.uint64(at)]
        rows[this] = total


@kernel
def lifts(
    columns: Ints,
    values: Doubles,
    bounds: Longs,
    rows: Doubles,
    contexts: Doubles,
    kept: Ints,
    ratios: Doubles,
    ends: Longs,
) -> int:
    """The entries that exceed 1 once each is multiplied by the factors of its row (R,) and column (V,): ``kept`` and
    ``ratios`` (E + 1,) get their columns and what they are then, ``ends`` (R,) where each row ends; how many there are.
    """
    entries = 0
    for this in range(len(rows)):
        for at in range(bounds[this], bounds[this + 1]):
            column = columns[np.uint64(at)]
            ratio = values[np.uint64(at)] * rows[this] * contexts[np.uint64(column)]
            kept[np.uint64(entries)] = column
            ratios[np.uint64(entries)] = ratio
            entries += ratio > 1
        ends[this] = entries
    return entries
