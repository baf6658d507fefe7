"""Do cosines order pairs of words as people do? WordSim-353 (Finkelstein et al. 2001), SimLex-999, MEN, RG-65 and
whatever has their form.

Spearman's rank correlation; its interval by Fisher's z with the standard error of Bonett and Wright (2000). Pairs with
an unknown word are left out and counted, unless its n-grams make a vector; pairs that stand twice in a set count twice,
as everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atanh, sqrt, tanh
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.lines import fields, lines, row_of
from wordfield.search.exact import unit
from wordfield.text.ngrams import NgramVocabulary
from wordfield.vectors import WordVectors

Z95 = 1.959963984540054
NUMBERS = 1 << 22
"""Numbers in the vectors that are compared at once."""


class Pair(NamedTuple):
    """Two words and how alike people find them, on the scale of the set."""

    one: str
    other: str
    score: float


def sniff(first: list[str]) -> bool:
    """Rows of two words, then a number in the third column or the fourth, maybe under a row of names; no sentences."""
    rows = [fields(line) for line in first]
    column = next((found for row in rows[:2] if (found := _score_column(row)) is not None), None)
    if column is None:
        return False
    scored = all(len(row) > column and _number(row[column]) is not None and _number(row[1]) is None for row in rows[1:])
    return scored and 2 * sum(any(map(_sentence, row)) for row in rows) < len(rows)


def read(path: Path) -> list[Pair]:
    """The pairs of a file; columns between tabs, commas or spaces. ``ValueError`` names the line that is not two words
    and a number.
    """
    pairs: list[Pair] = []
    column: int | None = None
    for place, (number, line) in enumerate(lines(path)):
        row = fields(line)
        if column is None:
            column = _score_column(row)
            if column is None and place == 0:  # a row of names
                continue
        score = _number(row[column]) if column is not None and len(row) > column else None
        if score is None:
            raise ValueError(f"{path}: line {number}: two words and a number are needed, not {line[:80]!r}")
        pairs.append(Pair(row[0], row[1], score))
    if not pairs:
        raise ValueError(f"{path}: no pairs of words with scores in it")
    return pairs


def evaluate(words: WordVectors, path: Path, **_: Any) -> dict[str, Any]:
    """The result on one set, with the metric "spearman"; value None where too few pairs are known or all cosines are
    one.
    """
    pairs = read(path)
    known = []
    for pair in pairs:
        one, other = spelled(words, pair.one), spelled(words, pair.other)
        if one is not None and other is not None:
            known.append((one, other, pair.score))
    value = None
    if known:
        ones, others, scores = zip(*known, strict=True)
        value = spearman(cosines(words, ones, others), np.array(scores))
    low, high = interval(value, len(known))
    return {
        "task": "similarity",
        "dataset": path.stem,
        "metric": "spearman",
        "value": value,
        "low": low,
        "high": high,
        "pairs": len(pairs),
        "covered": len(known),
        "oov": "n-grams" if isinstance(words.vocabulary, NgramVocabulary) else "skip",
    }


def spelled(words: WordVectors, word: str) -> str | None:
    """The word as the vectors spell it, or, where it is unknown, as its n-grams are made; None if it has no vector."""
    row = row_of(words, word)
    if row is not None:
        return words.vocabulary.words[row]
    vocabulary, small = words.vocabulary, word.lower()
    return small if isinstance(vocabulary, NgramVocabulary) and len(vocabulary.bag(small)) else None


def cosines(words: WordVectors, ones: Sequence[str], others: Sequence[str]) -> NDArray[np.float64]:
    """The cosine of each pair of words (n,)."""
    products = np.empty(len(ones), dtype=np.float64)
    step = max(1, NUMBERS // words.dim)
    for start in range(0, len(ones), step):
        here = slice(start, start + step)
        left, right = unit(words[ones[here]]), unit(words[others[here]])
        np.einsum("nd,nd->n", left, right, out=products[here])
    return products


def spearman(ours: NDArray[Any], theirs: NDArray[Any]) -> float | None:
    """The rank correlation of two lists of numbers, equal ones sharing a mean rank; None where one does not vary."""
    if len(ours) < 2 or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(ours, theirs).statistic)


def interval(value: float | None, count: int) -> tuple[float | None, float | None]:
    """95 % interval of a rank correlation of ``count`` pairs: tanh(atanh r ± 1.96 sqrt((1 + r²/2) / (n - 3))); None
    below 4 pairs.
    """
    if value is None or count < 4:
        return None, None
    if abs(value) >= 1:
        return value, value
    width = Z95 * sqrt((1 + value**2 / 2) / (count - 3))
    return tanh(atanh(value) - width), tanh(atanh(value) + width)


def _score_column(row: list[str]) -> int | None:
    """2 or 3 (SimLex puts the part of speech between), the first that is a number; None where the row is no pair."""
    if len(row) < 3 or _number(row[1]) is not None:
        return None
    return next((column for column in (2, 3) if len(row) > column and _number(row[column]) is not None), None)


def _sentence(cell: str) -> bool:
    """Whether a column holds more than a word or a short phrase: sets of sentence pairs have the same form."""
    return len(cell) > 40 or cell.count(" ") > 2 or cell.endswith(("。", "！", "？", "!", "?"))


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
