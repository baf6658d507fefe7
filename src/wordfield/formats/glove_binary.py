"""The binary file of glove.c (Pennington, Socher and Manning 2014): 2 V (D + 1) float64, vector and bias of each word
and then of each context. Its words are in a vocab.txt beside it; vectors.bin also has its own in vectors.vocab.txt,
which is written.

A word's vector is the sum of both, as in what glove.c writes as text. The parts are kept as the state ``parameters``,
(2, V, D + 1) float32, so ``GloVe`` goes on from such a file.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from wordfield.formats import word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, replacing
from wordfield.formats.glove_records import encoded_vocabulary, read_vocabulary
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Dense

HOLDS: frozenset[str] = frozenset({"counts"})
SQUARES = "squares"
"""What a model's state has besides: sums of squared gradients, with which the steps of training become smaller."""
VOCABULARY, BESIDE = "vocab.txt", ".vocab.txt"
STEP = 1 << 20  # numbers written at a time

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """Bytes, as many as the words of the vocab.txt beside the file ask for."""
    if path.is_dir() or not word2vec.CONTROL.search(head) or (names := _words_of(path)) is None:
        return False
    if not os.access(names, os.R_OK):
        return False
    with names.open("rb") as stream:
        words = sum(1 for _ in stream)
    size = path.stat().st_size
    return words > 0 and size >= 32 * words and size % (16 * words) == 0


def lost(table: Table, unheld: list[str]) -> list[str]:
    """Of a state only what is not ``parameters``: of GloVe's own the squares."""
    if "state" not in unheld or not _fit(table):
        return unheld
    others = table.state.keys() - {"parameters"}
    kept = SQUARES if others == {SQUARES} else "state"
    return [kept if part == "state" else part for part in unheld if part != "state" or others]


def beside(path: Path) -> list[Path]:
    """The words."""
    words = _words_of(path)
    return [] if words is None else [words]


def load(path: Path, _: Faults) -> Table:
    """Read the file and the vocab.txt beside it; ``FormatError`` if the one has not as many numbers as the other's
    words ask for.
    """
    names = _words_of(path)
    if names is None:
        raise FormatError(f"{path}: its words are needed, in {path.stem}{BESIDE} or {VOCABULARY} beside it")
    vocabulary = read_vocabulary(names)
    words, size = len(vocabulary), path.stat().st_size
    if size % (16 * words) or size < 32 * words:
        raise FormatError(
            f"{path}: {size} bytes are no whole number of float64 for each of the {words} words in {names}, twice: "
            "truncated, or another vocabulary"
        )
    parts = np.memmap(path, "<f8", "r").reshape(2, words, -1)
    with np.errstate(over="ignore"):
        matrix = (parts[0, :, :-1] + parts[1, :, :-1]).astype(np.float32)
        state = {"parameters": np.array(parts, np.float32)}
    return Table(vocabulary.words, Dense(matrix), vocabulary.counts, {}, state)


def save(table: Table, path: Path) -> None:
    """Write the file, and its words beside it; ``FormatError`` for a word with white space.

    Vectors that are not the sum of ``parameters`` become those of the words; the contexts are minus zero, which added
    to any number leaves it as it is.
    """
    data = encoded_vocabulary(table.words, table.counts)
    words, dim = table.storage.shape
    if _fit(table):
        parts = table.state["parameters"]
    else:
        parts = np.full((2, words, dim + 1), -0.0, np.float32)
        parts[0, :, :dim] = table.storage.matrix
    step = max(1, STEP // (dim + 1))
    with replacing(path) as stream:
        for part in parts:
            for start in range(0, words, step):
                stream.write(np.ascontiguousarray(part[start : start + step], "<f8").data)
        with replacing(path.with_suffix(BESIDE)) as names:
            names.write(data)


def _fit(table: Table) -> bool:
    """Whether the state has the parts of which the vectors are the sums."""
    words, dim = table.storage.shape
    parts = table.state.get("parameters", np.empty((0, 0, 0)))
    if parts.shape != (2, words, dim + 1):
        return False
    return np.array_equal(parts[:, :, :dim].sum(axis=0), table.storage.matrix)


def _words_of(path: Path) -> Path | None:
    """The vocab.txt that goes with a file."""
    if path.is_dir():
        return None
    names = path.with_suffix(BESIDE), path.with_name(VOCABULARY)
    return next((each for each in names if each.is_file()), None)
