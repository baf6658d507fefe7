"""The fused top-k keeps what sorting everything keeps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_topk import answer as naive_answer
from naive_topk import products as naive_products
from naive_topk import push as naive_push
from wordfield.kernels.topk import EMPTY, STRETCH, answer, products, push


def heaps(queries, k):
    return np.full((queries, k), -np.inf, np.float32), np.full((queries, k), EMPTY, np.int64)


def ordered(best, rows):
    order = np.lexsort((rows, -best), axis=-1)
    return np.take_along_axis(best, order, 1), np.take_along_axis(rows, order, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 9),
    st.lists(st.integers(1, 2 * STRETCH + 3), min_size=1, max_size=3),
    st.integers(1, 6),
    st.integers(0, 2**32 - 1),
)
def test_keeps_what_sorting_keeps_with_ties_to_the_lower_row(queries, k, widths, values, seed):
    rng = np.random.default_rng(seed)
    fast, slow = heaps(queries, k), heaps(queries, k)
    exclude = rng.integers(-1, sum(widths), (queries, 2))
    start = 0
    for width in widths:
        scores = rng.integers(-values, values, (queries, width)).astype(np.float32)  # few values: many ties
        scores[rng.random(scores.shape) < 0.05] = np.nan
        scale = rng.choice(np.array([0.5, 1, 2], np.float32), width)
        rows = np.arange(start, start + width)
        push(scores, scale, rows, exclude, *fast)
        naive_push(scores, scale, rows, exclude, *slow)
        start += width
    for mine, naive in zip(ordered(*fast), ordered(*slow), strict=True):
        np.testing.assert_array_equal(mine, naive)


def test_nan_and_excluded_rows_leave_places_empty():
    best, rows = heaps(1, 3)
    scores = np.array([[np.nan, 0.5, 0.7]], np.float32)
    push(scores, np.ones(3, np.float32), np.arange(3), np.array([[2]]), best, rows)
    assert ordered(best, rows)[1].tolist() == [[1, EMPTY, EMPTY]] or sorted(rows[0].tolist()) == [EMPTY, EMPTY, 1]
    assert best.max() == np.float32(0.5)


@pytest.mark.parametrize(("factors", "positives"), [(3, 2), (2, 0), (1, 1), (4, 4)])
def test_products_are_those_of_the_formula(factors, positives):
    rng = np.random.default_rng(factors)
    cosines = rng.uniform(-2, 2, (3, factors, 11)).astype(np.float32)
    scale = rng.uniform(0, 0.5, 11).astype(np.float32)
    mine, naive = np.empty((3, 11), np.float32), np.empty((3, 11), np.float32)
    products(cosines, scale, positives, 0.001, mine)
    naive_products(cosines, scale, positives, 0.001, naive)
    np.testing.assert_allclose(mine, naive, rtol=1e-5)


@pytest.mark.parametrize("multiplied", [False, True])
def test_answers_are_those_of_all_scores_with_ties_to_the_lower_row(multiplied):
    random = np.random.default_rng(7)
    asked, exclude = random.integers(0, 4, (6, 3)), random.integers(-1, 2 * STRETCH, (6, 2))
    fast, slow = ((np.full(6, -np.inf, np.float32), np.full(6, EMPTY, np.int64)) for _ in range(2))
    for start in (0, STRETCH + 3):
        rows = np.arange(start, start + STRETCH + 3)
        cosines = (random.integers(-4, 5, (4, len(rows))) / 4).astype(np.float32)  # few values: many ties
        cosines[:, random.random(len(rows)) < 0.1] = np.nan
        for first, last in ((0, 2), (2, 6)):
            answer(cosines, asked, rows, exclude, multiplied, 0.001, *fast, first, last)
        naive_answer(cosines, asked, rows, exclude, multiplied, 0.001, *slow, 0, 6)
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-4)
    np.testing.assert_array_equal(fast[1], slow[1])
    cosines[:] = np.nan
    nothing = np.full(6, -np.inf, np.float32), np.full(6, EMPTY, np.int64)
    answer(cosines, asked, rows, exclude, multiplied, 0.001, *nothing, 0, 6)
    assert (nothing[1] == EMPTY).all()
