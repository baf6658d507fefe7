"""Chinese text, which has no spaces -> words, by the dictionary and hidden Markov model of jieba (through jieba-rs).

jieba's cuts are kept where Chinese characters are involved. What it does to Latin words and numbers is undone, and
these are cut by our own rules: it takes "don't" apart, and keeps "2023-02-04" in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
BETWEEN_OTHERS = re.compile(f"\0(?![{HAN}\n])(?<![{HAN}\n]\0)")
THOUSANDS = re.compile(r",(?=[0-9]{3}(?![0-9]))(?<=[0-9],)")
ENTRY = re.compile(r"(\S+)(?: +([0-9]+))?(?: +([a-zA-Z]+))?")


def segmented(text: str, dictionary: tuple[str, ...] = ()) -> str:
    """``text`` with NUL between words as jieba cuts them, none between pieces without a Chinese character; the comma
    that groups the thousands of a number left out.

    ``dictionary``: entries as ``entries`` makes them. ``ImportError`` naming the extra without rjieba.
    """
    cut = jieba(dictionary).cut
    text = THOUSANDS.sub("", text).replace("\0", " ")
    return BETWEEN_OTHERS.sub("", "\n".join(["\0".join(cut(line)) for line in text.split("\n")]))


def read_dictionary(path: str | Path) -> tuple[str, ...]:
    """The entries of a user dictionary in jieba's format: ``word [frequency [tag]]`` a line, UTF-8.

    ``ValueError`` naming file and line for anything else.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: a dictionary is UTF-8 text, but byte {error.start} is not") from None
    return entries(lines, str(path))


def entries(lines: Iterable[str], name: str = "dictionary") -> tuple[str, ...]:
    """Rows of a user dictionary, checked; blank ones left out. ``ValueError`` naming the row that is none."""
    found = []
    for number, line in enumerate(lines, 1):
        row = " ".join(line.split())
        if row and not ENTRY.fullmatch(row):
            raise ValueError(
                f"{name}, line {number}: expected `word [frequency [tag]]`, a frequency in digits, not {line[:60]!r}"
            )
        if row:
            found.append(row)
    return tuple(found)


def version() -> str:
    """Which segmenter this is: what it is called and its version. ``ImportError`` naming the extra without it."""
    from importlib.metadata import version

    _module()
    return f"rjieba {version('rjieba')}"


@cache
def jieba(dictionary: tuple[str, ...]) -> Any:
    """The segmenter with these entries added to its dictionary."""
    segmenter = _module().Jieba()
    for entry in dictionary:
        word, frequency, tag = ENTRY.fullmatch(entry).groups()  # type: ignore[union-attr]
        segmenter.add_word(word, None if frequency is None else int(frequency), tag)
    return segmenter


def _module() -> Any:
    try:
        import rjieba
    except ImportError as error:
        raise ImportError(
            "the tokenizer `chinese` needs rjieba, which is not installed: pip install 'wordfield[zh]'; "
            "or take the tokenizer `characters`"
        ) from error
    return rjieba
