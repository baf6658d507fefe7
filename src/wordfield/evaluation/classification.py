"""Does a classifier give texts their labels? Precision, recall and F1, over all predictions, over labels, and of each.

A set is a file of labelled texts: see ``text.labelled``. Texts without a label are left out and counted; a label that
the classifier has never seen counts as missed. Intervals: of a share Wilson's (1927), of a ratio and of the mean F1 the
normal one by the delta method, texts being what was drawn (Takahashi, Yamamoto, Kuchiba and Koyama 2022).

E texts, M labels, P pairs of a text and a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.lines import PathLike, first_lines
from wordfield.evaluation.scores import Z95, wilson
from wordfield.protocols import Labeller
from wordfield.text import tables
from wordfield.text.labelled import Labelled

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


def evaluate(
    model: Labeller,
    paths: PathLike | Iterable[PathLike],
    k: int = 1,
    threshold: float = 0.0,
    field: str | None = None,
    label_field: str | None = None,
) -> list[dict[str, Any]]:
    """Score the classifier on each file; folders are searched through for files whose first line has a label.

    The ``k`` most probable labels of a text are what it answers, those of at least ``threshold``. ``field``,
    ``label_field``: those of tables. Metrics: P@1 and R@1, P@k and R@k, "F1 micro", and "F1 macro", whose result also
    has ``labels``: of each label precision, recall, f1, texts and predicted. A result has task, dataset (the file's
    stem), metric, value, low, high (95 %), pairs (texts), covered (those with a label) and oov.
    """
    results = []
    given = [Path(path) for path in ([paths] if isinstance(paths, str) or not isinstance(paths, Iterable) else paths)]
    for path in given:
        if not path.exists():
            raise FileNotFoundError(f"no evaluation set at {path}")
        inside = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in inside if not path.is_dir() else _labelled(model, inside, label_field):
            table = tables.kind(file.name)
            texts = Labelled.files(
                [file], field=field if table else None, label_field=label_field if table else None, cache=False
            )
            results += score(model, texts, file.stem, k, threshold)
    if not results:
        raise ValueError(f"no labelled text in {', '.join(map(str, given)) or 'an empty list of paths'}")
    return results


def score(model: Labeller, texts: Labelled, dataset: str, k: int = 1, threshold: float = 0.0) -> list[dict[str, Any]]:
    """The results on one set of labelled texts. ``ValueError`` if none has a label."""
    read = list(texts.texts(model.marks))
    asked = [(text, labels) for text, labels in read if labels]
    if not asked:
        raise ValueError(
            f"{texts.name}: no text has a label: words that begin with {model.label_prefix!r} are labels, or what a "
            "table has in the field that label_field (--label-field) names"
        )
    answered = model.predict([text for text, _ in asked], k, threshold)
    compared = compare([labels for _, labels in asked], [[label for label, _ in some] for some in answered])
    first = compared if k == 1 else compare(compared.gold, [some[:1] for some in compared.answers])
    common = {"pairs": len(read), "covered": len(asked), "oov": _unknown_words(model)}
    at = [(1, first)] if k == 1 else [(1, first), (k, compared)]
    results = [
        {"task": "classification", "dataset": dataset, "metric": f"{metric}@{many}"} | value | common
        for many, found in at
        for metric, value in (("P", found.share(found.predicted)), ("R", found.share(found.given)))
    ]
    micro, (macro, labels) = compared.share(compared.predicted + compared.given, 2), compared.by_label()
    for metric, value in (("F1 micro", micro), ("F1 macro", macro | {"labels": labels})):
        results.append({"task": "classification", "dataset": dataset, "metric": metric} | value | common)
    return results


class Compared(NamedTuple):
    """Answers beside the truth. ``hits``, ``predicted``, ``given`` (E,): labels of each text that are right, that were
    answered, that it has. ``pairs`` (P, 4): text, label, whether it was answered, whether it is true.
    """

    gold: Sequence[Sequence[str]]
    answers: Sequence[Sequence[str]]
    labels: list[str]
    hits: Rows
    predicted: Rows
    given: Rows
    pairs: Rows

    def share(self, of: Rows, times: int = 1) -> dict[str, Any]:
        """``times`` the hits of what there is ``of`` each text, all together, with its interval."""
        total = int(of.sum())
        if not total:
            return {"value": None, "low": None, "high": None}
        if times == 1 and (of == 1).all():
            low, high = wilson(int(self.hits.sum()), total)
            return {"value": int(self.hits.sum()) / total, "low": low, "high": high}
        value = times * int(self.hits.sum()) / total
        return _interval(value, (times * self.hits - value * of) / total)

    def by_label(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The mean F1 over labels that are answered or true somewhere, and what is to say of each of them, in the order
        of their texts.
        """
        text, label, answered, true = self.pairs.T
        many = len(self.labels)
        right = np.bincount(label, answered * true, many)
        predicted, given = np.bincount(label, answered, many), np.bincount(label, true, many)
        both = predicted + given
        f1 = 2 * right / both
        pull = np.bincount(text, (2 * answered * true - f1[label] * (answered + true)) / both[label], len(self.hits))
        order = np.argsort(-given, kind="stable").tolist()
        rows = [
            {
                "label": self.labels[here],
                "precision": _ratio(right[here], predicted[here]),
                "recall": _ratio(right[here], given[here]),
                "f1": float(f1[here]),
                "texts": int(given[here]),
                "predicted": int(predicted[here]),
            }
            for here in order
        ]
        return _interval(float(f1.mean()), pull / many), rows


def compare(gold: Sequence[Sequence[str]], answers: Sequence[Sequence[str]]) -> Compared:
    """The answers for E texts beside their true labels."""
    index: dict[str, int] = {}
    sides = []
    for side in (answers, gold):
        labels = np.array([index.setdefault(label, len(index)) for some in side for label in some], np.int64)
        sides.append((np.repeat(np.arange(len(side)), [len(some) for some in side]), labels))
    keys = [texts * max(len(index), 1) + labels for texts, labels in sides]
    every = np.union1d(*keys)
    answered, true = (np.isin(every, some) for some in keys)
    texts, labels = np.divmod(every, max(len(index), 1))
    hits, predicted, given = (
        np.bincount(texts[chosen], minlength=len(gold)) for chosen in (answered & true, answered, true)
    )
    pairs = np.stack([texts, labels, answered, true], axis=1).astype(np.int64)
    return Compared(gold, answers, list(index), hits, predicted, given, pairs)


def _interval(value: float, pull: Floats) -> dict[str, Any]:
    """A value and its 95 % interval, of how much each text pulls at it (E,); none of a single text."""
    count = len(pull)
    if count < 2:
        return {"value": value, "low": None, "high": None}
    width = Z95 * float(np.sqrt(count / (count - 1) * (pull @ pull)))
    return {"value": value, "low": max(0.0, value - width), "high": min(1.0, value + width)}


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _labelled(model: Labeller, files: list[Path], label_field: str | None) -> list[Path]:
    """The files of a folder that are labelled text: by their first line, or tables where these are asked for."""
    if label_field is not None:
        return [file for file in files if tables.kind(file.name)]
    lines = ((file, first_lines(file)) for file in files)
    return [file for file, some in lines if some and model.marks.split(some[0])[1]]


def _unknown_words(model: Labeller) -> str:
    return "subword" if model.recipe.get("maxn") else "skip"
