"""The word that does not belong is found as the paper says, written out slowly; names of several words have parts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from formats.checkpoints import byte_level
from wordfield import evaluation
from wordfield.evaluation.outliers import Group, composed, positions
from wordfield.storage import Dense
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.pieces import PieceVocabulary
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.unknown import Unknown
from wordfield.vectors import WordVectors

SKIP = Unknown("subword", lower=True)


def field(count=12, dim=4, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return WordVectors(Vocabulary([f"w{row}" for row in range(count)]), Dense(vectors))


def slow(words, members, outlier):
    """How many of the words have a higher p-compactness than the outlier: the mean cosine with all others."""

    def compactness(word, others):
        return sum(words.similarity(word, other) for other in others) / len(others)

    everyone = [*members, outlier]
    score = {word: compactness(word, [other for other in everyone if other != word]) for word in everyone}
    return sum(score[word] > score[outlier] for word in members)


@pytest.mark.parametrize("seed", range(10))
def test_positions_are_those_of_a_slow_twin(seed):
    words = field(seed=seed)
    group = Group("g", [f"w{row}" for row in range(8)], [f"w{row}" for row in range(8, 12)])
    places, sizes, covered = positions(words, group, SKIP)
    assert places.tolist() == [slow(words, group.words, outlier) for outlier in group.outliers]
    assert sizes.tolist() == [8] * 4
    assert covered.all()


def test_unknown_words_leave_the_group_and_unknown_outliers_are_not_covered():
    words = field()
    group = Group("g", ["w0", "none", "W1", "w2"], ["w5", "no"])
    places, sizes, covered = positions(words, group, SKIP)
    assert places[0] == slow(words, ["w0", "w1", "w2"], "w5")
    assert sizes.tolist() == [3, 3]
    assert covered.tolist() == [True, False]
    _, sizes, covered = positions(words, Group("g", ["w0", "none"], ["w5"]), SKIP)
    assert (sizes.tolist(), covered.tolist()) == ([1], [False])


def test_zeros_count_against_the_model():
    words = field()
    places, sizes, covered = positions(words, Group("g", ["w0", "none", "w2"], ["w5", "no"]), Unknown("zero"))
    assert sizes.tolist() == [3, 3]
    assert covered.all()
    assert places[1] == 0  # zeros are far from everything, but nothing was found
    with pytest.raises(KeyError, match="none"):
        positions(words, Group("g", ["w0", "none"], ["w5"]), Unknown("raise"))


def test_a_name_has_the_mean_of_its_known_parts():
    vocabulary = NgramVocabulary(["new", "york", "new_york", "rio"], None, Ngrams(3, 4, 20))
    words = WordVectors(vocabulary, Dense(np.random.default_rng(1).normal(size=(24, 5)).astype(np.float32)))
    asked = ["New_York", "York_City", "rios", "Rio_New"]
    vectors, known, made = composed(words, asked, SKIP)
    np.testing.assert_array_equal(vectors[0], words["new_york"])
    np.testing.assert_array_equal(vectors[1], words["york"])  # city is left out, not made of its n-grams
    np.testing.assert_array_equal(vectors[2], words["rios"])
    np.testing.assert_allclose(vectors[3], (words["rio"] + words["new"]) / 2, rtol=1e-6)
    assert known.all()
    assert made.all()
    plain = WordVectors(Vocabulary(["rio"]), Dense(np.ones((1, 2))))
    assert composed(plain, asked, SKIP)[1].tolist() == [False, False, False, True]
    assert composed(plain, asked, Unknown("zero"))[1].all()
    assert composed(plain, asked, Unknown("zero", lower=True))[2].tolist() == [False, False, False, True]


def test_a_name_has_the_mean_of_parts_that_are_made_of_tokens():
    pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")
    tokenizer = Tokenizer("subwords", False, subwords=json.dumps(byte_level([" Rio", " de", "de", "ne", "iro"])))
    names = tokenizer.pieces.listed()
    vectors = np.random.default_rng(1).normal(size=(len(names), 4)).astype(np.float32)
    words = WordVectors(PieceVocabulary(names, None, tokenizer), Dense(vectors))
    found, known, made = composed(words, ["Rio_de_Janeiro"], SKIP)
    assert known.all()
    assert made.all()
    janeiro = words[["J", "a", "ne", "iro"]].mean(axis=0)
    np.testing.assert_allclose(found[0], (words["▁Rio"] + words["de"] + janeiro) / 3, rtol=1e-5)
    skipped = composed(words, ["Rio_de_Janeiro"], Unknown("skip"))[0][0]
    np.testing.assert_array_equal(skipped, words["de"])


def test_a_set_is_scored_by_both_metrics(tmp_path: Path) -> None:
    table = [[1, 0], [0.9, 0.1], [1, 0.2], [-1, 0.2], [1, 0.1]]
    words = WordVectors(Vocabulary(["tiger", "lion", "lynx", "day", "car"]), Dense(np.array(table)))
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("tiger\nlion\nlynx\n\nday\ncar\nunseen\n")
    accuracy, opp = evaluation.evaluate(words, tmp_path)
    assert [each["metric"] for each in (accuracy, opp)] == ["accuracy", "opp"]
    for result in (accuracy, opp):
        assert (result["task"], result["dataset"]) == ("outliers", tmp_path.name)
        assert (result["pairs"], result["covered"], result["oov"], result["groups"]) == (6, 4, "skip", 2)
        assert result["low"] <= result["value"] <= result["high"]
    assert accuracy["value"] == 0.5
    assert opp["value"] == pytest.approx((1 + slow(words, ["tiger", "lion", "lynx"], "car") / 3) / 2)
