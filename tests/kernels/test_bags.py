"""The kernels of bags do what their slow twins do, with the same random numbers, and go down the gradient of their
loss.
"""

from itertools import pairwise

import numpy as np
import pytest

import naive
import naive_bags
from wordfield.kernels import bags, simd, trees
from wordfield.kernels.jit import kernel
from wordfield.kernels.sampling import Chunk, Rates, Reading, Tables, Windows, alias_table

DIM, NEGATIVES, STATE = 21, 4, 987654321
LOSSES = ("negative", "hierarchical", "softmax", "one-vs-all")
SHARED = pytest.mark.parametrize("shared", [True, False], ids=["shared", "whole"])


class Run:
    """Examples and random tables, to be trained by the kernel and by its twin."""

    def __init__(self, loss, shared, examples, slow, outputs, rows, scale=0.6, seed=3):
        random = np.random.default_rng(seed)
        self.loss, self.shared, self.examples, self.slow, self.rows = loss, shared, examples, slow, rows
        counts = np.sort(random.integers(1, 60, outputs))[::-1].copy()
        self.outputs = outputs - 1 if loss == "hierarchical" else outputs
        width = simd.padded(DIM)
        self.tables = Tables(simd.table(rows, width), simd.table(outputs + 1, width))
        self.tables.input[:, :DIM] = scale * random.normal(size=(rows, DIM))
        self.tables.output[: self.outputs, :DIM] = scale * random.normal(size=(self.outputs, DIM))
        self.kernel = bags.trainer(width, loss, NEGATIVES, shared)
        if loss == "negative":
            self.answers = alias_table(counts**0.5)
            naive_bags.ask_noise(slow, self.answers, NEGATIVES, naive.Random(STATE))
        elif loss == "hierarchical":
            tree = trees.huffman(counts)
            self.answers = trees.paths(tree, len(tree) - 1, outputs, outputs)
            naive_bags.ask_paths(slow, naive.huffman_codes(counts))
        else:
            self.answers = 0

    def fast(self, first, last):
        return self.kernel(self.tables, self.examples, self.answers, Rates(first, last), np.uint64(STATE))

    def float64(self):
        tables = self.tables.input[:, :DIM], self.tables.output[: self.outputs, :DIM]
        return [table.astype(np.float64) for table in tables]

    def twin(self, tables, first, last):
        return naive_bags.train(*tables, self.slow, (first, last), self.loss, self.shared)

    def loss_of(self, tables):
        return sum(
            example.weight * naive_bags.loss_of(*tables, example, self.loss)[0]
            for example in self.slow
            if example.rows and example.answers
        )


def text(loss, shared=False, cbow=False, shrink=True, words=30, tokens=120):
    """Running text of words of 1 to 5 rows."""
    random = np.random.default_rng(5)
    ids = random.integers(0, words, tokens).astype(np.int32)
    chunk = Chunk(ids, np.array([0, 1, 3, tokens // 2, tokens // 2, tokens], np.int64))
    keep = np.where(np.arange(words) < 5, 0x90000000, 0xFFFFFFFF).astype(np.uint32)
    sizes = random.integers(1, 6, words)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.concatenate([random.choice(60, size, replace=False) for size in sizes]).astype(np.int64)
    owned = [rows[a:b].tolist() for a, b in pairwise(starts)]
    scratch = Windows(*(np.empty(tokens + 1, np.int32) for _ in range(3)))
    reading = Reading(keep, 3, shrink)
    examples, _ = bags.windowed(chunk, reading, starts, rows, cbow, scratch, np.uint64(STATE))
    slow = naive_bags.windowed(ids, chunk.starts, keep, 3, shrink, owned, cbow, naive.Random(STATE))
    return Run(loss, shared, examples, slow, words, 60)


def labelled(loss, shared=True, word_ngrams=2, one=False, places=True, seed=5, repeat=1):
    """Lines of 0 to 6 types with 0 to 3 labels, an empty one among them."""
    random = np.random.default_rng(seed)
    types, words, bucket, count = 12, 8, 17, 25
    sizes = random.integers(0, 4, types)
    sizes[-1] = 1
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = random.integers(0, words, starts[-1])
    owned = [rows[a:b].tolist() for a, b in pairwise(starts)]
    numbers = np.tile(random.permutation(count), repeat)
    texts = [(random.integers(0, types - 1, random.integers(0, 7)).tolist(), number) for number in numbers]
    ids = np.array([each for line, number in texts for each in (*line, number)], np.int32)
    ends = np.cumsum([0, *(len(line) + 1 for line, _ in texts)])
    many = random.integers(0, 4, count)
    labels = np.concatenate([random.choice(9, some, replace=False) for some in many]).astype(np.int64)
    given = bags.Lines(
        starts,
        rows,
        random.integers(0, 1 << 32, types).astype(np.uint32),
        np.where(np.arange(bucket) % 3, np.arange(bucket), -1).astype(np.int32) if places else np.empty(0, np.int32),
        bucket,
        words,
        word_ngrams,
        np.concatenate([[0], np.cumsum(many)]),
        labels,
        random.uniform(0.5, 2, count).astype(np.float32),
        one,
    )
    examples, _ = bags.lines(Chunk(ids, ends), given, np.uint64(STATE))
    slow = naive_bags.lines(texts, owned, given.hashes, given, naive.Random(STATE))
    return Run(loss, shared, examples, slow, 9, words + bucket)


def same_as_the_twin(run, first, last):
    expected, before = run.float64(), run.float64()
    slow_loss, slow_pairs = run.twin(expected, first, last)
    fast_loss, fast_pairs = run.fast(first, last)
    assert fast_pairs == slow_pairs
    assert fast_loss == pytest.approx(slow_loss, rel=1e-5)
    for was, got, wanted in zip(before, run.float64(), expected, strict=True):
        assert np.abs(wanted - was).max() > 0.02
        np.testing.assert_allclose(got, wanted, atol=2e-4)


@SHARED
@pytest.mark.parametrize("cbow", [False, True], ids=["skipgram", "cbow"])
@pytest.mark.parametrize("loss", LOSSES[:3])
def test_running_text_teaches_what_it_teaches_the_twin(loss, cbow, shared):
    same_as_the_twin(text(loss, shared, cbow, shrink=not shared), 0.05, 0.01)


@SHARED
@pytest.mark.parametrize("loss", LOSSES)
def test_lines_teach_what_they_teach_the_twin(loss, shared):
    same_as_the_twin(labelled(loss, shared), 0.3, 0.1)


@pytest.mark.parametrize("loss", LOSSES[2:])
def test_a_thread_on_a_copy_of_the_outputs_learns_the_same(loss):
    run = labelled(loss, repeat=3)
    run.answers = 2
    same_as_the_twin(run, 0.1, 0.05)
    assert len(run.slow) > 2 * bags.SETTLED


@pytest.mark.parametrize(("word_ngrams", "one", "places"), [(1, False, True), (3, True, True), (2, True, False)])
def test_lines_are_made_of_types_runs_and_labels_as_the_twin_says(word_ngrams, one, places):
    run = labelled("softmax", word_ngrams=word_ngrams, one=one, places=places)
    widest, asked = bags.most(run.examples)
    assert widest == max(len(example.rows) for example in run.slow)
    assert asked == max(len(example.answers) for example in run.slow)
    inputs = np.empty(widest, np.int64)
    for here, example in enumerate(run.slow):
        count = bags.bag(run.examples, here, inputs)
        assert inputs[:count].tolist() == example.rows
        first, last = run.examples.answer_starts[here : here + 2]
        assert run.examples.answers[first:last].tolist() == example.answers
        assert run.examples.weights[here] == pytest.approx(example.weight)


@pytest.mark.parametrize("kind", [text, labelled])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_update_is_the_gradient_of_the_loss(loss, kind):
    if kind is text and loss == "one-vs-all":
        pytest.skip("words are not trained one against all")
    rate, nudge = 1e-4, 1e-4  # so small that the examples do not disturb each other
    run = kind(loss, shared=True) if kind is labelled else kind(loss, shared=True, words=12, tokens=60)
    before = run.float64()
    run.fast(rate, rate)
    for which, (was, now) in enumerate(zip(before, run.float64(), strict=True)):
        slope = np.zeros_like(was)
        for place in np.ndindex(was[:, :4].shape):
            sides = []
            for side in (nudge, -nudge):
                tables = [table.copy() for table in before]
                tables[which][place] += side
                sides.append(run.loss_of(tables))
            slope[place] = (sides[0] - sides[1]) / (2 * nudge)
        some = slope[:, :4]
        np.testing.assert_allclose((was - now)[:, :4] / rate, some, atol=0.02 * np.abs(some).max())


@pytest.mark.parametrize("loss", LOSSES)
def test_padding_and_the_row_of_no_answer_stay_zero(loss):
    run = labelled(loss)
    run.fast(0.5, 0.5)
    assert not run.tables.input[:, DIM:].any()
    assert not run.tables.output[:, DIM:].any()
    assert not run.tables.output[run.outputs :].any()


@kernel
def exponentials(scores, count, top):
    return simd.exponentials(scores, count, top)


@pytest.mark.parametrize("count", [1, 7, 16, 45])
def test_exponentials_are_those_of_numpy(count):
    scores = np.random.default_rng(1).normal(0, 20, count + 64).astype(np.float32)
    top = float(scores[:count].max())
    expected = np.exp(scores[:count].astype(np.float64) - top)
    total = exponentials(scores, count, top)
    np.testing.assert_allclose(scores[:count], expected, rtol=1e-5, atol=1e-37)
    assert total == pytest.approx(expected.sum(), rel=1e-6)
