"""Skip-gram and CBOW with the full softmax: the network with one hidden layer, exactly (Rong 2014, "word2vec parameter
learning explained").

Every word's score is computed for every centre, so this is for small vocabularies: to learn from, and to measure the
others against. Skip-gram: the centre is the input, and one softmax answers for all its neighbours. CBOW: the mean of
the neighbours is the input.

Legend: V words, D padded dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import Chunk, Rates, Reading, Tables, Windows, neighbours, windows


@cache
def trainer(dim: int, cbow: bool, shared: bool) -> Callable[..., tuple[float, int]]:
    """The kernel for rows of ``dim`` numbers; ``cbow`` and ``shared`` as in negative sampling."""

    @kernel
    def train(
        tables: Tables, chunk: Chunk, reading: Reading, _: int, rates: Rates, scratch: Windows, state: np.uint64
    ) -> tuple[float, int]:
        """Train on a chunk: the loss in nats, summed over inputs and their answers, and the number of answers."""
        count, state = windows(chunk, reading, state, scratch)
        words = tables.input.shape[0]
        inputs, answers = np.empty(2 * reading.window + 1, np.int64), np.empty(2 * reading.window + 1, np.int64)
        hidden, error = np.empty(dim, np.float32), np.empty(dim, np.float32)
        slopes = np.empty(words, np.float64)
        loss, pairs = 0.0, 0
        for here in range(count):
            given = neighbours(scratch, here, inputs)
            if given == 0:
                continue
            asked = 1
            answers[0] = scratch.kept[here]
            if not cbow:
                inputs, answers = answers, inputs
                given, asked = asked, given
            rate = rates.first + (rates.last - rates.first) * here / count
            for column in range(dim):
                hidden[column] = 0
                for i in range(given):
                    hidden[column] += tables.input[inputs[i], column] / np.float32(given)
                error[column] = 0
            top = np.float64(-np.inf)
            for word in range(words):
                score = np.float32(0)
                for column in range(dim):
                    score += tables.output[word, column] * hidden[column]
                slopes[word] = score
                if score > top:
                    top = np.float64(score)
            total = 0.0
            for word in range(words):
                total += np.exp(slopes[word] - top)
            surprise = top + np.log(total)
            for j in range(asked):
                loss += surprise - slopes[answers[j]]
            for word in range(words):  # the slope of the loss at each score: answers asked for less the answers given
                slopes[word] = asked * np.exp(slopes[word] - surprise)
            for j in range(asked):
                slopes[answers[j]] -= 1
            for word in range(words):
                slope = np.float32(-rate * slopes[word])
                for column in range(dim):
                    weight = tables.output[word, column]
                    error[column] += slope * weight
                    tables.output[word, column] = weight + slope * hidden[column]
            share = np.float32(1 / given if shared else 1.0)
            for i in range(given):
                for column in range(dim):
                    tables.input[inputs[i], column] += share * error[column]
            pairs += asked
            if not cbow:
                inputs, answers = answers, inputs
        return loss, pairs

    return train
