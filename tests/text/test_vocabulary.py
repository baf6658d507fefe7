"""A vocabulary is words in the order of their rows."""

import numpy as np
import pytest

from wordfield.text.vocabulary import Distinct, Vocabulary


def test_frequent_words_come_first_and_ties_as_they_were_seen():
    vocabulary = Vocabulary.of({"rare": 1, "b": 3, "a": 3, "the": 9, "c": 3}, min_count=2)
    assert vocabulary.words == ["the", "b", "a", "c"]
    np.testing.assert_array_equal(vocabulary.counts, [9, 3, 3, 3])
    assert vocabulary.total == 18
    assert len(vocabulary) == 4
    assert "a" in vocabulary
    assert "rare" not in vocabulary
    assert vocabulary.index == {"the": 0, "b": 1, "a": 2, "c": 3}
    assert list(vocabulary) == vocabulary.words


def test_max_vocab_keeps_the_most_frequent():
    assert Vocabulary.of({"a": 1, "b": 3, "c": 2}, max_vocab=2).words == ["b", "c"]
    with pytest.raises(ValueError, match="max_vocab must be at least 1"):
        Vocabulary.of({"a": 1}, max_vocab=0)


def test_a_word_has_one_row():
    rows = Vocabulary(["a", "b"]).rows(["b"])
    assert rows.dtype == np.int64
    assert rows.tolist() == [1]


def test_an_unknown_word_is_answered_with_the_nearest_spellings():
    vocabulary = Vocabulary(["kingdom", "king", "queen"], [1, 1, 1])
    with pytest.raises(KeyError, match=r"'kingdon' is not among the 3 words; similar words that are: kingdom, king"):
        vocabulary.rows(["king", "kingdon"])
    with pytest.raises(KeyError, match=r"'zzz' is not among the 3 words\""):
        vocabulary.rows(["zzz"])
    with pytest.raises(KeyError, match="words are str, not int"):
        vocabulary.rows([3])


def test_wrong_words_and_counts_are_refused():
    with pytest.raises(ValueError, match="given twice: 'a'"):
        Vocabulary(["a", "b", "a"])
    with pytest.raises(ValueError, match="3 is int"):
        Vocabulary(["a", 3])
    with pytest.raises(ValueError, match=r"2 words but counts of shape \(1,\)"):
        Vocabulary(["a", "b"], [1])


def test_words_known_to_be_different_are_not_looked_at_again_and_their_copies_are():
    words = Distinct(["a", "b"])
    vocabulary = Vocabulary(words)
    words[1] = "a"
    assert vocabulary.words == ["a", "b"]
    assert type(vocabulary.words) is list
    for copy in (words[:], list(words), [*words]):
        with pytest.raises(ValueError, match="given twice: 'a'"):
            Vocabulary(copy)


def test_a_vocabulary_is_frozen_and_compared_by_content():
    counts = np.array([2, 1])
    vocabulary = Vocabulary(["a", "b"], counts)
    counts[0] = 7
    assert vocabulary == Vocabulary(["a", "b"], [2, 1])
    assert vocabulary != Vocabulary(["a", "b"])
    assert vocabulary != Vocabulary(["a", "b"], [7, 1])
    assert vocabulary != ["a", "b"]
    assert Vocabulary(["a"]).total == 0
    assert repr(vocabulary) == "Vocabulary(2 words, 3 occurrences)"
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.counts[0] = 1
