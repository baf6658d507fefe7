"""Words as numbers of their bytes or characters."""

from __future__ import annotations

import logging

import pytest

from naive_elmo import NaiveELMo
from wordfield.formats.elmo_parts import BEGIN, END
from wordfield.models.sequence.spelling import Spelling, Spelt
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary


def expected(word, longest=50, end=256):
    twin = NaiveELMo.__new__(NaiveELMo)
    twin.cnn = {"max_characters_per_token": longest}
    return twin.ids(word, end)


@pytest.mark.parametrize("word", ["cat", "x", "", "Bournemouth", "naïve", "北京大学", "😀", "a" * 48, "é" * 24])
def test_bytes_are_those_of_the_original(word):
    assert Spelling().numbers([word]).tolist() == [expected(word)]


def test_the_ends_of_a_sentence_have_numbers_of_their_own():
    assert Spelling().numbers([BEGIN, END]).tolist() == [expected(None, end=256), expected(None, end=257)]


@pytest.mark.parametrize(("word", "kept"), [("a" * 49, "a" * 48), ("é" * 25, "é" * 24), ("x" * 1000, "x" * 48)])
def test_a_word_that_is_too_long_is_cut_and_told(word, kept, caplog):
    with caplog.at_level(logging.WARNING):
        assert Spelling().numbers(["short", word])[1].tolist() == Spelling().numbers([kept])[0].tolist()
    assert "of 1 words only the first 48 bytes are read, such as" in caplog.text
    assert "short" not in caplog.text


def test_bytes_that_are_no_text_are_read_as_such():
    assert Spelling().numbers(["a\ud800b"]).shape == (1, 50)  # half a character, which UTF-8 cannot have


def test_characters_have_numbers_where_they_are_known():
    spelling = Spelling(6, "学北")
    assert spelling.size == 2 + 1 + 5
    begin, end, opened, closed, nothing = range(3, 8)
    assert spelling.numbers(["北学", "京", BEGIN, END]).tolist() == [
        [opened, 1, 0, closed, nothing, nothing],
        [opened, 2, closed, nothing, nothing, nothing],
        [opened, begin, closed, nothing, nothing, nothing],
        [opened, end, closed, nothing, nothing, nothing],
    ]


def test_words_are_read_as_they_stand():
    vocabulary = Vocabulary(["<S>", "</S>", "<UNK>", "the"])
    spelt = Spelt(Tokenizer.of("words", lowercase=True), vocabulary, 4)
    assert spelt.rows("The Cat") == ["the", "cat"]
    assert spelt.read("The Cat") == (["the", "cat"], ["the", "cat"], [[0], [1]])
    assert spelt.read(["New York", "The"]) == (["New York", "The"], ["new york", "the"], [[0], [1]])
    assert (spelt.told("the"), spelt.told("cat")) == (("the", 3), ("cat", None))
    assert (spelt.knows("the"), spelt.knows("cat")) == (True, False)
    with pytest.raises(TypeError, match="words are str, not int"):
        spelt.read([1])
