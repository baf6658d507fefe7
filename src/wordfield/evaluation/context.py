"""Does a word mean the same in two sentences? WiC, Word in Context (Pilehvar and Camacho-Collados 2019, arXiv
1808.09121), and whatever has its form.

The answer is yes where the cosine of the two vectors of the word exceeds a threshold: the one that is right most often
in another part of the set, the part for training if there is one. Two metrics: "accuracy", of the vectors of the word
where it stands, and "sentence accuracy", of those of the two sentences, which any model has. A model of one vector a
word sees no difference but that of forms, *board* and *boards*. P pairs of sentences.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.evaluation.lines import Head, lines
from wordfield.evaluation.scores import Mean, Score, Settings
from wordfield.evaluation.sentences import cosines, products
from wordfield.protocols import Contextual, Embedder

PLACES = re.compile(r"(\d+)-(\d+)")
ANSWERS = {"T": True, "F": False}
PARTS = ("train", "dev", "valid", "test")
"""What the parts of a set are called, the one first whose answers set the threshold."""


class Question(NamedTuple):
    """A word in two sentences, and whether it means the same in both."""

    places: tuple[int, int]
    """Where it stands among their words."""
    sentences: tuple[list[str], list[str]]
    same: bool


def sniff(head: Head) -> bool:
    """Rows between tabs: a word, its kind, its two places (2-0), two sentences."""
    rows = [line.split("\t") for line in head.lines]
    return bool(rows) and all(len(row) == 5 and PLACES.fullmatch(row[2]) for row in rows)


def read(path: Path) -> list[Question]:
    """The questions of a file and the answers in the one beside it, *x.data.txt* and *x.gold.txt*. ``ValueError`` names
    the line that is wrong.
    """
    gold = path.with_name(path.name.replace("data", "gold"))
    if gold == path or not gold.is_file():
        raise ValueError(f"{path}: its answers are not there, {gold.name}, a T or F a line")
    answers = {place: ANSWERS.get(line) for place, line in lines(gold)}
    questions = []
    for place, line in lines(path):
        row = [cell.strip() for cell in line.split("\t")]
        match = PLACES.fullmatch(row[2]) if len(row) == 5 else None
        if match is None:
            raise ValueError(
                f"{path}: line {place}: a word, its kind, 2-0, two sentences are needed, not {line[:80]!r}"
            )
        places, sentences = (int(match[1]), int(match[2])), (row[3].split(), row[4].split())
        if any(where >= len(words) for where, words in zip(places, sentences, strict=True)):
            raise ValueError(f"{path}: line {place}: there is no word {row[2]} in sentences of that length")
        same = answers.get(place)
        if same is None:
            raise ValueError(f"{gold}: line {place}: T or F is needed")
        questions.append(Question(places, sentences, same))
    if len(answers) != len(questions):
        raise ValueError(f"{gold}: {len(answers)} answers to {len(questions)} questions")
    return questions


def scores(model: Embedder, name: str, files: Sequence[Path], settings: Settings) -> list[Score]:
    """The scores on one part of a set; more: "threshold", and "tuned": the part that it was chosen on. Without another
    part it is chosen on half of the pairs, and answers the other half.
    """
    found = []
    for path in files:
        questions, other = read(path), _other(path)
        tuning = read(other) if other is not None else []
        same = np.array([question.same for question in questions + tuning])
        ways = {"accuracy": _of_words, "sentence accuracy": _of_sentences}
        texts_alone = not isinstance(model, Contextual) and not hasattr(model, "words")
        if texts_alone:
            del ways["accuracy"]
        for metric, way in ways.items():
            near, covered = way(model, questions + tuning, settings)
            first, second = np.split(np.arange(len(same)), [len(questions)])
            if other is None:
                right, cut = _halves(near, same), None
            else:
                cut = threshold(near[second][covered[second]], same[second][covered[second]])
                right = (near[first] > cut) == same[first]
            oov = "read" if texts_alone or isinstance(model, Contextual) else settings.unknown.applied(_words(model))
            more = {"threshold": cut, "tuned": None if other is None else other.name.partition(".")[0]}
            called = f"{path.parent.parent.name}/{path.parent.name}" if path.parent.name in PARTS else name
            found.append(Score("context", called, metric, covered[first], Mean(right), oov, more))
    return found


def threshold(near: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Above which cosine the answer yes is right most often (P,); of equally good ones the lowest."""
    if not len(near):
        return 0.0
    order = np.argsort(near, kind="stable")
    near, same = near[order], same[order]
    # With the cut behind the first k: k denied rightly, the others affirmed rightly.
    right = np.concatenate([[0], np.cumsum(~same)]) + np.concatenate([np.cumsum(same[::-1])[::-1], [0]])
    possible = np.concatenate([[True], near[1:] > near[:-1], [True]])
    best = int(np.argmax(np.where(possible, right, -1)))
    low = near[best - 1] if best else near[0] - 1
    high = near[best] if best < len(near) else near[-1] + 1
    return float((low + high) / 2)


def _of_words(
    model: Any, questions: Sequence[Question], settings: Settings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The cosine of the two vectors of each word, and whether both are there."""
    if isinstance(model, Contextual):
        texts = [sentence for question in questions for sentence in question.sentences]
        places = [place for question in questions for place in question.places]
        read = model.embed_words_of(texts)
        vectors = np.array([each[1][place] for each, place in zip(read, places, strict=True)])
    else:
        words = [
            words[place]
            for question in questions
            for place, words in zip(question.places, question.sentences, strict=True)
        ]
        vectors = settings.unknown.find(_words(model), words).vectors
    return products(vectors[::2], vectors[1::2])


def _of_sentences(
    model: Embedder, questions: Sequence[Question], settings: Settings
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The cosine of the two sentences of each question, and whether both have a vector."""
    del settings
    ones, others = zip(*(map(" ".join, question.sentences) for question in questions), strict=True)
    return cosines(model, ones, others)


def _words(model: Any) -> Any:
    return model.words


def _halves(near: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each answer is right with the threshold of the other half, the halves taking turns."""
    right = np.zeros(len(same), bool)
    for half in (0, 1):
        cut = threshold(near[1 - half :: 2], same[1 - half :: 2])
        right[half::2] = (near[half::2] > cut) == same[half::2]
    return right


def _other(path: Path) -> Path | None:
    """The file of another part of the same set: of train, dev, valid and test the first that is there."""
    part = path.parent.name
    if part not in PARTS:
        return None
    for other in PARTS:
        there = path.parent.parent / other / path.name.replace(part, other)
        if other != part and there.is_file():
            return there
    return None
