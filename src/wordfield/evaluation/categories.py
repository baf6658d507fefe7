"""Do words of one category lie together? AP (Almuhareb 2006), BLESS, Battig, ESSLLI and whatever has their form.

The words' vectors are put into as many clusters as there are categories (``clustering``); the score is purity (Baroni,
Dinu and Kruszewski 2014): the share of words whose category is the commonest of their cluster. In samples of the words
the clusters stay, and what the commonest category of each is: found anew in a sample, where words that are drawn twice
agree with themselves, it would be common too often. I words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.clustering import clustered
from wordfield.evaluation.correlation import Floats, Rows
from wordfield.evaluation.lines import Head, cells, lines, number, numbered, plain, sentence, untagged
from wordfield.evaluation.scores import Mean, Score, Settings
from wordfield.search.exact import unit
from wordfield.vectors import WordVectors

CATEGORY = ("category", "class", "cluster")
WORD = ("word", "concept", "noun", "item")
NUMBERS = 1 << 22
"""Numbers that are counted, or multiplied, at once."""
LISTS = 3
"""As many lists of words, all that a folder has, are taken for categories."""
NOTES = ("readme", "license", "licence", "copying")
"""Files that stand beside them, by how their names begin."""


class Concept(NamedTuple):
    """A word and its category."""

    word: str
    category: str


class Columns(NamedTuple):
    """Where a row has what."""

    word: int
    category: int


def sniff(head: Head) -> bool:
    """Columns named word and category; or two columns, tabs or commas between them, one of words that mostly stand once
    and one of few categories: at most half as many as words.
    """
    rows = [cells(line) for line in head.lines]
    if _named(rows[0]) is not None:
        return len(rows) > 1
    columns = _columns(rows)
    if columns is None or len(rows) < 4 or any(len(row) != len(rows[0]) for row in rows):
        return False
    words, groups = ([row[column] for row in rows] for column in columns)
    if not all(words) or not all(groups) or any(number(each) is not None or sentence(each) for each in words + groups):
        return False
    return 2 * len(set(groups)) <= len(rows) and len(set(words)) >= 0.9 * len(rows)


def together(heads: Sequence[Head]) -> list[Path]:
    """The files of a folder that is one set, a list of words for each category: three lists or more, and nothing but
    them and a README.
    """
    lists = [head for head in heads if not head.path.name.lower().startswith(NOTES)]
    return [head.path for head in lists] if len(lists) >= LISTS and all(map(_list, lists)) else []


def read(files: Sequence[Path]) -> list[Concept]:
    """The words of a set: of a file with both columns, or of files of one word a line whose names are the categories.
    Rows without a word are left out. ``ValueError`` names the line that is wrong.
    """
    concepts = []
    for path in files:
        if _list(Head.of(path)):
            concepts += [Concept(word, path.stem) for _, word in lines(path)]
        else:
            concepts += _of_table(path)
    plain = untagged([concept.word for concept in concepts])
    return [Concept(word, concept.category) for word, concept in zip(plain, concepts, strict=True)]


def scores(words: WordVectors, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The score on one set, metric "purity" (0 to 1); more: "categories", how many of them have a word that is covered,
    and "duplicates", words that stood there before, if there are any.
    """
    concepts = read(files)
    found = settings.unknown.find(words, [concept.word for concept in concepts])
    covered = np.flatnonzero(found.known)
    _, categories = np.unique([concept.category for concept in concepts], return_inverse=True)
    many = len(np.unique(categories[covered]))
    right = np.zeros(len(concepts), bool)
    if many:
        right[covered] = commonest(clustered(cosines(found.vectors[covered]), many), categories[covered])
    more = {"categories": many}
    if duplicates := len(concepts) - len({concept.word for concept in concepts}):
        more["duplicates"] = duplicates
    return [Score("categories", name, "purity", found.known, Mean(right), settings.unknown.applied(words), more)]


def commonest(clusters: Rows, categories: Rows) -> NDArray[np.bool_]:
    """Whether each item has the category that most of its cluster have, (I,); of equally many the first category."""
    _, cluster = np.unique(clusters, return_inverse=True)
    _, category = np.unique(categories, return_inverse=True)
    counts = np.zeros((cluster.max(initial=-1) + 1, category.max(initial=-1) + 1), np.int64)
    np.add.at(counts, (cluster, category), 1)
    return category == counts.argmax(axis=1)[cluster] if len(clusters) else np.zeros(0, bool)


def cosines(vectors: NDArray[Any]) -> Floats:
    """The cosine of each vector with each (n, n), of some dimensions after the other."""
    count, dim = vectors.shape
    products, step = np.zeros((count, count)), max(1, NUMBERS // max(1, count))
    if dim <= step:
        directions = unit(vectors)
        near: Floats = directions @ directions.T
        return near
    for start in range(0, dim, step):
        part = vectors[:, start : start + step].astype(np.float64)
        products += part @ part.T
    lengths = np.sqrt(np.diag(products))
    scale = np.outer(lengths, lengths)
    cosine: Floats = np.divide(products, scale, out=np.zeros_like(products), where=scale > 0)
    return cosine


def _of_table(path: Path) -> list[Concept]:
    """The words of a file that has a column of words and one of categories."""
    given = [(line, cells(text), text) for line, text in lines(path)]
    rows = [row for _, row, _ in given]
    named = _named(rows[0]) if rows else None
    columns = named or _columns(rows)
    if columns is None:
        raise ValueError(f"{path}: no column of words and column of categories in it, between tabs or commas")
    concepts = []
    for line, row, text in given[1 if named else 0 :]:
        if len(row) <= max(columns) or not row[columns.category]:
            raise ValueError(f"{path}: line {line}: a word and its category are needed, not {text[:80]!r}")
        if row[columns.word]:
            concepts.append(Concept(row[columns.word], row[columns.category]))
    if not concepts:
        raise ValueError(f"{path}: no words with categories in it")
    return concepts


def _named(row: list[str]) -> Columns | None:
    """The columns that a row of names names."""
    names = [cell.lower() for cell in row]
    word = next((column for column, name in enumerate(names) if name in WORD), None)
    category = next((column for column, name in enumerate(names) if name in CATEGORY), None)
    return None if word is None or category is None else Columns(word, category)


def _columns(rows: list[list[str]]) -> Columns | None:
    """The columns of rows without names: two, maybe after a running number; fewer different ones are categories."""
    first = int(numbered(rows[:20]))
    if not rows or len(rows[0]) != first + 2:
        return None
    one, other = (len({row[column] for row in rows if len(row) > column}) for column in (first, first + 1))
    return Columns(first, first + 1) if one >= other else Columns(first + 1, first)


def _list(head: Head) -> bool:
    """Whether a file is a list of words: one a line, two or more, and no numbers."""
    rows = [row for row in head.rows if row]
    return head.whole and len(rows) > 1 and all(len(row.split()) == 1 and plain(row) for row in rows)
