"""Text -> text: one form of each character (NFKC), one script for Chinese, lower case, no lone surrogates."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

SCRIPTS = {"": "", "simplified": "t2s", "traditional": "s2t"}
"""By the script asked for: OpenCC's configuration, which converts words, not only characters."""

WIDE = str.maketrans({chr(code): chr(code - 0xFEE0) for code in map(ord, "，：；！？（）％．＋－")})
"""Punctuation of Chinese lines whose NFKC is known: with it replaced, most lines are in NFKC already."""


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


def compatible(text: str) -> str:
    """``text`` in NFKC (Unicode annex 15): full-width letters and digits narrow, half-width kana wide, ① as 1."""
    for wide, narrow in WIDE.items():
        text = text.replace(chr(wide), narrow)
    return "\n".join([unicodedata.normalize("NFKC", line) for line in text.split("\n")])


def in_script(text: str, script: str) -> str:
    """Chinese text in simplified or traditional characters. ``ImportError`` naming the extra without OpenCC."""
    converted: str = _converter(SCRIPTS[script]).convert(text)
    return converted


@cache
def _converter(configuration: str) -> Any:
    try:
        import opencc
    except ImportError as error:
        raise ImportError(
            "folding Chinese into one script needs OpenCC, which is not installed: pip install 'wordfield[zh]'"
        ) from error
    return opencc.OpenCC(configuration)
