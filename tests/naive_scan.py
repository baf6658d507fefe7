"""The slow, obvious twin of the scan: character by character, then a Counter."""

from __future__ import annotations

from collections import Counter

import regex

JOINERS = "'’\u200c\u200d"
SPACES = {c for c in map(chr, range(0x110000)) if c.isspace()} | {"\0"}


def small(character: str) -> str:
    """Unicode's simple lower case of one character."""
    return "i" if character == "İ" else character.lower()


def words_of(text: str, name: str, lowercase: bool) -> list[str]:
    """The words of a text by definition."""
    marked = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    out = []
    for here, character in enumerate(marked):
        if name == "whitespace":
            keep = character not in SPACES
        elif character in JOINERS:
            around = marked[here - 1 : here] + marked[here + 1 : here + 2] if here else ""
            keep = bool(regex.fullmatch(r"[\p{L}\p{M}]{2}", around))
            character = "'" if character == "’" else character
        else:
            keep = bool(regex.match(r"[\p{L}\p{M}\p{N}\p{Pc}]", character))
        out.append((small(character) if lowercase else character) if keep else " ")
    return [word for word in "".join(out).split(" ") if word]


def sentences_of(data: bytes, name: str, lowercase: bool) -> list[list[str]]:
    """The sentences of a file: lines that have a word."""
    lines = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").split("\n")
    return [words for line in lines if (words := words_of(line, name, lowercase))]


def counts_of(sentences: list[list[str]]) -> dict[str, int]:
    """Words in order of first occurrence, and how often each was seen."""
    return dict(Counter(word for sentence in sentences for word in sentence))
