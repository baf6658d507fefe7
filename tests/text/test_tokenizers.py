"""Words are what the definition says, in every script."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naive_scan import small, words_of
from wordfield.text.codepoints import CASED, JOINER, LETTER
from wordfield.text.normalization import lower
from wordfield.text.tokenizers import Tokenizer

KINDS = [("words", True), ("words", False), ("whitespace", True), ("whitespace", False)]
KINDS += [("characters", True), ("characters", False), ("ascii-whitespace", True), ("ascii-whitespace", False)]
SPECIAL = "〇あー한ไำ้ก \n\t\r\0\u00a0\u0085\u2028\u3000\u200c\u200d'’_.,-ΑΣσςİıẞßǅⅧⒶée\u0301中文٣𝟘𐐀😀\ufffd\ud800aZ09"
TEXT = st.text(st.one_of(st.sampled_from(SPECIAL), st.characters()), max_size=60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't. It’s O'Neil's", ["i", "don't", "it's", "o'neil's"]),
        ("'quoted' rock''n rock' n 5'6 the 90's", ["quoted", "rock", "n", "rock", "n", "5", "6", "the", "90", "s"]),
        ("snake_case e-mail 3.14", ["snake_case", "e", "mail", "3", "14"]),
        ("Ça œuvre, ЁЛКА; 中文。日本語", ["ça", "œuvre", "ёлка", "中文", "日本語"]),
        ("ΣΟΦΟΣ İstanbul", ["σοφοσ", "istanbul"]),
        ("می\u200cخواهم a\u200c b", ["می\u200cخواهم", "a", "b"]),
        ("e\u0301te\u0301's", ["e\u0301te\u0301's"]),
        ("a\0b\u00a0c\u2028d\u3000e", ["a", "b", "c", "d", "e"]),
        ("", []),
        (" \n '", []),
    ],
)
def test_words_are_runs_of_letters_marks_numbers_and_connectors(text, words):
    assert Tokenizer.of("words").tokenize(text) == words


def test_whitespace_keeps_everything_between_spaces():
    assert Tokenizer.of("whitespace").tokenize("The cat,\u2003SAT.\0on\u00a0 <unk>") == [
        "The",
        "cat,",
        "SAT.",
        "on",
        "<unk>",
    ]
    assert Tokenizer.of("whitespace", lowercase=True).tokenize("The ΣΑΣ") == ["the", "σασ"]


def test_ascii_whitespace_cuts_where_fasttext_does():
    text = "The cat,\u2003SAT.\0on\u00a0 a\tb\vc\fd\r\ne\x1cf\u3000g\x85h"
    words = ["The", "cat,\u2003SAT.", "on\u00a0", "a", "b", "c", "d", "e\x1cf\u3000g\x85h"]
    assert Tokenizer.of("ascii-whitespace").tokenize(text) == words


@pytest.mark.parametrize(("name", "lowercase"), KINDS)
@settings(deadline=None)
@given(text=TEXT)
def test_tokenize_equals_the_definition(name, lowercase, text):
    assert Tokenizer(name, lowercase).tokenize(text) == words_of(text, name, lowercase)


@pytest.mark.parametrize(("name", "lowercase"), KINDS)
def test_lower_casing_is_one_to_one_and_keeps_the_class(name, lowercase):
    classes, changed = Tokenizer(name, lowercase).tables
    assert classes.shape == changed.shape == (0x110000,)
    cased = np.flatnonzero(classes & CASED)
    assert (len(cased) > 1000) == lowercase
    assert all(changed[code] == ord(small(chr(code))) != code for code in cased)
    np.testing.assert_array_equal(classes[changed[cased]] & 0x7F, classes[cased] & 0x7F)
    same = np.flatnonzero((classes & CASED == 0) & (classes != 0) & (classes != JOINER))
    np.testing.assert_array_equal(changed[same], same)


def test_letters_and_marks_are_letters():
    classes, _ = Tokenizer.of("words", lowercase=False).tables
    assert all(classes[ord(character)] == LETTER for character in "aé中ُ\u0301")


def test_lower_is_by_character():
    assert lower("ΑΣ ΣΑΣ. İI") == "ας σας. ii".replace("ς", "σ")


def test_a_tokenizer_is_found_by_name_and_described():
    assert Tokenizer.of("words").lowercase is True
    assert Tokenizer.of("whitespace").lowercase is False
    tokenizer = Tokenizer.of("whitespace", lowercase=True)
    assert Tokenizer.described(tokenizer.describe()) == tokenizer == Tokenizer.of(tokenizer)
    assert Tokenizer.of(tokenizer, lowercase=False).lowercase is False


@pytest.mark.parametrize("make", [Tokenizer.of, lambda name: Tokenizer(name, True)])
def test_an_unknown_tokenizer_is_refused_with_the_choices(make):
    with pytest.raises(ValueError, match=r"unknown tokenizer 'word'; choose one of: words, whitespace"):
        make("word")
