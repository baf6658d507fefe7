"""Product quantisation as it is written down, one number after the other."""

import numpy as np


def nearest(point, book):
    """The first centroid of the smallest distance, in float32 as the kernel counts."""
    gaps = np.zeros(book.shape[1], np.float32)
    for value, line in zip(point, book, strict=True):
        gaps += (value - line) ** 2
    return int(np.argmin(gaps))


def spread(points, draws, book):
    chosen = [int(draws[0] * len(points))]
    for k in range(1, book.shape[1]):
        gaps = np.array([min(((point - points[one]) ** 2).sum() for one in chosen) for point in points], np.float64)
        left, there = draws[k] * gaps.sum(), chosen[-1]
        for i in np.flatnonzero(gaps):
            there = int(i)
            left -= gaps[i]
            if left < 0:
                break
        chosen.append(there)
    book[:] = points[chosen].T


def settle(points, book, iterations, apart):
    before = None
    for turn in range(iterations):
        codes = [nearest(point, book) for point in points]
        if codes == before:
            return turn, codes
        before = codes
        sizes = np.bincount(codes, minlength=book.shape[1])
        for k in np.flatnonzero(sizes):
            book[:, k] = points[np.array(codes) == k].astype(np.float64).mean(axis=0)
        for k in np.flatnonzero(sizes == 0):
            large = int(np.argmax(sizes))
            away = np.where(np.arange(len(book)) % 2, apart, -apart).astype(np.float32)
            book[:, k] = book[:, large] + away
            book[:, large] -= away
            sizes[k] = sizes[large] // 2
            sizes[large] -= sizes[k]
    return iterations, before


def decode(codes, centroids, part, size):
    dim = len(centroids) // size
    rows = []
    for line in codes:
        row = []
        for number, first in enumerate(range(0, dim, part)):
            width = min(part, dim - first)
            book = centroids[size * first : size * (first + width)].reshape(size, width)
            row += book[line[number]].tolist()
        rows.append(row)
    return np.array(rows, np.float32).reshape(len(codes), dim)
