"""Lines and fields of the small text files that evaluation sets are."""

from __future__ import annotations

import codecs
import csv
import os
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]

HEAD = 1 << 13
"""Bytes by which a file is recognised."""
TAG = re.compile(r"(?<=.)-[nvjar]$")
"""A part of speech behind a word: noun, verb, adjective (MEN: j, BLESS: a or j), adverb."""
MARKS = ',;:{}[]<>"='
FULL_STOPS = ("。", "！", "？", "!", "?")


class Head(NamedTuple):
    """The start of a file, by which it is recognised."""

    path: Path
    text: str
    """Its first characters; none where they are not UTF-8."""
    whole: bool
    """Whether that is all of it."""

    @classmethod
    def of(cls, path: Path) -> Head:
        """The head of the file at ``path``."""
        with path.open("rb") as stream:
            head = stream.read(HEAD + 1)
        whole = len(head) <= HEAD
        try:
            return cls(path, codecs.getincrementaldecoder("utf-8-sig")().decode(head[:HEAD], whole), whole)
        except UnicodeDecodeError:
            return cls(path, "", whole)

    @property
    def rows(self) -> list[str]:
        """Its whole lines but for comments (#), empty ones too, without white space around them."""
        rows = self.text.split("\n")
        stripped = [row.strip() for row in (rows if self.whole else rows[:-1])]
        return [row for row in stripped if not row.startswith("#")]

    @property
    def lines(self) -> list[str]:
        """Its whole lines that are neither empty nor comments."""
        return [row for row in self.rows if row]


def lines(path: Path, empty: bool = False) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not a comment (#), and unless ``empty`` not empty; CRLF, white space around
    it and a byte order mark are taken off.

    ``ValueError`` with the line's number where it is not UTF-8.
    """
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}: line {number}: not UTF-8 (byte {error.start} of the line): save the file as UTF-8"
                ) from error
            if (line or empty) and not line.startswith("#"):
                yield number, line


def first_lines(path: Path) -> list[str]:
    """Some whole lines from the start of a file, as ``lines`` gives them; none where they are not UTF-8."""
    return Head.of(path).lines


def fields(line: str) -> list[str]:
    """The columns of a line: between tabs, or commas where there are two or more and no tab, or white space."""
    return cells(line) if "\t" in line or line.count(",") >= 2 else line.split()


def cells(line: str) -> list[str]:
    """The columns of a line between tabs, or else between commas; these may be quoted."""
    if "\t" in line:
        return [each.strip() for each in line.split("\t")]
    if '"' in line:
        return [each.strip() for each in next(csv.reader([line]))]
    return [each.strip() for each in line.split(",")]


def number(cell: str) -> float | None:
    """The finite number that a cell is."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def plain(cell: str) -> bool:
    """Whether a cell may be a word: no number, and none of the marks of data and programs in it."""
    return number(cell) is None and not any(mark in cell for mark in MARKS)


def sentence(cell: str) -> bool:
    """Whether a cell holds more than a word or a short phrase: sets of sentences have the same forms."""
    return len(cell) > 40 or cell.count(" ") > 2 or cell.endswith(FULL_STOPS)


def numbered(rows: Iterable[list[str]]) -> bool:
    """Whether the first column only counts the rows, two or more."""
    column = [row[0] if row else "" for row in rows]
    if len(column) < 2 or not all(cell.isdecimal() for cell in column):
        return False
    return all(int(after) == int(before) + 1 for before, after in pairwise(column))


def untagged(words: list[str]) -> list[str]:
    """Words without the part of speech that stands behind all of them, sun-n, if it does."""
    return [TAG.sub("", word) for word in words] if all(map(TAG.search, words)) else words
