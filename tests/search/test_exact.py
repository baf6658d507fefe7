"""Exact search gives what one big sorted matrix of cosines gives, without making it."""

import numpy as np
import pytest

from wordfield.search import blocks, exact
from wordfield.storage import Dense, Float16, Int8, Product


@pytest.fixture(params=["blocks", "threads", "copies"])
def small_blocks(monkeypatch, request):
    """Blocks of a few rows; then also in three threads; then as of a table that can only be read."""
    monkeypatch.setattr(exact, "QUERIES", 4)
    monkeypatch.setattr(blocks, "QUERIES", 4)
    monkeypatch.setattr(blocks, "SCORES", 4 * 7)
    monkeypatch.setattr(blocks, "PRODUCTS", 9)
    monkeypatch.setattr(blocks, "COPIED", 6 * 5)
    if request.param == "threads":
        monkeypatch.setattr(blocks, "SHARED", 0)
        monkeypatch.setattr(blocks, "threads_allowed", lambda: 3)
    return (lambda matrix: Read(matrix)) if request.param == "copies" else (lambda matrix: matrix)


class Read:
    """A table that makes the rows that are asked for."""

    def __init__(self, matrix):
        self.rows, self.shape = matrix, matrix.shape

    def __getitem__(self, rows):
        return self.rows[rows].copy()


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


@pytest.mark.parametrize("k", [1, 5, 60])
@pytest.mark.parametrize("count", [1, 4, 13])
def test_nearest_are_those_of_the_full_matrix(small_blocks, table, k, count):
    queries = table.matrix[:count] + 0.1
    rows, scores = exact.nearest(small_blocks(table.matrix), queries, k, norms=table.norms)
    full = all_cosines(table.matrix, queries)
    expected = np.argsort(-full, axis=1, kind="stable")[:, :k]
    assert rows.shape == scores.shape == (count, k)
    np.testing.assert_array_equal(rows[:, :53], expected)
    np.testing.assert_allclose(scores[:, :53], np.take_along_axis(full, expected, 1), atol=1e-6)
    assert (rows[:, 53:] == -1).all()
    assert np.isneginf(scores[:, 53:]).all()


@pytest.mark.parametrize("count", [1, 9])
@pytest.mark.parametrize("some", [[0, 2, 4, 10, 30, 31, 32, 33, 34, 50], list(range(45, 53))])
def test_excluded_rows_and_rows_that_are_no_candidates_are_no_answer(small_blocks, table, count, some):
    queries, candidates = table.matrix[:count], np.array(some)
    exclude = np.stack([np.arange(count), np.full(count, 50)], axis=1)
    matrix = small_blocks(table.matrix)
    rows, _ = exact.nearest(matrix, queries, 10, norms=table.norms, exclude=exclude, candidates=candidates)
    for q, found in enumerate(rows):
        assert set(found.tolist()) - {-1} == set(some) - {q, 50}


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


@pytest.mark.parametrize("count", [1, 9])
def test_products_are_those_of_the_formula(small_blocks, table, count):
    queries = np.stack([table.matrix[:9], table.matrix[9:18], table.matrix[18:27]], axis=1)[:count]
    rows, scores = exact.nearest_by_product(small_blocks(table.matrix), queries, 2, 4, norms=table.norms)
    b, c, a = ((all_cosines(table.matrix, queries[:, p]) + 1) / 2 for p in range(3))
    full = b * c / (a + exact.EPSILON)
    expected = np.argsort(-full, axis=1, kind="stable")[:, :4]
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, np.take_along_axis(full, expected, 1), rtol=1e-4)


def test_cosines_with_every_row(small_blocks, table):
    expected, matrix = all_cosines(table.matrix, table.matrix[:7]), small_blocks(table.matrix)
    np.testing.assert_allclose(exact.cosines(matrix, table.matrix[0], norms=table.norms), expected[0], atol=1e-6)
    np.testing.assert_allclose(exact.cosines(matrix, table.matrix[:7], norms=table.norms), expected, atol=1e-6)


CODES = {
    "float16": lambda matrix: Float16(matrix.astype(np.float16)),
    "int8": lambda matrix: Int8((matrix * 9).astype(np.int8), np.linspace(0.5, 2, len(matrix)).astype(np.float32)),
    "product": lambda matrix: Product(
        np.abs(matrix[:, ::2] * 9).astype(np.uint8), np.sin(np.arange(256 * 6)).astype(np.float32), 2
    ),
    "product of unit length": lambda matrix: Product(
        np.abs(matrix[:, :2] * 9).astype(np.uint8),
        np.sin(np.arange(256 * 6)).astype(np.float32),
        3,
        (np.arange(len(matrix)).astype(np.uint8), np.linspace(1, 3, 256).astype(np.float32)),
    ),
}


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("count", [1, 3, 20])
def test_codes_are_answered_as_what_they_stand_for(small_blocks, table, kind, count):
    coded = CODES[kind](table.matrix)
    decoded, queries = Dense(coded[:]), coded[:][:count] + 0.1
    asked = {"exclude": np.arange(count)[:, None], "candidates": np.array([0, 2, 4, 10, 30, 31, 32, 33, 34, 50])}
    for options in ({}, asked):
        found = exact.nearest(coded, queries, 6, norms=coded.norms, **options)
        expected = exact.nearest(decoded.matrix, queries, 6, norms=decoded.norms, **options)
        np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
        full = all_cosines(decoded.matrix, queries)
        kept = found[0] >= 0
        np.testing.assert_allclose(found[1][kept], np.take_along_axis(full, found[0], 1)[kept], atol=1e-6)
    cosines = exact.cosines(coded, queries, norms=coded.norms)
    np.testing.assert_allclose(cosines, all_cosines(decoded.matrix, queries), atol=1e-6)


def test_rows_that_stand_together_are_not_copied(table):
    for matrix in (table.matrix, CODES["float16"](table.matrix), CODES["int8"](table.matrix)):
        held = getattr(matrix, "codes", matrix)
        for candidates in (None, np.arange(5, 40)):
            over = blocks.Pass(matrix, table.norms, candidates, 1)
            for _, block, _ in over.blocks(0, over.count):
                assert np.shares_memory(getattr(block, "codes", block), held)


def test_threads_are_those_that_there_are_and_no_more_than_allowed(monkeypatch):
    monkeypatch.setattr(blocks, "cores", lambda: 3)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert blocks.threads_allowed() == 3
    monkeypatch.setattr(blocks, "cores", lambda: 64)
    assert blocks.threads_allowed() == blocks.THREADS
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert blocks.threads_allowed() == 2
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert blocks.threads_allowed() == 1
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "many")
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    assert blocks.threads_allowed() == 1


def test_what_a_thread_raises_is_raised(monkeypatch, table):
    monkeypatch.setattr(blocks, "SHARED", 0)
    monkeypatch.setattr(blocks, "threads_allowed", lambda: 3)

    def fail(first, last):
        if last == 53:
            raise OSError("the file is gone")

    with pytest.raises(OSError, match="gone"):
        blocks.Pass(table.matrix, table.norms, None, 1).shared(fail)


def test_no_queries_and_no_rows_give_no_answers(table):
    rows, scores = exact.nearest(table.matrix, np.empty((0, 6), np.float32), 3, norms=table.norms)
    assert rows.shape == scores.shape == (0, 3)
    rows, _ = exact.nearest(table.matrix, table.matrix[:2], 3, norms=table.norms, candidates=np.empty(0, np.int64))
    assert rows.tolist() == [[-1] * 3] * 2
