"""What the two files of word2vec.c (Mikolov 2013) share: the first line "V D", and words as bytes that others may have
cut or mixed up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.faults import Faults
from wordfield.formats.table import FormatError
from wordfield.text.vocabulary import Distinct

log = logging.getLogger(__name__)

HEADER = re.compile(rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?\n?")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf|NaN|Inf)")


def header(line: bytes) -> tuple[int, int] | None:
    """Words and dimensions of a first line "V D", or None."""
    found = HEADER.fullmatch(line)
    return (int(found[1]), int(found[2])) if found else None


def promised(faults: Faults, line: bytes, bytes_a_row: tuple[int, int], limit: int) -> tuple[int, int]:
    """V and D of the first line; at fault where the file cannot hold so much: nothing is allocated on the word of a
    header. ``FormatError`` where no row of D numbers can follow.

    bytes_a_row: the least that a row takes, as (bytes for each number, bytes besides). limit: bytes of the file.
    """
    path, shape = faults.path, header(line)
    if shape is None:
        raise FormatError(f"{path}: line 1 is {line[:60]!r}; 'words dimensions' is needed, such as '67773 100'")
    words, dim = shape
    row = bytes_a_row[0] * dim + bytes_a_row[1]
    what = f"promises {words} words of {dim} dimensions"
    least = f"{what}, at least {max(1, words) * row} bytes; the file has {limit}: truncated, or a wrong header"
    if dim < 1:
        raise FormatError(f"{path}: line 1 {what}; there must be at least one of each")
    if row > limit:
        raise FormatError(f"{path}: line 1 {least}")
    if words < 1:
        faults.found("line 1", f"{what}; there must be at least one of each")
    if words * row > limit:
        faults.found("line 1", least)
    return shape


def looks_like_text(head: bytes) -> bool:
    """Whether what follows the header is written in characters (text) rather than in bytes of float32 (binary).

    It is when the first row ends in numbers, or, where that row is damaged, when there are no control characters and
    all is UTF-8.
    """
    first, _, rest = head.partition(b"\n")
    shape = header(first)
    if shape is None or not rest:
        return False
    row, newline, _ = rest.partition(b"\n")
    numbers = row.split()[1:] if newline else row.split()[1:-1]  # the last may be cut at the end of the head
    if numbers and all(NUMBER.fullmatch(number) for number in numbers[-min(shape[1], 5) :]):
        return True
    return not CONTROL.search(rest) and "\ufffd" not in rest[:-3].decode(errors="replace")[:-1]


class Words:
    """The words of a file as they are read: decoded, at fault where one stands twice, broken UTF-8 counted.

    ``unit`` and ``offset``: what to call the place of a word, "line" or "word", and the number of the first.
    """

    def __init__(self, path: Path, unit: str, offset: int, faults: Faults | None = None) -> None:
        self.faults, self.unit, self.offset = faults or Faults(path), unit, offset
        self.words: list[str] = []
        self.seen: dict[str, int] = {}
        self.broken = 0

    def extend(self, words: Iterable[bytes], numbers: Iterable[int] | None = None) -> list[bool]:
        """More words, whose places have these numbers, or go on; and which of them are new."""
        new = []
        for raw, number in zip(words, numbers or count(len(self.words) + self.offset), strict=False):
            try:
                word = raw.decode()
            except UnicodeDecodeError:
                self.broken += 1
                word = raw.decode(errors="replace")
                if word in self.seen:  # two broken words may look alike once replaced
                    word = raw.decode(errors="backslashreplace")
            new.append(word not in self.seen)
            if word in self.seen:
                first = f"first in {self.unit} {self.seen[word]}: take one of them out"
                what = f"the word {word!r} stands there a second time, {first}"
                self.faults.found(f"{self.unit} {number}", what)
                continue
            self.seen[word] = number
            self.words.append(word)
        return new

    def done(self) -> list[str]:
        """All words; says in the log how many were broken."""
        if self.broken:
            what = "words are not valid UTF-8; what is broken in them was replaced"
            log.warning("%s: %d %s", self.faults.path, self.broken, what)
        return Distinct(self.words)


def settled(
    raw: bytes, separator: bytes, names: Words, numbers: NDArray[np.int64], different: bool = False
) -> tuple[list[str], NDArray[np.int64] | None]:
    """The words that stand in ``raw``, one after another with a separator between them, decoded all at once where they
    are valid UTF-8; and which of them are kept, None where all are.

    ``numbers``: of their places, (R,). ``different``: it is known that no two are the same.
    """
    if not len(numbers):
        return names.done(), None
    with suppress(UnicodeDecodeError):
        words = raw.decode().split(separator.decode())
        if different or len(set(words)) == len(words):
            return Distinct(words), None
    new = names.extend(raw.split(separator), numbers.tolist())
    return names.done(), None if all(new) else np.flatnonzero(new)


def encoded(words: Iterable[str], unsafe: str, format: str) -> list[bytes]:
    """The words as UTF-8; ``FormatError`` for a word that a reader of this format would cut at one of the ``unsafe``
    characters.
    """
    found = []
    bad = re.compile(f"[{re.escape(unsafe)}]")
    for row, word in enumerate(words):
        if not word or bad.search(word):
            what = "is empty" if not word else "holds white space"
            raise FormatError(
                f"row {row}: the word {word!r} {what}, which {format} cannot hold: "
                "use the native format, or replace the word"
            )
        try:
            found.append(word.encode())
        except UnicodeEncodeError as error:
            raise FormatError(
                f"row {row}: the word {word!r} is no valid Unicode ({error.reason}), which {format} cannot hold"
            ) from error
    return found
