"""The files between the programs of GloVe (Pennington, Socher and Manning 2014): vocab.txt, a line "word count" a word,
and cooccurrence.bin, 16 bytes a pair of words: int32 word, int32 context, float64 count, little-endian.

Words are numbered from 1, by their line in vocab.txt. Shuffled or not, all records are read.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import word2vec
from wordfield.formats.files import PathLike, opened, replacing
from wordfield.formats.table import FormatError
from wordfield.formats.word2vec_text import UNSAFE
from wordfield.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from wordfield.text.counting import Counts

log = logging.getLogger(__name__)

RECORD = np.dtype([("word", "<i4"), ("context", "<i4"), ("count", "<f8")])
STEP = 1 << 18  # records read at a time


def read_vocabulary(path: PathLike) -> Vocabulary:
    """The words of a vocab.txt with their counts; ``FormatError`` names the line that has none."""
    path = Path(path)
    names, counts = word2vec.Words(path, "line", 1), []
    with opened(path) as (stream, _):
        for number, line in enumerate(stream, 1):
            word, _, count = line.rstrip(b"\r\n").rpartition(b" ")
            if not word or not count.isdigit() or len(count) > 18:
                raise FormatError(f"{path}: line {number} is {line[:60]!r}; 'word count' is needed, such as 'the 1061'")
            names.extend([word])
            counts.append(int(count))
    if not counts:
        raise FormatError(f"{path}: the file is empty; a line 'word count' for each word is needed")
    return Vocabulary(names.done(), counts)


def encoded_vocabulary(words: list[str], counts: NDArray[np.int64] | None) -> bytes:
    """What a vocab.txt holds; words that nobody counted are written as seen once. ``FormatError`` for a word with white
    space.
    """
    names = word2vec.encoded(words, UNSAFE, "the vocab.txt of GloVe")
    numbers = [1] * len(names) if counts is None else counts.tolist()
    return b"".join(b"%b %d\n" % each for each in zip(names, numbers, strict=True))


def write_vocabulary(vocabulary: Vocabulary, path: PathLike) -> None:
    """Write a vocab.txt; ``FormatError`` for a word with white space."""
    data = encoded_vocabulary(vocabulary.words, vocabulary.counts)
    with replacing(Path(path)) as stream:
        stream.write(data)


def read_records(path: PathLike, vocabulary_path: PathLike) -> tuple[csr_array[Any], Vocabulary]:
    """The counts of a cooccurrence.bin, (V, V) float64, and the words of its vocab.txt: what ``GloVe.fit_counts`` and
    ``Counts.of`` take.

    ``FormatError`` names the record whose word is not in the vocabulary, or whose count is not above 0, and a file that
    ends inside one. A pair that has several records gets their sum.
    """
    from scipy.sparse import coo_array

    path, vocabulary = Path(path), read_vocabulary(vocabulary_path)
    words = len(vocabulary)
    rows, columns, values, begin, rest = [], [], [], 0, b""
    with opened(path) as (stream, _):
        while more := stream.read(STEP * RECORD.itemsize):
            data = rest + more
            whole = len(data) - len(data) % RECORD.itemsize
            records, rest = np.frombuffer(data[:whole], RECORD), data[whole:]
            _check(path, records, begin, words)
            rows.append(records["word"] - 1)
            columns.append(records["context"] - 1)
            values.append(records["count"].copy())
            begin += len(records)
    if rest:
        what = f"{len(rest)} bytes follow the {begin} records of {RECORD.itemsize} bytes"
        raise FormatError(f"{path}: truncated, or no file of co-occurrences: {what}")
    if not begin:
        raise FormatError(f"{path}: the file is empty; records of {RECORD.itemsize} bytes are needed")
    places = np.concatenate(rows), np.concatenate(columns)
    matrix = coo_array((np.concatenate(values), places), shape=(words, words)).tocsr()
    matrix.sum_duplicates()
    if matrix.nnz < begin:
        log.warning("%s: %d pairs have more than one record; their counts are added up", path, begin - matrix.nnz)
    return matrix, vocabulary


def write_records(counts: Counts, path: PathLike) -> None:
    """Write a cooccurrence.bin, row by row. ``glove`` of the original wants it shuffled, by its program ``shuffle``."""
    with replacing(Path(path)) as stream:
        for first, last, columns, values in counts.pieces():
            records = np.empty(len(columns), RECORD)
            records["word"] = np.repeat(np.arange(first + 1, last + 1), np.diff(counts.indptr[first : last + 1]))
            records["context"], records["count"] = columns + 1, values
            stream.write(records.data)


def _check(path: Path, records: NDArray[Any], begin: int, words: int) -> None:
    """Refuse what is damaged; ``begin``: the number of the first record."""
    wrong = np.zeros(len(records), bool)
    for name in ("word", "context"):
        wrong |= (records[name] < 1) | (records[name] > words)
    wrong |= ~((records["count"] > 0) & np.isfinite(records["count"]))
    if wrong.any():
        here = int(np.flatnonzero(wrong)[0])
        word, context, count = records[here].item()
        raise FormatError(
            f"{path}: record {begin + here + 1} is word {word}, context {context}, count {count:g}; words are numbered "
            f"1 to {words}, as the vocabulary has them, and counts are above 0: damaged, or another vocabulary"
        )
