"""How good vectors are, on sets of human judgement: a task a module, each ``sniff``, ``scores``.

Every result says how much of the set was covered, what was done about unknown words, and a 95 % confidence interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wordfield.evaluation.lines import PathLike
from wordfield.evaluation.scores import Score, Settings
from wordfield.evaluation.sets import TASKS, TEXTS, EvaluationSet, gathered, recognise
from wordfield.protocols import Embedder
from wordfield.unknown import Policy, Unknown
from wordfield.vectors import WordVectors

__all__ = ["TASKS", "EvaluationSet", "Score", "Settings", "evaluate", "gathered", "recognise", "scores"]

USUAL = Settings()


def scores(
    model: WordVectors | Embedder,
    paths: PathLike | Iterable[PathLike],
    suite: str | None = None,
    settings: Settings = USUAL,
) -> list[Score]:
    """What a model reaches on each set, in the order of the paths; folders are searched through.

    A file's task is recognised by its content; ``suite`` keeps one task only. A named file of no known task, or no set
    at all, raises ``ValueError``; other files in a folder are passed over, and for vectors of words alone sets of
    texts, for a model without words those of words.
    """
    given = [paths] if isinstance(paths, str) or not isinstance(paths, Iterable) else list(paths)
    sets = gathered(given, suite)
    if isinstance(model, WordVectors):
        sets = [each for each in sets if each.task not in TEXTS]
    elif not hasattr(model, "words"):
        sets = [each for each in sets if each.task in TEXTS]
    if not sets:
        wanted = suite or " or ".join(TASKS)
        raise ValueError(f"no set for {wanted} in {', '.join(map(str, given)) or 'an empty list of paths'}")
    return [score for each in sets for score in each.scores(model, settings)]


def evaluate(
    model: WordVectors | Embedder,
    paths: PathLike | Iterable[PathLike],
    suite: str | None = None,
    restrict_vocab: int | None = 30_000,
    method: str = "add",
    unknown: Unknown | Policy | None = None,
) -> list[dict[str, Any]]:
    """The ``scores`` as JSON can hold them, one result a metric of a set.

    ``restrict_vocab`` is for analogies: questions and answers from the first, so most frequent, words only; None takes
    all. ``method`` of analogies: "add" or "mul". ``unknown``: what becomes of words that the vectors do not have;
    unset: n-grams, where the model has them, else they are left out. A result has task, dataset (the name of its file
    or folder), metric, value, low, high (95 %), pairs, covered and oov; None where nothing can be said.
    """
    settings = Settings(restrict_vocab, method, Unknown.of(unknown, USUAL.unknown))
    return [score.result() for score in scores(model, paths, suite, settings)]
