"""The two files of TensorFlow's embedding projector: the numbers of a vector a line, tabs between them, and the words
in a second file, the metadata.

The metadata of ``x_tensor.tsv`` is ``x_metadata.tsv``, that of ``vectors.tsv`` is ``metadata.tsv``, that of
``vecs.tsv`` is ``meta.tsv``; of another ``x.tsv`` it is ``x_metadata.tsv`` or ``x.metadata.tsv`` or, where neither is
there, ``metadata.tsv``. It has a word a line; its first line names the columns only where there are more than one, as
the projector wants it. Counts are written as a second column.
"""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import word_lists
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, opened, replacing
from wordfield.formats.numpy_words import check_pair
from wordfield.formats.table import FormatError, Table
from wordfield.formats.word2vec import NUMBER
from wordfield.formats.word2vec_text import lines_of
from wordfield.storage import Dense

log = logging.getLogger(__name__)

HOLDS = frozenset({"counts"})
STEP = 1 << 22
UNSAFE = "\t\n\r"
PAIRS = {"tensor": "metadata", "tensors": "metadata", "vectors": "metadata", "vecs": "meta"}
"""How the name of the vectors may end, and then that of the metadata."""


def sniff(path: Path, head: bytes) -> bool:
    """A first line of numbers between tabs, in a .tsv or with metadata beside it."""
    line, newline, _ = head.partition(b"\n")
    fields = line.rstrip(b"\r").split(b"\t")
    if path.is_dir() or (not newline and len(head) >= 1 << 16):
        return False
    if not all(NUMBER.fullmatch(field) for field in fields):
        return False
    return path.suffix.lower() == ".tsv" or (len(fields) > 1 and any(each.is_file() for each in companions(path)))


def companions(path: Path) -> list[Path]:
    """Where the metadata may be, the customary name first."""
    found = re.fullmatch(r"(.*?)(tensors?|vectors|vecs)", word_lists.stem(path))
    stem = word_lists.stem(path)
    names = [f"{found[1]}{PAIRS[found[2]]}.tsv"] if found else []
    names += [f"{stem}_metadata.tsv", f"{stem}.metadata.tsv", "metadata.tsv"]
    return [path.with_name(name) for name in dict.fromkeys(names) if name != path.name]


def beside(path: Path) -> list[Path]:
    """The metadata."""
    return [each for each in companions(path) if each.is_file()][:1]


def numbers_of(path: Path) -> Path | None:
    """The vectors whose metadata the file is."""
    others = sorted(path.parent.glob("*.tsv")) if path.suffix.lower() == ".tsv" else []
    return next((each for each in others if each.name != path.name and beside(each) == [path]), None)


def check_target(path: Path) -> None:
    """As ``check_file``; ``FileExistsError`` where only the metadata is there, so that it belongs to something else."""
    check_file(path)
    check_pair(path, companions(path)[0])


def load(path: Path, faults: Faults) -> Table:
    """Read both files. ``FormatError`` for metadata that is missing or of another length; lines of other fields than
    the first are faults.
    """
    where = next(iter(beside(path)), None)
    if where is None:
        tried = ", ".join(each.name for each in companions(path))
        raise FormatError(
            f"{path}: the metadata, which has the words, is not beside it (tried: {tried}): put it there under one of "
            "these names"
        )
    listed = word_lists.read(where, faults)
    matrix, sound = _numbers(path, where, listed, faults)
    table = Table(listed.words, listed.chosen(Dense(matrix)), listed.counts)
    kept = sound[listed.rows]
    if kept.all():
        return table
    words = [word for word, here in zip(table.words, kept, strict=True) if here]
    return Table(words, Dense(matrix[listed.rows[kept]]), None if table.counts is None else table.counts[kept])


def save(table: Table, path: Path) -> None:
    """Write both files; ``FormatError`` for a word with a tab or a line feed."""
    check_target(path)
    lines = word_lists.encoded(table.words, UNSAFE, "the metadata of the projector")
    if table.counts is not None:
        counted = zip(lines, table.counts.tolist(), strict=True)
        lines = [b"word\tcount", *(b"%b\t%d" % pair for pair in counted)]
    rows, dim = table.storage.shape
    template = b"\t".join([b"%.9g"] * dim) + b"\n"
    step = max(1, STEP // (12 * dim))
    with replacing(companions(path)[0]) as words, replacing(path) as stream:
        for start in range(0, rows, step):
            block = table.storage.matrix[start : start + step].tolist()
            stream.write(b"".join(template % tuple(row) for row in block))
        words.write(b"".join(line + b"\n" for line in lines))


def _numbers(
    path: Path, where: Path, listed: word_lists.Listed, faults: Faults
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The vectors, a row for each line of the metadata, and which of them are sound."""
    with opened(path) as (stream, limit):
        dim = stream.readline().count(b"\t") + 1
    if listed.length * 2 * dim > limit + 1:
        raise FormatError(
            f"{path}: truncated, or not the vectors of {where}: {listed.length} vectors of {dim} numbers are needed, "
            f"at least {listed.length * 2 * dim} bytes; the file has {limit}"
        )
    matrix, sound = np.zeros((listed.length, dim), np.float32), np.ones(listed.length, bool)
    row = 0
    with opened(path) as (stream, _):
        for lines, whole in lines_of(stream):
            some = lines[: max(0, listed.length - row)]
            here = slice(row, row + len(some))
            matrix[here], sound[here] = _rows(some, dim, row + 1, faults)
            row += len(lines)
            if not whole:
                log.warning("%s: no line feed ends the last line: if the file was cut there, a number is wrong", path)
    word_lists.agreeing(path, where, listed, row)
    return matrix, sound


def _rows(lines: list[bytes], dim: int, number: int, faults: Faults) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The numbers of all lines at once, (n, D); a line that is not numbers is looked for only when that fails."""
    matrix, sound = np.zeros((len(lines), dim), np.float32), np.ones(len(lines), bool)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            flat = np.fromstring(b"\t".join(lines).decode("ascii"), np.float32, sep="\t")
        sure = all(line.count(b"\t") == dim - 1 and b" " not in line for line in lines)
        if flat.size == matrix.size and sure:
            return flat.reshape(matrix.shape), sound
    except (ValueError, DeprecationWarning):
        pass
    for here, line in enumerate(lines):
        fields = line.rstrip(b"\r").split(b"\t")
        wrong = next((field for field in fields if not NUMBER.fullmatch(field)), None)
        if wrong is None and len(fields) == dim:
            with np.errstate(over="ignore"):
                matrix[here] = [float(field) for field in fields]
            continue
        what = f"{len(fields)} numbers" if wrong is None else f"{wrong[:40]!r} is no number"
        faults.found(f"line {number + here}", f"{what}; {dim} numbers are needed, tabs between them")
        sound[here] = False
    return matrix, sound
