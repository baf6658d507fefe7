"""A classifier's answers: probabilities, labels, sentence vectors, and that they are those of fastText."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordfield import api, formats
from wordfield.formats.table import Classes, FormatError, Table
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.supervised import ClassifierModel, Tree, branches, logistic
from wordfield.text.ngrams import Ngrams, word_hashes

LOSSES = ("softmax", "hierarchical", "negative", "one-vs-all")
DIM = 4


def made(loss="softmax", labels=("a", "b", "c"), words=("</s>", "good", "film"), seed=0, **ngrams):
    """A classifier of random numbers: words, n-grams, labels."""
    random = np.random.default_rng(seed)
    ngrams = Ngrams(**{"minn": 0, "maxn": 0, "bucket": 0} | ngrams)
    table = random.normal(size=(len(words) + ngrams.rows, DIM)).astype(np.float32)
    output = random.normal(size=(len(labels), DIM)).astype(np.float32)
    counts = np.arange(len(labels), 0, -1) ** 2
    classes = Classes(list(labels), Dense(output), loss, counts, "__label__")
    config = {"tokenizer": {"name": "whitespace", "lowercase": False}}
    return ClassifierModel.of(
        Table(list(words), Dense(table), np.arange(len(words), 0, -1), config, {}, ngrams, classes)
    )


def rows_of(model, text):
    """By definition: the rows of all words of a line, of their n-grams, and of all runs of words."""
    vocabulary, ngrams = model.words.vocabulary, model.words.vocabulary.ngrams
    words = [*text.split(), "</s>"]
    rows = [row for word in words for row in vocabulary.bag(word).tolist()]
    hashes = [int(each) - (1 << 32) if each >= 1 << 31 else int(each) for each in word_hashes(words)]
    for first, state in enumerate(hashes):
        for there in hashes[first + 1 : first + ngrams.word_ngrams]:
            state = (state * 116049371 + there) & 0xFFFFFFFFFFFFFFFF
            row = int(ngrams.placed(np.array([state], np.uint64), len(vocabulary))[0])
            rows += [row] if row >= 0 else []
    return rows


WHICH = [
    {},
    {"word_ngrams": 2, "bucket": 11},
    {"minn": 2, "maxn": 3, "bucket": 7},
    {"minn": 2, "maxn": 3, "bucket": 7, "word_ngrams": 3, "kept": np.array([1, 4, 6]), "zeros": True},
    {"minn": 2, "maxn": 3, "bucket": 7, "word_ngrams": 3, "kept": np.array([1, 4, 6]), "zeros": False},
]


@pytest.mark.parametrize("ngrams", WHICH)
def test_a_text_is_the_mean_of_its_rows(ngrams):
    model = made(**ngrams)
    texts = ["good film", "", "film unknown film", "good", "é 中文 good good"]
    vectors = model.embed(texts)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, model.words.storage.take(rows_of(model, text)).mean(axis=0), rtol=1e-5)
    assert model.embed([]).shape == (0, DIM)


def test_texts_are_answered_alike_alone_and_among_many(monkeypatch):
    from wordfield import supervised

    model = made(**WHICH[3])
    texts = ["good film", "", "film " * 50, "good"] * 5
    together = model.predict_proba(texts)
    monkeypatch.setattr(supervised, "AT_ONCE", 3)
    monkeypatch.setattr(supervised, "HELD", 40)
    np.testing.assert_allclose(model.predict_proba(texts), together, rtol=1e-6)
    np.testing.assert_allclose([model.predict_proba([text])[0] for text in texts], together, rtol=1e-6)


def test_a_text_of_which_nothing_has_a_row_is_a_row_of_zeros():
    model = made(words=("good", "film"))
    assert model.embed(["unknown", "good"]).any(axis=1).tolist() == [False, True]
    assert model.predict_proba(["unknown"])[0] == pytest.approx([1 / 3] * 3)


@pytest.mark.parametrize("end", ["", "\n", " ", " \t\n"])
def test_a_newline_at_the_end_changes_nothing(end):
    model = made(word_ngrams=2, bucket=11)
    assert (model.predict_proba(["good film" + end]) == model.predict_proba(["good film"])).all()


def test_a_label_in_a_text_is_no_word_of_it():
    model = made(word_ngrams=2, bucket=11)
    assert (model.embed(["__label__a good __label__new film"]) == model.embed(["good film"])).all()


@pytest.mark.parametrize("loss", ["softmax", "hierarchical"])
@pytest.mark.parametrize("labels", ["a", "ab", "abcdefghij"])
def test_probabilities_sum_to_one(loss, labels):
    chances = made(loss, labels).predict_proba(["good film", "", "film"])
    assert chances.shape == (3, len(labels))
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-12)


def test_the_losses_say_how_scores_become_probabilities():
    text = ["good film"]
    scores = (made().embed(text) @ made().classes.storage.matrix.T)[0].astype(float)
    weights = np.exp(scores)
    assert made("softmax").predict_proba(text)[0] == pytest.approx(weights / weights.sum(), rel=1e-6)
    for loss in ("negative", "one-vs-all"):
        assert made(loss).predict_proba(text)[0] == pytest.approx(1 / (1 + np.exp(-scores)), rel=1e-6)


def test_scores_beyond_all_measure_overflow_nothing():
    with np.errstate(all="raise", under="ignore"):
        assert logistic(np.array([-1e5, 0, 1e5])).tolist() == [0, 0.5, 1]
        model = made()
        model.words.storage.matrix[:] *= 1e4
        assert model.predict_proba(["good"]).sum() == pytest.approx(1)


def naive_paths(counts):
    """fastText's tree, node by node: of each label the turns, (node, whether to the positive side)."""
    size = len(counts)
    nodes = [[count, None, False, None, None] for count in counts] + [
        [10**15, None, False, None, None] for _ in range(size - 1)
    ]
    leaf, node = size - 1, size
    for new in range(size, 2 * size - 1):
        found = []
        for _ in range(2):
            if leaf >= 0 and nodes[leaf][0] < nodes[node][0]:
                found.append(leaf)
                leaf -= 1
            else:
                found.append(node)
                node += 1
        nodes[new][0] = sum(nodes[each][0] for each in found)
        for each, positive in zip(found, (False, True), strict=True):
            nodes[each][1], nodes[each][2] = new, positive
    paths = []
    for label in range(size):
        path, here = [], label
        while nodes[here][1] is not None:
            path.append((nodes[here][1] - size, nodes[here][2]))
            here = nodes[here][1]
        paths.append(path)
    return paths


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_the_tree_is_that_of_fasttext(counts):
    counts = sorted(counts, reverse=True)
    turns = np.random.default_rng(0).random((2, max(len(counts), 1)))
    found = Tree(branches(np.array(counts))).chances(turns)
    for label, path in enumerate(naive_paths(counts)):
        wanted = [math.prod(row[node] if positive else 1 - row[node] for node, positive in path) for row in turns]
        assert found[:, label] == pytest.approx(wanted)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_best_labels_come_first(loss):
    model = made(loss, [f"l{number}" for number in range(30)])
    chances = model.predict_proba(["good film", "film"])
    everything = model.predict(["good film", "film"], k=None)
    for found, row in zip(everything, chances, strict=True):
        assert [value for _, value in found] == sorted(row.tolist(), reverse=True)
        assert dict(found) == dict(zip(model.labels, row.tolist(), strict=True))
    for k in (1, 3, 29, 100):
        assert model.predict(["good film", "film"], k) == [found[:k] for found in everything]
    for threshold in (0.0, 0.02, 0.5):
        likely = [[pair for pair in found if pair[1] >= threshold] for found in everything]
        assert model.predict(["good film", "film"], None, threshold) == likely
    assert model.predict(["good film"], 3, 1.0) == [[]]
    assert model.predict([], 3) == []


def test_of_equal_labels_the_first_is_best():
    model = made(labels="abcdefghij", words=("good",))
    assert [label for label, _ in model.predict(["unknown"], 2)[0]] == ["a", "b"]
    assert model.predict(["unknown"])[0][0][0] == "a"


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "1"])
def test_a_wrong_number_of_labels_is_refused(wrong):
    with pytest.raises(ValueError, match="k is how many labels"):
        made().predict(["good"], wrong)


def test_wrong_texts_and_thresholds_are_refused():
    with pytest.raises(ValueError, match="threshold"):
        made().predict(["good"], 1, 2)
    with pytest.raises(TypeError, match="list of texts"):
        made().predict("good")
    with pytest.raises(TypeError, match="NoneType"):
        made().embed(["good", None])


def test_parts_that_do_not_fit_are_refused():
    table = made().table()
    table.classes.loss = "hinge"
    with pytest.raises(FormatError, match="hinge"):
        ClassifierModel.of(table)
    table.classes.loss = "softmax"
    table.classes.labels = ["a"]
    with pytest.raises(FormatError, match="1 labels with 3 vectors"):
        ClassifierModel.of(table)
    table.classes = None
    with pytest.raises(FormatError, match="no classifier"):
        ClassifierModel.of(table)
    table = made().table()
    table.config["tokenizer"] = {"name": "nonsense"}
    with pytest.raises(FormatError, match="tokenizer"):
        ClassifierModel.of(table)
    model = made("hierarchical")
    model.classes.counts = None
    with pytest.raises(ValueError, match="counts"):
        model.predict(["good"])


@pytest.mark.parametrize("ngrams", WHICH)
@pytest.mark.parametrize("loss", LOSSES)
def test_saved_and_loaded_it_answers_the_same(loss, ngrams, tmp_path):
    model = made(loss, **ngrams)
    model.save(tmp_path / "model")
    again = api.load(tmp_path / "model")
    assert isinstance(again, ClassifierModel)
    texts = ["good film", "", "unknown"]
    assert (again.predict_proba(texts) == model.predict_proba(texts)).all()
    assert again.labels == model.labels
    assert again.info() == model.info() | {"recipe": again.recipe}
    assert ClassifierModel.load(tmp_path / "model").labels == model.labels
    assert isinstance(StaticModel.load(tmp_path / "model"), StaticModel)


def test_it_has_word_vectors_too():
    model = made()
    assert model.words["good"].shape == (DIM,)
    assert model.info()["labels"] == 3
    assert api.neighbors(model, ["good"], 1)["good"][0][0] == "film" or len(model.words) == 3


def tabled(chances):
    """fastText's logistic function, of a table of 512 places."""
    with np.errstate(divide="ignore"):
        scores = np.log(chances / (1 - chances))
    places = np.floor((np.clip(scores, -8, 8) + 8) * 512 / 16)
    return np.where(scores > 8, 1, np.where(scores < -8, 0, 1 / (1 + np.exp(8 - places / 32))))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("more", [[], ["-wordNgrams", "2", "-minn", "2", "-maxn", "3"]], ids=["words", "ngrams"])
def test_a_model_of_fasttext_gives_what_it_gives_there(loss, more, tmp_path, data):
    fasttext = pytest.importorskip("fasttext", reason="the wheel of fastText is not installed")
    short = {"softmax": "softmax", "hierarchical": "hs", "negative": "ns", "one-vs-all": "ova"}[loss]
    options = {"dim": 8, "lr": 0.5, "epoch": 3, "bucket": 2000, "thread": 1, "verbose": 0}
    options |= {name[1:]: int(value) for name, value in zip(more[::2], more[1::2], strict=True)}
    theirs = fasttext.train_supervised(str(data / "classify" / "cooking.train"), loss=short, **options)
    theirs.save_model(str(tmp_path / "model.bin"))
    ours = ClassifierModel.of(formats.load(tmp_path / "model.bin", "fasttext"))
    lines = (data / "classify" / "cooking.valid").read_text("utf-8").split("\n")[:300]
    chances = ours.predict_proba(lines)
    for line, row in zip(lines, chances, strict=True):
        pairs = theirs.f.predict(f"{line}\n", 5, 0.0, "strict")
        for value, label in pairs:
            here = row[ours.labels.index(label.removeprefix("__label__"))]
            if loss == "softmax":
                assert here == pytest.approx(value - 1e-5, abs=5e-6)  # it adds 1e-5 to each
            elif loss == "hierarchical":
                assert here == pytest.approx(value, abs=1e-4)  # and here to each turn in the tree
            else:
                assert abs(tabled(here) + 1e-5 - value) < 0.0081  # a place of its table more or less
    for line, vector in zip(lines[:50], ours.embed(lines[:50]), strict=True):
        given = fasttext.FastText.fasttext.Vector(8)
        theirs.f.getSentenceVector(given, f"{line}\n")
        assert vector == pytest.approx(np.array(given), abs=1e-6)
