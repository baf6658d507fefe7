"""The slow, obvious twin of the scan: character by character, then a Counter."""

from __future__ import annotations

from collections import Counter

import regex

JOINERS = "'’\u200c\u200d"
SPACELESS = (
    r"[[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Javanese}"
    r"\p{Balinese}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}]&&[\p{L}〇]]"
)
SPACES = {c for c in map(chr, range(0x110000)) if c.isspace()} | {"\0"}


def small(character: str) -> str:
    """Unicode's simple lower case of one character."""
    return "i" if character == "İ" else character.lower()


def words_of(text: str, name: str, lowercase: bool) -> list[str]:
    """The words of a text by definition; for ``chinese`` what is left to do once NUL stands between its words."""
    marked = "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    out = []
    alone = False  # what stands here belongs to a character that is a word of its own
    for here, character in enumerate(marked):
        alone = name == "characters" and (is_alone(character) or (alone and is_mark(character)))
        around = marked[here - 1 : here] + marked[here + 1 : here + 2] if here else ""
        if name == "whitespace":
            keep = character not in SPACES
        elif name == "ascii-whitespace":
            keep = character not in " \t\n\v\f\r\0"
        elif character in JOINERS:
            keep = bool(regex.fullmatch(r"[\p{L}\p{M}]{2}", around))
            if name == "characters":
                keep = keep and out[-1][-1:] != " " and not is_alone(around[1])
            character = "'" if character == "’" else character
        elif character == "." and name == "chinese":
            keep = bool(regex.fullmatch(r"\p{Nd}{2}", around))
        else:
            keep = bool(regex.match(r"[\p{L}\p{M}\p{N}\p{Pc}]", character))
        written = (small(character) if lowercase else character) if keep else " "
        if alone:
            before = out.pop().rstrip(" ") if is_mark(character) else " "
            written = before + written + " "
        out.append(written)
    return [word for word in "".join(out).split(" ") if word]


def is_mark(character: str) -> bool:
    return bool(regex.match(r"\p{M}", character))


def is_alone(character: str) -> bool:
    """Whether it is a letter of a script that puts no space between words."""
    return bool(regex.match(SPACELESS, character, regex.V1)) and not is_mark(character)


def sentences_of(data: bytes, name: str, lowercase: bool) -> list[list[str]]:
    """The sentences of a file: lines that have a word."""
    lines = data.removeprefix(b"\xef\xbb\xbf").decode(errors="replace").split("\n")
    return [words for line in lines if (words := words_of(line, name, lowercase))]


def counts_of(sentences: list[list[str]]) -> dict[str, int]:
    """Words in order of first occurrence, and how often each was seen."""
    return dict(Counter(word for sentence in sentences for word in sentence))
