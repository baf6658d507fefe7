"""Which word does not belong? 8-8-8 (Camacho-Collados and Navigli 2016), WikiSem500 and whatever has their form.

A group of n words and one outlier: of each of these n + 1 words the mean cosine with the others is taken (the paper's
pseudo-inverted compactness). The position of the outlier is how many words of the group have a higher one, n if it was
found. Two metrics over all outliers: "accuracy", the share that was found, and "opp", the mean of their positions
divided by n. A word that is unknown as a whole, but has parts (Rio_de_Janeiro), gets the mean of the parts that are
known; words of a group that stay unknown are left out of it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.lines import Head, cells, lines, number
from wordfield.evaluation.scores import Mean, Score, Settings
from wordfield.search.exact import unit
from wordfield.storage.dense import averaged
from wordfield.unknown import PIECES, Unknown
from wordfield.vectors import WordVectors

LEAST = 2
"""Words that a group needs, besides the outlier, for there to be one."""


class Group(NamedTuple):
    """Words that belong together, and words that do not belong to them."""

    name: str
    words: list[str]
    outliers: list[str]


def sniff(head: Head) -> bool:
    """Columns named words and outliers; or lines of one word each, in two parts with an empty line between."""
    if _named(head.lines[0]) is not None:
        return len(head.lines) > 1
    return _halves(head)


def together(heads: Sequence[Head]) -> list[Path]:
    """The files of a folder that are one set, a group each."""
    files = [head.path for head in heads if head.lines and _named(head.lines[0]) is None and _halves(head)]
    return files if len(files) > 1 else []


def read(files: Sequence[Path]) -> list[Group]:
    """The groups of a set: of a table that has many, or of files that have one each, words, an empty line, outliers.
    ``ValueError`` names the line that is wrong.
    """
    groups = []
    for path in files:
        first = next(lines(path), None)
        columns = _named(first[1]) if first else None
        groups += [_of_halves(path)] if columns is None else _of_table(path, columns)
    return groups


def scores(words: WordVectors, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The scores on one set, an item an outlier; more: "groups", how many there are."""
    groups = read(files)
    found = [positions(words, group, settings.unknown) for group in groups]
    places, sizes, covered = (np.concatenate(parts) for parts in zip(*found, strict=True))
    values = {"accuracy": (places == sizes) & covered, "opp": places / np.maximum(sizes, 1)}
    policy, more = settings.unknown.applied(words), {"groups": len(groups)}
    parts = np.repeat(np.arange(len(groups)), [len(group.outliers) for group in groups])[:, None]
    return [
        Score("outliers", name, metric, covered, Mean(value), policy, dict(more), parts)
        for metric, value in values.items()
    ]


def positions(
    words: WordVectors, group: Group, unknown: Unknown
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of each outlier its position, of how many words of the group, and whether it is covered: it has a vector, and two
    words of the group or more. Under "zero" all are, and an outlier without a vector has position 0.
    """
    vectors, known, made = composed(words, [*group.words, *group.outliers], unknown)
    many = len(group.words)
    directions = unit(vectors[:many][known[:many]])
    inside = directions @ directions.T
    within = inside.sum(axis=1) - np.diag(inside)
    outside = unit(vectors[many:]) @ directions.T
    higher = within + outside > outside.sum(axis=1, keepdims=True)
    places = np.where(made[many:], higher.sum(axis=1), 0).astype(np.int64)
    covered = known[many:] & (len(directions) >= LEAST)
    return places, np.full(len(places), len(directions), np.int64), covered


def composed(
    words: WordVectors, asked: Sequence[str], unknown: Unknown
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Vectors of words, those of unknown ones from the parts between underscores that are known, or are made of tokens;
    which are known under the policy; and which of these were made of anything but zeros.
    """
    own = Unknown("skip", lower=unknown.lower)
    pieces = unknown.policy == "subword" and words.vocabulary.parts == PIECES
    found, each = own.find(words, asked), unknown if pieces else own
    vectors, known = found.vectors, found.known
    for here in np.flatnonzero(~known).tolist():
        parts = each.find(words, asked[here].split("_")) if "_" in asked[here] else None
        if parts is not None and parts.known.any():
            vectors[here], known[here] = averaged(parts.vectors[parts.known]), True
    made = known.copy()
    left = np.flatnonzero(~known)
    if len(left):
        rest = unknown.find(words, [asked[here] for here in left.tolist()])
        vectors[left], known[left] = rest.vectors, rest.known
        made[left] = rest.known & (unknown.policy != "zero")
    return vectors, known, made


class _Columns(NamedTuple):
    name: int | None
    words: int
    outliers: int


def _named(line: str) -> _Columns | None:
    """The columns that a row of names names."""
    names = [cell.lower() for cell in cells(line)]
    if "words" not in names or "outliers" not in names:
        return None
    return _Columns(names.index("category") if "category" in names else None, *map(names.index, ("words", "outliers")))


def _of_table(path: Path, columns: _Columns) -> list[Group]:
    """The groups of a table whose cells are lists, ['a', 'b']; empty words in them are left out."""
    groups = []
    for line, text in list(lines(path))[1:]:
        row = cells(text)
        words, outliers = (_words(row[each]) if each < len(row) else None for each in columns[1:])
        if not words or not outliers:
            raise ValueError(f"{path}: line {line}: lists of words are needed, ['a', 'b'], not {text[:80]!r}")
        groups.append(Group(row[columns.name] if columns.name is not None else str(line), words, outliers))
    if not groups:
        raise ValueError(f"{path}: no groups of words in it")
    return groups


def _words(cell: str) -> list[str] | None:
    """The words of a cell that is a list of them, but empty ones; None where it is none."""
    try:
        found = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        return None
    return [each.strip().replace(" ", "_") for each in found if each.strip()]


def _halves(head: Head) -> bool:
    """Whether a file is words, an empty line and words again, one a line."""
    parts = [list(some) for filled, some in groupby(head.rows, bool) if filled]
    words = [word for part in parts for word in part]
    single = all(len(word.split()) == 1 and number(word) is None and ":" not in word for word in words)
    return head.whole and single and len(parts) == 2 and len(parts[0]) >= LEAST


def _of_halves(path: Path) -> Group:
    """The group of a file of words, an empty line, and outliers."""
    rows = [(line, text.replace(" ", "_")) for line, text in lines(path, empty=True)]
    parts = [list(some) for filled, some in groupby(rows, lambda row: bool(row[1])) if filled]
    if len(parts) != 2:
        line = parts[2][0][0] if len(parts) > 2 else rows[-1][0] if rows else 1
        raise ValueError(
            f"{path}: line {line}: words that belong together, an empty line, and words that do not are needed, one a "
            f"line; there are {len(parts)} parts"
        )
    words, outliers = ([text for _, text in part] for part in parts)
    return Group(path.stem, words, outliers)
