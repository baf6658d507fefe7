"""Rows that are one and the same read as if each were there."""

import numpy as np
import pytest

from wordfield.compression import compressed
from wordfield.formats import Table
from wordfield.storage import Dense, Shared
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors


@pytest.fixture
def shared():
    """Twelve rows, of which four are different."""
    rng = np.random.default_rng(4)
    return Shared(Dense(rng.standard_normal((4, 6)).astype(np.float32)), rng.integers(0, 4, 12))


def test_it_reads_like_the_table_that_it_stands_for(shared):
    whole = shared.table.matrix[shared.rows]
    assert shared.shape == (12, 6)
    np.testing.assert_array_equal(np.asarray(shared), whole)
    np.testing.assert_array_equal(shared[2:9], whole[2:9])
    np.testing.assert_array_equal(shared.take([5, 0]), whole[[5, 0]])
    np.testing.assert_array_equal(shared.chosen(np.array([7, 7]))[:], whole[[7, 7]])
    np.testing.assert_array_equal(shared.norms, Dense(whole).norms)
    np.testing.assert_allclose(shared.products(whole[:3]), whole[:3] @ whole.T, rtol=1e-5)
    assert shared.nbytes == 4 * 6 * 4 + 12 * 8


def test_questions_are_answered_as_by_the_table_that_it_stands_for(shared):
    words = Vocabulary([f"w{number}" for number in range(12)])
    field, whole = WordVectors(words, shared), WordVectors(words, Dense(np.asarray(shared)))
    for word in ("w0", "w7"):
        found, expected = field.most_similar(word, 11), whole.most_similar(word, 11)
        assert [each[1] for each in found] == pytest.approx([each[1] for each in expected], abs=1e-6)
    np.testing.assert_array_equal(field[["w3", "w1"]], whole[["w3", "w1"]])


def test_it_can_be_made_smaller(shared):
    table = Table([f"w{number}" for number in range(12)], shared)
    assert isinstance(compressed(table, None, max_words=5).storage, Shared)
    halves = compressed(table, "float16").storage
    np.testing.assert_array_equal(halves[:], np.asarray(shared).astype(np.float16).astype(np.float32))


def test_rows_that_are_not_there_are_refused():
    for rows in (np.array([0, 4]), np.array([-1]), np.array([[0]])):
        with pytest.raises(ValueError, match="do not all stand in a table of 4"):
            Shared(Dense(np.ones((4, 2))), rows)
