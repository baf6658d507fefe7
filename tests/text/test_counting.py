"""Counts are those of the definition, whatever the threads, the memory and the pieces."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_counting import GAP, counts_of
from support import JIT_OFF
from wordfield.text import counting
from wordfield.text.corpus import Corpus
from wordfield.text.counting import ENTRY, ROW, Counts, count
from wordfield.text.vocabulary import Vocabulary

WORDS = [f"w{number}" for number in range(90)]
SENTENCES = st.lists(st.lists(st.integers(0, 89) | st.integers(0, 4), max_size=12), max_size=25)
LEAST = 2 * (ROW + ENTRY) * (len(WORDS) + 64)  # bytes: chunks of some 65 tokens, all of it on disk
WINDOWS = [(1, "flat"), (3, "harmonic"), (4, "decay"), ("sentence", "flat"), ("sentence", "harmonic")]


def counted(sentences, window=2, weight="flat", context="both", **options) -> Counts:
    """The counts of sentences of numbers."""
    with Corpus([[WORDS[word] for word in sentence] for sentence in sentences]).scan() as scan:
        return count(scan.encode(Vocabulary(WORDS)), len(WORDS), window, weight, context, **options)


@pytest.mark.parametrize(("window", "weight"), WINDOWS)
@pytest.mark.parametrize("context", ["both", "left", "right"])
@settings(deadline=None, max_examples=8 if JIT_OFF else 40)
@given(sentences=SENTENCES, memory=st.sampled_from([LEAST, 3 * LEAST, 1 << 30]), threads=st.integers(1, 3))
def test_counts_equal_the_definition(window, weight, context, sentences, memory, threads):
    expected = counts_of(sentences, len(WORDS), window, weight, context)
    with counted(sentences, window, weight, context, memory=memory, threads=threads) as counts:
        matrix = counts.matrix()
        assert matrix.has_canonical_format
        assert matrix.nnz == counts.nonzeros == np.count_nonzero(expected)
        np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-12)
        rows = 0
        for first, last, columns, values in counts.pieces():
            assert first == rows
            rows = last
            bounds = counts.indptr[first : last + 1] - counts.indptr[first]
            assert len(columns) == len(values) == bounds[-1]
            assert columns.dtype == np.int32
            assert values.dtype == np.float64
        assert rows == len(WORDS)


@settings(deadline=None, max_examples=5 if JIT_OFF else 30)
@given(sentences=SENTENCES)
def test_not_a_bit_depends_on_the_threads(sentences):
    with counted(sentences, 3, "harmonic", threads=1) as one, counted(sentences, 3, "harmonic", threads=3) as other:
        assert (one.matrix() != other.matrix()).nnz == 0


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_pieces_may_be_of_any_size(monkeypatch, pieces):
    monkeypatch.setattr(counting, "PIECE", pieces)
    sentences = [[number % 90, number % 7, number % 3] for number in range(100)]
    expected = counts_of(sentences, len(WORDS), 2, "flat", "both")
    for memory in (LEAST, 1 << 30):
        with counted(sentences, memory=memory, threads=2) as counts:
            np.testing.assert_allclose(counts.matrix(np.float32).toarray(), expected)


def test_words_that_are_not_kept_go_before_windows_or_leave_a_gap():
    sentences = [[0, 1, 2, 3], [2, 2, 0], [2], [4, 2, 4, 1]] * 30
    keep = np.full(len(WORDS), 0xFFFFFFFF, np.uint32)
    keep[2] = 0
    for memory in (LEAST, 1 << 30):
        with counted(sentences, keep=keep, dirty=True, memory=memory) as counts:
            without = [[word for word in sentence if word != 2] for sentence in sentences]
            assert (counts.matrix().toarray() == counts_of(without, len(WORDS), 2, "flat", "both")).all()
        with counted(sentences, keep=keep, dirty=False, memory=memory) as counts:
            gaps = [[GAP if word == 2 else word for word in sentence] for sentence in sentences]
            assert (counts.matrix().toarray() == counts_of(gaps, len(WORDS), 2, "flat", "both")).all()


def test_a_share_of_the_words_is_kept_as_the_seed_says():
    sentences = [[0, 1]] * 2000
    keep = np.full(len(WORDS), 0x40000000, np.uint32)
    first, again, chunked, other = (
        counted(sentences, keep=keep, seed=seed, memory=memory).matrix()[0, 1]
        for seed, memory in [(1, 1 << 30), (1, 1 << 30), (1, LEAST), (2, 1 << 30)]
    )
    assert first == again == chunked != other
    assert 2000 / 16 * 0.6 < first < 2000 / 16 * 1.5


@pytest.mark.parametrize("memory", [LEAST, 1 << 30])
def test_progress_is_told_to_the_end(memory):
    told = []
    counted([[0, 1, 2]] * 100, memory=memory, progress=lambda done, total, **_: told.append((done, total))).close()
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_nothing_and_one_word():
    for sentences in ([], [[]], [[0]], [[0], [1]]):
        with counted(sentences) as counts:
            assert counts.nonzeros == 0
            assert counts.matrix().shape == (90, 90)
    with Corpus(["a a a"]).scan() as scan:
        counts = count(scan.encode(scan.vocabulary(1)), 1, 2, "harmonic")
        assert counts.matrix().toarray() == [[2 * (1 + 1 + 0.5)]]


def test_a_matrix_becomes_counts_and_back(monkeypatch):
    dense = np.array([[0, 2, 0], [1, 0, 0], [0, 0, 0.5]])
    monkeypatch.setattr(counting, "PIECE", 2)
    counts = Counts.of(dense)
    assert (counts.matrix().toarray() == dense).all()
    assert [piece[:2] for piece in counts.pieces()] == [(0, 2), (2, 3)]
    twice = scipy.sparse.csr_array(([1.0, 2.0, 0.0], [1, 1, 0], [0, 3, 3]), shape=(2, 2))
    assert Counts.of(twice).matrix().toarray().tolist() == [[0, 3], [0, 0]]
    for wrong, message in [(dense[:2], "a row and a column"), (-dense, "from 0 up"), (dense * np.nan, "from 0 up")]:
        with pytest.raises(ValueError, match=message):
            Counts.of(wrong)


def test_closed_counts_say_so():
    for memory in (LEAST, 1 << 30):
        counts = counted([[0, 1]] * 100, memory=memory)
        counts.close()
        with pytest.raises(ValueError, match="closed"):
            counts.matrix()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "window must be a whole number of at least 1, or 'sentence', not 0"),
        ({"window": "word"}, "not 'word'"),
        ({"window": True}, "not True"),
        ({"weight": "heavy"}, "weight must be one of flat, harmonic, decay, not 'heavy'"),
        ({"context": "above"}, "context must be one of both, left, right, not 'above'"),
        ({"window": "sentence", "weight": "decay"}, "window must be a number"),
        ({"memory": 100}, f"memory of 100 bytes is too little to count 90 words: give at least {LEAST}"),
    ],
)
def test_what_cannot_be_counted_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        counted([[0, 1]], **options)


@pytest.mark.skipif(JIT_OFF, reason="real text takes too long with the compiler off")
def test_real_text_has_as_many_pairs_as_the_original_writes(data):
    with Corpus(data / "corpora/enwiki100m.txt").scan() as scan:
        vocabulary = scan.vocabulary(5)
        with count(scan.encode(vocabulary), len(vocabulary), 10, "harmonic") as counts:
            assert counts.nonzeros == 43_326_127
