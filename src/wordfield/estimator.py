"""The classifier as an estimator of scikit-learn, for its pipelines and searches."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.models.predict.classifier import Classifier
from wordfield.text.labelled import Labelled
from wordfield.text.tokenizers import Tokenizer

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d
except ImportError as error:
    raise ImportError("this needs scikit-learn; to use it: pip install 'wordfield[sklearn]'") from error

APART = ("labels", "label_prefix", "label_place", "min_label_count")
"""Fields of the recipe that say how labels are read from text: here they are given apart, one a text."""

FIELDS = {field.name: field.default for field in fields(Classifier) if field.name not in APART}

PARAMETERS: dict[str, Any] = {"tokenizer": "words", "lowercase": None} | FIELDS
"""The parameters of the estimator with their defaults: its own, and those fields; a signature is made of them."""


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Labels of texts; all parameters but two are the fields of `Classifier`, with the same defaults.

    ``tokenizer``: what cuts texts into words, as for ``Corpus``. ``lowercase``: whether words are lower-cased; None: as
    the tokenizer usually does. ``class_weight``: None, "balanced", or a weight for each class. After ``fit``:
    ``classes_`` (L,), sorted, and ``model_``, the `ClassifierModel`.
    """

    def __init__(self, **parameters: Any) -> None:
        for name in parameters:
            if name not in PARAMETERS:
                raise TypeError(f"TextClassifier has no parameter {name!r}; it has: {', '.join(PARAMETERS)}")
        for name, default in PARAMETERS.items():
            setattr(self, name, parameters.get(name, default))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextClassifier:
        """Learn from texts ``X`` (E,) with their classes ``y`` (E,), each as much as ``sample_weight`` (E,) says."""
        if y is None:
            raise ValueError("TextClassifier requires y to be passed, but the target y is None")
        texts = _texts(X)
        given = column_or_1d(y, warn=True)
        check_classification_targets(given)
        if len(texts) != len(given):
            raise ValueError(f"{len(texts)} texts, but {len(given)} classes: one class a text is needed")
        self.classes_, rows = np.unique(given, return_inverse=True)
        weights = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        recipe = {name: getattr(self, name) for name in FIELDS} | {"label_prefix": "", "class_weight": self._weights()}
        tokenizer: Tokenizer | str | Path = self.tokenizer
        lowercase: bool | None = self.lowercase
        pairs = list(zip(texts, map(str, rows.tolist()), strict=True))
        labelled = Labelled(pairs, tokenizer=tokenizer, lowercase=lowercase)
        self.model_ = Classifier(**recipe).fit(labelled, sample_weight=weights)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each text, (E,)."""
        chances = self.predict_proba(X)
        classes: NDArray[Any] = self.classes_[chances.argmax(axis=1)]
        return classes

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """The probability of each class for each text, (E, L), in the order of ``classes_``. They sum to one: those of
        the losses one-vs-all and negative are divided by their sum.
        """
        check_is_fitted(self)
        texts = _texts(X)
        chances = np.zeros((len(texts), len(self.classes_)))
        chances[:, [int(label) for label in self.model_.labels]] = self.model_.predict_proba(texts)
        chances /= np.maximum(chances.sum(axis=1, keepdims=True), 1e-300)
        return chances

    def __sklearn_tags__(self) -> Any:
        """Texts are taken, and no table of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array, tags.input_tags.two_d_array, tags.input_tags.string = True, False, True
        return tags

    def _weights(self) -> Any:
        """``class_weight`` by the names that the classes have in the model."""
        given = self.class_weight
        if given is None or isinstance(given, str):
            return given
        classes = self.classes_.tolist()
        unknown = [name for name in given if name not in classes]
        if unknown:
            raise ValueError(f"class_weight has the class {unknown[0]!r}, which is not in y")
        return {str(classes.index(name)): float(weight) for name, weight in given.items()}


def _texts(given: Any) -> list[str]:
    """A list, a one-dimensional array or a series of texts as a list. ``ValueError`` or ``TypeError`` for others."""
    if isinstance(given, str) or not (isinstance(given, Sequence) or hasattr(given, "__array__")):
        raise TypeError(f"X is a list or an array of texts, not {type(given).__name__}")
    array = np.asarray(given, dtype=object)
    if array.ndim != 1:
        raise ValueError(f"X is a list or a one-dimensional array of texts, not an array of shape {array.shape}")
    if not len(array):
        raise ValueError("Found array with 0 sample(s): at least one text is needed")
    for text in array:
        if not isinstance(text, str):
            raise TypeError(f"X has texts, str each, but {text!r:.60} is {type(text).__name__}")
    return [str(text) for text in array]


TextClassifier.__init__.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    + [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in PARAMETERS.items()]
)
