"""The binary file of word2vec.c (Mikolov 2013): a line "V D", then for each word its bytes, a space, D float32, and
often a line feed.

word2vec.c writes the line feed after each row, gensim does not; both are read, and it is written. The file has no
counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from wordfield.formats import word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Dense

HOLDS: frozenset[str] = frozenset()
STEP = 1 << 23

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """A first line "V D", and no numbers in characters after it."""
    first, newline, rest = head.partition(b"\n")
    return (
        not path.is_dir()
        and bool(newline)
        and word2vec.header(first) is not None
        and not word2vec.looks_like_text(head)
        and b" " in rest
    )


def load(path: Path, faults: Faults) -> Table:
    """Read the whole file, 8 MiB at a time; ``FormatError`` names the word and byte where it ends too soon or goes on
    too long.
    """
    with opened(path) as (stream, limit):
        first = stream.readline(100)
        words, dim = word2vec.promised(path, first, (4, 1), limit)
        matrix = np.empty((words, dim), dtype=np.float32)
        names = word2vec.Words(path, "word", 1)
        begin, data, row = len(first), b"", 0  # begin: the place of data in the file
        while row < words:
            more = stream.read(max(STEP, 8 * dim))
            data += more
            found, vectors, here = _rows(data, words - row, 4 * dim)
            names.extend(found)
            matrix[row : row + len(found)] = np.frombuffer(b"".join(vectors), dtype="<f4").reshape(-1, dim)
            row += len(found)
            begin, data = begin + here, data[here:]
            if not more and row < words:
                raise FormatError(
                    f"{path}: truncated: word {row + 1} of the {words} that line 1 promises begins at byte {begin}, "
                    f"and the file ends {len(data)} bytes later; a whole row has more than {4 * dim}"
                )
        _end(path, stream, data, begin, words)
    return Table(names.done(), Dense(matrix))


def save(table: Table, path: Path) -> None:
    """Write words and vectors; ``FormatError`` for a word with a space or line feed, at which every reader would cut
    it.
    """
    names = word2vec.encoded(table.words, " \n", "the binary format of word2vec")
    rows, dim = table.storage.shape
    step = max(1, STEP // (4 * dim))
    with replacing(path) as stream:
        stream.write(f"{rows} {dim}\n".encode())
        for start in range(0, rows, step):
            block = table.storage.matrix[start : start + step].astype("<f4", copy=False)
            stream.write(
                b"".join(
                    b"%b %b\n" % pair
                    for pair in zip(names[start : start + step], map(np.ndarray.tobytes, block), strict=True)
                )
            )


def _rows(data: bytes, most: int, width: int) -> tuple[list[bytes], list[memoryview], int]:
    """The words and vectors of the whole rows in ``data``, ``most`` at most, and where the first byte after them
    stands.
    """
    names, vectors = [], []
    view, here, size = memoryview(data), 0, len(data)
    for _ in range(most):
        space = data.find(b" ", here)
        if space < 0 or space + 1 + width > size:
            break
        names.append(data[here:space].removeprefix(b"\n"))
        vectors.append(view[space + 1 : space + 1 + width])
        here = space + 1 + width
    return names, vectors, here


def _end(path: Path, stream: IO[bytes], data: bytes, begin: int, words: int) -> None:
    rest = data + stream.read(1 << 10)
    if rest.strip(b"\r\n"):
        raise FormatError(
            f"{path}: byte {begin}: after the {words} words that line 1 promises the file goes on with {rest[:20]!r}: "
            "a wrong header"
        )
