"""Slow, obvious twins of the training kernels, in Python numbers and float64.

A training run is first a list of steps: which rows are inputs, which rows are answers with which label and weight. What
is then learnt from a step is written once for each loss. Legend: V words, D dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MASK = (1 << 64) - 1
STRIDE = 0x9E3779B97F4A7C15


class Random:
    """SplitMix64."""

    def __init__(self, state: int) -> None:
        self.state = int(state)

    def bits(self) -> int:
        self.state = (self.state + STRIDE) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)


@dataclass
class Step:
    """One centre: where in the run it is (0 to 1), its neighbours and itself, and the answers (row, label, weight)."""

    progress: float
    neighbours: list[int]
    centre: int
    answers: list[tuple[int, int, int]]


def windows(ids, starts, keep, window, shrink, random):
    """The kept words with their neighbours: [(centre, [neighbour ...])]."""
    result = []
    for begin, end in pairwise(starts):
        kept = [int(word) for word in ids[begin:end] if (random.bits() >> 32) <= int(keep[word])]
        for here, centre in enumerate(kept):
            width = 1 + (((random.bits() >> 32) * window) >> 32) if shrink else window
            around = range(max(0, here - width), min(len(kept), here + width + 1))
            result.append((centre, [kept[there] for there in around if there != here]))
    return result


def negative_steps(ids, starts, keep, window, shrink, noise, negatives, state):
    """The steps of negative sampling: noise words drawn again count twice, the centre is never noise."""
    random = Random(state)
    steps = []
    found = windows(ids, starts, keep, window, shrink, random)
    for place, (centre, around) in enumerate(found):
        drawn = []
        for _ in range(negatives):
            bits = random.bits()
            word = ((bits >> 32) * len(noise)) >> 32
            cell = int(noise[word])
            drawn.append(word if (bits & 0xFFFFFFFF) <= (cell >> 32) else cell & 0xFFFFFFFF)
        unlike = [word for word in dict.fromkeys(drawn) if word != centre]
        answers = [(centre, 1, 1), *((word, 0, drawn.count(word)) for word in unlike)]
        if around:
            steps.append(Step(place / len(found), around, centre, answers))
    return steps


def hierarchical_steps(ids, starts, keep, window, shrink, codes, state):
    """The steps of hierarchical softmax; ``codes[word]`` is [(node, turn) ...] from the root."""
    found = windows(ids, starts, keep, window, shrink, Random(state))
    return [
        Step(place / len(found), around, centre, [(node, 1 - turn, 1) for node, turn in codes[centre]])
        for place, (centre, around) in enumerate(found)
        if around
    ]


def huffman_codes(counts):
    """[(node, turn) ...] of each word, by joining the two rarest over and over; a tie takes words first, later words
    first.
    """
    trees = [(int(count), 0, -word, -1 - word) for word, count in enumerate(counts)]
    children = []
    while len(trees) > 1:
        trees.sort()
        (a, _, _, left), (b, _, _, right) = trees[:2]
        trees[:2] = [(a + b, 1, len(children), len(children))]
        children.append((left, right))
    codes = {}

    def walk(node, path):
        if node < 0:
            codes[-1 - node] = path
            return
        for turn, child in enumerate(children[node]):
            walk(child, [*path, (node, turn)])

    walk(trees[0][3], [])
    return [codes[word] for word in range(len(counts))]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sampled_loss(inputs, output, step, cbow):
    """-weight log P(label), summed over the inputs and answers of a step."""
    hidden = inputs[step.neighbours].mean(axis=0, keepdims=True) if cbow else inputs[step.neighbours]
    scores = hidden @ output[[row for row, _, _ in step.answers]].T
    signs = np.array([1 if label else -1 for _, label, _ in step.answers])
    return float((np.array([weight for _, _, weight in step.answers]) * np.logaddexp(0, -signs * scores)).sum())


def softmax_loss(inputs, output, step, cbow):
    """-log P(answer): CBOW, the centre given the mean of its neighbours; skip-gram, each neighbour given the centre."""
    hidden, answers = (
        (inputs[step.neighbours].mean(axis=0), [step.centre]) if cbow else (inputs[step.centre], step.neighbours)
    )
    scores = output @ hidden
    return float(sum(np.logaddexp.reduce(scores) - scores[answer] for answer in answers))


def train_sampled(inputs, output, steps, rates, cbow, shared, in_turn=False):
    """Change the tables (float64) by each step in turn; the loss before each, summed, and the number of inputs.

    ``in_turn``: a neighbour that stands twice in a window has been changed once when it comes to change the answers
    again.
    """
    loss, pairs = 0.0, 0
    for step in steps:
        rate = rates[0] + (rates[1] - rates[0]) * step.progress
        loss += sampled_loss(inputs, output, step, cbow)
        pairs += 1 if cbow else len(step.neighbours)
        rows = [row for row, _, _ in step.answers]
        labels, weights = (np.array([answer[part] for answer in step.answers]) for part in (1, 2))
        before = output[rows]
        hidden = [inputs[step.neighbours].mean(axis=0)] if cbow else [inputs[row].copy() for row in step.neighbours]
        slopes = [rate * weights * (labels - sigmoid(before @ vector)) for vector in hidden]
        if cbow:
            output[rows] += np.outer(slopes[0], hidden[0])
            for row in step.neighbours:
                inputs[row] += slopes[0] @ before / (len(step.neighbours) if shared else 1)
        else:
            for row, slope, vector in zip(step.neighbours, slopes, hidden, strict=True):
                output[rows] += np.outer(slope, inputs[row] if in_turn else vector)
                inputs[row] += slope @ before
    return loss, pairs


def train_softmax(inputs, output, steps, rates, cbow, shared):
    """The full softmax, in the same form."""
    loss, pairs = 0.0, 0
    for step in steps:
        rate = rates[0] + (rates[1] - rates[0]) * step.progress
        loss += softmax_loss(inputs, output, step, cbow)
        given, answers = (step.neighbours, [step.centre]) if cbow else ([step.centre], step.neighbours)
        pairs += len(answers)
        hidden = inputs[given].mean(axis=0)
        scores = output @ hidden
        slope = -len(answers) * np.exp(scores - np.logaddexp.reduce(scores))
        for answer in answers:
            slope[answer] += 1
        error = rate * slope @ output
        output += rate * np.outer(slope, hidden)
        for row in given:
            inputs[row] += error / (len(given) if shared else 1)
    return loss, pairs
