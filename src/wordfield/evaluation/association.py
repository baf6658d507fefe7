"""Are words of one kind nearer to one sort of attributes than words of another kind? The test of associations of word
embeddings, WEAT (Caliskan, Bryson and Narayanan 2017).

Two sets of target words, X and Y, of equal size, and two of attributes, A and B. The association of a word is its mean
cosine with A less that with B. The score is the effect size d: the mean association of X less that of Y, divided by the
standard deviation over both (of a sample: n - 1). Whether that may be chance is tested by permutation: p is the share
of the ways to part the targets into halves whose first half has associations at least as large as X, one-sided. Unknown
words are left out; then the longer of X and Y loses its last words until they are equally many. It measures what is in
the vectors, not how good they are. I targets, m of them in each half.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from math import comb
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.correlation import Floats, Measure, Rows
from wordfield.evaluation.lines import Head, lines
from wordfield.evaluation.scores import SEED, Score, Settings
from wordfield.search.exact import unit
from wordfield.vectors import WordVectors

PARTS = ("targ1", "targ2", "attr1", "attr2")
"""How the sets are named in JSON: X, Y, A, B."""
PARTITIONS = 100_000
"""Ways to part the targets that are tried: all, where they are no more, else so many by chance."""
NUMBERS = 1 << 20
"""Numbers of targets that are drawn at once."""


class Words(NamedTuple):
    """A set of words and its name."""

    name: str
    words: list[str]


class Test(NamedTuple):
    """One test: its name in the file, the targets X and Y, the attributes A and B."""

    name: str
    targets: tuple[Words, Words]
    attributes: tuple[Words, Words]


def sniff(head: Head) -> bool:
    """JSON with targ1; or four lines, or a multiple of it, ``name: word, word``, no word of them two."""
    if head.text.lstrip()[:1] in ("{", "["):
        return f'"{PARTS[0]}"' in head.text
    rows = [_line(line) for line in head.lines]
    single = all(row is not None and len(row.words) > 1 and not any(" " in word for word in row.words) for row in rows)
    return head.whole and single and len(rows) % 4 == 0


def read(path: Path) -> list[Test]:
    """The tests of a file: JSON, one object or one a line or many by their names, each with ``targ1``, ``targ2``,
    ``attr1`` and ``attr2``, and in these ``category`` (a name) and ``examples`` (words); or text, four lines a test in
    the same order, ``name: word, word``. ``ValueError`` says what is wrong, and where.
    """
    text = "\n".join(line for _, line in lines(path))
    tests = list(_of_json(path, text) if text[:1] in ("{", "[") else _of_text(path))
    if not tests:
        raise ValueError(f"{path}: no sets of words in it")
    return tests


def scores(words: WordVectors, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The score of each test, metric "effect size", an item a target word. More: "p", "partitions" (how many were
    tried), "exact" (whether these are all), "targets" and "attributes" (name and words used of each).
    """
    tests = [test for file in files for test in read(file)]
    named = zip(tests, [f"{name}/{test.name}" for test in tests] if len(tests) > 1 else [name], strict=True)
    return [_score(words, test, dataset, settings) for test, dataset in named]


def effect(associations: Floats, first: NDArray[np.bool_]) -> Measure:
    """The measure of the targets' associations (I,), of which the ``first`` are X."""

    def measure(rows: Rows) -> Floats:
        here, side = associations[rows], first[rows]
        counts = np.stack([side.sum(axis=1), (~side).sum(axis=1)])
        sums = np.stack([np.where(side, here, 0).sum(axis=1), np.where(side, 0, here).sum(axis=1)])
        means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        spread = here.std(axis=1, ddof=1) if here.shape[1] > 1 else np.zeros(len(here))
        varied = np.ptp(here, axis=1) > 0
        values: Floats = np.divide(means[0] - means[1], spread, out=np.full(len(here), np.nan), where=varied)
        return values

    return measure


def permuted(associations: Floats) -> tuple[float, int, bool]:
    """How likely chance alone makes the first half's associations as large, of all (2m,): p, how many partitions were
    looked at, and whether these are all. Of a sample p counts what was found as one of them (Phipson and Smyth 2010).
    """
    half = len(associations) // 2
    found, slack = associations[:half].sum(), 1e-12 * np.abs(associations).sum()
    if comb(2 * half, half) <= PARTITIONS:
        chosen = np.fromiter(chain.from_iterable(combinations(range(2 * half), half)), np.int64).reshape(-1, half)
        larger = int((associations[chosen].sum(axis=1) >= found - slack).sum())
        return larger / len(chosen), len(chosen), True
    draw, larger = np.random.default_rng(SEED), 0
    step = max(1, NUMBERS // (2 * half))
    for start in range(0, PARTITIONS, step):
        size = min(step, PARTITIONS - start)
        chosen = draw.random((size, 2 * half)).argpartition(half - 1, axis=1)[:, :half]
        larger += int((associations[chosen].sum(axis=1) >= found - slack).sum())
    return (larger + 1) / (PARTITIONS + 1), PARTITIONS, False


def _score(words: WordVectors, test: Test, dataset: str, settings: Settings) -> Score:
    """The score of one test."""
    sides = [settings.unknown.find(words, each.words) for each in (*test.targets, *test.attributes)]
    x, y, a, b = (unit(side.vectors) for side in sides)
    attributes = [each[side.known] for each, side in zip((a, b), sides[2:], strict=True)]
    sizes = [len(each) for each in attributes]
    half = min(int(side.known.sum()) for side in sides[:2]) if all(sizes) else 0
    covered = np.concatenate([side.known & (side.known.cumsum() <= half) for side in sides[:2]])
    associations = np.zeros(len(covered))
    if half:
        near, far = ((np.concatenate([x, y]) @ each.T).mean(axis=1) for each in attributes)
        associations = near - far
    first = np.arange(len(covered)) < len(x)
    p, partitions, exact = permuted(associations[covered]) if half else (None, 0, True)
    more: dict[str, Any] = {
        "p": p,
        "partitions": partitions,
        "exact": exact,
        "targets": [{"name": each.name, "words": half} for each in test.targets],
        "attributes": [{"name": each.name, "words": n} for each, n in zip(test.attributes, sizes, strict=True)],
    }
    policy = settings.unknown.applied(words)
    measure = effect(associations, first)
    return Score("association", dataset, "effect size", covered, measure, policy, more, strata=first)


def _of_json(path: Path, text: str) -> Iterator[Test]:
    """The tests of JSON, or of JSON Lines."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise ValueError(f"{path}: line {error.lineno}: no JSON: {error.msg}") from error
        found = [_object(path, line, row) for line, row in lines(path)]
    if isinstance(found, dict):
        found = [found] if PARTS[0] in found else list(_renamed(found))
    for count, each in enumerate(found, 1):
        if not isinstance(each, dict) or not all(part in each for part in PARTS):
            raise ValueError(f"{path}: test {count}: an object with {', '.join(PARTS)} is needed")
        x, y, a, b = (_set(path, count, part, each[part]) for part in PARTS)
        yield Test(str(each.get("name", count)), (x, y), (a, b))


def _object(path: Path, line: int, row: str) -> Any:
    try:
        return json.loads(row)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: line {line}: no JSON object: {error.msg}") from error


def _renamed(found: dict[str, Any]) -> Iterator[Any]:
    """The values of an object, which learn their names."""
    for name, each in found.items():
        yield {"name": name, **each} if isinstance(each, dict) else each


def _set(path: Path, count: int, part: str, given: Any) -> Words:
    """A set of words, an object with category and examples, or a list of words alone."""
    examples = given.get("examples") if isinstance(given, dict) else given
    if not isinstance(examples, list) or not examples or not all(isinstance(each, str) and each for each in examples):
        raise ValueError(f'{path}: test {count}: {part} needs "examples", a list of words')
    return Words(str(given.get("category", part)) if isinstance(given, dict) else part, examples)


def _of_text(path: Path) -> Iterator[Test]:
    """The tests of lines ``name: word, word``, four each."""
    rows: list[Words] = []
    line = 0
    for line, text in lines(path):
        row = _line(text)
        if row is None or not row.words:
            raise ValueError(f"{path}: line {line}: a name and words are needed, name: word, word, not {text[:80]!r}")
        rows.append(row)
    if len(rows) % 4:
        raise ValueError(f"{path}: line {line}: a test is four lines, two of targets and two of attributes")
    for start in range(0, len(rows), 4):
        x, y, a, b = rows[start : start + 4]
        yield Test(str(start // 4 + 1), (x, y), (a, b))


def _line(text: str) -> Words | None:
    """The name and words of a line, these between commas, tabs, or else spaces."""
    name, colon, rest = text.partition(":")
    if not name.strip() or not colon:
        return None
    mark = next((each for each in (",", "\t") if each in rest.strip()), None)
    words = [each.strip() for each in rest.split(mark)]
    return Words(name.strip(), [each for each in words if each])
