"""A sparse table answers as the dense one with its zeros would, and is never made dense; codes answer as the numbers
that they stand for, and are decoded a block at a time.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import csr_array

from support import JIT_OFF
from wordfield import vectors
from wordfield.evaluation import analogy
from wordfield.search import blocks, exact
from wordfield.storage import BFloat16, Dense, Float16, Int8, Product, Sparse
from wordfield.storage import coded as coded_module
from wordfield.storage import dense as dense_module
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
    monkeypatch.setattr(blocks, "SPARSE", entries)
    monkeypatch.setattr(blocks, "SCORES", blocks.QUERIES)
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
        over = blocks.Pass(matrix, norms, candidates, 9)
        for _, block, _ in over.blocks(0, over.count):
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


def half(table):
    return Float16(table.astype(np.float16))


def whole(table):
    scales = np.maximum(np.abs(table).max(axis=1), 1e-9).astype(np.float32) / 127
    return Int8(np.rint(table / scales[:, None]).astype(np.int8), scales)


def product(table, part=3, apart=True):
    """Codes drawn at random: what they stand for need not be close to anything."""
    random = np.random.default_rng(1)
    rows, dim = table.shape
    codes = random.integers(0, 256, (rows, -(-dim // part))).astype(np.uint8)
    centroids = random.standard_normal(256 * dim).astype(np.float32)
    lengths = (random.integers(0, 256, rows).astype(np.uint8), random.random(256).astype(np.float32))
    return Product(codes, centroids, part, lengths if apart else None)


def upper(table):
    return BFloat16((table.view(np.uint32) >> np.uint32(16)).astype(np.uint16))


CODED = {"float16": half, "bfloat16": upper, "int8": whole, "product": product}


@pytest.fixture(params=CODED)
def coded(request, table):
    return CODED[request.param](table)


def test_codes_are_read_like_the_array_that_they_stand_for(coded, table):
    full = np.asarray(coded)
    assert full.shape == coded.shape == table.shape
    assert full.dtype == np.float32
    assert len(coded) == 60
    assert (coded[7] == full[7]).all()
    assert (coded[3:9:2] == full[3:9:2]).all()
    assert (coded[np.array([5, 5, -1])] == full[[5, 5, -1]]).all()
    assert (np.array(list(coded)) == full).all()
    assert (coded.take([4, 2]) == full[[4, 2]]).all()
    np.testing.assert_allclose(coded.mean([4, 2]), full[[4, 2]].mean(axis=0), rtol=1e-6, atol=1e-7)
    assert (coded.mean([]) == 0).all()
    assert coded.take([]).shape == (0, 60)
    np.testing.assert_allclose(coded.norms, Dense(full).norms)
    assert coded.nbytes < full.nbytes or isinstance(coded, Product)  # which has 256 centroids of 60 rows
    assert repr(coded) == f"{type(coded).__name__}(60 x 60, {coded.nbytes} bytes)"
    assert np.asarray(coded, np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(coded, copy=False)


def test_rows_that_are_chosen_stay_codes(coded):
    some = coded.chosen(np.array([5, 1, 8]))
    assert type(some) is type(coded)
    assert (some[:] == coded[:][[5, 1, 8]]).all()


def test_questions_to_codes_are_answered_as_by_what_they_stand_for(monkeypatch, coded):
    monkeypatch.setattr(blocks, "SCORES", blocks.QUERIES * 7)
    words = Vocabulary([f"w{number}" for number in range(60)])
    dense, field = WordVectors(words, Dense(np.asarray(coded))), WordVectors(words, coded)
    assert len(coded.norms) == 60
    read = []
    decoded = type(coded).decoded
    monkeypatch.setattr(type(coded), "decoded", lambda self: read.append(len(self)) or decoded(self))
    same(field.most_similar("w3", 20), dense.most_similar("w3", 20))
    same(field.most_similar("w3", 5, keep={"w7", "w9"}), dense.most_similar("w3", 5, keep={"w7", "w9"}))
    for method in ("add", "mul"):
        same(field.analogy("w1", "w2", "w3", method=method), dense.analogy("w1", "w2", "w3", method=method))
    assert field.rank("w1", "w2") == dense.rank("w1", "w2")
    assert max(read) == 1  # the words that were asked about, and none of those that answer
    asked = field.index_to_key[:20]
    for one, other in zip(field.most_similar(asked), dense.most_similar(asked), strict=True):
        same(one, other)
    assert max(read) == 7
    questions = [analogy.Question("s", "w1", "w2", "w3", f"w{number}") for number in range(60)]
    for limit in (None, 40):
        answered = analogy.answers(field, questions, restrict_vocab=limit)
        assert (answered == analogy.answers(dense, questions, restrict_vocab=limit)).all()
    assert isinstance(field.vectors, np.ndarray)
    assert (field.vectors == dense.vectors).all()
    assert (field[["w5", "w1"]] == dense[["w5", "w1"]]).all()


def test_no_block_of_codes_is_larger_than_a_step(monkeypatch, coded):
    monkeypatch.setattr(dense_module, "BLOCK", 60 * 8)
    read = []
    decoded = type(coded).decoded
    monkeypatch.setattr(type(coded), "decoded", lambda self: read.append(len(self)) or decoded(self))
    assert len(coded.norms) == 60
    assert max(read) == 8


def test_few_numbers_of_bfloat16_are_decoded_as_many_are(table, monkeypatch):
    coded = upper(table)
    few = coded[:]
    monkeypatch.setattr(coded_module, "FEW", 0)
    assert (coded[:].view(np.uint32) == few.view(np.uint32)).all()
    assert (few.view(np.uint32) == table.view(np.uint32) & np.uint32(0xFFFF0000)).all()


@pytest.mark.parametrize("part", [1, 2, 7, 60, 100])
@pytest.mark.parametrize("apart", [True, False])
def test_a_part_may_have_any_number_of_dimensions(table, part, apart):
    coded = product(table, part, apart)
    assert coded.shape == (60, 60)
    number, first = 7, 7 - 7 % part
    width = min(part, 60 - first)
    at = 256 * first + int(coded.codes[5, number // part]) * width + number - first
    length = coded.lengths[1][coded.lengths[0][5]] if apart else np.float32(1)
    assert coded[5][number] == coded.centroids[at] * length


def test_codes_that_do_not_go_together_are_refused():
    bytes_, floats = np.zeros((3, 2), np.uint8), np.zeros(256 * 4, np.float32)
    with pytest.raises(ValueError, match="do not go together in parts of 3"):
        Product(bytes_[:, :1], floats, 3)
    with pytest.raises(ValueError, match="in parts of 0"):
        Product(bytes_, floats, 0)
    with pytest.raises(ValueError, match=r"lengths of shape \(2,\)"):
        Product(bytes_, floats, 2, (np.zeros(2, np.uint8), np.zeros(256, np.float32)))
    with pytest.raises(ValueError, match=r"float16 has 2 axes, not float32"):
        Float16(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"bfloat16 is uint16 with 2 axes, not float32"):
        BFloat16(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match=r"scales of shape \(3,\)"):
        Int8(np.zeros((2, 2), np.int8), np.zeros(3, np.float32))
