"""The kernels of GloVe do what their slow twins do, with the same random numbers, and go down the gradient of the
cost.
"""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import naive_glove as naive
from support import JIT_OFF
from wordfield.kernels import glove, simd
from wordfield.kernels.glove import HELD, Cells, Tables, Weighting

STATE, X_MAX, ALPHA = 987654321, 4.0, 0.75


class Run:
    """A small matrix of counts and random tables, to be trained by the kernel and by its twin."""

    def __init__(self, dim=21, words=23, side=9, bias_rate="same", rate=0.1, seed=3):
        random = np.random.default_rng(seed)
        self.dim, self.words, self.side, self.rate, self.bias_rate = dim, words, side, rate, bias_rate
        self.matrix = np.where(random.random((words, words)) < 0.4, 10 * random.random((words, words)) ** 2, 0)
        self.matrix[9:18] = 0  # tiles that have none
        self.matrix[3, 3] = X_MAX
        self.parts = random.normal(size=(2, words, dim + 1)) / dim**0.5
        self.squares = 1 + random.random((2, words, dim + 1))
        if bias_rate == "reference":
            self.squares[:, :, dim] = 1
        self.half = glove.width(dim)
        self.tables = Tables(*(simd.table(words, 2 * self.half) for _ in range(2)))
        for which, table in enumerate(self.tables):
            table[:, self.half :] = 1
            own, constant = dim + which, dim + 1 - which
            table[:, :dim], table[:, own], table[:, constant] = self.parts[which, :, :dim], self.parts[which, :, dim], 1
            at = self.half
            table[:, at : at + dim], table[:, at + own] = self.squares[which, :, :dim], self.squares[which, :, dim]
            table[:, at + constant] = HELD
            if bias_rate == "reference":
                table[:, at + own] = rate**2
        self.cells, self.spans = self.tiled()
        self.found = naive.tiles(self.matrix, side, STATE)
        self.walk = naive.walked([self.found[tile] for tile in sorted(self.found)], STATE)

    def tiled(self):
        """As a recipe has it done, in pieces of 5 rows."""
        indptr = np.append(0, np.cumsum((self.matrix > 0).sum(axis=1)))
        columns = np.nonzero(self.matrix)[1].astype(np.int32)
        values, size = self.matrix[self.matrix > 0], int(indptr[-1])
        bands = -(-self.words // self.side)
        sizes, filled = np.zeros((2, bands, bands), np.int64)
        pieces = [(first, min(first + 5, self.words)) for first in range(0, self.words, 5)]
        cut = [
            (indptr[first : last + 1] - indptr[first], first, slice(indptr[first], indptr[last]))
            for first, last in pieces
        ]
        for rows, first, part in cut:
            glove.tile_sizes(rows, first, columns[part], self.side, sizes)
        starts = (np.cumsum(sizes) - sizes.ravel()).reshape(bands, bands)
        cells = Cells(np.empty(size, np.uint32), np.empty(size, np.float32), np.empty(size, np.float32))
        state, weighting = np.uint64(STATE), Weighting(X_MAX, ALPHA)
        for rows, first, part in cut:
            state = glove.fill_tiles(
                rows, first, columns[part], values[part], self.side, weighting, starts, filled, cells, np.uint64(state)
            )
        np.testing.assert_array_equal(filled, sizes)
        spans = [
            (starts[tile], starts[tile] + sizes[tile], tile[0] * self.side, tile[1] * self.side)
            for tile in np.ndindex(bands, bands)
            if sizes[tile]
        ]
        return cells, np.array(spans, np.int64)

    def fast(self, rate=None):
        train = glove.trainer(self.dim)
        return train(self.tables, self.cells, self.spans, self.rate if rate is None else rate, np.uint64(STATE))

    def slow(self):
        return naive.train(self.parts, self.squares, self.walk, X_MAX, ALPHA, self.rate, self.bias_rate)

    def learnt(self, at=0):
        dim = self.dim
        return np.array(
            [np.column_stack([t[:, at : at + dim], t[:, at + dim + which]]) for which, t in enumerate(self.tables)]
        ).astype(np.float64)


def test_every_nonzero_is_in_its_tile_once_in_an_order_drawn_at_random():
    run = Run()
    assert len(run.spans) == len(run.found) < 9
    for (first, last, top, left), tile in zip(run.spans, sorted(run.found), strict=True):
        places = run.cells.places[first:last]
        expected = run.found[tile]
        rows, columns = (top + (places >> 16)).tolist(), (left + (places & 0xFFFF)).tolist()
        assert list(zip(rows, columns, strict=True)) == [(i, j) for i, j, _ in expected]
        x = np.array([x for _, _, x in expected])
        np.testing.assert_allclose(run.cells.logs[first:last], np.log(x), rtol=1e-6, atol=1e-6)
        weights = [naive.weight(each, X_MAX, ALPHA) for each in x]
        np.testing.assert_allclose(run.cells.weights[first:last], weights, rtol=1e-6)
    assert run.cells.weights.max() == 1
    order = [(i, j) for i, j, _ in run.found[0, 0]]
    assert order != sorted(order)


@pytest.mark.parametrize("bias_rate", ["same", "reference"])
@pytest.mark.parametrize("dim", [1, 14, 21, 100, 200])
def test_the_kernel_learns_what_its_slow_twin_learns(dim, bias_rate):
    run = Run(dim, bias_rate=bias_rate)
    before = run.parts.copy()
    slow = run.slow()
    assert run.fast() == pytest.approx(slow, rel=1e-5)
    assert np.abs(run.parts - before).max() > 0.05
    np.testing.assert_allclose(run.learnt(), run.parts, atol=1e-4)
    squares = run.learnt(run.half)
    if bias_rate == "reference":
        squares[:, :, dim] /= run.rate**2
    np.testing.assert_allclose(squares, run.squares, rtol=1e-4)


def test_the_update_is_the_gradient_of_the_cost():
    run = Run(dim=5, words=12, side=5, rate=1e-4)  # so small that the steps do not disturb each other
    before, nudge = run.learnt(), 1e-4
    roots = np.sqrt(run.learnt(run.half))
    run.fast()
    slope = np.zeros_like(before)
    for place in np.ndindex(before.shape):
        sides = []
        for side in (nudge, -nudge):
            parts = before.copy()
            parts[place] += side
            sides.append(naive.cost(parts, run.walk, X_MAX, ALPHA))
        slope[place] = (sides[0] - sides[1]) / (2 * nudge)
    np.testing.assert_allclose((before - run.learnt()) * roots / run.rate, slope, atol=0.02 * np.abs(slope).max())


def test_a_rate_of_zero_measures_and_changes_nothing():
    run = Run()
    before = [table.copy() for table in run.tables]
    assert run.fast(0.0) == pytest.approx(naive.cost(run.parts, run.walk, X_MAX, ALPHA), rel=1e-5)
    for was, now in zip(before, run.tables, strict=True):
        np.testing.assert_array_equal(was, now)


def test_constants_and_padding_never_move():
    run = Run(rate=0.5)
    for _ in range(5):
        run.fast()
    for which, table in enumerate(run.tables):
        constant = run.dim + 1 - which
        assert (table[:, constant] == 1).all()
        assert (table[:, run.half + constant] == HELD).all()
        assert not table[:, run.dim + 2 : run.half].any()
        assert (table[:, run.half + run.dim + 2 :] == 1).all()


def test_the_cost_falls():
    run = Run()
    costs = [run.fast() for _ in range(6)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < costs[0] / 2


@pytest.mark.skipif(JIT_OFF, reason="vectors have a width only when compiled")
@pytest.mark.parametrize(("name", "features", "lanes"), [("haswell", "+avx2,+fma", 8), ("x86-64", "+sse4.2", 4)])
def test_narrower_vectors_learn_the_same(name, features, lanes, tmp_path):
    """The kernel as a processor with shorter vectors gets it."""
    if platform.machine() not in ("x86_64", "AMD64") or lanes > simd.LANES:
        pytest.skip(f"this processor cannot stand for one with {lanes} lanes of x86")
    settings = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "WORDFIELD_CACHE": str(tmp_path)}
    lines = "from wordfield.kernels import simd; import pytest, sys; print('lanes', simd.LANES)"
    command = (
        f"{lines}; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-k', 'twin or gradient', {__file__!r}]))"
    )
    ran = subprocess.run([sys.executable, "-c", command], env=os.environ | settings, capture_output=True, text=True)
    assert f"lanes {lanes}" in ran.stdout
    assert ran.returncode == 0, ran.stdout
