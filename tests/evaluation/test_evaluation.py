"""Evaluation sets: what a file is, what a line must be, what the scores are; the same as gensim's and SciPy's."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from wordfield import evaluation
from wordfield.evaluation import analogy, similarity
from wordfield.evaluation.correlation import spearman
from wordfield.storage import Dense, Sparse
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.vocabulary import Vocabulary
from wordfield.unknown import Unknown
from wordfield.vectors import WordVectors


def field(words, seed=0, dim=6):
    rng = np.random.default_rng(seed)
    return WordVectors(Vocabulary(words), Dense(rng.standard_normal((len(words), dim)).astype(np.float32)))


@pytest.fixture
def families():
    """Words whose vectors are exact sums, so that every analogy holds: a base for each stem, a step for each ending."""
    rng = np.random.default_rng(2)
    stems, endings = rng.standard_normal((6, 20)), rng.standard_normal((3, 20))
    words = [f"{stem}{ending}" for stem in "abcdef" for ending in ("", "er", "est")]
    return WordVectors(Vocabulary(words), Dense((stems[:, None] + endings[None]).reshape(18, 20)))


def write(folder, text, name="set.txt"):
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


PAIRS = (
    "# comment\nking\tqueen\t8.5\nking\tman\t6\nking\tapple\t1\nking\tprince\t9\nman\tapple\t0.5\npear\tapple\t9.5\n"
)


@pytest.mark.parametrize(
    "text",
    [
        PAIRS,
        PAIRS.replace("\t", " "),
        PAIRS.replace("\t", ","),
        PAIRS.replace("\n", "\r\n"),
        "\ufeff" + PAIRS,
        PAIRS.replace("# comment", "word1\tword2\tscore"),
        PAIRS.replace("# comment", "Word 1\tWord 2\tHuman (mean)"),
        "word1\tword2\tPOS\tSimLex999\tSD\n"
        + "".join(f"{a}\t{b}\tN\t{s}\t1.5\n" for a, b, s in map(str.split, PAIRS.splitlines()[1:])),
    ],
)
def test_pairs_are_read_in_every_usual_form(tmp_path, text):
    path = write(tmp_path, text)
    assert evaluation.recognise(path) == "similarity"
    pairs = similarity.read(path)
    assert len(pairs) == 6
    assert pairs[0] == ("king", "queen", 8.5)


def test_unknown_pairs_are_left_out_and_counted(tmp_path):
    words = field(["king", "queen", "man", "apple", "pear"])
    (result,) = evaluation.evaluate(words, write(tmp_path, PAIRS, "EN-MY-6.txt"))
    usual = ["task", "dataset", "metric", "value", "low", "high", "pairs", "covered", "oov"]
    assert list(result) == [*usual, "pearson"]
    assert (result["task"], result["dataset"], result["metric"]) == ("similarity", "EN-MY-6", "spearman")
    assert (result["pairs"], result["covered"], result["oov"]) == (6, 5, "skip")
    pairs = [("king", "queen"), ("king", "man"), ("king", "apple"), ("man", "apple"), ("pear", "apple")]
    order = np.argsort(np.argsort([words.similarity(*pair) for pair in pairs]))
    judged = np.argsort(np.argsort([8.5, 6, 1, 0.5, 9.5]))
    assert result["value"] == pytest.approx(np.corrcoef(order, judged)[0, 1])
    cosines = [words.similarity(*pair) for pair in pairs]
    assert result["pearson"] == pytest.approx(np.corrcoef(cosines, [8.5, 6, 1, 0.5, 9.5])[0, 1])
    assert result["low"] < result["value"] < result["high"]


@pytest.mark.parametrize("known", [[], ["king"], ["king", "queen"], ["king", "queen", "man"]])
def test_where_nothing_can_be_said_the_value_is_none_and_json_can_hold_it(tmp_path, known):
    words = WordVectors(Vocabulary([*known, "x"]), Dense(np.ones((len(known) + 1, 3))))
    (result,) = evaluation.evaluate(words, write(tmp_path, PAIRS))
    assert result["value"] is result["low"] is result["high"] is None
    assert json.loads(json.dumps(result, allow_nan=False))["covered"] == max(0, len(known) - 1)


def test_words_are_looked_up_as_they_stand_or_else_in_lower_case(tmp_path):
    words = field(["athens", "Greece", "greece", "oslo"])
    path = write(tmp_path, "Athens Greece 5\nOSLO greece 1\nATHENS athens 9\nNorway oslo 3\n")
    (result,) = evaluation.evaluate(words, path)
    assert result["covered"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\t1\nc\td\n", "line 2: two words and a number are needed, not 'c\\\\td'"),
        ("a\tb\t1\nc\td\tx\n", "line 2"),
        ("a\tb\tx\nc\td\ty\n", "line 2"),
        ("a\tb\t1\nc\td\tnan\n", "line 2"),
        (b"a\tb\t1\n\xff\tb\t2\n", "line 2: not UTF-8"),
        ("# nothing\n", "no pairs of words"),
    ],
)
def test_a_bad_line_of_pairs_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        similarity.read(write(tmp_path, text))


QUESTIONS = (
    ": gram1-comparative\na aer b ber\nc cer d der\n"
    ": gram2-superlative\r\na aest b best\n: other\nA AER e eer\na aer z zer\n"
)


def test_analogies_that_hold_are_all_right(families, tmp_path):
    (result,) = evaluation.evaluate(families, write(tmp_path, QUESTIONS, "google.txt"))
    assert (result["task"], result["dataset"], result["metric"]) == ("analogy", "google", "accuracy")
    assert (result["value"], result["pairs"], result["covered"], result["oov"]) == (1.0, 5, 4, "skip")
    assert [(part["name"], part["pairs"], part["covered"]) for part in result["sections"]] == [
        ("gram1-comparative", 2, 2),
        ("gram2-superlative", 1, 1),
        ("other", 2, 1),
    ]
    assert result["syntactic"]["pairs"] == 3
    assert result["semantic"]["covered"] == 1
    json.dumps(result, allow_nan=False)
    (by_product,) = evaluation.evaluate(families, tmp_path / "google.txt", method="mul")
    assert by_product["value"] == 1.0


def test_only_the_most_frequent_words_are_asked_and_answer(families, tmp_path):
    path = write(tmp_path, QUESTIONS)
    (result,) = evaluation.evaluate(families, path, restrict_vocab=6)
    assert result["covered"] == 2
    (everything,) = evaluation.evaluate(families, path, restrict_vocab=None)
    assert everything["covered"] == 4


@pytest.mark.parametrize("numbers", [1, 1000, analogy.NUMBERS])
@pytest.mark.parametrize("method", ["add", "mul"])
@pytest.mark.parametrize("limit", [3, 12, 18, None])
def test_sparse_vectors_answer_as_dense_ones(monkeypatch, numbers, method, limit):
    rng = np.random.default_rng(4)
    table = np.where(rng.random((18, 25)) < 0.5, rng.standard_normal((18, 25)), 0).astype(np.float32)
    table[7] = 0
    vocabulary = Vocabulary([f"w{row}" for row in range(18)])
    dense, sparse = WordVectors(vocabulary, Dense(table)), WordVectors(vocabulary, Sparse(csr_array(table)))
    given = rng.integers(0, limit or 18, (200, 3)).T
    expected = analogy._nearest(dense, *given, limit or 18, method)
    monkeypatch.setattr(analogy, "NUMBERS", numbers)
    np.testing.assert_array_equal(analogy._nearest(sparse, *given, limit or 18, method), expected)
    ones, others = ([f"w{row}" for row in some] for some in rng.integers(0, 18, (2, 50)))
    expected, _ = similarity.cosines(dense, ones, others, Unknown())
    monkeypatch.setattr(similarity, "NUMBERS", numbers)
    np.testing.assert_array_equal(similarity.cosines(sparse, ones, others, Unknown())[0], expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (": s\na b c d\na b c\n", "line 3: four words are needed, not 3"),
        (": s\n", "no questions"),
        (b": s\na b c \xff\n", "line 2: not UTF-8"),
    ],
)
def test_a_bad_line_of_questions_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        analogy.read(write(tmp_path, text))


def test_a_folder_is_searched_and_other_files_in_it_passed_over(families, tmp_path):
    (tmp_path / "deep").mkdir()
    write(tmp_path / "deep", QUESTIONS, "b.txt")
    write(tmp_path, "a b 3\nc d 2\n", "a.txt")
    write(tmp_path, "2 3\na 1 2 3\nb 1 2 3\n", "vectors.txt")
    write(tmp_path, "the 0.1 0.2 0.3\nof 0.2 0.3 0.4\n", "glove.txt")
    write(tmp_path, "place\tN\t2-0\tDo you want to come over to my place later, they asked ?\tA place .\n", "wic.txt")
    write(tmp_path, "x y z\tf\tg\t1.0\tA plane is taking off and so on and on .\tAn air plane .\n", "sts.tsv")
    write(tmp_path, "一个人在骑马。\t孩子在骑马。\t4\n一个人。\t人。\t2\n", "sts-zh.txt")
    write(tmp_path, "just a text of more words than four, in a line\nand another\n", "text.txt")
    write(tmp_path, b"\x80\x02\xff", "binary")
    write(tmp_path, "", "empty")
    assert [result["dataset"] for result in evaluation.evaluate(families, tmp_path)] == ["a", "b"], "no set of texts"
    assert [result["dataset"] for result in evaluation.evaluate(families, [tmp_path], suite="analogy")] == ["b"]
    with pytest.raises(ValueError, match=r"text\.txt: no set that is known: neither pairs of words with a score"):
        evaluation.evaluate(families, tmp_path / "text.txt")
    with pytest.raises(ValueError, match=r"text\.txt: line 2: two words and a number"):
        evaluation.evaluate(families, tmp_path / "text.txt", suite="similarity")
    with pytest.raises(ValueError, match="no set for similarity in"):
        evaluation.evaluate(families, tmp_path / "deep", suite="similarity")
    with pytest.raises(ValueError, match="unknown suite 'outlier'; known: similarity, analogy, categories, "):
        evaluation.evaluate(families, tmp_path, suite="outlier")
    with pytest.raises(ValueError, match="unknown method 'max'"):
        evaluation.evaluate(families, tmp_path, method="max")
    with pytest.raises(FileNotFoundError, match="no evaluation set at"):
        evaluation.evaluate(families, tmp_path / "none")


def test_scores_are_gensims(tmp_path):
    keyed = pytest.importorskip("gensim.models.keyedvectors", reason="gensim is a peer, not a dependency")
    rng = np.random.default_rng(4)
    words = [f"w{row}" for row in range(120)]
    base, step = rng.standard_normal((60, 1, 6)), np.array([np.zeros(6), rng.standard_normal(6)])
    vectors = ((base + step).reshape(120, 6) + 0.4 * rng.standard_normal((120, 6))).astype(np.float32)
    ours = WordVectors(Vocabulary(words), Dense(vectors))
    theirs = keyed.KeyedVectors(6)
    theirs.add_vectors(words, vectors)
    pairs = rng.integers(0, 130, (80, 2))
    path = write(tmp_path, "".join(f"w{a}\tw{b}\t{round(rng.random() * 10, 1)}\n" for a, b in pairs), "pairs.txt")
    (mine,) = evaluation.evaluate(ours, path)
    _, spearman, unknown = theirs.evaluate_word_pairs(path)
    assert mine["value"] == pytest.approx(float(spearman[0]), abs=1e-12)
    assert mine["covered"] == round(80 * (1 - unknown / 100))
    asked = rng.integers(0, 61, (300, 2)) * 2
    lines = [f"w{a} w{a + 1} w{b} w{b + 1}\n" for a, b in asked]
    path = write(tmp_path, ": one\n" + "".join(lines[:150]) + ": two\n" + "".join(lines[150:]), "questions.txt")
    (mine,) = evaluation.evaluate(ours, path, restrict_vocab=100)
    score, sections = theirs.evaluate_word_analogies(path, restrict_vocab=100)
    assert 0.1 < mine["value"] < 0.9
    assert mine["value"] == pytest.approx(score)
    counted = [(len(part["correct"]), len(part["correct"]) + len(part["incorrect"])) for part in sections[:-1]]
    assert [(round(part["value"] * part["covered"]), part["covered"]) for part in mine["sections"]] == counted


@pytest.mark.data
def test_the_real_sets_are_recognised_and_read_whole():
    data = Path(os.environ.get("WORDFIELD_DATA") or Path(__file__).parents[2] / ".." / "shared" / "data")
    if not data.is_dir():
        pytest.skip("WORDFIELD_DATA names no folder of real data")
    results = {result["dataset"]: result for result in evaluation.evaluate(field(["king", "queen"]), data)}
    assert {name: result["pairs"] for name, result in results.items()} == {
        "EN-MC-30": 30,
        "EN-MTurk-287": 287,
        "EN-RG-65": 65,
        "EN-SIMLEX-999": 999,
        "EN-WS-353-ALL": 353,
        "EN-WS-353-REL": 252,
        "EN-WS-353-SIM": 203,
        "wordsim-240": 240,
        "wordsim-297": 297,
        "google": 19544,
        "ca8-semantic": 7636,
        "ap": 402,
        "bless": 200,
        "8-8-8": 64,
    }
    assert len(results["google"]["sections"]) == 14


def test_a_negative_limit_is_refused(tmp_path):
    words = WordVectors(Vocabulary(list("abcd")), Dense(np.eye(4, dtype=np.float32)))
    with pytest.raises(ValueError, match="restrict_vocab is how many"):
        analogy.answers(words, [analogy.Question("", *"abcd")], -1)


def test_unknown_words_are_judged_by_their_ngrams_where_there_are_any(tmp_path):
    random = np.random.default_rng(3)
    vocabulary = NgramVocabulary(["king", "queen", "man", "apple"], None, Ngrams(3, 4, 20))
    words = WordVectors(vocabulary, Dense(random.normal(size=(24, 5)).astype(np.float32)))
    path = write(tmp_path, "king\tqueen\t8\nKings\tapple\t1\nman\tapples\t2\nq\tman\t3\nking\tman\t6\n")
    (result,) = evaluation.evaluate(words, path)
    assert (result["pairs"], result["covered"], result["oov"]) == (5, 5, "subword")
    assert len(vocabulary.bag("q")) == 1  # <q> alone
    pairs = [("king", "queen"), ("kings", "apple"), ("man", "apples"), ("q", "man"), ("king", "man")]
    cosines = [words.similarity(*pair) for pair in pairs]
    expected = spearman(np.array(cosines), np.array([8, 1, 2, 3, 6]))(np.arange(5)[None])
    assert result["value"] == pytest.approx(expected[0])
