"""What a code point is to each tokenizer, as tables that one kernel and one pattern read alike. U: the 0x110000 code
points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# A code point's class. CASED is added to WORD, LETTER or ALONE where lower-casing changes the code point.
SPLIT, WORD, LETTER, JOINER, LINE_END, ALONE, MARK, DIGIT, POINT, CASED = 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x80

CODE_POINTS = 0x110000
LAST_CASED = 0x1FFFF  # no script beyond the supplementary multilingual plane has two cases
APOSTROPHES = "'\u2019"
JOINERS = APOSTROPHES + "\u200c\u200d"  # the two zero-width joiners stand inside Persian and Indic words
LETTERS = r"[\p{L}\p{M}]"
WORDS = r"[\p{L}\p{M}\p{N}\p{Pc}]"
SPACELESS = (
    r"[[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Javanese}"
    r"\p{Balinese}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}]&&[\p{L}\p{M}\u3007]]"
)
"""Letters and marks of the scripts that put no space between words."""
ALONES = rf"[{SPACELESS}--\p{{M}}]"
ASCII_SPACES = dict.fromkeys(map(ord, "\t\n\v\f\r\0"), " ")
"""For ``str.translate``: what stands between words for fastText, besides the space."""
ENDS_OF_CLAUSES = "。！？；，、："


class Tables(NamedTuple):
    """A tokenizer as arrays: ``classes`` (U,) uint8 as named above, ``lower`` (U,) int32."""

    classes: NDArray[np.uint8]
    lower: NDArray[np.int32]


@cache
def tables(name: str, lowercase: bool) -> Tables:
    """The tables of the tokenizer called ``name``."""
    classes = CLASSES[name]()
    changed = np.arange(CODE_POINTS, dtype=np.int32)
    if lowercase:
        for code, other in _case_pairs():
            changed[code] = other
            if classes[code] != SPLIT:
                classes[code] |= CASED
    if classes[ord("\u2019")] == JOINER:
        changed[ord("\u2019")] = ord("'")
    classes.flags.writeable = changed.flags.writeable = False
    return Tables(classes, changed)


@cache
def pattern(name: str) -> Any:
    """What finds the words that ``tables(name, ...)`` describe, in text that is in lower case where it should be."""
    import regex

    other = f"[{WORDS}--{ALONES}]"
    joined = rf"(?:(?<={LETTERS})[{JOINERS}](?={LETTERS}){WORDS}+)*"
    patterns = {
        "words": rf"{WORDS}+{joined}",
        "characters": rf"{ALONES}\p{{M}}*+[{JOINERS}]?|{other}+(?:(?<={LETTERS})[{JOINERS}](?={LETTERS}){other}+)*",
        "chinese": rf"{WORDS}+(?:(?:(?<={LETTERS})[{JOINERS}](?={LETTERS})|(?<=\p{{Nd}})\.(?=\p{{Nd}})){WORDS}+)*",
    }
    compiled: Any = regex.compile(patterns[name], regex.V1)
    return compiled


@cache
def clauses() -> NDArray[np.uint8]:
    """(U,) classes that split text only where nothing that stands before matters to what stands after."""
    classes = _space_classes()
    classes[[ord(mark) for mark in ENDS_OF_CLAUSES]] = SPLIT
    return classes


@cache
def lines() -> NDArray[np.uint8]:
    """(U,) classes that split text into lines, and at NUL."""
    classes = np.full(CODE_POINTS, WORD, np.uint8)
    classes[0] = SPLIT
    classes[ord("\n")] = LINE_END
    return classes


def _word_classes() -> NDArray[np.uint8]:
    classes = np.zeros(CODE_POINTS, np.uint8)
    classes[_matching(WORDS)] = WORD
    classes[_matching(LETTERS)] = LETTER
    classes[[ord(joiner) for joiner in JOINERS]] = JOINER
    classes[ord("\n")] = LINE_END
    return classes


def _character_classes() -> NDArray[np.uint8]:
    classes = _word_classes()
    classes[_matching(r"\p{M}")] = MARK
    classes[_matching(ALONES)] = ALONE
    return classes


def _chinese_classes() -> NDArray[np.uint8]:
    classes = _word_classes()
    classes[_matching(r"\p{Nd}")] = DIGIT
    classes[ord(".")] = POINT
    return classes


def _space_classes() -> NDArray[np.uint8]:
    classes = lines().copy()
    classes[[code for code in range(0x3001) if chr(code).isspace() and code != 10]] = SPLIT  # U+3000 is the last
    return classes


def _ascii_space_classes() -> NDArray[np.uint8]:
    classes = lines().copy()
    classes[[code for code in (ord(" "), *ASCII_SPACES) if code != 10]] = SPLIT
    return classes


CLASSES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "words": _word_classes,
    "whitespace": _space_classes,
    "ascii-whitespace": _ascii_space_classes,
    "characters": _character_classes,
    "chinese": _chinese_classes,
    "subwords": lambda: lines().copy(),
}
"""By the name of a tokenizer: what makes its table of classes."""


def _matching(pattern: str) -> NDArray[np.bool_]:
    import regex

    everything = np.arange(CODE_POINTS, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    found = np.zeros(CODE_POINTS, np.bool_)
    for run in regex.finditer(f"{pattern}+", everything, regex.V1):
        found[run.start() : run.end()] = True
    return found


def _case_pairs() -> Iterator[tuple[int, int]]:
    for code in range(LAST_CASED + 1):
        small = ord(chr(code).lower()[0])
        if small != code:
            yield code, small
