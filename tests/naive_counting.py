"""Counting by definition: every pair of places, one after the other."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

GAP = None  # a word that is left out but keeps its place


def weight_of(weight: str, window: int, distance: int) -> float:
    if weight == "decay":
        return (window + 1 - distance) / window
    return 1 / distance if weight == "harmonic" else 1.0


def counts_of(sentences, words: int, window, weight: str, context: str) -> np.ndarray:
    """The matrix (V, V), dense."""
    found = defaultdict(float)
    for sentence in sentences:
        reach = len(sentence) if window == "sentence" else window
        for here, word in enumerate(sentence):
            for there, other in enumerate(sentence):
                distance = abs(here - there)
                side = "left" if there < here else "right"
                if word is GAP or other is GAP or not 1 <= distance <= reach or context not in ("both", side):
                    continue
                found[word, other] += weight_of(weight, reach, distance)
    matrix = np.zeros((words, words))
    for pair, value in found.items():
        matrix[pair] = value
    return matrix


def ppmi_of(counts: np.ndarray, smoothing: float, shift: float) -> np.ndarray:
    """max(0, log P(w, c) / (P(w) P(c)) - log shift), dense."""
    total = counts.sum()
    result = np.zeros_like(counts)
    smoothed = np.where(counts.sum(axis=0) > 0, counts.sum(axis=0) ** smoothing, 0.0)
    for word, context in zip(*np.nonzero(counts), strict=True):
        joint = counts[word, context] / total
        expected = counts[word].sum() / total * smoothed[context] / smoothed.sum()
        result[word, context] = max(0.0, np.log(joint / expected) - np.log(shift))
    return result
