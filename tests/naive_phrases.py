"""The slow, obvious twin of phrases: two Counters, the formulas, and a walk from the left."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import log

Sentences = list[list[str]]
Found = dict[tuple[str, str], tuple[int, float]]


def score_of(score: str, together: int, left: int, right: int, tokens: int, min_count: int) -> float:
    if score == "word2phrase":
        return (together - min_count) / (left * right) * tokens
    return log((together / tokens) / (left / tokens * right / tokens)) / -log(together / tokens)


def found(sentences: Sentences, score: str, threshold: float, min_count: int) -> Found:
    """The pairs that are phrases, with their counts and scores."""
    words = Counter(word for sentence in sentences for word in sentence)
    pairs = Counter(pair for sentence in sentences for pair in pairwise(sentence))
    scores = {
        (left, right): score_of(score, count, words[left], words[right], words.total(), min_count)
        for (left, right), count in pairs.items()
        if count >= min_count
    }
    return {pair: (pairs[pair], each) for pair, each in scores.items() if each > threshold}


def joined(sentence: list[str], pairs: set[tuple[str, str]], delimiter: str) -> list[str]:
    out, here = [], 0
    while here < len(sentence):
        pair = tuple(sentence[here : here + 2])
        out.append(delimiter.join(pair) if pair in pairs else sentence[here])
        here += 2 if pair in pairs else 1
    return out


def learn(
    sentences: Sentences, score: str, thresholds: list[float], min_count: int, delimiter: str
) -> tuple[list[Found], Sentences]:
    """What each pass finds, and the sentences after the last."""
    passes = []
    for threshold in thresholds:
        passes.append(found(sentences, score, threshold, min_count))
        sentences = [joined(sentence, set(passes[-1]), delimiter) for sentence in sentences]
    return passes, sentences
