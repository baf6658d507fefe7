"""The classifier as its user sees it: what it learns, from what, repeats, resumes, weighs, and what it refuses."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from support import JIT_OFF
from wordfield import Classifier, Corpus, Word2Vec, api
from wordfield.models.predict import training
from wordfield.supervised import ClassifierModel
from wordfield.text.labelled import Labelled

LOSSES = ("softmax", "hierarchical", "negative", "one-vs-all")
SMALL = {"dim": 8, "threads": 1, "epochs": 3, "learning_rate": 0.5}
slow = pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")


def lines(count=90, seed=0, prefix="__label__"):
    """Three worlds, each with its label."""
    random = np.random.default_rng(seed)
    worlds = {"animal": ["cat", "dog", "cow", "fur"], "ship": ["boat", "sail", "sea"], "food": ["bread", "milk", "egg"]}
    chosen = [list(worlds)[number % 3] for number in range(count)]
    return [f"{prefix}{label} " + " ".join(random.choice(worlds[label], 5)) for label in chosen]


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks so small that even a small corpus has many."""
    monkeypatch.setattr(training, "SMALLEST_CHUNK", 64)


class Stop:
    """Interrupts as Ctrl-C would, once so many tokens have been trained on."""

    def __init__(self, tokens):
        self.tokens = tokens

    def __call__(self, done, total, **measures):
        if "loss" in measures and done >= self.tokens:
            raise KeyboardInterrupt


def same(one, other):
    return (one.predict_proba(["cat sea", ""]) == other.predict_proba(["cat sea", ""])).all()


@pytest.mark.parametrize("ngrams", [{}, {"word_ngrams": 2}, {"minn": 2, "maxn": 3}], ids=["words", "runs", "ngrams"])
@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_learns_the_labels_of_three_worlds(loss, ngrams):
    recipe = Classifier(**{**SMALL, "epochs": 10}, loss=loss, negatives=2, bucket=5000, **ngrams)
    model = recipe.fit(lines())
    assert isinstance(model, ClassifierModel)
    found = model.predict(["dog cat fur", "sea sail", "egg bread egg"])
    assert [labels[0][0] for labels in found] == ["animal", "ship", "food"]
    assert model.history["loss"][-1] < model.history["loss"][0]
    assert model.history["texts"] == 90
    assert model.history["tokens"] == model.history["planned"] == 10 * 90 * 6


def test_misspelt_words_are_known_by_their_characters():
    model = Classifier(**{**SMALL, "epochs": 10}, minn=2, maxn=3, bucket=5000).fit(lines())
    assert model.predict(["doggy", "breadd"])[1][0][0] == "food"
    assert "doggy" not in model.words


def test_only_buckets_that_occur_have_rows_and_no_answer_depends_on_that():
    recipe = Classifier(**SMALL, word_ngrams=2, minn=3, maxn=3, bucket=2_000_000)
    model = recipe.fit(lines())
    ngrams = model.words.vocabulary.ngrams
    assert ngrams.rows == model.words.storage.shape[0] - len(model.words) < 200
    rows = model.bags([line.partition(" ")[2] for line in lines()]).rows
    assert set(rows.tolist()) == set(range(model.words.storage.shape[0] - 1))  # all but the row of zeros
    assert not model.words.storage.take([model.words.storage.shape[0] - 1]).any()
    assert model.bags(["sea egg"]).rows.max() == model.words.storage.shape[0] - 1  # a pair that nobody has seen


@pytest.mark.parametrize("loss", LOSSES)
def test_the_same_seed_on_one_thread_repeats_bit_for_bit(loss):
    first, again = (Classifier(**SMALL, loss=loss, seed=7, word_ngrams=2).fit(lines()) for _ in range(2))
    assert same(first, again)
    assert not same(first, Classifier(**SMALL, loss=loss, seed=8, word_ngrams=2).fit(lines()))


@pytest.mark.usefixtures("small_chunks")
def test_more_threads_train_on_every_text_too():
    model = Classifier(**{**SMALL, "threads": 2}).fit(lines())
    assert model.history["tokens"] == 3 * 90 * 6
    assert model.history["threads"] == 2


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("at", [100, 540, 700])
@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_interrupted_resumes_as_if_it_had_not_been(loss, at, tmp_path):
    recipe = Classifier(**SMALL, loss=loss, word_ngrams=2)
    whole = recipe.fit(lines())
    with pytest.raises(KeyboardInterrupt) as caught:
        recipe.fit(lines(), Stop(at))
    partial = caught.value.partial
    assert partial.history["stopped"] == "interrupted"
    partial.save(tmp_path / "partial")
    resumed = recipe.fit(lines(), start=api.load(tmp_path / "partial"))
    assert same(resumed, whole)
    assert resumed.history["tokens"] == whole.history["tokens"]
    assert resumed.history["resumed"] >= at


@pytest.mark.usefixtures("small_chunks")
def test_early_stopping_returns_the_best():
    recipe = Classifier(dim=8, threads=1, epochs=50, learning_rate=1.0, heldout=0.3, patience=1)
    random = np.random.default_rng(0)
    noise = [f"__label__{random.integers(3)} {' '.join(random.choice(list('abcdefgh'), 4))}" for _ in range(90)]
    model = recipe.fit(noise)
    assert model.history["stopped"].startswith("after epoch")
    assert len(model.history["heldout"]) == len(model.history["loss"]) < 50
    with pytest.raises(ValueError, match="heldout"):
        Classifier(patience=1)


def test_texts_in_the_order_of_their_labels_are_learnt_as_well():
    model = Classifier(**{**SMALL, "epochs": 10}).fit(sorted(lines()))
    assert [labels[0][0] for labels in model.predict(["dog cat fur", "sea sail", "egg"])] == ["animal", "ship", "food"]


@pytest.mark.parametrize("loss", LOSSES)
def test_all_labels_of_a_text_are_learnt_or_one_at_a_time(loss):
    text = ["__label__a __label__b x y"] * 20 + ["__label__c z"] * 20
    for labels in ("all", "one"):
        model = Classifier(**{**SMALL, "epochs": 15}, loss=loss, labels=labels, negatives=1).fit(text)
        assert {label for label, _ in model.predict(["x y"], 2)[0]} == {"a", "b"}
    with pytest.raises(ValueError, match="labels must be one of all, one"):
        Classifier(labels="some")


def test_class_weights_and_sample_weights_move_the_answer():
    text = ["__label__a x"] * 30 + ["__label__b x"] * 10
    quick = {**SMALL, "epochs": 20}

    def chance(weights=None, **fields):
        model = Classifier(**quick, **fields).fit(text, sample_weight=weights)
        return model.predict_proba(["x"])[0][model.labels.index("b")]

    assert chance() == pytest.approx(0.25, abs=0.1)
    assert chance(class_weight="balanced") == pytest.approx(0.5, abs=0.1)
    assert chance(class_weight={"b": 9}) == pytest.approx(0.75, abs=0.1)
    assert chance([1] * 30 + [9] * 10) == pytest.approx(chance(class_weight={"b": 9}), abs=1e-6)
    assert chance([0] * 30 + [1] * 10) > 0.75
    assert chance([50] * 40) == chance()
    assert chance([1] * 30 + [1000] * 10) > 0.9


@pytest.mark.parametrize(
    ("fields", "weights", "said"),
    [
        ({"class_weight": {"z": 1}}, None, "'z', which no text has"),
        ({}, [1], r"shape \(1,\), but there are 90 texts"),
        ({}, [np.nan] * 90, "NaN"),
        ({}, [-1] * 90, "at least 0"),
        ({}, [0] * 90, "zero"),
    ],
)
def test_weights_that_do_not_fit_are_refused(fields, weights, said):
    with pytest.raises(ValueError, match=said):
        Classifier(**SMALL, **fields).fit(lines(), sample_weight=weights)


@pytest.mark.parametrize(
    "fields",
    [
        {"class_weight": "fair"},
        {"class_weight": {"a": -1}},
        {"loss": "hinge"},
        {"minn": 3, "maxn": 2},
        {"bucket": 0, "word_ngrams": 2},
        {"learning_rate": 0},
        {"label_place": "back"},
        {"dim": 5000},
    ],
)
def test_fields_that_cannot_be_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        Classifier(**fields)


@slow
def test_a_rate_beyond_all_measure_ends_with_a_clear_error():
    with pytest.raises(FloatingPointError, match="learning_rate"):
        Classifier(dim=8, threads=1, epochs=50, learning_rate=1e30).fit(lines())


def test_texts_without_a_label_are_left_out_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        model = Classifier(**SMALL).fit([*lines(), "no label here", ""])
    assert "1 of 91 texts have no label" in caplog.text
    assert "here" not in model.words


def test_no_label_at_all_names_the_prefix_and_the_first_line():
    with pytest.raises(ValueError, match=r"'#'.*'__label__animal"):
        Classifier(**SMALL, label_prefix="#").fit(lines())


def test_another_prefix_is_kept_with_the_model(tmp_path):
    model = Classifier(**SMALL, label_prefix="#").fit(lines(prefix="#"))
    model.save(tmp_path / "model")
    again = api.load(tmp_path / "model")
    assert again.classes.prefix == "#"
    assert same(again, model)
    assert (again.embed(["cat #ship"]) == again.embed(["cat"])).all()


def test_labels_at_the_front_leave_those_inside_to_the_text(tmp_path):
    text = ["#a see #b", "#b see #a"] * 20
    model = Classifier(**{**SMALL, "epochs": 10}, label_prefix="#", label_place="front").fit(
        Labelled(text, tokenizer="whitespace")
    )
    assert "#a" in model.words
    model.save(tmp_path / "model")
    found = api.load(tmp_path / "model").predict(["see #b", "see #a"])
    assert [labels[0][0] for labels in found] == ["a", "b"]


def test_the_same_label_everywhere_is_learnt_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        model = Classifier(**SMALL).fit(["__label__a x", "__label__a y"] * 5)
    assert "the same label, 'a'" in caplog.text
    assert model.predict(["x", "", "z"]) == [[("a", 1.0)]] * 3


@pytest.mark.parametrize("loss", LOSSES)
def test_lines_with_labels_only_teach_how_frequent_they_are(loss):
    model = Classifier(**{**SMALL, "epochs": 40}, loss=loss, negatives=1).fit(["__label__a"] * 30 + ["__label__b"] * 10)
    assert model.words.index_to_key == ["</s>"]
    assert model.predict([""])[0][0][0] == "a"
    if loss in ("softmax", "hierarchical"):
        assert model.predict_proba([""])[0] == pytest.approx([0.75, 0.25], abs=0.1)


def test_an_empty_string_has_an_answer():
    model = Classifier(**SMALL, word_ngrams=2).fit(lines())
    found = model.predict(["", " ", "\n"])
    assert found[0] == found[1] == found[2]
    assert found[0][0][0] in model.labels


def test_words_and_labels_that_are_rare_are_left_out():
    text = [*lines(), "__label__rare zebra", "__label__animal gnu"]
    model = Classifier(**SMALL, min_count=2, min_label_count=2).fit(text)
    assert "rare" not in model.labels
    assert "gnu" not in model.words
    assert model.history["texts"] == 91
    assert len(Classifier(**SMALL, max_vocab=3).fit(text).words) == 4  # and the end of a line


def test_it_starts_from_the_vectors_of_any_model(caplog):
    given = Word2Vec(dim=8, min_count=1, epochs=1, threads=1, subsample=0).fit(Corpus([["cat", "dog", "horse"]] * 9))
    quick = {"dim": 8, "threads": 1, "epochs": 1, "learning_rate": 1e-9}
    model = Classifier(**quick).fit(lines(), start=given)
    assert model.words["cat"] == pytest.approx(given.words["cat"], abs=1e-6)
    assert not np.allclose(model.words["egg"], Classifier(**quick, seed=2).fit(lines()).words["egg"])
    with pytest.raises(ValueError, match="8 dimensions"):
        Classifier(dim=9).fit(lines(), start=given)
    with caplog.at_level(logging.WARNING):
        Classifier(**quick).fit(["__label__a zz"], start=given)
    assert "know none" in caplog.text


@pytest.mark.parametrize("loss", LOSSES)
def test_a_trained_classifier_is_a_start_too(loss):
    fields = {"loss": loss, "word_ngrams": 2, "minn": 2, "maxn": 2, "bucket": 999}
    first = Classifier(**{**SMALL, "epochs": 10}, **fields).fit(lines())
    again = Classifier(dim=8, threads=1, epochs=1, learning_rate=1e-9, **fields).fit(lines(), start=first)
    assert again.predict_proba(["cat sea"]) == pytest.approx(first.predict_proba(["cat sea"]), abs=1e-5)
    other = Classifier(dim=8, threads=1, epochs=1, learning_rate=1e-9, **fields)
    grown = other.fit([*lines(), "__label__new x"], start=first)
    assert set(grown.labels) == {*first.labels, "new"}


def test_pairs_and_tables_are_learnt_from(tmp_path):
    pairs = [(line.partition(" ")[2], line.partition(" ")[0].removeprefix("__label__")) for line in lines()]
    path = tmp_path / "table.tsv"
    path.write_text("kind\ttext\n" + "".join(f"{label}\t{text}\n" for text, label in pairs), "utf-8")
    of_lines = Classifier(**SMALL).fit(lines())
    for text in (pairs, Labelled(path, label_field="kind")):
        assert same(Classifier(**SMALL).fit(text), of_lines)


def test_a_rehearsal_tells_the_size_and_the_time(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines(300)) + "\n", "utf-8")
    recipe = Classifier(**SMALL, word_ngrams=2, bucket=1000)
    planned = api.plan(recipe, Corpus(path))
    assert planned["recipe"] == "classifier"
    assert planned["dim"] == 8
    assert planned["seconds"]["train"] > 0
    assert planned["known_tokens"] == planned["tokens"]
    assert api.plan(recipe, [("one two", "a"), ("three", "b")])["vocabulary"] == 3


def accuracy(model, texts):
    read = list(texts.texts(model.marks))
    found = model.predict([text for text, _ in read])
    return np.mean([labels[0][0] in true for labels, (_, true) in zip(found, read, strict=True)])


@slow
@pytest.mark.parametrize(("loss", "rate", "least"), [("softmax", 1.0, 0.59), ("hierarchical", 1.0, 0.54)])
def test_fasttext_s_tutorial(loss, rate, least, data):
    recipe = Classifier(learning_rate=rate, epochs=25, word_ngrams=2, loss=loss, threads=1)
    model = recipe.fit(data / "classify" / "cooking.train")
    assert accuracy(model, Labelled(data / "classify" / "cooking.valid")) > least


@slow
def test_chinese_reviews(data):
    names = [data / "classify" / f"chnsenticorp.{part}.tsv" for part in ("train", "test")]
    train, test = (Labelled(name, field="text_a", label_field="label", tokenizer="characters") for name in names)
    model = Classifier(learning_rate=0.5, word_ngrams=2, threads=1).fit(train)
    assert accuracy(model, test) > 0.9
