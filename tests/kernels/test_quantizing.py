"""Centroids and codes are those of the naive twins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import naive_quantizing as naive
from wordfield.kernels import quantizing

SEEDS = st.integers(0, 2**32 - 1)


def points_of(seed, count, width):
    """Whole numbers: sums of their squares are exact, and some points fall together."""
    return np.random.default_rng(seed).integers(-9, 10, (count, width)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 12), st.integers(1, 3), st.integers(1, 9))
def test_codes_are_the_nearest_centroids_the_first_of_equal_ones(seed, count, width, size):
    points, book = points_of(seed, count, width), points_of(seed + 1, width, size)
    codes = np.empty(count, np.uint8)
    quantizing.encode(points, book, codes)
    assert codes.tolist() == [naive.nearest(point, book) for point in points]


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(1, 12), st.integers(1, 3), st.integers(1, 9))
def test_first_centroids_are_points_drawn_by_the_square_of_their_distance(seed, count, width, size):
    points, draws = points_of(seed, count, width), np.random.default_rng(seed).random(size)
    book, expected = np.empty((width, size), np.float32), np.empty((width, size), np.float32)
    quantizing.spread(points, draws, book)
    naive.spread(points, draws, expected)
    assert (book == expected).all()


@pytest.mark.parametrize("seed", range(12))
def test_centroids_settle_at_the_means_of_their_points(seed):
    random = np.random.default_rng(seed)
    width, size, iterations = 1 + seed % 3, 2 + seed % 5, seed % 6
    points = random.standard_normal((20, width)).astype(np.float32)
    book = points[:size].T.copy("C")
    expected, codes = book.copy(), np.empty(20, np.uint8)
    turns = quantizing.settle(points, book, iterations, codes)
    naive_turns, naive_codes = naive.settle(points, expected, iterations, quantizing.APART)
    assert turns == naive_turns
    np.testing.assert_allclose(book, expected, rtol=1e-6, atol=1e-7)
    assert iterations == 0 or codes.tolist() == naive_codes


def test_a_centroid_without_points_takes_some_of_the_largest_cluster():
    points = np.array([[0, 0], [0, 2], [2, 0], [2, 2], [50, 50]], np.float32)
    book = np.array([[1, 50, 99], [1, 50, 99]], np.float32)
    codes = np.empty(5, np.uint8)
    assert quantizing.settle(points, book, 20, codes) < 20
    assert np.bincount(codes).min() >= 1
    assert codes[4] == 1
    assert len(set(codes[:4].tolist())) == 2


@pytest.mark.parametrize(("dim", "part"), [(6, 2), (7, 3), (5, 5), (3, 4), (4, 1)])
def test_rows_are_made_of_the_centroids_of_their_codes(dim, part):
    random = np.random.default_rng(dim)
    centroids = random.random(8 * dim).astype(np.float32)
    codes = random.integers(0, 8, (5, -(-dim // part))).astype(np.uint8)
    rows = np.empty((5, dim), np.float32)
    quantizing.decode(codes, centroids, part, rows)
    assert (rows == naive.decode(codes, centroids, part, 8)).all()
