"""Lines and fields of the small text files that evaluation sets are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from wordfield.vectors import WordVectors

PathLike: TypeAlias = str | os.PathLike[str]

HEAD = 1 << 13


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is neither empty nor a comment (#); CRLF and a byte order mark are taken off.

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
            if line and not line.startswith("#"):
                yield number, line


def first_lines(path: Path) -> list[str]:
    """Some whole lines from the start of a file, as ``lines`` gives them; none where they are not UTF-8."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1]
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError:
        return []
    stripped = (line.strip() for line in text.split("\n"))
    return [line for line in stripped if line and not line.startswith("#")]


def fields(line: str) -> list[str]:
    """The columns of a line: between tabs, or commas where there are two or more and no tab, or white space."""
    if "\t" in line:
        return [each.strip() for each in line.split("\t")]
    if line.count(",") >= 2:
        return [each.strip() for each in line.split(",")]
    return line.split()


def row_of(words: WordVectors, word: str) -> int | None:
    """The row of a word as it stands or else in lower case, None for an unknown word: sets write Athens, most
    vocabularies athens.
    """
    index = words.vocabulary.index
    row = index.get(word)
    return index.get(word.lower()) if row is None else row
