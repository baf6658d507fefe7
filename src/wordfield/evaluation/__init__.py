"""How good word vectors are, on sets of human judgement: a task a module, each ``sniff``, ``read``, ``score``.

Every result says how much of the set was covered, what was done about unknown words, and a 95 % confidence interval.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from wordfield.evaluation.lines import PathLike, first_lines
from wordfield.vectors import WordVectors

__all__ = ["TASKS", "evaluate", "recognise"]

TASKS: dict[str, str] = {"similarity": "similarity", "analogy": "analogy"}
"""Name of a task of word vectors -> module in this package; `classification` is for classifiers."""


class Task(Protocol):
    """What a module of this package answers."""

    def sniff(self, lines: list[str]) -> bool: ...
    def evaluate(
        self, words: WordVectors, path: Path, *, restrict_vocab: int | None, method: str
    ) -> dict[str, Any]: ...


def evaluate(
    words: WordVectors,
    paths: PathLike | Iterable[PathLike],
    suite: str | None = None,
    restrict_vocab: int | None = 30_000,
    method: str = "add",
) -> list[dict[str, Any]]:
    """Score the vectors on each set, one result a file, in the order of the paths; folders are searched through.

    A file's task is recognised by its content; ``suite`` keeps one task only. ``restrict_vocab`` is for analogies:
    questions and answers from the first, so most frequent, words only; None takes all. ``method`` of analogies: "add"
    or "mul". A result has task, dataset (the file's stem), metric, value, low, high (95 %), pairs, covered and oov;
    None where nothing can be said. A named file of no known task, or a folder without any, raises ``ValueError``; other
    files in a folder are passed over.
    """
    if suite is not None and suite not in TASKS:
        raise ValueError(f"unknown suite {suite!r}; known: {', '.join(TASKS)}")
    results = []
    given = [Path(path) for path in ([paths] if isinstance(paths, str) or not isinstance(paths, Iterable) else paths)]
    for path in given:
        if not path.exists():
            raise FileNotFoundError(f"no evaluation set at {path}")
        inside = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in inside:
            task = recognise(file) or (None if path.is_dir() else suite)
            if task is None and not path.is_dir():
                raise ValueError(
                    f"{file}: neither pairs of words with a score (similarity) nor questions of four words (analogy); "
                    "name the suite to learn which line is wrong"
                )
            if task is not None and suite in (None, task):
                results.append(_task(task).evaluate(words, file, restrict_vocab=restrict_vocab, method=method))
    if not results:
        wanted = suite or " or ".join(TASKS)
        raise ValueError(f"no set for {wanted} in {', '.join(map(str, given)) or 'an empty list of paths'}")
    return results


def recognise(path: PathLike) -> str | None:
    """The task that a file's first lines show, or None."""
    lines = first_lines(Path(path))
    return next((name for name in TASKS if lines and _task(name).sniff(lines)), None)


def _task(name: str) -> Task:
    module: Any = import_module(f"{__name__}.{TASKS[name]}")
    return module  # type: ignore[no-any-return]
