"""Text -> words: two tables over code points, which one kernel and one pattern read alike.

``words`` follows the spirit of Unicode's word boundaries (UAX 29) without its tables of exceptions; ``whitespace`` is
what word2vec.c and fastText do, for every space that Unicode knows. U: the 0x110000 code points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What a code point is to a tokenizer. CASED is added to WORD or LETTER where lower-casing changes the code point.
SPLIT, WORD, LETTER, JOINER, LINE_END, CASED = 0, 1, 2, 3, 4, 0x80

CODE_POINTS = 0x110000
LAST_CASED = 0x1FFFF  # no script beyond the supplementary multilingual plane has two cases
APOSTROPHES = "'\u2019"
JOINERS = APOSTROPHES + "\u200c\u200d"  # the two zero-width joiners stand inside Persian and Indic words
LETTERS = r"[\p{L}\p{M}]"
WORDS = r"[\p{L}\p{M}\p{N}\p{Pc}]"

HABITS = {"words": True, "whitespace": False}  # tokenizer -> whether it lower-cases when nobody says


class Tables(NamedTuple):
    """A tokenizer as arrays: ``classes`` (U,) uint8 as named above, ``lower`` (U,) int32."""

    classes: NDArray[np.uint8]
    lower: NDArray[np.int32]


@dataclass(frozen=True)
class Tokenizer:
    """Cuts a text into words. ``words``: runs of letters, marks, numbers and connectors; ``whitespace``: what stands
    between spaces.

    In ``words`` an apostrophe between two letters joins them ("don't" is one word; ’ becomes '), as zero-width joiners
    do; everything else separates. NUL separates in both. Lower-casing is by character, one to one, whatever stands
    around it.
    """

    name: str
    lowercase: bool

    def __post_init__(self) -> None:
        if self.name not in HABITS:
            raise ValueError(f"unknown tokenizer {self.name!r}; choose one of: {', '.join(HABITS)}")

    @classmethod
    def of(cls, name: str | Tokenizer, lowercase: bool | None = None) -> Tokenizer:
        """The tokenizer of that name; ``lowercase=None`` is its habit: yes for ``words``, no for ``whitespace``."""
        if isinstance(name, Tokenizer):
            return name if lowercase is None else cls(name.name, lowercase)
        if name not in HABITS:
            raise ValueError(f"unknown tokenizer {name!r}; choose one of: {', '.join(HABITS)}")
        return cls(name, HABITS[name] if lowercase is None else lowercase)

    def tokenize(self, text: str) -> list[str]:
        """The words of ``text``, exactly as a scan of a file with this text finds them."""
        return self.words_of(scalar(text))

    def words_of(self, text: str) -> list[str]:
        """``tokenize`` for text that is known to hold no lone surrogate."""
        if self.name == "whitespace":
            return (lower(text) if self.lowercase else text).replace("\0", " ").split()
        words: list[str] = _pattern().findall(lower(text) if self.lowercase else text)
        if "\u2019" in text:
            return [word.replace("\u2019", "'") for word in words]
        return words

    def describe(self) -> dict[str, Any]:
        """What to store with a model, so that ``Tokenizer(**description)`` is this one again."""
        return {"name": self.name, "lowercase": self.lowercase}

    @property
    def tables(self) -> Tables:
        """The arrays that the kernel reads; built on first use, once per process."""
        return _tables(self.name, self.lowercase)


def lower(text: str) -> str:
    """``text`` in lower case, character by character: no final sigma, and İ gives one character, as Unicode's simple
    mapping has it.
    """
    return text.lower() if text.isascii() else text.replace("\u03a3", "\u03c3").replace("\u0130", "i").lower()


def scalar(text: str) -> str:
    """``text`` with each lone surrogate, which UTF-8 cannot hold, replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    return text


@cache
def _pattern() -> Any:
    import regex

    return regex.compile(rf"{WORDS}+(?:(?<={LETTERS})[{JOINERS}](?={LETTERS}){WORDS}+)*")


@cache
def _tables(name: str, lowercase: bool) -> Tables:
    classes = _word_classes() if name == "words" else _space_classes()
    changed = np.arange(CODE_POINTS, dtype=np.int32)
    if lowercase:
        for code, other in _case_pairs():
            changed[code] = other
            if classes[code] != SPLIT:
                classes[code] |= CASED
    if name == "words":
        changed[ord("\u2019")] = ord("'")
    classes.flags.writeable = changed.flags.writeable = False
    return Tables(classes, changed)


def _word_classes() -> NDArray[np.uint8]:
    import regex

    everything = np.arange(CODE_POINTS, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    classes = np.zeros(CODE_POINTS, np.uint8)
    for kind, pattern in ((WORD, WORDS), (LETTER, LETTERS)):
        for run in regex.finditer(f"{pattern}+", everything):
            classes[run.start() : run.end()] = kind
    classes[[ord(joiner) for joiner in JOINERS]] = JOINER
    classes[ord("\n")] = LINE_END
    return classes


def _space_classes() -> NDArray[np.uint8]:
    classes = np.full(CODE_POINTS, WORD, np.uint8)
    classes[[code for code in range(0x3001) if chr(code).isspace()]] = (
        SPLIT  # the ideographic space, U+3000, is the last
    )
    classes[0] = SPLIT
    classes[ord("\n")] = LINE_END
    return classes


def _case_pairs() -> Iterator[tuple[int, int]]:
    for code in range(LAST_CASED + 1):
        small = ord(chr(code).lower()[0])
        if small != code:
            yield code, small
