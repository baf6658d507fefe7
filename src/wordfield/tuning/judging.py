"""How trials are judged: by labels, by sets of human judgement, or by the loss on text kept aside.

E texts, L labels.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from wordfield import evaluation
from wordfield.evaluation.classification import compare
from wordfield.supervised import ClassifierModel
from wordfield.text.labelled import Labelled, Marks

PathLike: TypeAlias = str | os.PathLike[str]

SHARE = 0.1
"""Share of the text that the held-out loss is measured on, where the recipe says none."""
LABEL_METRICS = (
    "f1, f1:LABEL, macro-f1, precision@1, accuracy, precision-at-recall:30, recall-at-precision:30 (both also with "
    ":LABEL), heldout"
)


class Judge(NamedTuple):
    """How trials are judged."""

    metric: str
    text: Any
    """What they learn from."""
    score: Callable[[Any], float]
    lower: bool = False
    """Whether a lower score is better."""
    whole: bool = True
    """Whether they learn from all of the text, so that the best of them is the result."""
    heldout: float = 0.0
    """Share that the recipe itself keeps aside, to measure the loss on."""
    scored_on: str = ""
    """The data behind the scores, by name."""


def judge(
    recipe: Any,
    text: Any,
    metric: str | None = None,
    validation: Labelled | None = None,
    share: float = 0.2,
    data: Sequence[PathLike] = (),
) -> Judge:
    """The one that fits what was given: see `judge_labels`, `judge_data` and `judge_loss`. ``ValueError`` for what
    does not go together.
    """
    labelled = hasattr(recipe, "label_prefix")
    if validation is not None and (not labelled or metric == "heldout"):
        raise ValueError("validation, labelled texts, is for the metrics of classifiers: leave it away, or give data")
    if data and (labelled or metric == "heldout"):
        raise ValueError("data, sets to score words on, is neither for classifiers nor for held-out losses")
    if metric == "heldout" or not (labelled or data or metric):
        return judge_loss(recipe, text)
    if labelled:
        return judge_labels(recipe, text, validation, metric or "f1", share)
    if not data:
        raise ValueError(f"{metric} is scored on data: files or folders of word pairs or analogies; none was given")
    return judge_data(text, data, metric)


def judge_labels(
    recipe: Any, text: Labelled, validation: Labelled | None, metric: str = "f1", share: float = 0.2
) -> Judge:
    """By the labels that a classifier gives: to the texts of ``validation``, or to a ``share`` of ``text`` that is set
    apart at random. ``ValueError`` for an unknown metric, and where there are no texts with labels for it.
    """
    marks = Marks.of(recipe.label_prefix, recipe.label_place, text.cutter)
    measure = _measure(metric)
    if validation is None:
        learnt, asked = _parted(text, marks, share, recipe.seed)
        named = f"{share} of {text.name}"
    else:
        learnt, asked, named = text, [pair for pair in validation.texts(marks) if pair[1]], validation.name
    if not asked:
        raise ValueError(f"{named}: no text has a label")
    texts, gold = [text for text, _ in asked], [labels for _, labels in asked]
    if measure.label is not None and not any(measure.label in labels for labels in gold):
        raise ValueError(f"no text of {named} has the label {measure.label!r}, which the metric {metric} is about")
    whole = validation is not None
    return Judge(metric, learnt, lambda model: measure.of(model, texts, gold), whole=whole, scored_on=named)


def _parted(text: Labelled, marks: Marks, share: float, seed: int) -> tuple[Labelled, list[tuple[str, list[str]]]]:
    """The texts to learn from, and a ``share`` of them to score on."""
    if not 0 < share < 1:
        raise ValueError(f"share is how much of the text to set apart, above 0 and below 1, not {share}")
    with text.scan(marks).scan as scan:  # which says what is wrong, and knows its phrases
        tokenizer = scan.tokenizer
    pairs = [pair for pair in text.texts(marks) if pair[1]]
    if len(pairs) < 2:
        raise ValueError(f"{text.name} has one text with a label: two are needed to set one apart")
    count = min(max(1, round(share * len(pairs))), len(pairs) - 1)
    aside = set(np.random.default_rng([seed, 1]).choice(len(pairs), count, replace=False).tolist())
    left = [pair for number, pair in enumerate(pairs) if number not in aside]
    return Labelled(left, tokenizer=tokenizer), [pairs[number] for number in sorted(aside)]


def judge_data(text: Any, data: Sequence[PathLike], metric: str | None = None) -> Judge:
    """By the mean of the scores on sets of human judgement, of each its first metric: all in ``data``, files or
    folders, or those of the task, or the one set, that ``metric`` names. Associations (WEAT) are no quality, and are
    left out.
    """
    named = [each for each in evaluation.gathered(data) if each.task != "association"]
    chosen = [each for each in named if metric in (None, "mean", each.task, each.name)]
    if not chosen:
        there = ", ".join(sorted({name for each in named for name in each[:2]})) or "nothing that is known"
        raise ValueError(f"no set for {metric or 'a score'} in {', '.join(map(str, data))}: it has {there}")

    def score(model: Any) -> float:
        values = []
        for each in chosen:
            value = each.scores(model.words, evaluation.Settings())[0].value
            if value is None:
                raise ValueError(
                    f"{each.name} cannot be scored, too few of its words are known: leave it out of the data, or name "
                    "other sets as the metric"
                )
            values.append(value)
        return math.fsum(values) / len(values)

    return Judge(metric or "mean", text, score, scored_on=", ".join(each.name for each in chosen))


def judge_loss(recipe: Any, text: Any) -> Judge:
    """By the loss on text that training keeps aside. ``ValueError`` for a recipe that keeps none."""
    if not hasattr(recipe, "heldout"):
        name = recipe.described()["model"]
        raise ValueError(f"{name} measures no held-out loss: give --data, sets to score its words on")

    def score(model: Any) -> float:
        losses: list[float] = model.history["heldout"]
        return min(losses) if recipe.patience else losses[-1]

    share = recipe.heldout or SHARE
    return Judge("heldout", text, score, lower=True, whole=recipe.heldout > 0, heldout=share, scored_on=text.name)


class Measure(NamedTuple):
    """A metric of labels: ``of(model, texts, gold)``, and the one label that it is about, if it is."""

    of: Callable[[ClassifierModel, list[str], list[list[str]]], float]
    label: str | None = None


def _measure(metric: str) -> Measure:
    """The metric of this name; fastText's -autotune-metric has most of them, spelt a little otherwise."""
    name, _, rest = metric.partition(":")
    if metric in ("f1", "macro-f1", "precision@1", "accuracy") or (name == "f1" and rest):
        return Measure(partial(_of_answers, name, rest or None), rest or None)
    if name in ("precision-at-recall", "recall-at-precision"):
        share, _, label = rest.partition(":")
        if not (share.replace(".", "", 1).isdecimal() and 0 < float(share) <= 100):
            raise ValueError(f"{metric}: a number of per cent is needed, above 0 and at most 100, as in {name}:30")
        return Measure(partial(_at_least, float(share) / 100, name.startswith("recall"), label or None), label or None)
    raise ValueError(f"unknown metric {metric!r}; of a classifier: {LABEL_METRICS}")


def _of_answers(name: str, label: str | None, model: ClassifierModel, texts: list[str], gold: list[list[str]]) -> float:
    """A score of the most probable label of each text."""
    compared = compare(gold, [[answer for answer, _ in some] for some in model.predict(texts)])
    if name == "macro-f1":
        return float(compared.by_label()[0]["value"])
    if label is not None:
        return next(float(row["f1"]) for row in compared.by_label()[1] if row["label"] == label)
    if name == "f1":
        return float(compared.share(compared.predicted + compared.given, 2)["value"])
    return float(compared.share(compared.predicted)["value"])


def _at_least(
    least: float,
    of_recall: bool,
    label: str | None,
    model: ClassifierModel,
    texts: list[str],
    gold: list[list[str]],
) -> float:
    """The best precision at a recall of at least ``least``, or (``of_recall``) the other way round, over all thresholds
    of the probability; 0 where no threshold reaches it.
    """
    index = {name: row for row, name in enumerate(model.labels)}
    if label is not None and label not in index:
        return 0.0
    chances = model.predict_proba(texts)
    true = np.zeros(chances.shape, bool)
    for text, labels in enumerate(gold):
        true[text, [index[each] for each in labels if each in index]] = True
    total = sum(map(len, gold))
    if label is not None:
        chances, true = chances[:, index[label]], true[:, index[label]]
        total = int(true.sum())
    order = np.argsort(-chances, axis=None)
    chances, hits = chances.ravel()[order], np.cumsum(true.ravel()[order])
    ends = np.flatnonzero(np.append(chances[1:] != chances[:-1], True))  # equal ones fall together
    precision, recall = hits[ends] / (ends + 1), hits[ends] / total
    wanted, given = (recall, precision) if of_recall else (precision, recall)
    return float(wanted[given >= least].max(initial=0.0))
