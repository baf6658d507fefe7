"""Public evaluation sets by name: what they are, from where, under which licence, and which bytes they must be.

Nothing is fetched unless ``fetch`` is called. What was fetched lies in the user's cache, under the name of the set.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, TypeAlias

from wordfield.places import cache_root
from wordfield.progress import Progress, silent

PathLike: TypeAlias = str | os.PathLike[str]
Task: TypeAlias = Literal["similarity", "analogy", "categories", "outliers"]

RAW = "https://raw.githubusercontent.com"


class Repository(NamedTuple):
    """Where sets come from: the files of one commit, which never change."""

    name: str
    commit: str
    licence: str
    """As the repository states it; the sets that it gathers from others may have further terms of their own."""


REPOSITORIES = {
    "faruqui": Repository("mfaruqui/eval-word-vectors", "94b3dd9fdbac7ed08dbee7179cd5ee464acf0594", "MIT"),
    "mikolov": Repository("tmikolov/word2vec", "20c129af10659f7c50e86e3be406df663beff438", "Apache-2.0"),
    "vecto": Repository("vecto-ai/word-benchmarks", "9b61d0e067e2e68af22160d09450f82d9544cd70", "not stated"),
    "xu": Repository("Leonard-Xu/CWE", "bc55e88a4be9480d585f009e36ce169ec041ae15", "MIT"),
    "thunlp": Repository("thunlp/COS960", "037bb9ab0e116f1e1a3ead50d97e971bd277f2df", "MIT"),
    "li": Repository("Embedding/Chinese-Word-Vectors", "3096a475f79f218dde7b413dcc6b507d302b7f46", "Apache-2.0"),
}
"""By the name that sets.tsv has for them."""


@dataclass(frozen=True)
class Dataset:
    """One set: a file of a known length and checksum."""

    name: str
    task: Task
    language: str
    items: int
    """Pairs, questions, concepts, or words to find among others."""
    paper: str
    source: str
    """The address of the file."""
    licence: str
    bytes: int
    sha256: str

    @property
    def file(self) -> str:
        """What its file in the cache is called: the name of the set, so that results name it too."""
        return self.name + PurePosixPath(self.source).suffix

    def path(self, folder: Path | None = None) -> Path:
        """Where its file is, or will be."""
        return (folder or cache()) / self.file

    def cached(self, folder: Path | None = None) -> bool:
        """Whether it was fetched."""
        return self.path(folder).is_file()


def _known() -> dict[str, Dataset]:
    """The sets that sets.tsv lists, by name."""
    head, *rows = (line.split("\t") for line in Path(__file__).with_name("sets.tsv").read_text("utf-8").splitlines())
    found = {}
    for row in rows:
        each = dict(zip(head, row, strict=True))
        at = REPOSITORIES[each.pop("repository")]
        source = f"{RAW}/{at.name}/{at.commit}/{each.pop('path')}"
        numbers = {name: int(each.pop(name)) for name in ("items", "bytes")}
        found[each["name"]] = Dataset(**each, **numbers, source=source, licence=at.licence)  # type: ignore[arg-type]
    return found


SETS: dict[str, Dataset] = _known()
"""All that are known, by name."""


def cache() -> Path:
    """The folder of what was fetched. It need not be there yet."""
    return cache_root() / "datasets"


def alike(name: str, sets: Mapping[str, Dataset] = SETS) -> list[str]:
    """The sets whose names are most like it."""
    return difflib.get_close_matches(name.lower(), sets, n=3, cutoff=0.5)


def find(name: str, sets: Mapping[str, Dataset] = SETS) -> Dataset:
    """The set of that name, in whichever case; ``ValueError`` names the nearest for one that is not known."""
    if (found := sets.get(name.lower())) is not None:
        return found
    near = alike(name, sets)
    also = f"did you mean {', '.join(near)}? " if near else ""
    raise ValueError(f"no public set is called {name!r}: {also}`wordfield datasets` lists all {len(sets)}")


def fetch(
    names: Iterable[str],
    progress: Progress = silent,
    *,
    sets: Mapping[str, Dataset] = SETS,
    folder: Path | None = None,
    timeout: float = 30.0,
    pause: float = 1.0,
) -> list[Path]:
    """Download the sets that are not in the cache yet, or are not there as they should be, and return where all are.

    ``progress`` is told the bytes of all of them. ``folder``: another one than the cache; ``timeout``, ``pause``: see
    ``download``. ``ValueError`` for an unknown name and for a file that is not what it should be, ``OSError`` where the
    network fails or the cache cannot be written.
    """
    from wordfield.datasets.download import download

    chosen = list(dict.fromkeys(find(name, sets) for name in names))
    missing = [each for each in chosen if not each.cached(folder) or _digest(each.path(folder)) != each.sha256]
    total, behind = sum(each.bytes for each in missing), 0
    for each in missing:
        report = _counted(progress, behind, total, each.name)
        download(each.source, each.path(folder), each.bytes, each.sha256, progress=report, timeout=timeout, pause=pause)
        behind += each.bytes
    return [each.path(folder) for each in chosen]


def _counted(progress: Progress, behind: int, whole: int, name: str) -> Progress:
    """Progress on one set as progress on all of them."""

    def report(done: int, total: int, **measures: Any) -> None:
        del total
        progress(behind + done, whole, set=name, **measures)

    return report


def located(given: PathLike, *, sets: Mapping[str, Dataset] = SETS, folder: Path | None = None) -> Path:
    """The path that is given or, where nothing is there and it is the name of a set, that set's file.

    ``FileNotFoundError`` for a set that was not fetched, which says how to, and ``ValueError`` for one whose file is
    not as it was fetched. What is neither there nor a name is returned as it is.
    """
    path = Path(given)
    each = sets.get(os.fspath(given).lower())
    if each is None or path.exists():
        return path
    file = each.path(folder)
    if not file.is_file():
        raise FileNotFoundError(
            f"{each.name} is a public set that is not on this machine yet: `wordfield datasets {each.name} --fetch` "
            f"downloads it ({each.bytes / 1e3:,.0f} kB from {each.source})"
        )
    if _digest(file) != each.sha256:
        raise ValueError(
            f"{file} is not {each.name} as it was fetched (its SHA-256 is another): `wordfield datasets {each.name} "
            "--fetch` downloads it anew"
        )
    return file


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
