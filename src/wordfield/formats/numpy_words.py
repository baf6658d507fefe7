"""An array of NumPy, ``x.npy`` (V, D), and the words of its rows in a file beside it: see ``word_lists`` for its name.

float32 and float16 are mapped into memory; float64, numbers of the other byte order, and arrays whose columns lie one
after the other are read and made float32; a packed file is read.
What is written is float32, and the words, a line each, in ``x.words.txt``.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from wordfield.formats import arrays, word_lists
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Float16, Storage

HOLDS: frozenset[str] = frozenset()
STEP = 1 << 22
UNSAFE = "\n\r"


def sniff(path: Path, head: bytes) -> bool:
    """The first bytes of a .npy."""
    return not path.is_dir() and head.startswith(arrays.MAGIC)


def check_target(path: Path) -> None:
    """As ``check_file``; ``FileExistsError`` where only the list is there, so that it belongs to something else."""
    check_file(path)
    check_pair(path, word_lists.beside(path))


def check_pair(path: Path, words: Path) -> None:
    """What stands against writing two files that go together."""
    check_file(path)
    check_file(words)
    if words.exists() and not path.exists():
        raise FileExistsError(f"{words} exists, and {path} does not: it is left alone: move it, or give another name")


def beside(path: Path) -> list[Path]:
    """The list."""
    return word_lists.there(path)


def load(path: Path, faults: Faults) -> Table:
    """Map the array and read the list. ``FormatError`` for what is no array of words by numbers, a list that is missing
    or has another length, and for Python objects, which only unpickling would give.
    """
    matrix = arrays.mapped(path, axes=2)
    if 0 in matrix.shape:
        raise FormatError(f"{path}: the shape is {matrix.shape}; at least one word and one dimension are needed")
    where = word_lists.find(path)
    listed = word_lists.read(where, faults)
    word_lists.agreeing(path, where, listed, len(matrix))
    half = matrix.dtype == np.float16 and matrix.flags.aligned
    storage: Storage = Float16(np.ascontiguousarray(matrix)) if half else arrays.dense(matrix)
    return Table(listed.words, listed.chosen(storage), listed.counts)


def save(table: Table, path: Path) -> None:
    """Write the array and, beside it, the words; ``FormatError`` for a word with a line feed or carriage return."""
    check_target(path)
    lines = word_lists.encoded(table.words, UNSAFE, "a list of words, one a line,")
    rows, dim = table.storage.shape
    step = max(1, STEP // max(1, dim))
    with replacing(word_lists.beside(path)) as words, replacing(path) as stream:
        words.write(b"".join(line + b"\n" for line in lines))
        arrays.write(cast("BinaryIO", stream), "<f4", (rows, dim))
        for start in range(0, rows, step):
            stream.write(np.ascontiguousarray(table.storage.matrix[start : start + step], "<f4").data)
