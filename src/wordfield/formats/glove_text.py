"""The text file of glove.c (Pennington, Socher and Manning 2014): on each line a word and D numbers, between spaces,
and no line before.

The last word is often ``<unk>``, the mean of the rarest; it is read as a word like the others. What glove.c writes with
-write-header is read too when the format is named: there the first line leaves ``<unk>`` out of its count. Lines are
cut as those of word2vec are, so words may hold spaces. Nine digits are written: every float32 comes back as it was.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import numpy as np

from wordfield.formats import word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.formats.word2vec_text import STEP, UNSAFE, fields_of, floats_of, lines_of
from wordfield.storage import Dense

log = logging.getLogger(__name__)

HOLDS: frozenset[str] = frozenset()
LEAST = 2  # numbers a line, to be recognised: lists of words with their counts are not vectors
UNKNOWN = "<unk>"

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """Lines that each end in as many numbers as most have, and have something before; not all of that is numbers."""
    if path.is_dir() or word2vec.CONTROL.search(head):
        return False
    *lines, cut = head.split(b"\n")
    rows = [line.split() for line in lines] or [cut.split()[:-1]]
    while rows and not rows[-1]:
        rows.pop()
    dim = _dimensions(rows)
    return (
        dim >= LEAST
        and all(len(row) > dim and all(map(word2vec.NUMBER.fullmatch, row[-dim:])) for row in rows)
        and not all(word2vec.NUMBER.fullmatch(row[0]) for row in rows)
    )


def load(path: Path, faults: Faults) -> Table:
    """Read the whole file; ``FormatError`` names the line that has too few numbers or none. A last line without a line
    feed is read, with a warning: the file may be cut inside a number.
    """
    header, dim = _first(path)
    names, blocks, ended = word2vec.Words(path, "line", 2 if header else 1), [], True
    with opened(path) as (stream, _):
        if header:
            stream.readline()
        number, over = names.offset, False
        for lines, whole in lines_of(stream):
            ended = whole
            found, rows = fields_of(path, [] if over else lines, dim, number)
            names.extend(found)
            blocks.append(floats_of(path, rows, dim, number))
            number, over = number + len(found), over or len(found) < len(lines)
            if over and any(line.strip(b" \r") for line in lines[len(found) :]):
                raise FormatError(f"{path}: line {number}: an empty line, and more after it: damaged")
    words = names.done()
    if header and len(words) - (words[-1:] == [UNKNOWN]) != header and len(words) != header:
        raise FormatError(f"{path}: truncated, or a wrong header: line 1 promises {header} words, {len(words)} follow")
    if not ended:
        log.warning("%s: no line feed ends the last line: if the file was cut there, its last number is wrong", path)
    return Table(words, Dense(np.concatenate(blocks)))


def save(table: Table, path: Path) -> None:
    """Write words and vectors; ``FormatError`` for a word with white space, at which readers would cut it."""
    names = word2vec.encoded(table.words, UNSAFE, "the text format of GloVe")
    template = b"%b" + b" %.9g" * table.storage.shape[1] + b"\n"
    with replacing(path) as stream:
        for name, row in zip(names, table.storage.matrix, strict=True):
            stream.write(template % (name, *row.tolist()))


def _first(path: Path) -> tuple[int, int]:
    """The words that a header promises (0: there is none), and the numbers of a line."""
    data = b""
    with opened(path) as (stream, _):
        while b"\n" not in data and (more := stream.read(STEP)):
            data += more
    first, feed, rest = data.partition(b"\n")
    promised = word2vec.header(first)
    if promised is not None and feed:
        return promised
    *lines, cut = (first + feed + rest).split(b"\n")
    dim = _dimensions([line.split() for line in lines] or [cut.split()])
    if dim < 1:
        raise FormatError(f"{path}: line 1 is {first[:60]!r}; a word and numbers are needed")
    return 0, dim


def _dimensions(rows: list[list[bytes]]) -> int:
    """Numbers a line: one less than the fields that most lines have."""
    return max(Counter(map(len, rows)).most_common(1), default=(0, 0))[0] - 1
