"""The classifier inside scikit-learn: its own checks, searches, pipelines and scores."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import validate_data

from support import JIT_OFF
from wordfield.estimator import TextClassifier

slow = pytest.mark.skipif(JIT_OFF, reason="scikit-learn's checks train often, which takes too long as plain Python")

TEXTS = ["milk for the cat", "a cat and a dog", "a dog with fur", "ships sail", "the sail of a ship", "waves at sea"]
KINDS = ["animal", "animal", "animal", "ship", "ship", "ship"]
QUICK = {"dim": 8, "epochs": 30, "learning_rate": 0.5, "threads": 1}


class OfNumbers(TextClassifier):
    """A table of numbers as texts, a word a number: what scikit-learn checks estimators with."""

    def fit(self, X, y, sample_weight=None):
        if y is None:
            return super().fit([], y)
        X, y = validate_data(self, X, y)
        return super().fit(self._texts(X), y, sample_weight)

    def predict_proba(self, X):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return super().predict_proba(self._texts(validate_data(self, X, reset=False)))

    def _texts(self, X):
        columns = range(X.shape[1])
        return [" ".join(f"c{column}_{round(2 * row[column])}" for column in columns) for row in X.astype(float)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = True, False, False
        return tags


NOT_HERE = {
    "check_sample_weight_equivalence_on_dense_data": "steps are taken one text after another: two are not one of twice "
    "the weight",
}


@slow
@estimator_checks.parametrize_with_checks(
    [OfNumbers(dim=8, epochs=30, learning_rate=0.5, threads=1)], expected_failed_checks=lambda _: NOT_HERE
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_what_scikit_learn_asks_of_a_classifier(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_the_estimator_itself_passes_the_checks_that_know_texts():
    assert all(each["status"] == "passed" for each in estimator_checks.check_estimator(TextClassifier(), on_skip=None))


def test_it_learns_and_answers_with_the_classes_it_was_given():
    found = TextClassifier(**QUICK).fit(TEXTS, KINDS)
    assert found.classes_.tolist() == ["animal", "ship"]
    assert found.predict(["a cat", "a ship"]).tolist() == ["animal", "ship"]
    chances = found.predict_proba(["a cat", "a ship", ""])
    assert chances.shape == (3, 2)
    assert np.allclose(chances.sum(axis=1), 1)
    assert found.score(TEXTS, KINDS) == 1


@pytest.mark.parametrize("loss", ["hierarchical", "negative", "one-vs-all"])
def test_probabilities_sum_to_one_with_every_loss(loss):
    found = TextClassifier(**QUICK, loss=loss).fit(np.array(TEXTS, dtype=object), np.array([7, 7, 7, 3, 3, 5]))
    assert found.classes_.tolist() == [3, 5, 7]
    assert np.allclose(found.predict_proba(TEXTS).sum(axis=1), 1)
    assert found.predict(["milk for the cat"])[0] == 7


def test_what_looks_like_a_label_is_a_word_here():
    texts = ["__label__ship cat", "cat", "__label__ship sail", "sail"]
    found = TextClassifier(**QUICK, tokenizer="whitespace").fit(texts, ["a", "a", "b", "b"])
    assert found.model_.labels == ["0", "1"]
    assert "__label__ship" in found.model_.words


def test_parameters_are_those_of_the_recipe():
    found = TextClassifier(dim=8, word_ngrams=2)
    assert found.get_params()["word_ngrams"] == 2
    assert clone(found.set_params(epochs=7)).get_params() == found.get_params()
    with pytest.raises(ValueError, match="windows"):
        found.set_params(windows=3)
    with pytest.raises(TypeError, match="windows"):
        TextClassifier(windows=3)
    with pytest.raises(ValueError, match="dim"):
        TextClassifier(dim=0).fit(TEXTS, KINDS)


def test_weights_of_texts_and_of_classes_move_the_answer():
    texts, kinds = ["word"] * 4, ["a", "a", "a", "b"]
    quick = {**QUICK, "epochs": 60}
    plain = TextClassifier(**quick).fit(texts, kinds).predict_proba(["word"])[0, 1]
    weighted = TextClassifier(**quick).fit(texts, kinds, sample_weight=[1, 1, 1, 9]).predict_proba(["word"])[0, 1]
    mapped = TextClassifier(**quick, class_weight={"b": 9}).fit(texts, kinds).predict_proba(["word"])[0, 1]
    balanced = TextClassifier(**quick, class_weight="balanced").fit(texts, kinds).predict_proba(["word"])[0, 1]
    assert plain < 0.4 < balanced < 0.6 < weighted
    assert mapped == weighted
    with pytest.raises(ValueError, match="'c'"):
        TextClassifier(class_weight={"c": 1}).fit(texts, kinds)


@slow
def test_in_a_pipeline_a_search_and_a_cross_validation():
    texts, kinds = TEXTS * 5, KINDS * 5
    steps = make_pipeline(FunctionTransformer(lambda some: [text.upper() for text in some]), TextClassifier(**QUICK))
    assert steps.fit(texts, kinds).score(texts, kinds) == 1
    search = GridSearchCV(TextClassifier(**QUICK), {"word_ngrams": [1, 2], "loss": ["softmax", "one-vs-all"]}, cv=3)
    assert search.fit(texts, kinds).best_score_ == 1
    assert cross_val_score(TextClassifier(**QUICK), texts, kinds, cv=3).mean() == 1


@pytest.mark.parametrize("texts", ["one text", np.zeros((2, 2)), [["a", "b"]], [1, 2], [], [None], 5])
def test_what_is_no_list_of_texts_is_refused(texts):
    with pytest.raises((TypeError, ValueError), match="text"):
        TextClassifier().fit(texts, ["a"])
    with pytest.raises(ValueError, match="2 texts, but 1"):
        TextClassifier().fit(["a", "b"], ["a"])


def test_without_scikit_learn_the_extra_is_named():
    code = "import sys; sys.modules['sklearn'] = None; sys.modules['sklearn.base'] = None; import wordfield.estimator"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "wordfield[sklearn]" in done.stderr.splitlines()[-1]
