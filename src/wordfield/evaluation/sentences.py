"""Do cosines order pairs of sentences as people do? STS-B (Cer et al. 2017), and whatever has its form.

Spearman's rank correlation of the cosines of whole texts, with Pearson's beside it, of each part of the set by itself.
P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.correlation import pearson, spearman
from wordfield.evaluation.lines import Head, lines, number, sentence
from wordfield.evaluation.scores import Score, Settings
from wordfield.protocols import Embedder
from wordfield.search.exact import unit

NAMES = ("sentence1", "sentence2", "score", "split")
"""What the columns are called, where they are named."""


class Pair(NamedTuple):
    """Two sentences and how alike people find them, on the scale of the set."""

    one: str
    other: str
    score: float
    split: str
    """The part of the set that it belongs to, where that is said."""


class Columns(NamedTuple):
    """Where a row between tabs has what."""

    one: int
    other: int
    score: int
    split: int | None


def sniff(head: Head) -> bool:
    """Rows between tabs of two sentences and a number, maybe under a row of names."""
    rows = [line.split("\t") for line in head.lines]
    columns = _columns(rows)
    if columns is None:
        return False
    body = rows[1:] if _named(rows[0]) is not None else rows
    pairs = [row for row in body if len(row) > max(columns[:3]) and number(row[columns.score]) is not None]
    texts = [row[column] for row in pairs for column in columns[:2]]
    return bool(pairs) and 10 * len(pairs) >= 9 * len(body) and 2 * sum(map(sentence, texts)) >= len(texts)


def read(path: Path) -> list[Pair]:
    """The pairs of a file. ``ValueError`` names the line that is not two sentences and a number."""
    rows = [(place, line.split("\t"), line) for place, line in lines(path)]
    columns = _columns([row for _, row, _ in rows])
    if columns is None:
        raise ValueError(f"{path}: two sentences and a number between tabs are needed in a line")
    if _named(rows[0][1]) is not None:
        rows = rows[1:]
    pairs = []
    for place, row, line in rows:
        score = number(row[columns.score]) if len(row) > max(columns[:3]) else None
        if score is None:
            raise ValueError(f"{path}: line {place}: two sentences and a number are needed, not {line[:80]!r}")
        split = "" if columns.split is None else row[columns.split]
        pairs.append(Pair(row[columns.one].strip(), row[columns.other].strip(), score, split))
    return pairs


def scores(model: Embedder, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The score of each part of a set, metric "spearman"; more: "pearson". Covered are pairs whose sentences both have
    a vector that is not zero.
    """
    del settings  # how unknown words are met is the model's own
    pairs = [pair for file in files for pair in read(file)]
    found = []
    for split in dict.fromkeys(pair.split for pair in pairs):
        some = [pair for pair in pairs if pair.split == split]
        near, covered = cosines(model, [pair.one for pair in some], [pair.other for pair in some])
        judged = np.array([pair.score for pair in some])
        called = f"{name}/{split}" if split else name
        score = Score("sentences", called, "spearman", covered, spearman(near, judged), "skip")
        linear = pearson(near, judged)(score.items[None])[0] if len(score.items) else np.nan
        score.more["pearson"] = float(linear) if np.isfinite(linear) else None
        found.append(score)
    return found


def cosines(
    model: Embedder, ones: Sequence[str], others: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The cosine of each pair of texts (P,), 0 with a vector of zeros, and whether neither is that (P,)."""
    texts = [*dict.fromkeys([*ones, *others])]
    place = {text: row for row, text in enumerate(texts)}
    vectors = model.embed(texts)
    left, right = ([place[text] for text in side] for side in (ones, others))
    return products(vectors[left], vectors[right])


def products(ones: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The cosine of each pair of vectors (P, D), and whether neither is zero (P,)."""
    covered: NDArray[np.bool_] = np.any(ones, axis=1) & np.any(others, axis=1)
    return np.einsum("nd,nd->n", unit(ones), unit(others)).astype(np.float64), covered


def _named(row: Sequence[str]) -> Columns | None:
    """The columns by a row of names."""
    names = [cell.strip().lower() for cell in row]
    if not {*NAMES[:3]} <= {*names}:
        return None
    split = names.index(NAMES[3]) if NAMES[3] in names else None
    one, other, score = (names.index(name) for name in NAMES[:3])
    return Columns(one, other, score, split)


def _columns(rows: Sequence[Sequence[str]]) -> Columns | None:
    """The columns by a row of names, or, without one, the first three."""
    if not rows:
        return None
    return _named(rows[0]) or (Columns(0, 1, 2, None) if len(rows[0]) == 3 else None)
