"""What the two files of word2vec.c (Mikolov 2013) share: the first line "V D", and words as bytes that others may have
cut or mixed up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

from wordfield.formats.table import FormatError

log = logging.getLogger(__name__)

HEADER = re.compile(rb"[ \t]*(\d{1,18})[ \t]+(\d{1,18})[ \t]*\r?\n?")
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf|NaN|Inf)")


def header(line: bytes) -> tuple[int, int] | None:
    """Words and dimensions of a first line "V D", or None."""
    found = HEADER.fullmatch(line)
    return (int(found[1]), int(found[2])) if found else None


def promised(path: Path, line: bytes, bytes_a_row: tuple[int, int], limit: int) -> tuple[int, int]:
    """V and D of the first line, refused where the file cannot hold so much: nothing is allocated on the word of a
    header.

    bytes_a_row: the least that a row takes, as (bytes for each number, bytes besides).
    """
    shape = header(line)
    if shape is None:
        raise FormatError(f"{path}: line 1 is {line[:60]!r}; 'words dimensions' is needed, such as '67773 100'")
    words, dim = shape
    if words < 1 or dim < 1:
        raise FormatError(
            f"{path}: line 1 promises {words} words of {dim} dimensions; there must be at least one of each"
        )
    least = words * (bytes_a_row[0] * dim + bytes_a_row[1])
    if least > limit:
        raise FormatError(
            f"{path}: line 1 promises {words} words of {dim} dimensions, at least {least} bytes; the file has {limit}: "
            "truncated, or a wrong header"
        )
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
    """The words of a file as they are read: decoded, refused where one stands twice, broken UTF-8 counted."""

    def __init__(self, path: Path, unit: str, offset: int) -> None:
        self.path, self.unit, self.offset = path, unit, offset
        self.words: list[str] = []
        self.seen: set[str] = set()
        self.broken = 0

    def extend(self, words: Iterable[bytes]) -> None:
        for raw in words:
            try:
                word = raw.decode()
            except UnicodeDecodeError:
                self.broken += 1
                word = raw.decode(errors="replace")
                if word in self.seen:  # two broken words may look alike once replaced
                    word = raw.decode(errors="backslashreplace")
            if word in self.seen:
                here, first = len(self.words) + self.offset, self.words.index(word) + self.offset
                raise FormatError(
                    f"{self.path}: {self.unit} {here}: the word {word!r} stands there a second time, "
                    f"first in {self.unit} {first}: take one of them out"
                )
            self.seen.add(word)
            self.words.append(word)

    def done(self) -> list[str]:
        """All words; says in the log how many were broken."""
        if self.broken:
            log.warning("%s: %d words are not valid UTF-8; what is broken in them was replaced", self.path, self.broken)
        return self.words


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
