"""What becomes of unknown words, the same for all sets; zeros are counted as gensim counts them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from formats.checkpoints import byte_level
from wordfield import evaluation
from wordfield.evaluation import Settings, analogy, evaluate, scores
from wordfield.evaluation.analogy import Question
from wordfield.storage import Dense
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.pieces import PieceVocabulary
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.unknown import POLICIES, Unknown
from wordfield.vectors import WordVectors


@pytest.fixture
def families():
    """Words whose vectors are exact sums, so that every analogy holds: a base for each stem, a step for each ending."""
    random = np.random.default_rng(2)
    stems, endings = random.standard_normal((6, 20)), random.standard_normal((3, 20))
    words = [
        f"{stem}{ending}"
        for stem in ("strong", "weak", "clear", "slow", "warm", "cold")
        for ending in ("", "er", "est")
    ]
    return WordVectors(Vocabulary(words), Dense((stems[:, None] + endings[None]).reshape(18, 20)))


def write(folder: Path, text: str, name: str = "set.txt") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_misspelt_word_is_asked_under_spelling(families):
    questions = [
        Question("", "strong", "stronger", "clar", "clearer"),  # clear, one letter short
        Question("", "strong", "stronger", "clear", "clarer"),  # an answer has to be spelled right
        Question("", "strong", "stronger", "zzzzzz", "clearer"),
        Question("", "strong", "stronger", "warm", "hotter", ("hoter", "warmer")),
    ]
    spelling = Unknown("spelling", edits=1, lower=True)
    assert analogy.answers(families, questions, unknown=spelling).tolist() == [1, -1, -1, 1]
    assert analogy.answers(families, questions).tolist() == [-1, -1, -1, 1]
    assert analogy.answers(families, questions, unknown=Unknown("zero")).tolist() == [0, 0, 0, 1]
    for question, missing in zip(questions, ["clar", "clarer", "zzzzzz"], strict=False):
        with pytest.raises(KeyError, match=missing):
            analogy.answers(families, [question], unknown=Unknown("raise"))
    assert analogy.answers(families, questions[3:], unknown=Unknown("raise")).tolist() == [1]


def test_words_of_tokens_are_asked_and_answered(families):
    pytest.importorskip("tokenizers", reason="the library that cuts text into tokens is not installed")
    given = byte_level([f" {word}" for word in families.index_to_key if word != "clearer"])
    tokenizer = Tokenizer("subwords", False, subwords=json.dumps(given))
    names = tokenizer.pieces.listed()
    vectors = np.random.default_rng(5).standard_normal((len(names), 20)).astype(np.float32)
    for word in families.index_to_key:
        if word != "clearer":
            vectors[names.index(f"▁{word}")] = families[word]
    words = WordVectors(PieceVocabulary(names, None, tokenizer), Dense(vectors))
    questions = [
        Question("", "strong", "stronger", "Warm", "warmer"),  # of whole tokens
        Question("", "cold", "coldest", "clearer", "clearest"),  # one of several
        Question("", "strong", "stronger", "clear", "clearer"),  # which is no answer
    ]
    usual = Settings().unknown
    assert analogy.answers(words, questions, unknown=usual).tolist() == [1, 0, -1]
    assert analogy.answers(words, questions).tolist() == [-1, -1, -1]
    assert usual.find(words, ["clearer"]).origins == ["2 pieces: ▁cleare r"]


@pytest.mark.parametrize("method", ["add", "mul"])
@pytest.mark.parametrize("limit", [4, None])
@pytest.mark.parametrize("policy", ["subword", "rare"])
def test_vectors_that_are_no_rows_are_asked(method, limit, policy, monkeypatch):
    vocabulary = NgramVocabulary([f"word{row}" for row in range(8)], None, Ngrams(3, 4, 30))
    words = WordVectors(vocabulary, Dense(np.random.default_rng(3).normal(size=(38, 6)).astype(np.float32)))
    unknown = Unknown(policy, rarest=3)
    asked = [
        ("word0", "words", "word1"),
        ("wor", "word2", "word3"),
        ("word1", "wordy", "worded"),
        ("word0", "word1", "word2"),
    ]
    questions = [Question("", *some, "word3", ("word0", "word1", "word2")) for some in asked]
    monkeypatch.setattr(analogy, "NUMBERS", 40)
    found = analogy.answers(words, questions, limit, method, unknown)
    for some, right in zip(asked, found.tolist(), strict=True):
        terms = [vector if word is None else word for vector, word in zip(*of(words, unknown, some), strict=True)]
        a, b, c = terms
        ((nearest, _),) = words.analogy(a, b, c, 1, method=method, restrict_vocab=limit or len(words))
        assert right == (nearest in ("word0", "word1", "word2", "word3"))


def of(words, unknown, some):
    found = unknown.find(words, list(some))
    return list(found.vectors), found.stand_ins


def test_too_rare_words_are_no_unknown_words(families):
    question = [Question("", "strong", "stronger", "cold", "colder")]
    for policy in ("skip", "subword", "spelling", "raise"):
        assert analogy.answers(families, question, 6, unknown=Unknown(policy)).tolist() == [-1]
    assert analogy.answers(families, question, 6, unknown=Unknown("zero")).tolist() == [0]


@pytest.mark.parametrize("policy", [each for each in POLICIES if each != "raise"])
def test_every_set_takes_every_policy(families, tmp_path, policy):
    write(tmp_path, "strong weak 3\nclear strong 2\nslow unseen 9\nwarm cold 5\n", "pairs.txt")
    write(tmp_path, ": s\nstrong stronger weak weaker\nstrong stronger unseen weaker\n", "questions.txt")
    write(tmp_path, "word,category\nstrong,a\nstronger,a\nweak,b\nweaker,b\nunseen,b\n", "kinds.csv")
    write(tmp_path, "strong\nstronger\nunseen\n\nweak\nslow\n", "groups.txt")
    write(tmp_path, "X: strong, weak\nY: slow, unseen\nA: warm, cold\nB: clear, clearer\n", "weat.txt")
    results = evaluate(families, tmp_path, unknown=policy)
    assert len(results) == 6
    assert {result["oov"] for result in results} == {"skip" if policy == "subword" else policy}
    assert all(result["value"] is not None for result in results)
    with pytest.raises(KeyError, match="unseen"):
        scores(families, tmp_path, settings=Settings(unknown=Unknown("raise")))


def test_zeros_are_counted_as_gensim_counts_them(tmp_path):
    keyed = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is a peer, not a dependency")
    random = np.random.default_rng(4)
    words = [f"w{row}" for row in range(60)]
    base, step = random.standard_normal((30, 1, 6)), np.array([np.zeros(6), random.standard_normal(6)])
    vectors = ((base + step).reshape(60, 6) + 0.3 * random.standard_normal((60, 6))).astype(np.float32)
    ours = WordVectors(Vocabulary(words), Dense(vectors))
    theirs = keyed.KeyedVectors(6)
    theirs.add_vectors(words, vectors)
    pairs = random.integers(0, 70, (80, 2))
    path = write(tmp_path, "".join(f"w{a}\tw{b}\t{round(random.random() * 10, 1)}\n" for a, b in pairs), "pairs.txt")
    for policy, dummy in (("zero", True), ("skip", False)):
        (mine,) = evaluation.evaluate(ours, path, unknown=policy)
        pearson, spearman, unknown = theirs.evaluate_word_pairs(path, dummy4unknown=dummy)
        assert mine["value"] == pytest.approx(float(spearman[0]), abs=1e-9)
        assert mine["pearson"] == pytest.approx(float(pearson[0]), abs=1e-6)
        covered = 80 if dummy else round(80 * (1 - unknown / 100))
        assert mine["covered"] == covered
    asked = random.integers(0, 33, (200, 2)) * 2
    lines = "".join(f"w{a} w{a + 1} w{b} w{b + 1}\n" for a, b in asked)
    path = write(tmp_path, ": one\n" + lines, "questions.txt")
    for policy, dummy in (("zero", True), ("skip", False)):
        (mine,) = evaluation.evaluate(ours, path, restrict_vocab=50, unknown=policy)
        expected, _ = theirs.evaluate_word_analogies(path, restrict_vocab=50, dummy4unknown=dummy)
        assert 0 < mine["value"] < 1
        assert mine["value"] == pytest.approx(expected)
