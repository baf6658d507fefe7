"""Does b - a + c point at d? Google's questions (Mikolov et al. 2013), CA8 and whatever has their form: ": section"
lines and four words a line.

All questions are answered as a few matrix products. As in word2vec.c only the most frequent words are asked and may
answer, the three given words are no answer, and a question with an unknown word is left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.lines import lines, row_of
from wordfield.search import exact
from wordfield.storage import Sparse
from wordfield.vectors import WordVectors

Z95 = 1.959963984540054
NUMBERS = 1 << 25
"""Numbers in the vectors of questions that are asked at once."""
SYNTACTIC = "gram"
"""How the names of Google's syntactic sections begin."""


class Question(NamedTuple):
    """a is to b as c is to d; the section it stands in."""

    section: str
    a: str
    b: str
    c: str
    d: str


def sniff(first: list[str]) -> bool:
    """A line ": section" and then mostly lines of four words; or only such lines, none of the words a number."""
    if not first:
        return False
    rows = [line.split() for line in first if not line.startswith(":")]
    fours = sum(len(row) == 4 for row in rows)
    if first[0].startswith(":"):
        return 2 * fours > len(rows)
    return bool(rows) and fours == len(rows) and not any(_number(cell) for row in rows for cell in row)


def read(path: Path) -> list[Question]:
    """The questions of a file; ``ValueError`` names a line that is neither a section nor four words."""
    questions: list[Question] = []
    section = ""
    for number, line in lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        row = line.split()
        if len(row) != 4:
            raise ValueError(f"{path}: line {number}: four words are needed, not {len(row)}: {line[:80]!r}")
        questions.append(Question(section, *row))
    if not questions:
        raise ValueError(f"{path}: no questions of four words in it")
    return questions


def evaluate(
    words: WordVectors, path: Path, *, restrict_vocab: int | None = 30_000, method: str = "add"
) -> dict[str, Any]:
    """The result on one set, metric "accuracy" (0 to 1) over the covered questions.

    Besides the usual fields: method, restrict_vocab, "sections" (each with name, value, low, high, pairs, covered) and,
    where section names are Google's, "semantic" and "syntactic" with the same fields.
    """
    questions = read(path)
    right = answers(words, questions, restrict_vocab, method)
    names = np.array([question.section for question in questions])
    syntactic = np.char.startswith(names, SYNTACTIC)
    result = {
        "task": "analogy",
        "dataset": path.stem,
        "metric": "accuracy",
        **_share(right),
        "oov": "skip",
        "method": method,
        "restrict_vocab": restrict_vocab,
        "sections": [{"name": name, **_share(right[names == name])} for name in dict.fromkeys(names.tolist())],
    }
    if syntactic.any() and not syntactic.all():
        result |= {"semantic": _share(right[~syntactic]), "syntactic": _share(right[syntactic])}
    return result


def answers(
    words: WordVectors, questions: list[Question], restrict_vocab: int | None = None, method: str = "add"
) -> NDArray[np.int8]:
    """For each question 1 where the nearest word is d, 0 where another is, -1 where one of the four is unknown or too
    rare.
    """
    if method not in ("add", "mul"):
        raise ValueError(f"unknown method {method!r}; known: add, mul")
    if restrict_vocab is not None and restrict_vocab < 0:
        raise ValueError(
            f"restrict_vocab is how many of the most frequent words may answer, 0 for all, not {restrict_vocab}"
        )
    limit = min(len(words), restrict_vocab or len(words))
    found = np.full(len(questions), -1, dtype=np.int8)
    rows: list[tuple[int, ...]] = []
    asked: list[int] = []
    cache: dict[str, int | None] = {}
    for here, question in enumerate(questions):
        known = []
        for word in question[1:]:
            if word not in cache:
                cache[word] = row_of(words, word)
            row = cache[word]
            if row is None or row >= limit:
                break
            known.append(row)
        else:
            rows.append(tuple(known))
            asked.append(here)
    if asked:
        a, b, c, d = np.array(rows, dtype=np.int64).T
        found[asked] = _nearest(words, a, b, c, limit, method) == d
    return found


def _nearest(
    words: WordVectors, a: NDArray[np.int64], b: NDArray[np.int64], c: NDArray[np.int64], limit: int, method: str
) -> NDArray[np.int64]:
    """The row that answers each question (Q,), of the first ``limit``."""
    matrix, norms = words.table.matrix, words.table.norms
    if isinstance(words.table, Sparse):
        return _by_cosines(words, np.stack([a, b, c], axis=1), limit, method)
    among = None if limit == len(words) else np.arange(limit)
    found = np.empty(len(a), np.int64)
    step = max(1, NUMBERS // (6 * words.dim))
    for start in range(0, len(a), step):
        given = np.stack([each[start : start + step] for each in (a, b, c)], axis=1)
        used, place = np.unique(given, return_inverse=True)
        directions = exact.unit(words.table.take(used))
        first, second, third = (directions[each] for each in place.reshape(given.shape).T)
        if method == "add":
            rows, _ = exact.nearest(matrix, second - first + third, 1, norms=norms, exclude=given, candidates=among)
        else:
            queries = np.stack([second, third, first], axis=1)
            rows, _ = exact.nearest_by_product(matrix, queries, 2, 1, norms=norms, exclude=given, candidates=among)
        found[start : start + step] = rows[:, 0]
    return found


def _by_cosines(words: WordVectors, given: NDArray[np.int64], limit: int, method: str) -> NDArray[np.int64]:
    """As ``_nearest`` of questions (Q, 3), for sparse vectors as wide as the vocabulary.

    The cosines of b - a + c are, but for its length, which does not change their order, those of b, of a and of c added
    alike: so each word, not each question, is multiplied with the table.
    """
    matrix, norms = words.table.matrix[:limit], words.table.norms[:limit]
    found = np.full(len(given), -1, np.int64)
    for begin, end in _groups(given, max(3, NUMBERS // (4 * words.dim))):
        used, place = np.unique(given[begin:end], return_inverse=True)
        cosines = exact.cosines(matrix, words.table.take(used), norms=norms)
        places = place.reshape(-1, 3)
        step = max(1, NUMBERS // (16 * limit))
        for start in range(0, end - begin, step):
            a, b, c = (cosines[each] for each in places[start : start + step].T)
            scores = b - a + c if method == "add" else (b + 1) * (c + 1) / 4 / ((a + 1) / 2 + exact.EPSILON)
            here = np.arange(begin + start, begin + start + len(scores))
            np.put_along_axis(scores, given[here], -np.inf, axis=1)
            scores[np.isnan(scores)] = -np.inf
            best = scores.argmax(axis=1)
            found[here] = np.where(scores[np.arange(len(best)), best] > -np.inf, best, -1)
    return found


def _groups(given: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Ranges of questions (Q, 3) in order, of at most ``most`` different words each."""
    begin, seen = 0, set[int]()
    for here, words in enumerate(given.tolist()):
        if len(seen.union(words)) > most:
            yield begin, here
            begin, seen = here, set()
        seen.update(words)
    yield begin, len(given)


def wilson(right: int, count: int) -> tuple[float | None, float | None]:
    """95 % interval of a share (Wilson 1927); None of nothing."""
    if count == 0:
        return None, None
    share, z2 = right / count, Z95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    width = Z95 * sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return (middle - width if right else 0.0), (middle + width if right < count else 1.0)


def _share(right: NDArray[np.int8]) -> dict[str, Any]:
    covered = int((right >= 0).sum())
    correct = int((right == 1).sum())
    low, high = wilson(correct, covered)
    value = correct / covered if covered else None
    return {"value": value, "low": low, "high": high, "pairs": len(right), "covered": covered}


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
