"""Slow, obvious twins of the kernels of bags, in Python numbers and float64.

An example is a list of rows whose mean is the input, a list of answers, and what each of them counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import naive
import naive_ngrams


@dataclass
class Example:
    """Rows in the bag, answers, the weight of each answer, and the labels (row, label, weight) of sampled answers."""

    rows: list[int]
    answers: list[int]
    weight: float
    asked: list[list[tuple[int, int, int]]]


def windowed(ids, starts, keep, window, shrink, bags, cbow, random):
    """Examples of running text: ``bags[word]`` is the list of the word's rows."""
    found = naive.windows(ids, starts, keep, window, shrink, random)
    if cbow:
        return [Example([row for word in around for row in bags[word]], [centre], 1, []) for centre, around in found]
    return [Example(list(bags[centre]), around, 1, []) for centre, around in found]


def lines(texts, bags, hashes, given, random):
    """Examples of lines: ``texts`` are pairs of types and the number of the line."""
    examples = []
    for types, number in texts:
        types = [*types, len(bags) - 1]
        rows = [row for kind in types for row in bags[kind]]
        for state in naive_ngrams.run_hashes([int(hashes[kind]) for kind in types], given.word_ngrams):
            place = state % given.bucket
            place = int(given.places[place]) if len(given.places) else place
            if place >= 0:
                rows.append(given.words + place)
        labels = given.labels[given.label_starts[number] : given.label_starts[number + 1]].tolist()
        if given.one and labels:
            labels = [labels[((random.bits() >> 32) * len(labels)) >> 32]]
        examples.append(Example(rows, labels, float(given.weights[number]), []))
    return examples


def ask_noise(examples, noise, negatives, random):
    """Give each answer its noise: drawn twice counts twice; no answer of the example is noise."""
    for example in examples:
        for answer in example.answers:
            drawn = []
            for _ in range(negatives):
                bits = random.bits()
                word = ((bits >> 32) * len(noise)) >> 32
                cell = int(noise[word])
                drawn.append(word if (bits & 0xFFFFFFFF) <= (cell >> 32) else cell & 0xFFFFFFFF)
            unlike = [word for word in dict.fromkeys(drawn) if word not in example.answers]
            example.asked.append([(answer, 1, 1), *((word, 0, drawn.count(word)) for word in unlike)])


def ask_paths(examples, codes):
    """Give each answer the turns of its path."""
    for example in examples:
        for answer in example.answers:
            example.asked.append([(node, 1 - turn, 1) for node, turn in codes[answer]])


def loss_of(inputs, output, example, kind, hidden=None):
    """The loss of an example before its weight, and its gradient at the scores of the rows it asks about: [(row,
    slope)], a group for each answer.
    """
    hidden = inputs[example.rows].mean(axis=0) if hidden is None else hidden
    if kind in ("negative", "hierarchical"):
        loss, groups = 0.0, []
        for asked in example.asked:
            rows = [row for row, _, _ in asked]
            labels, weights = (np.array([each[part] for each in asked], float) for part in (1, 2))
            scores = output[rows] @ hidden
            loss += float((weights * (np.logaddexp(0, scores) - labels * scores)).sum())
            groups.append(list(zip(rows, weights * (naive.sigmoid(scores) - labels), strict=True)))
        return loss, groups
    scores = output @ hidden
    every = range(len(output))
    if kind == "softmax":
        chances = np.exp(scores - np.logaddexp.reduce(scores))
        wanted = np.zeros(len(output))
        np.add.at(wanted, example.answers, 1)
        loss = float(sum(np.logaddexp.reduce(scores) - scores[answer] for answer in example.answers))
        return loss, [list(zip(every, len(example.answers) * chances - wanted, strict=True))]
    labels = np.zeros(len(output))
    labels[example.answers] = 1
    loss = float((np.logaddexp(0, scores) - labels * scores).sum())
    return loss, [list(zip(every, naive.sigmoid(scores) - labels, strict=True))]


def train(inputs, output, examples, rates, kind, shared):
    """Change the tables (float64) by each example in turn; the loss before, summed, and the number of answers.

    The mean moves with each answer, as its rows will in the end.
    """
    total, answers = 0.0, 0
    for place, example in enumerate(examples):
        if not example.rows or not example.answers:
            continue
        rate = (rates[0] + (rates[1] - rates[0]) * place / len(examples)) * example.weight
        answers += 1 if kind == "one-vs-all" else len(example.answers)
        hidden, error = inputs[example.rows].mean(axis=0), np.zeros(inputs.shape[1])
        parts = [Example(example.rows, example.answers, 1, [asked]) for asked in example.asked] or [example]
        for part in parts:
            loss, groups = loss_of(inputs, output, part, kind, hidden)
            total += loss
            slopes = groups[0]
            change = -sum(rate * slope * output[row] for row, slope in slopes)
            for row, slope in slopes:
                output[row] -= rate * slope * hidden
            error += change
            hidden = hidden + (change / len(example.rows) if shared else change)
        for row in example.rows:
            inputs[row] += error / len(example.rows) if shared else error
    return total, answers
