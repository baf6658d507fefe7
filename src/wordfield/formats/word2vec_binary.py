"""The binary file of word2vec.c (Mikolov 2013): a line "V D", then for each word its bytes, a space, D float32, and
often a line feed.

word2vec.c writes the line feed after each row, gensim does not; both are read, and it is written. The file has no
counts.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, replacing
from wordfield.formats.source import Source
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Dense, Records, Storage

HOLDS: frozenset[str] = frozenset()
STEP = 1 << 23
HEADER = 100
"""Bytes of the first line, at most."""
SMALL = 1 << 20
"""Bytes of a file so short that its rows are copied."""
FEW = 50_000
"""Rows that are sooner found one by one than a compiled kernel is loaded."""
LONGEST = 1 << 20
"""Bytes of a word, at most, and of the words that are looked at in one go."""

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
    """Find the rows in the file, where they stay if there are many; ``FormatError`` names the word and byte where it
    ends too soon or goes on too long.
    """
    source = Source(path)
    first = source.data[: source.data[:HEADER].find(b"\n") + 1]
    words, dim = word2vec.promised(faults, first or source.data[:HEADER], (4, 1), len(source.data))
    found = _located(source, len(first), words, dim)
    if len(found.starts) < words:
        what = f"truncated: word {len(found.starts) + 1} of the {words} that line 1 promises begins at byte {found.end}"
        left = f"the file ends {len(source.data) - found.end} bytes later; a whole row has more than {4 * dim}"
        faults.found(f"byte {found.end}", f"{what}, and {left}")
    elif more := _more(source, found.end):
        what = f"after the {words} words that line 1 promises the file goes on with {more!r}: a wrong header"
        faults.found(f"byte {found.end}", what)
        whole = _located(source, len(first), len(source.data), dim)
        found = found if _more(source, whole.end) else whole
    if not len(found.starts):
        raise FormatError(f"{path}: byte {found.end}: no word with {dim} numbers: truncated, or a wrong header")
    names = word2vec.Words(path, "word", 1, faults)
    count = len(found.starts)
    named, kept = word2vec.settled(found.names, b" ", names, np.arange(1, count + 1), found.different)
    starts = found.starts if kept is None else found.starts[kept]
    storage: Storage = Records(np.frombuffer(source.data, np.uint8), starts, dim)
    if len(source.data) < SMALL or sys.byteorder == "big":
        rows = [np.frombuffer(source.data, "<f4", dim, start) for start in starts.tolist()]
        storage = Dense(np.array(rows, np.float32))
    source.unchanged()
    return Table(named, storage)


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


class Located(NamedTuple):
    """The rows of a file: where their numbers begin (R,), the words with a space between them, whether it is sure that
    no two are the same, and the byte after all.
    """

    starts: NDArray[np.int64]
    names: bytes
    different: bool
    end: int


def _located(source: Source, here: int, most: int, dim: int) -> Located:
    """The whole rows from byte ``here`` on, ``most`` at most."""
    most = min(most, (len(source.data) - here) // (4 * dim + 1))
    if most < FEW:
        return _stepped(source.data, here, most, 4 * dim)
    from wordfield.kernels.rows import records

    data = np.frombuffer(source.data, np.uint8)
    starts, hashes = np.empty(most, np.int64), np.empty(most, np.uint64)
    names, parts, row = np.empty(LONGEST, np.uint8), [], 0
    while row < most:
        count, here, put = records(data, here, 4 * dim, starts[row:], hashes[row:], names)
        parts.append(names[:put].tobytes())
        row += count
        if not count:
            break
    ordered = np.sort(hashes[:row])
    return Located(starts[:row], b"".join(parts)[:-1], not (ordered[1:] == ordered[:-1]).any(), here)


def _stepped(data: bytes | mmap.mmap, here: int, most: int, width: int) -> Located:
    """The same, row by row."""
    starts: list[int] = []
    names: list[bytes] = []
    while len(starts) < most:
        begin = here + (data[here : here + 1] == b"\n")
        space = data.find(b" ", begin)
        if space < 0 or space + 1 + width > len(data):
            break
        starts.append(space + 1)
        names.append(data[begin:space])
        here = space + 1 + width
    return Located(np.array(starts, np.int64), b" ".join(names), False, here)


def _more(source: Source, end: int) -> bytes:
    """What stands after all rows besides ends of lines: the first of it, nothing where there is nothing."""
    more: bytes = source.data[end : end + (1 << 10)]
    return more[:20] if more.strip(b"\r\n") else b""
