"""What fine-tuning a network gives: the labels of texts, read in context. Its checkpoints are those of BERT, RoBERTa,
DistilBERT and ModernBERT for the classification of sequences.

E texts, L labels, D dimension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from wordfield.models.sequence.contextual import AT_ONCE
from wordfield.models.sequence.encoder_model import EncoderModel
from wordfield.supervised import Predictions, chosen, logistic
from wordfield.text.labelled import Marks

MULTI = "multi_label_classification"
"""What a config.json calls labels that each are given or not, whatever the others."""


@final
class SequenceClassifier(EncoderModel):
    """An encoder with a head that labels texts. Of a text longer than the context its beginning counts."""

    KIND = "sequence classifier"

    @cached_property
    def labels(self) -> list[str]:
        """The L labels, as their probabilities stand in `predict_proba`."""
        named = self.network.config.get("id2label")
        if not isinstance(named, Mapping) or not named:
            return [f"LABEL_{number}" for number in range(self.encoder.shape.labels)]
        return [str(named[key]) for key in sorted(named, key=int)]

    @property
    def label_prefix(self) -> str:
        """What a word begins with that is a label."""
        return str(self.recipe.get("label_prefix", "__label__"))

    @cached_property
    def marks(self) -> Marks:
        """What a label in a text looks like: it is no word there."""
        return Marks.of(self.label_prefix, self.recipe.get("label_place", "anywhere"), self.tokenizer)

    def predict(self, texts: Sequence[str], k: int | None = 1, threshold: float = 0.0) -> Predictions:
        """For each text its ``k`` most probable labels (None: all) with their probabilities, the most probable first;
        only those of at least ``threshold``, so perhaps fewer.
        """
        return chosen(self.predict_proba(texts), self.labels, k, threshold)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each label for each text, (E, L), in the order of ``labels``: they sum to one, or each is
        one for itself, where the model says so.
        """
        if isinstance(texts, str):
            raise TypeError("a list of texts is needed, not one: [text]")
        rows = [self.read(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        batches, at = list[list[int]](), 0
        while at < len(order):
            batches.append(order[at : at + max(1, AT_ONCE // len(rows[order[at]]))])
            at += len(batches[-1])
        scores = np.empty((len(rows), len(self.labels)))
        asked = [[rows[place] for place in some] for some in batches]
        for some, given in zip(batches, self.side_by_side(self._scores, asked), strict=True):
            scores[some] = given
        if self.network.config.get("problem_type") == MULTI:
            return logistic(scores)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
        return found

    def _scores(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        with self._reading():
            found: NDArray[np.float32] = self.encoder.scores(self.packed(texts)).float().numpy()
        return found

    def read(self, text: str) -> list[int]:
        """What the network reads of a text, its labels left out: the tokens that fit, between begin and end."""
        rows = self.tokens.rows(self.marks.split(text)[0])
        return [self.specials.begin, *rows[: self.encoder.shape.context - 2], self.specials.end]

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it."""
        return super().info() | {"labels": len(self.labels)}
