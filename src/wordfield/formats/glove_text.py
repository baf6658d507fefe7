"""The text file of glove.c (Pennington, Socher and Manning 2014): on each line a word and D numbers, between spaces,
and no line before.

The last word is often ``<unk>``, the mean of the rarest; it is read as a word like the others. What glove.c writes with
-write-header is read too when the format is named: there the first line leaves ``<unk>`` out of its count. Lines are
cut as those of word2vec are, so words may hold spaces. Nine digits are written: every float32 comes back as it was.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from wordfield.formats import text_rows, word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, mapped, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.formats.word2vec_text import STEP, UNSAFE
from wordfield.storage import Dense

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
    with opened(path) as (stream, limit):
        first = stream.readline() if header is not None else b""
        line = 1 if header is None else 2
        found = text_rows.read(stream, faults, dim, line, 0, limit - len(first) if mapped(stream) else 0)
        words = found.words
        if header is not None and found.seen not in (header, header + (words[-1] == UNKNOWN)):
            what = f"line 1 promises {header} words, {found.seen} follow"
            faults.found("line 1", f"truncated, or a wrong header: {what}")
    return Table(words, Dense(found.matrix))


def save(table: Table, path: Path) -> None:
    """Write words and vectors; ``FormatError`` for a word with white space, at which readers would cut it."""
    names = word2vec.encoded(table.words, UNSAFE, "the text format of GloVe")
    template = b"%b" + b" %.9g" * table.storage.shape[1] + b"\n"
    with replacing(path) as stream:
        for name, row in zip(names, table.storage.matrix, strict=True):
            stream.write(template % (name, *row.tolist()))


def _first(path: Path) -> tuple[int | None, int]:
    """The words that a header promises, None where there is none, and the numbers of a line.

    Two numbers on the first line are a header, unless the second line has two fields as well: a word and one number.
    """
    parts: list[bytes] = []
    with opened(path) as (stream, _):
        while sum(part.count(b"\n") for part in parts) < 2 and len(parts) * STEP < text_rows.LONGEST:
            parts.append(stream.read(STEP))
            if not parts[-1]:
                break
    *lines, cut = b"".join(parts).split(b"\n")
    first = lines[0] if lines else cut
    promised = word2vec.header(first)
    second = (lines[1:] or [cut])[0].split() if lines else []
    if promised is not None and lines and (promised[1] == 1 or len(second) != 2):
        words, dim = promised
    else:
        words, dim = None, _dimensions([line.split() for line in lines] or [cut.split()])
    if dim < 1:
        raise FormatError(f"{path}: line 1 is {first[:60]!r}; a word and numbers are needed")
    return words, dim


def _dimensions(rows: list[list[bytes]]) -> int:
    """Numbers a line: one less than the fields that most lines have."""
    return max(Counter(map(len, rows)).most_common(1), default=(0, 0))[0] - 1
