"""The product of a sparse matrix and a panel is SciPy's, whoever computes which rows."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from wordfield.kernels.spmm import TOGETHER, product, spans


def drawn(rows, columns, density, seed):
    rng = np.random.default_rng(seed)
    matrix = random_array((rows, columns), density=density, rng=rng, dtype=np.float32, format="csr")
    matrix.data[:] = rng.standard_normal(matrix.nnz)
    return csr_array(matrix), rng


def multiplied(matrix, panel, threads):
    out = np.full((matrix.shape[0], panel.shape[1]), np.nan, np.float32)
    indptr, indices = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)
    multiply = product(panel.shape[1])
    with ThreadPoolExecutor(threads) as pool:
        parts = spans(indptr, 3 * threads)
        list(pool.map(lambda span: multiply(indptr, indices, matrix.data, panel, out, *span), parts))
    return out


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 40),
    st.integers(1, 30),
    st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    st.sampled_from([1, 5, 16, 64]),
    st.integers(0, 2**32 - 1),
)
def test_is_the_product_of_scipy_and_the_same_on_any_number_of_threads(rows, columns, density, width, seed):
    matrix, rng = drawn(rows, columns, density, seed)
    panel = rng.standard_normal((columns, width)).astype(np.float32)
    one = multiplied(matrix, panel, 1)
    expected = matrix.astype(np.float64) @ panel.astype(np.float64)
    scale = abs(matrix.astype(np.float64)) @ abs(panel.astype(np.float64))
    assert (abs(one - expected) <= 1e-6 * scale).all()
    for threads in (2, 3):
        assert multiplied(matrix, panel, threads).tobytes() == one.tobytes()


@pytest.mark.parametrize("entries", range(2 * TOGETHER + 2))
def test_rows_of_any_length_are_exact_in_whole_numbers(entries):
    rng = np.random.default_rng(entries)
    matrix = csr_array(np.pad(rng.integers(1, 9, (3, entries)), ((1, 1), (0, 1))).astype(np.float32))
    panel = rng.integers(-9, 9, (entries + 1, 7)).astype(np.float32)
    np.testing.assert_array_equal(multiplied(matrix, panel, 2), matrix @ panel)


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 9))
def test_spans_cover_all_rows_in_order_and_are_about_equal(lengths, parts):
    indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    found = spans(indptr, parts)
    assert len(found) <= parts
    assert [row for first, last in found for row in range(first, last)] == list(range(len(lengths)))
    assert all(first < last for first, last in found)
    work = [int(indptr[last] - indptr[first]) + last - first for first, last in found]
    assert max(work, default=0) <= (indptr[-1] + len(lengths)) / parts + max(lengths, default=0) + 1
