"""Which sets there are in files and folders: a file is one, recognised by its start; some sets are several files of one
folder, a category or a group of words each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from wordfield.datasets.registry import alike, located
from wordfield.evaluation.lines import Head, PathLike, lines
from wordfield.evaluation.scores import Score, Settings
from wordfield.protocols import Embedder
from wordfield.vectors import WordVectors

TASKS: dict[str, str] = {
    "similarity": "pairs of words with a score",
    "analogy": "questions of four words",
    "categories": "words and their categories",
    "outliers": "words that belong together and words that do not",
    "association": "two sets of target words and two of attributes",
    "context": "words in two sentences each",
    "sentences": "pairs of sentences with a score",
}
"""Name of a task, and of its module in this package -> what its sets hold; `classification` is for classifiers."""
TEXTS = ("context", "sentences")
"""Those that ask for vectors of texts, and not only of words."""
ORDER = ("context", "sentences", "association", "outliers", "analogy", "similarity", "categories")
"""The order in which they are tried: the strictest first."""


TOGETHER = ("outliers", "analogy", "categories")
"""Those with sets that are several files: their modules also answer ``together(heads)``, which of them."""


class Task(Protocol):
    """What a module of this package answers."""

    def sniff(self, head: Head) -> bool: ...
    def scores(self, model: Any, name: str, files: Sequence[Path], settings: Settings) -> list[Score]: ...


class EvaluationSet(NamedTuple):
    """One set: its task, its name (that of its file, or folder), and its files."""

    task: str
    name: str
    files: tuple[Path, ...]

    def scores(self, model: WordVectors | Embedder, settings: Settings) -> list[Score]:
        """What a model, or vectors of words alone, reach on it, a score each metric."""
        asked = model if isinstance(model, WordVectors) or self.task in TEXTS else model.words  # type: ignore[attr-defined]
        return task(self.task).scores(asked, self.name, self.files, settings)


def gathered(paths: PathLike | Iterable[PathLike], suite: str | None = None) -> list[EvaluationSet]:
    """The sets in files and folders, these searched through, in the order of the paths and of their files' names. The
    name of a public set stands for its file, see ``wordfield.datasets``.

    ``suite`` keeps one task only. ``FileNotFoundError`` for what is not there, ``ValueError`` for a named file of no
    known task; other files in a folder are passed over.
    """
    if suite is not None and suite not in TASKS:
        raise ValueError(f"unknown suite {suite!r}; known: {', '.join(TASKS)}")
    sets: list[EvaluationSet] = []
    for path in map(located, [paths] if isinstance(paths, str) or not isinstance(paths, Iterable) else paths):
        if not path.exists():
            near = alike(str(path))
            also = f"; public sets of such a name: {', '.join(near)}" if near else ""
            raise FileNotFoundError(f"no evaluation set at {path}{also}")
        if path.is_dir():
            found = _inside(path)
        else:
            found = [EvaluationSet(recognise(path) or suite or _unrecognised(path), path.stem, (path,))]
        sets += [each for each in found if suite in (None, each.task)]
    return sets


def recognise(path: PathLike) -> str | None:
    """The task that a file's start shows, or None."""
    return _recognised(Head.of(Path(path)))


def task(name: str) -> Task:
    """The module of a task."""
    module: Task = _module(name)
    return module


def _inside(folder: Path) -> list[EvaluationSet]:
    """The sets in a folder and the folders in it."""
    folders: dict[Path, list[Head]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.startswith("."):
            folders.setdefault(file.parent, []).append(Head.of(file))
    sets = []
    for parent, heads in folders.items():
        for name in TOGETHER:
            files: list[Path] = _module(name).together(heads)
            if files:
                sets.append(EvaluationSet(name, parent.resolve().name, tuple(files)))
                heads = [head for head in heads if head.path not in files]
        found = ((head.path, _recognised(head)) for head in heads)
        sets += [EvaluationSet(name, path.stem, (path,)) for path, name in found if name is not None]
    return sorted(sets, key=lambda each: each.files[0])


def _module(name: str) -> Any:
    return import_module(f"wordfield.evaluation.{name}")


def _recognised(head: Head) -> str | None:
    return next((name for name in ORDER if head.lines and task(name).sniff(head)), None)


def _unrecognised(path: Path) -> str:
    """Says why a file is no set."""
    from wordfield.evaluation.similarity import refusal

    if not Head.of(path).text:
        for _ in lines(path):  # which says where it is no UTF-8
            pass
    why = refusal(Head.of(path))
    if why is not None:
        raise ValueError(f"{path}: {why}")
    wanted = ", ".join(f"{holds} ({name})" for name, holds in TASKS.items())
    raise ValueError(f"{path}: no set that is known: neither {wanted}; name the suite to learn which line is wrong")
