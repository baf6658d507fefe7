"""Bags of rows that answer questions: the mean of some rows predicts words or labels.

One step serves three models. Skip-gram with n-grams (Bojanowski, Grave, Joulin and Mikolov 2017): the bag is a word's
own row and those of its n-grams, the answers are its neighbours. CBOW with them: the bag is all rows of the neighbours,
the answer is the centre. A classifier (Joulin, Grave, Bojanowski and Mikolov 2017): the bag is all rows of a line, the
answers are its labels. The mean is made once for all answers of a bag, where fastText makes it anew for each; it moves
with each answer as its rows will, so that the next one sees what fastText would.

Legend: T types (different words of a text), R rows of the input table, L rows of the output table (labels, words or
inner nodes), D padded dimension, E examples.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.kernels import simd
from wordfield.kernels.jit import inlined, kernel
from wordfield.kernels.sampling import (
    STRIDE,
    Chunk,
    Floats,
    Noise,
    Rates,
    Reading,
    Rows,
    Tables,
    Windows,
    below,
    mix,
    targets,
    windows,
)
from wordfield.kernels.trees import TILE, Paths

STEP = np.uint64(116049371)
"""By what the hash of a run of words is multiplied before the next word's is added, in fastText."""
WIDE = 8
"""Outputs scored at once where all of them are."""
SETTLED = 32
"""Examples after which threads that change all outputs bring their copies together: on one copy they would hand its
cache lines to and fro at every example, which costs more than all the rest.
"""


class Examples(NamedTuple):
    """What is asked, and the answers. Example e has the ``items[item_starts[e]:item_starts[e + 1]]``: a type, all of
    whose rows ``rows[starts[type]:starts[type + 1]]`` are in the bag, or -1 - row; and the
    ``answers[answer_starts[e]:answer_starts[e + 1]]``, rows of the output, each of which counts ``weights[e]``.
    """

    item_starts: Rows
    items: Rows
    answer_starts: Rows
    answers: Rows
    weights: Floats
    starts: Rows
    rows: Rows


class Lines(NamedTuple):
    """What lines of text are made of. Type t has the rows ``rows[starts[t]:starts[t + 1]]``; the last type is the end
    of a line. Runs of up to ``word_ngrams`` words have a row each, by the ``hashes`` (T,) of their words:
    ``words + places[hash % bucket]``, none where that is negative, ``words + hash % bucket`` where there are no places.
    Line e has the ``labels[label_starts[e]:label_starts[e + 1]]`` and the weight ``weights[e]``. ``one``: learn from
    one of its labels, drawn each time.
    """

    starts: Rows
    rows: Rows
    hashes: NDArray[np.uint32]
    places: NDArray[np.int32]
    bucket: int
    words: int
    word_ngrams: int
    label_starts: Rows
    labels: Rows
    weights: Floats
    one: bool


@kernel
def windowed(
    chunk: Chunk, reading: Reading, starts: Rows, rows: Rows, cbow: bool, scratch: Windows, state: np.uint64
) -> tuple[Examples, np.uint64]:
    """The examples of running text, and the state after: a word and its neighbours, or (``cbow``) the other way round.
    Words have the rows ``rows[starts[word]:starts[word + 1]]``.
    """
    count, state = windows(chunk, reading, state, scratch)
    many, single = np.zeros(count + 1, np.int64), np.arange(count + 1)
    for here in range(count):
        many[here + 1] = many[here] + scratch.high[here] - scratch.low[here] - 1
    around, centres = np.empty(many[count], np.int64), np.empty(count, np.int64)
    filled = 0
    for here in range(count):
        centres[here] = scratch.kept[here]
        for there in range(scratch.low[here], scratch.high[here]):
            if there != here:
                around[filled] = scratch.kept[there]
                filled += 1
    weights = np.ones(count, np.float32)
    if cbow:
        return Examples(many, around, single, centres, weights, starts, rows), state
    return Examples(single, centres, many, around, weights, starts, rows), state


@kernel
def lines(chunk: Chunk, given: Lines, state: np.uint64) -> tuple[Examples, np.uint64]:
    """The examples of lines, and the state after. A line of the chunk is its types, and, as its last token, its number,
    which stands for the end of the line. Each of its labels has the weight of the line.
    """
    count, end = chunk.starts.size - 1, given.starts.size - 2
    item_starts, answer_starts = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.int64)
    asked = 0
    for line in range(count):
        number = chunk.ids[chunk.starts[line + 1] - 1]
        labels = given.label_starts[number + 1] - given.label_starts[number]
        asked += min(labels, 1) if given.one else labels
    items = np.empty(chunk.ids.size * given.word_ngrams, np.int64)
    answers, weights = np.empty(asked, np.int64), np.empty(count, np.float32)
    kept, asked = 0, 0
    for line in range(count):
        begin, last = chunk.starts[line], chunk.starts[line + 1] - 1
        number = chunk.ids[last]
        for here in range(begin, last):
            items[kept] = chunk.ids[here]
            kept += 1
        items[kept] = end
        kept += 1
        for here in range(begin, last):
            state_of_run = np.uint64(np.int64(np.int32(given.hashes[chunk.ids[here]])))
            for there in range(here + 1, min(here + given.word_ngrams, last + 1)):
                next_hash = given.hashes[end if there == last else chunk.ids[there]]
                state_of_run = state_of_run * STEP + np.uint64(np.int64(np.int32(next_hash)))
                place = np.int64(state_of_run % np.uint64(given.bucket))
                if given.places.size > 0:
                    place = np.int64(given.places[place])
                if place >= 0:
                    items[kept] = -1 - (given.words + place)
                    kept += 1
        item_starts[line + 1] = kept
        first, labels = given.label_starts[number], given.label_starts[number + 1] - given.label_starts[number]
        weights[line] = given.weights[number]
        if given.one and labels > 0:
            state += STRIDE
            first, labels = first + below(mix(state), labels), 1
        for label in range(first, first + labels):
            answers[asked] = given.labels[label]
            asked += 1
        answer_starts[line + 1] = asked
    return Examples(item_starts, items[:kept], answer_starts, answers, weights, given.starts, given.rows), state


@inlined
def bag(examples: Examples, here: int, inputs: Rows) -> int:
    """Fill ``inputs`` with the rows of an example; their number."""
    count = 0
    for there in range(examples.item_starts[here], examples.item_starts[here + 1]):
        item = examples.items[there]
        if item < 0:
            inputs[count] = -1 - item
            count += 1
        else:
            for place in range(examples.starts[item], examples.starts[item + 1]):
                inputs[count] = examples.rows[place]
                count += 1
    return count


@kernel
def most(examples: Examples) -> tuple[int, int]:
    """The rows of the largest bag, and the answers of the example that has most."""
    rows, answers = 1, 1
    for here in range(examples.item_starts.size - 1):
        count = 0
        for there in range(examples.item_starts[here], examples.item_starts[here + 1]):
            item = examples.items[there]
            count += 1 if item < 0 else examples.starts[item + 1] - examples.starts[item]
        rows = max(rows, count)
        answers = max(answers, examples.answer_starts[here + 1] - examples.answer_starts[here])
    return rows, answers


def trainer(dim: int, loss: str, negatives: int, shared: bool) -> Callable[..., tuple[float, int]]:
    """The kernel for rows of ``dim`` numbers and a loss: negative (with so many noise words), hierarchical, softmax or
    one-vs-all: ``train(tables, examples, answers, rates, state)``, compiled for just these. ``answers``: the noise, the
    paths, or how many threads train (of the last two losses).

    ``shared``: the gradient is divided among the rows of a bag, as the derivative of a mean is; else each gets it
    whole.
    """
    if loss == "negative":
        return sampled(dim, negatives, shared)
    return branching(dim, shared) if loss == "hierarchical" else complete(dim, shared, loss == "one-vs-all")


@cache
def sampled(dim: int, negatives: int, shared: bool) -> Callable[..., tuple[float, int]]:
    """Negative sampling: see `trainer`. No answer of an example is noise for another of its answers."""
    size = negatives + 1
    step, spare = simd.pitch(size), simd.spare(size)

    @kernel
    def train(tables: Tables, examples: Examples, noise: Noise, rates: Rates, state: np.uint64) -> tuple[float, int]:
        """Train on the examples: the loss in nats, summed over answers and their noise, and the number of answers."""
        count, nowhere = examples.item_starts.size - 1, tables.output.shape[0] - 1
        widest, longest = most(examples)
        inputs, half = np.empty(widest, np.int64), longest * step
        rows, weights = np.zeros(2 * half, np.int64), np.zeros(2 * half, np.float32)
        labels = np.zeros(2 * half, np.float32)
        labels[::step] = 1
        scores, slopes = np.zeros(step + spare, np.float32), np.zeros(step + spare, np.float32)
        mean, error, single = np.zeros((1, dim), np.float32), np.zeros((1, dim), np.float32), np.zeros(1, np.int64)
        change = np.zeros((1, dim), np.float32)
        loss, pairs = 0.0, 0
        for ahead in range(count + 1):
            if ahead < count:  # targets are drawn, and all rows fetched, one example before they are used
                for there in range(examples.answer_starts[ahead], examples.answer_starts[ahead + 1]):
                    at = ahead % 2 * half + (there - examples.answer_starts[ahead]) * step
                    state = targets(noise, examples.answers[there], nowhere, size, at, rows, weights, state)
                    for j in range(at + 1, at + size):
                        for other in range(examples.answer_starts[ahead], examples.answer_starts[ahead + 1]):
                            if rows[j] == examples.answers[other]:
                                rows[j], weights[j] = nowhere, 0
                    for j in range(at, at + size):
                        simd.prefetch(tables.output, rows[j], dim)
                given = bag(examples, ahead, inputs)
                for place in range(given):
                    simd.prefetch(tables.input, inputs[place], dim)
            here = ahead - 1
            if here < 0:
                continue
            given = bag(examples, here, inputs)
            asked = examples.answer_starts[here + 1] - examples.answer_starts[here]
            if given == 0 or asked == 0:
                continue
            rate = (rates.first + (rates.last - rates.first) * here / count) * examples.weights[here]
            simd.rows_mean(tables.input, inputs, given, dim, mean)
            for column in range(dim):
                error[0, column] = 0
            share = 1 / given if shared else 1.0
            for answer in range(asked):
                at = here % 2 * half + answer * step
                for column in range(dim):
                    change[0, column] = 0
                simd.tile_scores(mean, single, 1, tables.output, rows, at, size, dim, scores)
                loss += simd.tile_logistic(scores, 1, labels, weights, at, rate, size, slopes, 0)
                simd.tile_update(change, single, mean, 1, tables.output, rows, at, size, dim, slopes, 0)
                for column in range(dim):
                    error[0, column] += change[0, column]
                    mean[0, column] += np.float32(share) * change[0, column]
            simd.rows_add(tables.input, inputs, given, dim, error, share)
            pairs += asked
        return loss, pairs

    return train


@cache
def branching(dim: int, shared: bool) -> Callable[..., tuple[float, int]]:
    """Hierarchical softmax: see `trainer`."""
    step, spare = simd.pitch(TILE), simd.spare(TILE)

    @kernel
    def train(tables: Tables, examples: Examples, tree: Paths, rates: Rates, state: np.uint64) -> tuple[float, int]:
        """Train on the examples: the loss in nats, summed over the turns of all answers' paths, and the number of
        answers.
        """
        count = examples.item_starts.size - 1
        widest, _ = most(examples)
        inputs = np.empty(widest, np.int64)
        scores, slopes = np.zeros(step + spare, np.float32), np.zeros(step + spare, np.float32)
        mean, error, single = np.zeros((1, dim), np.float32), np.zeros((1, dim), np.float32), np.zeros(1, np.int64)
        change = np.zeros((1, dim), np.float32)
        loss, pairs = 0.0, 0
        for here in range(count):
            if here + 1 < count:
                given = bag(examples, here + 1, inputs)
                for place in range(given):
                    simd.prefetch(tables.input, inputs[place], dim)
            given = bag(examples, here, inputs)
            asked = examples.answer_starts[here + 1] - examples.answer_starts[here]
            if given == 0 or asked == 0:
                continue
            rate = (rates.first + (rates.last - rates.first) * here / count) * examples.weights[here]
            simd.rows_mean(tables.input, inputs, given, dim, mean)
            for column in range(dim):
                error[0, column] = 0
            share = 1 / given if shared else 1.0
            for there in range(examples.answer_starts[here], examples.answer_starts[here + 1]):
                answer = examples.answers[there]
                for column in range(dim):
                    change[0, column] = 0
                for at in range(tree.starts[answer], tree.starts[answer + 1], TILE):
                    simd.tile_scores(mean, single, 1, tables.output, tree.nodes, at, TILE, dim, scores)
                    loss += simd.tile_logistic(scores, 1, tree.labels, tree.weights, at, rate, TILE, slopes, 0)
                    simd.tile_update(change, single, mean, 1, tables.output, tree.nodes, at, TILE, dim, slopes, 0)
                for column in range(dim):
                    error[0, column] += change[0, column]
                    mean[0, column] += np.float32(share) * change[0, column]
            simd.rows_add(tables.input, inputs, given, dim, error, share)
            pairs += asked
        return loss, pairs

    return train


@kernel
def settle(output: Floats, own: Floats, before: Floats) -> None:
    """Add what this thread changed in its copy ``own`` since it was ``before``, and take over what others changed."""
    for row in range(output.shape[0]):
        for column in range(output.shape[1]):
            now = output[row, column] + (own[row, column] - before[row, column])
            output[row, column] = now
            own[row, column] = now
            before[row, column] = now


@cache
def complete(dim: int, shared: bool, apart: bool) -> Callable[..., tuple[float, int]]:
    """All outputs answer: the full softmax, or (``apart``) each for itself, one against all. See `trainer`."""
    spare = simd.spare(WIDE)

    @kernel
    def train(tables: Tables, examples: Examples, threads: int, rates: Rates, state: np.uint64) -> tuple[float, int]:
        """Train on the examples: the loss in nats, summed over the answers (one against all: over all outputs), and the
        number of answers (of examples).
        """
        count, outputs = examples.item_starts.size - 1, tables.output.shape[0] - 1
        places = (outputs + WIDE - 1) // WIDE * WIDE
        widest, _ = most(examples)
        inputs, every = np.empty(widest, np.int64), np.empty(places, np.int64)
        weights, labels = np.zeros(places, np.float32), np.zeros(places, np.float32)
        for place in range(places):
            every[place], weights[place] = min(place, outputs), 1 if place < outputs else 0
        tile, scores = np.zeros(WIDE + spare, np.float32), np.zeros(places + spare, np.float32)
        slopes = np.zeros(places + spare, np.float32)
        mean, error, single = np.zeros((1, dim), np.float32), np.zeros((1, dim), np.float32), np.zeros(1, np.int64)
        output, before = tables.output, tables.output
        if threads > 1:
            output, before = tables.output.copy(), tables.output.copy()
        loss, pairs = 0.0, 0
        for here in range(count):
            if threads > 1 and here % SETTLED == 0:
                settle(tables.output, output, before)
            if here + 1 < count:
                given = bag(examples, here + 1, inputs)
                for place in range(given):
                    simd.prefetch(tables.input, inputs[place], dim)
            given = bag(examples, here, inputs)
            first, last = examples.answer_starts[here], examples.answer_starts[here + 1]
            if given == 0 or first == last:
                continue
            rate = (rates.first + (rates.last - rates.first) * here / count) * examples.weights[here]
            simd.rows_mean(tables.input, inputs, given, dim, mean)
            for column in range(dim):
                error[0, column] = 0
            if apart:
                for there in range(first, last):
                    labels[examples.answers[there]] = 1
            for at in range(0, places, WIDE):
                simd.tile_scores(mean, single, 1, output, every, at, WIDE, dim, tile)
                if apart:
                    loss += simd.tile_logistic(tile, 1, labels, weights, at, rate, WIDE, slopes, at)
                else:
                    for place in range(WIDE):
                        scores[at + place] = tile[place]
            if apart:
                for there in range(first, last):
                    labels[examples.answers[there]] = 0
                pairs += 1
            else:
                top = scores[0]
                for place in range(1, outputs):
                    top = max(top, scores[place])
                for there in range(first, last):
                    loss += top - scores[examples.answers[there]]
                total = simd.exponentials(scores, outputs, top)
                loss += (last - first) * np.log(total)
                scale = np.float32(-rate * (last - first) / total)
                for place in range(outputs):
                    slopes[place] = scale * scores[place]
                for there in range(first, last):
                    slopes[examples.answers[there]] += np.float32(rate)
                pairs += last - first
            for at in range(0, places, WIDE):
                simd.tile_update(error, single, mean, 1, output, every, at, WIDE, dim, slopes, at)
            simd.rows_add(tables.input, inputs, given, dim, error, 1 / given if shared else 1.0)
        if threads > 1:
            settle(tables.output, output, before)
        return loss, pairs

    return train
