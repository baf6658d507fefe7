"""The text file of floret (Explosion 2021): a first line ``bucket dim minn maxn hash_count seed begin end``, then of
each bucket its number and its vector, between spaces.

There are no words in it: every word has a vector, and none is known. Text is cut at the white space of ASCII, as floret
cuts it. Nine digits are written: every float32 comes back as it was.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import numpy as np

from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.formats.word2vec_text import floats_of, lines_of
from wordfield.storage import Dense
from wordfield.text.ngrams import Ngrams

log = logging.getLogger(__name__)

HOLDS: frozenset[str] = frozenset({"ngrams"})
HEADER = re.compile(rb"(\d{1,9}) (\d{1,9}) (\d{1,3}) (\d{1,3}) ([1-4]) (\d{1,10}) (\S+) (\S+) *\r?\n?")
TOKENIZER = {"name": "ascii-whitespace", "lowercase": False}
LEAST = 4
"""Bytes of a line, at least, besides two for each number."""

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """A first line of six numbers and two marks."""
    return not path.is_dir() and HEADER.fullmatch(head.partition(b"\n")[0]) is not None


def lost(table: Table, unheld: list[str]) -> list[str]:
    """The words as well."""
    return [*unheld, *["words"] * bool(table.words)]


def load(path: Path, _: Faults) -> Table:
    """Read the whole file; ``FormatError`` names the line that is damaged. A last line without a line feed is read,
    with a warning: the file may be cut inside a number.
    """
    blocks, number, ended = [], 2, True
    with opened(path) as (stream, size):
        first = stream.readline()
        found = HEADER.fullmatch(first)
        if found is None:
            raise FormatError(
                f"{path}: line 1 is {first[:60]!r}; bucket, dim, minn, maxn, hash count, seed and two marks are needed"
            )
        bucket, dim, minn, maxn, count, seed = (int(each) for each in found.groups()[:6])
        begin, end = (each.decode(errors="surrogateescape") for each in found.groups()[6:])
        if not dim or bucket * (2 * dim + LEAST - 2) > size:
            raise FormatError(f"{path}: line 1 promises {bucket} rows of {dim} numbers in {size} bytes: truncated")
        try:
            ngrams = Ngrams(
                minn, maxn, bucket, hash="floret", hash_count=count, seed=seed, own=False, begin=begin, end=end
            )
        except ValueError as error:
            raise FormatError(f"{path}: line 1: {error}") from error
        for lines, whole in lines_of(stream):
            ended = whole
            rows = [line.split() for line in lines if line.strip()]
            for place, row in enumerate(rows, number):
                if len(row) != dim + 1 or row[0] != b"%d" % (place - 2):
                    raise FormatError(
                        f"{path}: line {place}: row {place - 2} and {dim} numbers are needed, not "
                        f"{b' '.join(row)[:60]!r} with {len(row) - 1}"
                    )
            blocks.append(floats_of(path, [b" ".join(row[1:]) for row in rows], dim, number))
            number += len(rows)
    matrix = np.concatenate(blocks) if blocks else np.empty((0, dim), np.float32)
    if len(matrix) != bucket:
        raise FormatError(f"{path}: line 1 promises {bucket} rows, {len(matrix)} follow: truncated, or a wrong line 1")
    if not ended:
        log.warning("%s: no line feed ends the last line: if the file was cut there, its last number is wrong", path)
    return Table([], Dense(matrix), config={"tokenizer": TOKENIZER}, ngrams=ngrams)


def save(table: Table, path: Path) -> None:
    """Write the rows of all buckets; ``FormatError`` for vectors that are not made as floret makes them."""
    ngrams = table.ngrams
    if ngrams is None or ngrams.hash != "floret" or ngrams.own or ngrams.kept is not None:
        raise FormatError(
            "a file of floret holds rows of n-grams alone, hashed as floret does: train with hash=floret, or use "
            "another format"
        )
    if table.words:
        log.warning("%s: the %d words are not kept, which have a vector all the same", path, len(table.words))
    dim = table.storage.shape[1]
    head = (ngrams.bucket, dim, ngrams.minn, ngrams.maxn, ngrams.hash_count, ngrams.seed, ngrams.begin, ngrams.end)
    template = b"%d" + b" %.9g" * dim + b"\n"
    with replacing(path) as stream:
        stream.write((" ".join(map(str, head)) + "\n").encode("utf-8", "surrogateescape"))
        for row in range(ngrams.bucket):
            stream.write(template % (row, *table.storage.take([row])[0].tolist()))
