"""The training kernels do what their slow twins do, with the same random numbers, and go down the gradient of their
loss.
"""

import os
import platform
import subprocess
import sys
from itertools import product

import numpy as np
import pytest

import naive
from support import JIT_OFF
from wordfield.kernels import bags, hierarchical_softmax, negative_sampling, simd, trees
from wordfield.kernels.sampling import Chunk, Rates, Reading, Tables, Windows, alias_table

DIM, NEGATIVES, WINDOW, STATE = 21, 4, 3, 987654321
LOSSES, ARCHITECTURES, GRADIENTS = (
    ("negative", "hierarchical", "softmax"),
    ("skipgram", "cbow"),
    ("corrected", "reference"),
)


def softmax(width, cbow, shared):
    """The full softmax over words of one row each, called as the other kernels are."""
    train = bags.trainer(width, "softmax", 0, shared)

    def step(tables, chunk, reading, answers, rates, scratch, state):
        rows = np.arange(len(tables.input))
        examples, state = bags.windowed(chunk, reading, np.arange(len(rows) + 1), rows, cbow, scratch, state)
        return train(tables, examples, answers, rates, np.uint64(state))

    return step


class Run:
    """A small corpus and random tables, to be trained by the kernel and by its twin."""

    def __init__(self, loss, architecture, gradient="corrected", words=30, tokens=260, shrink=True, seed=3, scale=0.6):
        random = np.random.default_rng(seed)
        self.cbow, self.shared, self.loss, self.words = architecture == "cbow", gradient == "corrected", loss, words
        self.counts = np.sort(random.integers(1, 60, words))[::-1].copy()
        ids = random.choice(words, tokens, p=self.counts / self.counts.sum()).astype(np.int32)
        starts = np.array([0, 1, 3, tokens // 2, tokens // 2, tokens - 9, tokens], np.int64)
        self.chunk = Chunk(ids, starts)
        self.keep = np.where(np.arange(words) < 5, 0x90000000, 0xFFFFFFFF).astype(np.uint32)
        self.reading = Reading(self.keep, WINDOW, shrink)
        width = simd.padded(DIM)
        self.tables = Tables(simd.table(words, width), simd.table(words + 1, width))
        self.tables.input[:, :DIM] = scale * random.normal(size=(words, DIM))
        rows = words - 1 if loss == "hierarchical" else words
        self.tables.output[:rows, :DIM] = scale * random.normal(size=(rows, DIM))
        self.noise = alias_table(self.counts**0.75)
        read = (ids, starts, self.keep, WINDOW, shrink)
        if loss == "negative":
            self.kernel, self.answers = negative_sampling.trainer(width, NEGATIVES, self.cbow, self.shared), self.noise
            self.steps = naive.negative_steps(*read, self.noise, NEGATIVES, STATE)
        elif loss == "hierarchical":
            tree = trees.huffman(self.counts)
            self.kernel = hierarchical_softmax.trainer(width, self.cbow, self.shared)
            self.answers = trees.paths(tree, len(tree) - 1, words, words)
            self.steps = naive.hierarchical_steps(*read, naive.huffman_codes(self.counts), STATE)
        else:
            self.kernel, self.answers = softmax(width, self.cbow, self.shared), 0
            self.steps = naive.negative_steps(*read, self.noise, 0, STATE)

    def fast(self, first, last):
        scratch = Windows(*(np.empty(len(self.chunk.ids) + 1, np.int32) for _ in range(3)))
        return self.kernel(
            self.tables, self.chunk, self.reading, self.answers, Rates(first, last), scratch, np.uint64(STATE)
        )

    def float64(self):
        return [table[: self.words, :DIM].astype(np.float64) for table in self.tables]

    def slow(self, tables, first, last):
        if self.loss == "softmax":
            return naive.train_softmax(*tables, self.steps, (first, last), self.cbow, self.shared)
        in_turn = self.loss == "negative"
        return naive.train_sampled(*tables, self.steps, (first, last), self.cbow, self.shared, in_turn)

    def loss_of(self, tables):
        loss = naive.softmax_loss if self.loss == "softmax" else naive.sampled_loss
        return sum(loss(*tables, step, self.cbow) for step in self.steps)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shrink", [True, False], ids=["shrink", "full"])
def test_a_kernel_learns_what_its_slow_twin_learns(loss, architecture, gradient, shrink):
    run = Run(loss, architecture, gradient, shrink=shrink)
    expected = run.float64()
    first, last = (0.05, 0.01) if loss == "softmax" else (0.3, 0.1)  # a softmax step answers for all words at once
    slow_loss, slow_pairs = run.slow(expected, first, last)
    before = run.float64()
    fast_loss, fast_pairs = run.fast(first, last)
    assert fast_pairs == slow_pairs
    assert fast_loss == pytest.approx(slow_loss, rel=1e-5)
    for was, got, wanted in zip(before, run.float64(), expected, strict=True):
        assert np.abs(wanted - was).max() > 0.05
        np.testing.assert_allclose(got, wanted, atol=2e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_thread_on_copies_of_the_nodes_near_the_root_learns_the_same(architecture):
    run, thread, copies = Run("hierarchical", architecture, tokens=400), 1, 9
    before, own = run.float64(), np.zeros((2 * copies, run.tables.output.shape[1]), np.float32)
    run.tables = Tables(run.tables.input, np.vstack([run.tables.output, own]))
    run.answers = run.answers._replace(hot=run.words - 1 - copies)
    expected = run.float64()
    run.slow(expected, 0.3, 0.1)
    scratch = Windows(*(np.empty(len(run.chunk.ids) + 1, np.int32) for _ in range(3)), thread)
    run.kernel(run.tables, run.chunk, run.reading, run.answers, Rates(0.3, 0.1), scratch, np.uint64(STATE))
    for was, got, wanted in zip(before, run.float64(), expected, strict=True):
        assert np.abs(wanted - was).max() > 0.05
        np.testing.assert_allclose(got, wanted, atol=2e-4)
    copied = run.tables.output[run.words + 1 :]
    assert not copied[:copies].any()  # the other thread's
    np.testing.assert_array_equal(copied[copies:], run.tables.output[run.words - 1 - copies : run.words - 1])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_update_is_the_gradient_of_the_loss(loss, architecture):
    rate, nudge = 1e-4, 1e-4  # so small that the steps of the chunk do not disturb each other
    run = Run(loss, architecture, words=12, tokens=90)
    before = run.float64()
    run.fast(rate, rate)
    for which, (was, now) in enumerate(zip(before, run.float64(), strict=True)):
        slope = np.zeros_like(was)
        for place in np.ndindex(was.shape):
            sides = []
            for side in (nudge, -nudge):
                tables = [table.copy() for table in before]
                tables[which][place] += side
                sides.append(run.loss_of(tables))
            slope[place] = (sides[0] - sides[1]) / (2 * nudge)
        np.testing.assert_allclose((was - now) / rate, slope, atol=0.02 * np.abs(slope).max())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("loss", LOSSES)
def test_a_rate_of_zero_measures_and_changes_nothing(loss, architecture):
    run = Run(loss, architecture)
    before = run.float64()
    measured, _ = run.fast(0.0, 0.0)
    assert measured == pytest.approx(run.loss_of(before), rel=1e-5)
    for was, now in zip(before, run.float64(), strict=True):
        np.testing.assert_array_equal(was, now)


@pytest.mark.parametrize("loss", LOSSES)
def test_padding_and_the_row_of_no_target_stay_zero(loss):
    run = Run(loss, "skipgram", words=6)
    run.fast(0.5, 0.5)
    assert not run.tables.input[:, DIM:].any()
    assert not run.tables.output[:, DIM:].any()
    assert not run.tables.output[run.words].any()


def test_noise_words_drawn_twice_count_twice():
    run = Run("negative", "skipgram", words=3, tokens=60)
    assert any(weight > 1 for step in run.steps for _, _, weight in step.answers)
    expected = run.float64()
    run.slow(expected, 0.2, 0.2)
    run.fast(0.2, 0.2)
    for got, wanted in zip(run.float64(), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-4)


@pytest.mark.parametrize(
    ("dim", "negatives"),
    [*product([1, 16, 100], [1, 20]), *((130, negatives) for negatives in (1, 2, 7, 15, 20))],
)
def test_any_width_and_number_of_noise_words(dim, negatives):
    width = simd.padded(dim)
    run = Run("negative", "skipgram", words=40, tokens=50)
    random = np.random.default_rng(0)
    tables = Tables(simd.table(40, width), simd.table(41, width))
    tables.input[:, :dim] = random.normal(size=(40, dim)) / dim**0.5
    tables.output[:40, :dim] = random.normal(size=(40, dim))
    steps = naive.negative_steps(*run.chunk, run.keep, WINDOW, True, run.noise, negatives, STATE)
    expected = [table[:40].astype(np.float64) for table in tables]
    naive.train_sampled(*expected, steps, (0.1, 0.1), False, True, in_turn=True)
    scratch = Windows(*(np.empty(51, np.int32) for _ in range(3)))
    kernel = negative_sampling.trainer(width, negatives, False, True)
    kernel(tables, run.chunk, run.reading, run.noise, Rates(0.1, 0.1), scratch, np.uint64(STATE))
    np.testing.assert_allclose(tables.input, expected[0], atol=1e-4)
    np.testing.assert_allclose(tables.output[:40], expected[1], atol=1e-4)


def test_one_word_alone_has_nothing_to_learn():
    run = Run("hierarchical", "skipgram", words=1, tokens=50)
    assert run.answers.nodes.size == 0
    assert run.fast(0.1, 0.1)[0] == 0


@pytest.mark.skipif(JIT_OFF, reason="vectors have a width only when compiled")
@pytest.mark.parametrize(("name", "features", "lanes"), [("haswell", "+avx2,+fma", 8), ("x86-64", "+sse4.2", 4)])
def test_narrower_vectors_learn_the_same(name, features, lanes, tmp_path):
    """The kernels as a processor with shorter vectors gets them."""
    if platform.machine() not in ("x86_64", "AMD64") or lanes > simd.LANES:
        pytest.skip(f"this processor cannot stand for one with {lanes} lanes of x86")
    settings = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "WORDFIELD_CACHE": str(tmp_path)}
    lines = "from wordfield.kernels import simd; import pytest, sys; print('lanes', simd.LANES)"
    chosen = "shrink-negative or shrink-hierarchical-cbow-reference or 100-20"
    command = f"{lines}; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-k', {chosen!r}, {__file__!r}]))"
    ran = subprocess.run([sys.executable, "-c", command], env=os.environ | settings, capture_output=True, text=True)
    assert f"lanes {lanes}" in ran.stdout
    assert ran.returncode == 0, ran.stdout
