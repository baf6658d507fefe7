"""Whole words are masked, as many as asked for, each as often as any other, four of five by a mask."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from naive_masking import words as naive_words
from wordfield.models.sequence import masking
from wordfield.models.sequence.masking import Masking, inside
from wordfield.models.sequence.specials import Specials
from wordfield.text import chinese

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "[unused1]", "un", "##aff", "##able", "king", "rules", ",", *"我们研究生命起源在北京大学"]
SPECIALS = Specials.of(WORDS, {})
TEXT = [
    "[CLS]",
    "un",
    "##aff",
    "##able",
    "king",
    "[SEP]",
    "rules",
    ",",
    *"我们研究",
    "king",
    *"在北京大学",
    "un",
    "[SEP]",
]
ROW = {word: row for row, word in enumerate(WORDS)}


def drawn(texts, share=0.3, seed=1, **options):
    ids = np.array([[ROW[word] for word in text] for text in texts])
    return (ids, *Masking(WORDS, SPECIALS, share, **options)(ids, np.random.default_rng(seed)))


def cut(text):
    return chinese.jieba(()).cut(text)


@pytest.mark.parametrize("seed", range(20))
def test_the_pieces_of_a_word_share_its_lot(seed):
    pytest.importorskip("rjieba", reason="Chinese words need rjieba")
    _, inputs, targets = drawn([TEXT, TEXT[::-1]], seed=seed)
    for text, read, guessed in zip([TEXT, TEXT[::-1]], inputs, targets, strict=True):
        whole = naive_words(text, set(SPECIAL), cut)
        assert ["北京大学" in "".join(text[place] for place in places) for places in whole].count(True) == (
            text is TEXT
        )
        for places in whole:
            assert len({guessed[place] >= 0 for place in places}) == 1
            assert len({read[place] == SPECIALS.mask for place in places}) == 1
        assert all(guessed[place] == -1 for place, word in enumerate(text) if word in SPECIAL)


def test_what_is_not_guessed_stays_and_what_is_guessed_is_told():
    ids, inputs, targets = drawn([TEXT] * 50)
    assert (inputs[targets < 0] == ids[targets < 0]).all()
    assert (targets[targets >= 0] == ids[targets >= 0]).all()
    assert inputs.dtype == targets.dtype == np.int64


@given(st.integers(1, 60), st.floats(0.01, 0.9), st.integers(0, 1000))
@settings(max_examples=50)
def test_as_many_tokens_as_whole_words_allow(length, share, seed):
    random = np.random.default_rng(seed)
    ids = random.integers(2, len(WORDS), (4, length))
    inputs, targets = Masking(WORDS, SPECIALS, share, whole=False)(ids, np.random.default_rng(seed))
    text = ~np.isin(ids, [*SPECIALS.rows])
    for row in range(4):
        wanted = round(share * text[row].sum())
        assert (targets[row] >= 0).sum() == min(max(1, wanted), text[row].sum())
    assert inputs.shape == ids.shape


def test_words_are_drawn_evenly_and_four_of_five_become_masks():
    text = ["[CLS]", *["king", "rules", ","] * 40, "[SEP]"]
    ids, inputs, targets = drawn([text] * 500, share=0.25)
    guessed = targets >= 0
    assert guessed.sum() == 500 * 30
    places = guessed.sum(axis=0)[1:-1]
    assert abs(places - 125).max() < 5 * np.sqrt(125)
    count, masks = guessed.sum(), (inputs == SPECIALS.mask).sum()
    assert masks / count == pytest.approx(0.8, abs=0.015)
    changed = (inputs != ids) & (inputs != SPECIALS.mask)
    others = len(WORDS) - len(SPECIAL) - 1
    assert changed.sum() / count == pytest.approx(0.1 * (others - 1) / others, abs=0.01)
    assert {WORDS[row] for row in np.unique(inputs[changed])} == {*WORDS} - {*SPECIAL, "[unused1]"}


def test_other_draws_each_time_and_the_same_for_the_same_seed():
    one, again, other = (drawn([TEXT] * 5, seed=seed)[2] for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_texts_without_text_have_nothing_to_guess():
    _, inputs, targets = drawn([["[CLS]", "[SEP]", "[PAD]"], ["[CLS]", "king", "[SEP]"]])
    assert targets.tolist() == [[-1, -1, -1], [-1, ROW["king"], -1]]
    assert inputs[0].tolist() == [2, 3, 0]


def test_pieces_that_go_on_with_a_word_in_vocabularies_of_other_kinds():
    assert inside(["▁un", "aff", "able", "▁", ",", "我", "9", "▁我"]) == [
        False,
        True,
        True,
        False,
        False,
        False,
        True,
        False,
    ]
    assert inside(["<eos>", "un", "able"]) == [False] * 3


def test_without_a_segmenter_characters_are_masked_one_by_one(monkeypatch, caplog):
    def missing(_):
        raise ImportError("rjieba is not installed")

    monkeypatch.setattr(masking.chinese, "jieba", missing)
    with caplog.at_level(logging.WARNING):
        _, _, targets = drawn([["[CLS]", *"北京大学", "[SEP]"]], share=0.25)
    assert (targets >= 0).sum() == 1
    assert "masked one by one: rjieba is not installed" in caplog.text


def test_a_vocabulary_without_a_mask_is_refused():
    specials = Specials.of(["[CLS]", "[SEP]", "a"], {})
    with pytest.raises(ValueError, match=r"no \[MASK\] token"):
        Masking(["[CLS]", "[SEP]", "a"], specials, 0.2)
