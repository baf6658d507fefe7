"""The text file of word2vec.c (Mikolov 2013), also fastText's .vec: a line "V D", then on each line a word and D
numbers, between spaces.

Only the line feed ends a line and only the space separates: other white space, such as a no-break space, may be part of
a word. A word that holds spaces is read all the same, since the last D fields of a line are the numbers. Nine digits
are written: every float32 comes back as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import text_rows, word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, mapped, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Dense

HOLDS: frozenset[str] = frozenset()
STEP = 1 << 22
UNSAFE = " \t\n\v\f\r"

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """A first line "V D", then a word and numbers in characters."""
    return not path.is_dir() and word2vec.looks_like_text(head)


def load(path: Path, faults: Faults) -> Table:
    """Read the whole file; ``FormatError`` names the line that has too few numbers or none, and a count of lines that
    is not the header's. A last line without a line feed is read, with a warning: the file may be cut inside a number.
    """
    with opened(path) as (stream, limit):
        first = stream.readline(100)
        words, dim = word2vec.promised(faults, first, (2, 1), limit + 1)
        found = text_rows.read(stream, faults, dim, 2, words, limit - len(first) if mapped(stream) else 0)
        if found.seen < words:
            what = f"line 1 promises {words} words, line {found.last} is the last of {found.seen}"
            faults.found(f"line {found.last}", f"truncated, or a wrong header: {what}")
    return Table(found.words, Dense(found.matrix))


def save(table: Table, path: Path) -> None:
    """Write words and vectors; ``FormatError`` for a word with white space, at which readers would cut it."""
    names = word2vec.encoded(table.words, UNSAFE, "the text format of word2vec")
    rows, dim = table.storage.shape
    template = b"%b" + b" %.9g" * dim + b"\n"
    step = max(1, STEP // (12 * dim))
    with replacing(path) as stream:
        stream.write(f"{rows} {dim}\n".encode())
        for start in range(0, rows, step):
            block = table.storage.matrix[start : start + step].tolist()
            stream.write(
                b"".join(template % (name, *row) for name, row in zip(names[start : start + step], block, strict=True))
            )


def lines_of(stream: IO[bytes]) -> Iterator[tuple[list[bytes], bool]]:
    """The lines after the first, some MiB at a time, and whether a line feed ends them; an empty end is no line."""
    rest = b""
    while more := stream.read(STEP):
        *lines, rest = (rest + more).split(b"\n")
        if lines:
            yield lines, True
    if rest:
        yield [rest], False


def floats_of(path: Path, rows: list[bytes], dim: int, number: int) -> NDArray[np.float32]:
    """The numbers of all lines at once, (n, D); a line that is not numbers is looked for only when that fails."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            flat = np.fromstring(b" ".join(rows).decode("ascii"), dtype=np.float32, sep=" ")
        if flat.size == len(rows) * dim:
            return flat.reshape(len(rows), dim)
    except (ValueError, DeprecationWarning):
        pass
    matrix = np.empty((len(rows), dim), dtype=np.float32)
    for here, row in enumerate(rows):
        fields = row.split()
        wrong = next((field for field in fields if not word2vec.NUMBER.fullmatch(field)), None)
        if wrong is not None or len(fields) != dim:
            what = f"{len(fields)} numbers" if wrong is None else f"{wrong[:40]!r} is no number"
            raise FormatError(f"{path}: line {number + here}: {what}; a word and {dim} numbers are needed")
        with np.errstate(over="ignore"):
            matrix[here] = [float(field) for field in fields]
    return matrix
