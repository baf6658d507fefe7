"""Does b - a + c point at d? Google's questions (Mikolov et al. 2013), CA8, MSR, BATS and whatever has their form.

All questions are answered as a few matrix products. As in word2vec.c only the most frequent words are asked and may
answer, and the three given words are no answer. A question with an unknown word is left out and counted, unless the
word has a vector all the same (``wordfield.unknown``) and one of the right answers a row of its own. Q questions, D
dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.questions import Question, read, sniff, together
from wordfield.evaluation.scores import Mean, Score, Settings
from wordfield.search import exact, relations
from wordfield.unknown import Unknown
from wordfield.vectors import WordVectors

__all__ = ["Question", "answers", "read", "scores", "sniff", "together"]

NUMBERS = 1 << 25
"""Numbers in the vectors of questions that are asked at once."""
WORDS = 1 << 14
"""Words of questions that are asked at once, at most."""
SYNTACTIC = "gram"
"""How the names of Google's syntactic sections begin."""
SKIPPED = Unknown("skip", lower=True)


class Given(NamedTuple):
    """Where the words of questions have their vectors."""

    own: dict[str, int]
    """Row of each word, or of its lower case, or its token."""
    rows: dict[str, int]
    """Also the rows of words that stand in for unknown ones."""
    vectors: dict[str, NDArray[np.float32]]
    """What is no row: made of n-grams, or a mean."""


def scores(words: WordVectors, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The score on one set, metric "accuracy" (0 to 1); more: method, restrict_vocab, "sections" (each with name,
    value, low, high, pairs, covered) and, where section names are Google's, "semantic" and "syntactic" with the same
    fields.
    """
    questions = [question for file in files for question in read(file)]
    right = answers(words, questions, settings.restrict_vocab, settings.method, settings.unknown)
    names = np.array([question.section for question in questions])
    syntactic = np.char.startswith(names, SYNTACTIC)
    policy = settings.unknown.applied(words)
    whole = Score("analogy", name, "accuracy", right >= 0, Mean(right == 1), policy, {}, pairs(questions), names)
    more = whole.more
    more |= {"method": settings.method, "restrict_vocab": settings.restrict_vocab}
    more["sections"] = [{"name": each, **_within(whole, names == each)} for each in dict.fromkeys(names.tolist())]
    if syntactic.any() and not syntactic.all():
        more |= {"semantic": _within(whole, ~syntactic), "syntactic": _within(whole, syntactic)}
    return [whole]


def pairs(questions: Sequence[Question]) -> NDArray[np.int64]:
    """The numbers of the two pairs that each question is made of, (Q, 2): of each section its own."""
    numbers: dict[tuple[str, str, str], int] = {}
    found = [
        [numbers.setdefault((each.section, *pair), len(numbers)) for pair in ((each.a, each.b), (each.c, each.d))]
        for each in questions
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def answers(
    words: WordVectors,
    questions: Sequence[Question],
    restrict_vocab: int | None = None,
    method: str = "add",
    unknown: Unknown = SKIPPED,
) -> NDArray[np.int8]:
    """For each question 1 where the nearest word is a right one, 0 where it is not, and -1 where it is not asked: a, b
    or c has no vector or is too rare, or no right answer has a row among the frequent ones. Under "zero" that is 0.
    """
    Settings(restrict_vocab, method)
    limit = min(len(words), restrict_vocab or len(words))
    found = np.full(len(questions), 0 if unknown.policy == "zero" else -1, dtype=np.int8)
    given = _given(words, questions, unknown)
    asked, goals = [], []
    for here, question in enumerate(questions):
        right = {given.own.get(word, limit) for word in question.right}
        right = {row for row in right if row < limit}
        if right and all(given.rows.get(word, limit) < limit or word in given.vectors for word in question.asked):
            asked.append(here)
            goals.append(right)
    if asked:
        nearest = _answered(words, [questions[here] for here in asked], given, limit, method)
        found[asked] = [row in right for row, right in zip(nearest.tolist(), goals, strict=True)]
    return found


def _given(words: WordVectors, questions: Sequence[Question], unknown: Unknown) -> Given:
    """Where the words have their vectors; ``KeyError`` under "raise" for one that has none."""
    own: dict[str, int] = {}
    for word in dict.fromkeys(word for question in questions for word in (*question.asked, *question.right)):
        name = unknown.taken(words.vocabulary, word)[1]
        if name is not None:
            own[word] = words.vocabulary.index[name]
    rows, vectors = dict(own), dict[str, NDArray[np.float32]]()
    missing = list(dict.fromkeys(word for question in questions for word in question.asked if word not in own))
    if unknown.policy == "raise":
        answerless = [each.d for each in questions if not any(word in own for word in each.right)]
        unknown.find(words, [*missing, *answerless])
    elif missing and unknown.policy not in ("skip", "zero"):
        found = unknown.find(words, missing)
        for word, stand_in, known, vector in zip(missing, found.stand_ins, found.known, found.vectors, strict=True):
            if stand_in is not None:
                rows[word] = words.vocabulary.index[stand_in]
            elif known:
                vectors[word] = vector
    return Given(own, rows, vectors)


def _answered(
    words: WordVectors, questions: list[Question], given: Given, limit: int, method: str
) -> NDArray[np.int64]:
    """The row that answers each question (Q,), of the first ``limit``."""
    rows = np.array([[given.rows.get(word, -1) for word in question.asked] for question in questions], np.int64)
    plain = (rows >= 0).all(axis=1)
    found = np.empty(len(questions), np.int64)
    if plain.any():
        a, b, c = rows[plain].T
        found[plain] = _nearest(words, a, b, c, limit, method)
    step = max(1, NUMBERS // (6 * words.dim))
    others = np.flatnonzero(~plain)
    for start in range(0, len(others), step):
        here = others[start : start + step]
        made = [questions[each] for each in here]
        found[here] = _nearest_to_vectors(words, made, rows[here], given, limit, method)
    return found


def _nearest_to_vectors(
    words: WordVectors, questions: list[Question], rows: NDArray[np.int64], given: Given, limit: int, method: str
) -> NDArray[np.int64]:
    """As ``_nearest``, of questions with words (their rows, (Q, 3), -1) that have a vector and no row."""
    vectors = words.table.take(np.maximum(rows, 0).ravel()).reshape(*rows.shape, words.dim)
    for here, column in np.argwhere(rows < 0).tolist():
        vectors[here, column] = given.vectors[questions[here].asked[column]]
    a, b, c = (exact.unit(vectors[:, column]) for column in range(3))
    among = None if limit == len(words) else np.arange(limit)
    matrix, norms = words.table.matrix, words.table.norms
    if method == "add":
        found, _ = exact.nearest(matrix, b - a + c, 1, norms=norms, exclude=rows, candidates=among)
    else:
        queries = np.stack([b, c, a], axis=1)
        found, _ = exact.nearest_by_product(matrix, queries, 2, 1, norms=norms, exclude=rows, candidates=among)
    return found[:, 0]


def _nearest(
    words: WordVectors, a: NDArray[np.int64], b: NDArray[np.int64], c: NDArray[np.int64], limit: int, method: str
) -> NDArray[np.int64]:
    """The row that answers each question (Q,), of the first ``limit``."""
    given, among = np.stack([a, b, c], axis=1), None if limit == len(words) else np.arange(limit)
    found = np.empty(len(given), np.int64)
    for begin, end in _groups(given, max(3, min(WORDS, NUMBERS // (4 * words.dim)))):
        used, place = np.unique(given[begin:end], return_inverse=True)
        found[begin:end] = relations.answers(
            words.table.matrix,
            words.table.take(used),
            place.reshape(-1, 3),
            norms=words.table.norms,
            exclude=given[begin:end],
            multiplied=method == "mul",
            candidates=among,
        )
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


def _within(whole: Score, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Of the chosen questions: value, low, high, pairs and covered."""
    part = replace(whole, covered=whole.covered & chosen, more={})
    low, high = part.interval
    counts = {"pairs": int(chosen.sum()), "covered": len(part.items)}
    return {"value": part.value, "low": low, "high": high, **counts}
