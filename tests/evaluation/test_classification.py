"""Scores of a classifier: as counted by hand, as scikit-learn computes them, with intervals that hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from wordfield import Classifier, Word2Vec, api
from wordfield.evaluation.classification import compare, evaluate, score
from wordfield.text.labelled import Labelled

TEXT = ["__label__a x", "__label__a __label__b y", "__label__b z", "__label__c w", "no label"]


@pytest.fixture(scope="module")
def model():
    lines = ["__label__a x", "__label__b y", "__label__b z", "__label__c w"] * 20
    return Classifier(dim=8, epochs=20, learning_rate=0.5, threads=1).fit(lines)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXT) + "\n", "utf-8")
    return tmp_path / "texts.txt"


def by_metric(results):
    return {result["metric"]: result for result in results}


def test_the_answers_are_counted(model, path):
    found = by_metric(evaluate(model, path))
    assert list(found) == ["P@1", "R@1", "F1 micro", "F1 macro"]
    assert found["P@1"]["value"] == 1
    assert found["R@1"]["value"] == pytest.approx(4 / 5)
    assert found["F1 micro"]["value"] == pytest.approx(2 * 4 / (4 + 5))
    assert found["F1 macro"]["value"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    for result in found.values():
        assert result["task"] == "classification"
        assert result["dataset"] == "texts"
        assert (result["pairs"], result["covered"], result["oov"]) == (5, 4, "skip")
        assert result["low"] <= result["value"] <= result["high"]
    labels = {each["label"]: each for each in found["F1 macro"]["labels"]}
    assert labels["a"] == {
        "label": "a",
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "texts": 2,
        "predicted": 1,
    }


def test_more_answers_a_text_find_more_and_miss_more(model, path):
    found = by_metric(evaluate(model, path, k=3))
    assert list(found) == ["P@1", "R@1", "P@3", "R@3", "F1 micro", "F1 macro"]
    assert found["P@3"]["value"] == pytest.approx(5 / 12)
    assert found["R@3"]["value"] == 1
    certain = by_metric(evaluate(model, path, threshold=1.0))
    assert certain["P@1"]["value"] is None
    assert certain["R@1"]["value"] == 0


def test_a_label_that_the_classifier_does_not_know_is_missed(model):
    found = by_metric(score(model, Labelled(["__label__a x", "__label__new x"]), "set"))
    assert found["P@1"]["value"] == 0.5
    assert next(each for each in found["F1 macro"]["labels"] if each["label"] == "new")["precision"] is None
    assert by_metric(score(model, Labelled(["__label__a x"]), "one"))["F1 macro"]["low"] is None


def test_labels_are_scored_as_scikit_learn_does():
    random = np.random.default_rng(0)
    gold, answers = ([[str(label)] for label in random.integers(0, 5, 300)] for _ in range(2))
    macro, rows = compare(gold, answers).by_label()
    names = [row["label"] for row in rows]
    true, answered = ([label for some in side for label in some] for side in (gold, answers))
    wanted = precision_recall_fscore_support(true, answered, labels=names)
    assert [row["precision"] for row in rows] == pytest.approx(wanted[0].tolist())
    assert [row["recall"] for row in rows] == pytest.approx(wanted[1].tolist())
    assert [row["f1"] for row in rows] == pytest.approx(wanted[2].tolist())
    assert macro["value"] == pytest.approx(wanted[2].mean())


def test_intervals_hold_the_value_of_the_whole_in_95_of_100_samples():
    random = np.random.default_rng(1)
    count = 20_000
    gold = [[str(label) for label in np.flatnonzero(row)] or ["0"] for row in random.random((count, 4)) < 0.3]
    answers = [some[:1] if keep else ["3"] for some, keep in zip(gold, random.random(count) < 0.7, strict=True)]
    whole = compare(gold, answers)
    truth = {
        "recall": whole.share(whole.given)["value"],
        "micro": whole.share(whole.predicted + whole.given, 2)["value"],
        "macro": whole.by_label()[0]["value"],
        "precision": whole.share(whole.predicted)["value"],
    }
    inside = dict.fromkeys(truth, 0)
    for _ in range(200):
        chosen = random.integers(0, count, 300).tolist()
        found = compare([gold[here] for here in chosen], [answers[here] for here in chosen])
        results = {
            "recall": found.share(found.given),
            "micro": found.share(found.predicted + found.given, 2),
            "macro": found.by_label()[0],
            "precision": found.share(found.predicted),
        }
        for name, result in results.items():
            inside[name] += result["low"] <= truth[name] <= result["high"]
    assert all(180 <= count <= 200 for count in inside.values()), inside


def test_folders_are_searched_for_labelled_text(model, path):
    (path.parent / "notes.txt").write_text("no label\n")
    assert {result["dataset"] for result in evaluate(model, [path.parent])} == {"texts"}
    (path.parent / "table.csv").write_text("text,kind\nx,a\n")
    found = evaluate(model, path.parent, label_field="kind")
    assert {result["dataset"] for result in found} == {"table"}
    assert by_metric(found)["P@1"]["value"] == 1


def test_what_is_no_labelled_text_is_refused(model, tmp_path):
    (tmp_path / "plain.txt").write_text("no label\n")
    with pytest.raises(ValueError, match=r"plain.txt: no text has a label.*'__label__'"):
        evaluate(model, tmp_path / "plain.txt")
    with pytest.raises(ValueError, match="no labelled text in"):
        evaluate(model, tmp_path)
    with pytest.raises(FileNotFoundError, match="missing"):
        evaluate(model, tmp_path / "missing")


def test_the_command_s_function_knows_a_classifier(model, path, vectors):
    assert api.evaluate(model, [path])["results"] == evaluate(model, path)
    assert api.evaluate(model, [path], "classification", k=2)["results"] == evaluate(model, path, 2)
    plain = Word2Vec(dim=4, min_count=1, epochs=1, threads=1).fit([["a", "b"]])
    with pytest.raises(ValueError, match="no classifier"):
        api.evaluate(plain, [path], "classification")
    (path.parent / "pairs.txt").write_text("x y 1\nx z 2\ny z 3\n")
    assert api.evaluate(model, [path.parent / "pairs.txt"], "similarity")["results"][0]["task"] == "similarity"
