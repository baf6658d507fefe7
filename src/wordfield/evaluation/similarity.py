"""Do cosines order pairs of words as people do? WordSim-353 (Finkelstein et al. 2001), SimLex-999, SimVerb-3500,
Multi-SimLex, MEN, RG-65, RW, MTurk-771 and whatever has their form.

Spearman's rank correlation, with Pearson's beside it. Pairs that stand twice in a set count twice, as everywhere, but
that is said. P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.correlation import pearson, spearman
from wordfield.evaluation.lines import Head, fields, lines, number, numbered, sentence, untagged
from wordfield.evaluation.scores import Score, Settings
from wordfield.search.exact import unit
from wordfield.unknown import Unknown
from wordfield.vectors import WordVectors

NUMBERS = 1 << 22
"""Numbers in the vectors that are compared at once."""
ANNOTATOR = "annotator"
"""How columns are named that each hold one person's score, in Multi-SimLex."""


class Pair(NamedTuple):
    """Two words and how alike people find them, on the scale of the set."""

    one: str
    other: str
    score: float


class Columns(NamedTuple):
    """Where a row has what: its first word, the second being the next; its score, or several whose mean it is."""

    word: int
    scores: list[int]


def sniff(head: Head) -> bool:
    """Rows of two words, then a number in the third column or the fourth, maybe after a running number and under a row
    of names; no sentences.
    """
    rows = [fields(line) for line in head.lines]
    columns = _columns(rows)
    if columns is None:
        return False
    scored = all(_score(row, columns) is not None and number(row[columns.word + 1]) is None for row in rows[1:])
    return scored and 2 * sum(any(map(sentence, row)) for row in rows) < len(rows)


def refusal(head: Head) -> str | None:
    """Why a file that looks like a set of pairs is none."""
    rows = [fields(line) for line in head.lines[:3]]
    if rows and all(len(row) > 8 and row[0].isdecimal() and "<b>" in row[5] for row in rows):
        return "its scores (SCWS) are for words in two sentences, which word vectors do not see"
    return None


def read(path: Path) -> list[Pair]:
    """The pairs of a file; columns between tabs, commas or spaces. Parts of speech behind all words (MEN: sun-n) are
    taken off. ``ValueError`` names the line that is not two words and a number.
    """
    given = [(line, fields(text), text) for line, text in lines(path)]
    columns = _columns([row for _, row, _ in given])
    pairs: list[Pair] = []
    for place, (line, row, text) in enumerate(given):
        score = None if columns is None else _score(row, columns)
        if columns is None or score is None:
            if place == 0:  # a row of names
                continue
            raise ValueError(f"{path}: line {line}: two words and a number are needed, not {text[:80]!r}")
        pairs.append(Pair(row[columns.word], row[columns.word + 1], score))
    if not pairs:
        raise ValueError(f"{path}: no pairs of words with scores in it")
    plain = untagged([word for pair in pairs for word in pair[:2]])
    words = zip(plain[::2], plain[1::2], pairs, strict=True)
    return [Pair(one, other, pair.score) for one, other, pair in words]


def scores(words: WordVectors, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The score on one set, metric "spearman"; more: "pearson", and "duplicates", pairs that stood there before, if
    there are any.
    """
    pairs = [pair for file in files for pair in read(file)]
    ones, others, judged = zip(*pairs, strict=True)
    found, covered = cosines(words, ones, others, settings.unknown)
    measure, straight = spearman(found, np.array(judged)), pearson(found, np.array(judged))
    score = Score("similarity", name, "spearman", covered, measure, settings.unknown.applied(words))
    linear = straight(score.items[None])[0] if len(score.items) else np.nan
    score.more["pearson"] = float(linear) if np.isfinite(linear) else None
    if duplicates := len(pairs) - len({frozenset(pair[:2]) for pair in pairs}):
        score.more["duplicates"] = duplicates
    return [score]


def cosines(
    words: WordVectors, ones: Sequence[str], others: Sequence[str], unknown: Unknown
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The cosine of each pair of words (P,), 0 with a vector of zeros, and whether both have a vector (P,)."""
    products, known = np.zeros(len(ones)), np.zeros(len(ones), bool)
    step = max(1, NUMBERS // words.dim)
    for start in range(0, len(ones), step):
        here = slice(start, start + step)
        left, right = unknown.find(words, ones[here]), unknown.find(words, others[here])
        np.einsum("nd,nd->n", unit(left.vectors), unit(right.vectors), out=products[here])
        known[here] = left.known & right.known
    return products, known


def _columns(rows: list[list[str]]) -> Columns | None:
    """The columns of pairs, by the second row or, if that shows none, the first; None where they are none."""
    if len(rows) > 1:
        names = [cell.lower() for cell in rows[0]]
        people = [column for column, name in enumerate(names) if name.startswith(ANNOTATOR)]
        if people:
            return Columns(people[0] - 2, people) if people[0] >= 2 else None
    word = int(numbered(rows[:20]) or numbered(rows[1:20]))
    found = (_score_column(row, word) for row in rows[1::-1])
    return next((Columns(word, [column]) for column in found if column is not None), None)


def _score_column(row: list[str], word: int) -> int | None:
    """The first column that is a number, the one behind the two words or the next (SimLex puts the part of speech
    between); None where the row is no pair.
    """
    if len(row) < word + 3 or number(row[word + 1]) is not None:
        return None
    return next((each for each in (word + 2, word + 3) if len(row) > each and number(row[each]) is not None), None)


def _score(row: list[str], columns: Columns) -> float | None:
    """The score in a row, that of those who gave one; None where nobody did."""
    cells: list[Any] = [row[column] for column in columns.scores if column < len(row)]
    if len(columns.scores) > 1:
        cells = [cell for cell in cells if cell]
    values = [number(cell) for cell in cells]
    given = [value for value in values if value is not None]
    return sum(given) / len(given) if given and len(given) == len(values) else None
