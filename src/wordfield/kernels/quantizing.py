"""Vectors as codes: the centroids of the parts of a row, the nearest of them to each, and rows made of them again
(Jégou, Douze and Schmid 2011, "Product Quantization for Nearest Neighbor Search"; fastText's productquantizer.cc).

Lloyd's iteration begins as k-means++ does (Arthur and Vassilvitskii 2007), so fewer of the centroids share a cloud than
where all are drawn at random.

n points, d numbers of a point, K centroids, V rows, D dimensions, P parts of a row. Centroids lie number by number,
book (d, K), while they are looked for, so that the distances to all of them are vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels.jit import inlined, kernel

APART = np.float32(1e-6)
"""By how much the two halves of a divided cluster begin apart."""

MOST = np.int32(2**31 - 1)

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Codes = NDArray[np.uint8]


class Room(NamedTuple):
    """What the search for the nearest centroid works in: ``gaps`` (K,), the squares of the distances; ``bits`` (K,),
    the same memory as whole numbers; ``places`` (K,), 0 to K - 1.
    """

    gaps: Floats
    bits: NDArray[np.int32]
    places: NDArray[np.int32]


@kernel
def room(size: int) -> Room:
    """Room for so many centroids."""
    gaps = np.empty(size, np.float32)
    return Room(gaps, gaps.view(np.int32), np.arange(size).astype(np.int32))


@inlined
def nearest(points: Floats, row: int, book: Floats, at: Room) -> int:
    """The first of the centroids that are nearest to a point.

    Numbers that are not negative are in order as their bits are, and the least of whole numbers is found with vectors.
    """
    gaps, bits, places = at
    value, line = points[row, 0], book[0]
    for k in range(len(line)):
        gap = value - line[k]
        gaps[k] = gap * gap
    for j in range(1, book.shape[0]):
        value, line = points[row, j], book[j]
        for k in range(len(line)):
            gap = value - line[k]
            gaps[k] += gap * gap
    least = MOST
    for k in range(len(bits)):
        least = min(least, bits[k])
    size = np.int32(len(bits))
    here = size
    for k in range(len(bits)):
        here = min(here, places[k] if bits[k] == least else size)
    return int(here)


@kernel
def spread(points: Floats, draws: Doubles, book: Floats) -> None:
    """The first centroids (d, K): points, each drawn in proportion to the square of its distance from those before, by
    the numbers ``draws`` (K,) from 0 to 1.
    """
    count, width = points.shape
    gaps = np.full(count, np.float32(np.inf))
    chosen = int(draws[0] * count)
    for k in range(book.shape[1]):
        book[:, k] = points[chosen]
        total = 0.0
        for i in range(count):
            gap = np.float32(0)
            for j in range(width):
                away = points[i, j] - points[chosen, j]
                gap += away * away
            gaps[i] = min(gaps[i], gap)
            total += gaps[i]
        if k + 1 < book.shape[1]:
            left = draws[k + 1] * total
            for i in range(count):
                if gaps[i] > 0:
                    chosen = i
                    left -= gaps[i]
                    if left < 0:
                        break


@kernel
def settle(points: Floats, book: Floats, iterations: int, codes: Codes) -> int:
    """Move the centroids (d, K) to the means of the points (n, d) that are nearest to them, so many times or until
    nothing changes; how many times it was.

    A centroid without points takes half of those of the largest cluster. codes (n,): becomes the centroid of each
    point.
    """
    count, (width, size) = len(points), book.shape
    at = room(size)
    sums, sizes = np.empty((size, width)), np.empty(size, np.int64)
    for turn in range(iterations):
        moved = 0
        sums[:] = 0
        sizes[:] = 0
        for i in range(count):
            code = nearest(points, i, book, at)
            moved += codes[i] != code or turn == 0
            codes[i] = code
            sizes[code] += 1
            for j in range(width):
                sums[code, j] += points[i, j]
        if moved == 0:
            return turn
        for k in range(size):
            for j in range(width):
                if sizes[k]:
                    book[j, k] = sums[k, j] / sizes[k]
        for k in range(size):
            if sizes[k] == 0:
                large = np.argmax(sizes)
                for j in range(width):
                    away = APART if j % 2 else -APART
                    book[j, k] = book[j, large] + away
                    book[j, large] -= away
                sizes[k] = sizes[large] // 2
                sizes[large] -= sizes[k]
    return iterations


@kernel
def encode(points: Floats, book: Floats, codes: Codes) -> None:
    """The centroid (d, K) of each point (n, d): codes (n,)."""
    at = room(book.shape[1])
    for i in range(len(points)):
        codes[i] = nearest(points, i, book, at)


@kernel
def decode(codes: Codes, centroids: Floats, part: int, rows: Floats) -> None:
    """The rows (V, D) that codes (V, P) stand for; centroids (K D,), part after part, each (K, d)."""
    count, dim = rows.shape
    size = len(centroids) // max(1, dim)
    for i in range(count):
        for number in range(codes.shape[1]):
            first = number * part
            width = min(part, dim - first)
            at = first * size + np.int64(codes[i, number]) * width
            for j in range(width):
                rows[i, first + j] = centroids[at + j]
