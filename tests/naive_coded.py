"""The obvious twins of ``kernels.coded``."""

import numpy as np


def numbers(rows):
    """What rows stand for, in float64."""
    if rows.dtype == np.int16:  # bfloat16
        signs, exponents, digits = rows < 0, (rows >> 7) & 255, (rows & 127).astype(np.float64)
        whole = np.where(exponents > 0, 1 + digits / 128, digits / 64) * 2.0 ** (exponents - 127.0)
        return np.where(exponents == 255, np.where(digits, np.nan, np.inf), whole) * np.where(signs, -1, 1)
    return (rows.view(np.float16) if rows.dtype == np.uint16 else rows).astype(np.float64)


def products(rows, vectors):
    return vectors.astype(np.float64) @ numbers(rows).T


def widened(rows, scales):
    return (numbers(rows) * scales.astype(np.float64)[:, None]).astype(np.float32)


def centroid_products(vectors, centroids, part, size):
    """Of each vector, of each part of it, with each centroid of that part."""
    found = []
    for vector in vectors.astype(np.float64):
        parts, at = [], 0
        for first in range(0, len(vector), part):
            piece = vector[first : first + part]
            book = centroids[at : at + size * len(piece)].reshape(size, len(piece))
            at += book.size
            parts.append(book @ piece)
        found.append(parts)
    return np.array(found)


def looked_up(codes, table):
    return np.array([[sum(float(line[p, code]) for p, code in enumerate(row)) for row in codes] for line in table])
