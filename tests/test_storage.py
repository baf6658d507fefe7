"""A sparse table answers as the dense one with its zeros would, and is never made dense."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import csr_array

from support import JIT_OFF
from wordfield import vectors
from wordfield.search import exact
from wordfield.storage import Dense, Sparse
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

NUMBERS = st.just(0.0) | st.floats(-4, 4, width=16)
TABLES = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9), elements=NUMBERS
)


@settings(deadline=None)
@given(table=TABLES, rows=st.lists(st.integers(0, 8), max_size=5))
def test_rows_means_and_norms_are_those_of_the_dense_table(table, rows):
    dense, sparse = Dense(table), Sparse(csr_array(table))
    rows = [row % len(table) for row in rows]
    assert sparse.shape == dense.shape
    assert (sparse.take(rows) == dense.take(rows)).all()
    np.testing.assert_allclose(sparse.mean(rows), dense.mean(rows), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(sparse.norms, dense.norms, rtol=1e-6)


@pytest.fixture
def table():
    random = np.random.default_rng(1)
    return np.where(random.random((60, 60)) < 0.2, random.normal(size=(60, 60)), 0).astype(np.float32)


@pytest.fixture
def both(table):
    words = Vocabulary([f"w{number}" for number in range(60)])
    return WordVectors(words, Dense(table)), WordVectors(words, Sparse(csr_array(table)))


def same(one, other):
    assert [word for word, _ in one] == [word for word, _ in other]
    np.testing.assert_allclose([score for _, score in one], [score for _, score in other], atol=1e-6)


def test_questions_are_answered_as_by_the_dense_table(both):
    dense, sparse = both
    same(sparse.most_similar("w3", 20), dense.most_similar("w3", 20))
    words = [f"w{number}" for number in range(40)]
    for one, other in zip(sparse.most_similar(words, 5), dense.most_similar(words, 5), strict=True):
        same(one, other)
    same(sparse.most_similar("w3", 5, restrict_vocab=20), dense.most_similar("w3", 5, restrict_vocab=20))
    same(sparse.most_similar("w3", 5, keep={"w7", "w9"}), dense.most_similar("w3", 5, keep={"w7", "w9"}))
    same(
        sparse.most_similar(positive=["w1", "w2"], negative=["w3"]),
        dense.most_similar(positive=["w1", "w2"], negative=["w3"]),
    )
    for method in ("add", "mul"):
        same(sparse.analogy("w1", "w2", "w3", method=method), dense.analogy("w1", "w2", "w3", method=method))
    assert sparse.closer_than("w1", "w2") == dense.closer_than("w1", "w2")
    assert sparse.rank("w1", "w2") == dense.rank("w1", "w2")
    assert sparse.doesnt_match(["w1", "w2", "w3"]) == dense.doesnt_match(["w1", "w2", "w3"])
    assert sparse.similarity("w1", "w2") == pytest.approx(dense.similarity("w1", "w2"), abs=1e-6)
    assert (sparse["w5"] == dense["w5"]).all()


@pytest.mark.parametrize("entries", [1, 100, 1 << 20])
def test_blocks_may_be_of_any_size(monkeypatch, both, entries):
    monkeypatch.setattr(exact, "SPARSE", entries)
    monkeypatch.setattr(exact, "SCORES", exact.QUERIES)
    dense, sparse = both
    same(sparse.most_similar("w3", 20), dense.most_similar("w3", 20))


@settings(deadline=None)
@given(table=TABLES, queries=st.lists(st.integers(0, 8), min_size=1, max_size=9), k=st.integers(1, 10), data=st.data())
def test_nearest_rows_are_those_of_the_dense_table(table, queries, k, data):
    dense, sparse = Dense(table), Sparse(csr_array(table))
    rows = st.none() | st.lists(st.integers(0, len(table) - 1), unique=True).map(
        lambda some: np.array(sorted(some), int)
    )
    asked = {"candidates": data.draw(rows), "exclude": np.array([[row % len(table)] for row in queries])}
    near = dense.take([row % len(table) for row in queries])
    _, expected = exact.nearest(dense.matrix, near, k, norms=dense.norms, **asked)
    found, scores = exact.nearest(sparse.matrix, near, k, norms=sparse.norms, **asked)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    cosines = exact.cosines(sparse.matrix, near, norms=sparse.norms)
    np.testing.assert_allclose(cosines, exact.cosines(dense.matrix, near, norms=dense.norms), atol=1e-6)
    kept = found >= 0
    np.testing.assert_allclose(scores[kept], np.take_along_axis(cosines, found.clip(0), 1)[kept], atol=1e-6)


def test_consecutive_rows_are_not_copied(table):
    matrix = Sparse(csr_array(table)).matrix
    norms = np.ones(60, np.float32)
    for candidates in (None, np.arange(5, 9)):
        for _, block, _ in exact._blocks(matrix, norms, candidates):
            assert np.shares_memory(block.data, matrix.data)
            assert np.shares_memory(block.indices, matrix.indices)


@pytest.mark.parametrize("held", [1, 60 * 7, 10**6])
def test_many_words_are_looked_for_a_few_at_a_time(monkeypatch, both, held):
    monkeypatch.setattr(vectors, "HELD", held)
    for field in both:
        words = field.index_to_key[:40]
        for word, found in zip(words, field.most_similar(words, 5), strict=True):
            same(found, field.most_similar(word, 5))


def test_vectors_are_a_sparse_matrix_that_is_what_was_given(table, both):
    _, sparse = both
    assert isinstance(sparse.vectors, csr_array)
    assert (sparse.vectors.toarray() == table).all()
    assert repr(sparse.storage) == f"Sparse(60 x 60, {np.count_nonzero(table)} entries)"


def test_a_table_without_order_is_put_in_order():
    mixed = csr_array((np.array([1.0, 2, 3]), np.array([2, 0, 0]), np.array([0, 3])), shape=(1, 3))
    assert Sparse(mixed).matrix.indices.tolist() == [0, 2]
    assert Sparse(mixed).take([0]).tolist() == [[5, 0, 1]]
    with pytest.raises(ValueError, match="2 axes"):
        Sparse(csr_array(np.ones(3)))


def test_the_identity_is_known():
    assert Sparse.identity(4).is_identity
    assert (Sparse.identity(4).matrix.toarray() == np.eye(4)).all()
    others = [2 * np.eye(3), np.ones((2, 2)), np.eye(3)[[1, 0, 2]], np.eye(3, 4), np.array([[1, 1], [0, 0]])]
    assert not any(Sparse(csr_array(other)).is_identity for other in others)


@pytest.mark.skipif(JIT_OFF, reason="as plain Python it is too slow")
def test_a_large_table_is_never_made_dense():
    size = 300_000
    words = WordVectors(Vocabulary([str(number) for number in range(size)]), Sparse.identity(size))
    assert words.most_similar("7", 2) == [("0", 0.0), ("1", 0.0)]
    assert words.similarity("7", "8") == 0
