"""Several models on the same sets: which is best on each, and which are worse by more than chance.

All models of a row are scored on the items that all of them cover. The best is compared with each other one by the
paired bootstrap of ``scores.difference``; as these are several questions about one row, their p are corrected after
Holm (1979). Of n items no p is taken for less than 2^(1 - n), the least that exchanging the two models' answers item by
item could show: the bootstrap is too sure of a handful. M models, I items of a set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.scores import Score, difference

LEVEL = 0.05
"""Below which p a difference is called significant."""
UNRANKED = ("association",)
"""Tasks in which more is not better."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """M models on one set, by one metric."""

    names: tuple[str, ...]
    """Of the models (M), all different."""
    scores: tuple[Score, ...]
    """What each reaches (M)."""

    @cached_property
    def shared(self) -> NDArray[np.bool_]:
        """Which items are covered by all models that take part, those that cover two or more, (I,)."""
        covering = [score.covered for score in self.scores if len(score.items) > 1]
        nothing: NDArray[np.bool_] = np.zeros_like(self.scores[0].covered)
        return np.logical_and.reduce(covering) if covering else nothing

    @cached_property
    def on_shared(self) -> tuple[Score | None, ...]:
        """Each score on the shared items (M); None of a model that takes no part, or where nothing is shared."""
        found: list[Score | None] = []
        for score in self.scores:
            taking_part = len(score.items) > 1 and self.shared.any()
            same = bool((score.covered == self.shared).all())
            found.append((score if same else replace(score, covered=self.shared)) if taking_part else None)
        return tuple(found)

    @cached_property
    def best(self) -> int | None:
        """Which model has the highest value on the shared items, the first of equal ones; None where nothing can be
        said, one model alone covers the set, or more is not better.
        """
        values = [None if score is None else score.value for score in self.on_shared]
        there = [here for here, value in enumerate(values) if value is not None]
        if len(there) < 2 or self.scores[0].task in UNRANKED:
            return None
        return max(there, key=lambda here: values[here] or 0.0)

    @cached_property
    def differences(self) -> list[dict[str, Any] | None]:
        """How much better the best is than each model (M), as ``scores.difference`` says, with ``adjusted`` (p after
        Holm) and ``significant``; None for the best itself, and for what takes no part.
        """
        best = None if self.best is None else self.on_shared[self.best]
        found: list[dict[str, Any] | None] = []
        for here, score in enumerate(self.on_shared):
            if best is None or score is None or here == self.best:
                found.append(None)
            else:
                found.append(difference(best, score))
        tested = [apart for apart in found if apart is not None and apart["p"] is not None]
        for apart in (apart for apart in found if apart is not None):
            apart |= {"adjusted": None, "significant": False}
        for apart in tested:
            apart["p"] = max(apart["p"], 2.0 ** (1 - apart["shared"]))
        for apart, adjusted in zip(tested, holm([apart["p"] for apart in tested]), strict=True):
            apart |= {"adjusted": adjusted, "significant": adjusted < LEVEL}
        return found

    def result(self) -> dict[str, Any]:
        """As JSON can hold it: task, dataset, metric, pairs, ``shared`` (items on which they are compared), ``values``
        (a model each: what ``Score.result`` says of all items that it covers, and ``on_shared``: value, low and high on
        the shared ones), ``best`` (a name), ``differences`` (a model each but the best).
        """
        first = self.scores[0]
        values = []
        for name, score, part in zip(self.names, self.scores, self.on_shared, strict=True):
            alone = {key: value for key, value in score.result().items() if key not in ("task", "dataset", "metric")}
            low, high = (None, None) if part is None else part.interval
            together = {"value": None if part is None else part.value, "low": low, "high": high}
            values.append({"model": name} | alone | {"on_shared": together})
        pairs = zip(self.names, self.differences, strict=True)
        return {
            "task": first.task,
            "dataset": first.dataset,
            "metric": first.metric,
            "pairs": len(first.covered),
            "shared": int(self.shared.sum()),
            "values": values,
            "best": None if self.best is None else self.names[self.best],
            "differences": [{"model": name} | apart for name, apart in pairs if apart is not None],
        }


def compare(names: Sequence[str], scores: Sequence[Sequence[Score]]) -> list[Comparison]:
    """The scores of M models, each a list of the same sets in the same order, set by set.

    ``ValueError`` where the lists are not of the same sets and metrics, or nothing is to be compared.
    """
    if not names or len(names) != len(scores):
        raise ValueError(
            f"{len(names)} names for the scores of {len(scores)} models: one each is needed, of at least 1"
        )
    called = distinct(names)
    first = [_set(score) for score in scores[0]]
    for name, some in zip(called, scores, strict=True):
        others = [_set(score) for score in some]
        if others != first:
            apart = next(iter([each for each in zip(first, others, strict=False) if each[0] != each[1]]), None)
            told = (
                f"{len(others)} of them and not {len(first)}"
                if apart is None
                else "{1} where that has {0}".format(*apart)
            )
            raise ValueError(f"{name} was not scored on the same sets as {called[0]}: {told}")
    return [Comparison(tuple(called), row) for row in zip(*scores, strict=True)]


def holm(p: Sequence[float]) -> list[float]:
    """Each p of several questions, corrected for their number (Holm 1979): the smallest times their number, the next
    times one less, and so on, none below the one before it, at most 1.
    """
    adjusted = [0.0] * len(p)
    most = 0.0
    for place, here in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        most = max(most, min(1.0, float(p[here]) * (len(p) - place)))
        adjusted[here] = most
    return adjusted


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that occurred before with a number: model, model (2)."""
    found: list[str] = []
    for name in names:
        number, said = 1, name
        while said in found:
            number += 1
            said = f"{name} ({number})"
        found.append(said)
    return found


def short(names: Sequence[str]) -> list[str]:
    """The last part of each path, where these are different; else the names as they are."""
    parts = [name.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or name for name in names]
    return parts if len(set(parts)) == len(parts) else list(names)


def _set(score: Score) -> str:
    return f"{score.task} {score.dataset}, {score.metric} of {len(score.covered):,} items"
