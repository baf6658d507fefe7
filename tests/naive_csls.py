"""The obvious twin of ``search.csls``: every cosine of every two rows, sorted."""

import numpy as np


def cosines(one, other):
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one.astype(float), other.astype(float))]
    return units[0] @ units[1].T


def crowding(rows, others, k):
    """The mean cosine of each row with its k nearest others."""
    return np.array([np.mean(sorted(line, reverse=True)[:k]) for line in cosines(rows, others)])


def csls(one, other, k):
    """2 cos(x, y) - r(x) - r(y) of every x of one space and y of the other."""
    here, there = crowding(one, other, k), crowding(other, one, k)
    near = cosines(one, other)
    return np.array([[2 * near[x, y] - here[x] - there[y] for y in range(len(other))] for x in range(len(one))])
