"""Exact search gives what one big sorted matrix of cosines gives, without making it."""

import numpy as np
import pytest

from wordfield.search import exact
from wordfield.storage import Dense


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(exact, "QUERIES", 4)
    monkeypatch.setattr(exact, "SCORES", 4 * 7)


def all_cosines(matrix, queries):
    def unit(vectors):
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        return np.divide(vectors, norms, out=np.zeros(vectors.shape), where=norms > 0)

    return unit(queries) @ unit(matrix).T


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((53, 6)).astype(np.float32) * rng.uniform(0.1, 30, (53, 1)).astype(np.float32)
    matrix[10] = 0
    return Dense(matrix)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("k", [1, 5, 60])
def test_nearest_are_those_of_the_full_matrix(table, k):
    queries = table.matrix[:13] + 0.1
    rows, scores = exact.nearest(table.matrix, queries, k, norms=table.norms)
    full = all_cosines(table.matrix, queries)
    expected = np.argsort(-full, axis=1, kind="stable")[:, :k]
    assert rows.shape == scores.shape == (13, k)
    np.testing.assert_array_equal(rows[:, :53], expected)
    np.testing.assert_allclose(scores[:, :53], np.take_along_axis(full, expected, 1), atol=1e-6)
    assert (rows[:, 53:] == -1).all()
    assert np.isneginf(scores[:, 53:]).all()


@pytest.mark.usefixtures("small_blocks")
def test_excluded_rows_and_rows_that_are_no_candidates_are_no_answer(table):
    queries = table.matrix[:9]
    candidates = np.array([0, 2, 4, 10, 30, 31, 32, 33, 34, 50])
    exclude = np.stack([np.arange(9), np.full(9, 50)], axis=1)
    rows, _ = exact.nearest(table.matrix, queries, 10, norms=table.norms, exclude=exclude, candidates=candidates)
    for q, found in enumerate(rows):
        assert set(found.tolist()) - {-1} == set(candidates.tolist()) - {q, 50}


def test_zero_rows_have_cosine_zero_and_rows_without_a_number_are_no_answer():
    matrix = np.array([[1, 0], [0, 0], [np.nan, 1], [np.inf, 1], [-1, 0]], np.float32)
    table = Dense(matrix)
    rows, scores = exact.nearest(table.matrix, matrix[:1], 5, norms=table.norms)
    assert rows.tolist() == [[0, 1, 4, -1, -1]]
    assert scores[0, :3].tolist() == [1, 0, -1]
    rows, scores = exact.nearest(table.matrix, matrix[1:2], 3, norms=table.norms)
    assert rows.tolist() == [[0, 1, 4]]
    assert scores.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e20, 1e30])
def test_very_short_and_very_long_vectors_keep_their_cosines(size):
    table = Dense(np.array([[3, 4], [4, 3], [-3, 4]]) * size)
    _, scores = exact.nearest(table.matrix, table.matrix[:1], 3, norms=table.norms)
    np.testing.assert_allclose(scores, [[1, 0.96, 0.28]], rtol=1e-5)


@pytest.mark.usefixtures("small_blocks")
def test_products_are_those_of_the_formula(table):
    queries = np.stack([table.matrix[:9], table.matrix[9:18], table.matrix[18:27]], axis=1)
    rows, scores = exact.nearest_by_product(table.matrix, queries, 2, 4, norms=table.norms)
    b, c, a = ((all_cosines(table.matrix, queries[:, p]) + 1) / 2 for p in range(3))
    full = b * c / (a + exact.EPSILON)
    expected = np.argsort(-full, axis=1, kind="stable")[:, :4]
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, np.take_along_axis(full, expected, 1), rtol=1e-4)


@pytest.mark.usefixtures("small_blocks")
def test_cosines_with_every_row(table):
    expected = all_cosines(table.matrix, table.matrix[:1])[0]
    np.testing.assert_allclose(exact.cosines(table.matrix, table.matrix[0], norms=table.norms), expected, atol=1e-6)


def test_no_queries_and_no_rows_give_no_answers(table):
    rows, scores = exact.nearest(table.matrix, np.empty((0, 6), np.float32), 3, norms=table.norms)
    assert rows.shape == scores.shape == (0, 3)
    rows, _ = exact.nearest(table.matrix, table.matrix[:2], 3, norms=table.norms, candidates=np.empty(0, np.int64))
    assert rows.tolist() == [[-1] * 3] * 2
