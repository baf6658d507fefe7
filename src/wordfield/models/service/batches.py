"""How many texts go into a request: by count and by estimated tokens, and fewer once a service has said so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import final

import regex

TOO_MUCH = frozenset({400, 413, 422})
"""What services answer that are given more than they take at once."""
WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]|[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]")
"""What is a token or more: a character of a script without spaces, a word, a mark."""
PIECE = 4
"""Letters of a word that make a token, so that an estimate is rather too high."""
FEW = 500
"""Characters that no model finds too many."""
SAID = [
    regex.compile(pattern, regex.IGNORECASE)
    for pattern in (
        r"maximum allowed batch size\s*(?:is|of|:|=)?\s*(\d+)",  # SiliconFlow, text-embeddings-inference
        r"batch size[^.]*?(?:not be larger than|not exceed|at most|maximum(?: is| of)?|up to)\s*(\d+)",  # DashScope
        r"(?:at most|maximum of|no more than|up to|limit(?: is| of)?)\s*(\d+)\s*(?:inputs|texts|items|embeddings)",
        r"(?:inputs|texts|items|array)[^.]*?(?:at most|maximum(?: of)?|no more than|up to|exceed(?:s|ed)?|<=?)\s*(\d+)",
    )
]


def estimated(text: str) -> int:
    """About how many tokens ``text`` has, rather too many: one for each character of Chinese and the like and for each
    mark, one for each ``PIECE`` letters of a word begun, and two that models add.
    """
    return 2 + sum(-(-len(word) // PIECE) for word in WORD.findall(text))


def at_least(text: str) -> int:
    """Tokens that ``text`` surely has: of most tokenizers one for each word, and one for four characters of scripts
    without spaces.
    """
    if len(text) < FEW:
        return 0
    words = WORD.findall(text)
    alone = sum(len(word) == 1 for word in words)
    return len(words) - alone + alone // PIECE


def shortened(text: str, tokens: int) -> str:
    """The beginning of ``text`` that has about so many tokens, rather fewer; all of it where it has no more."""
    if len(text) < tokens:
        return text
    held = 2
    for found in WORD.finditer(text):
        size = -(-len(found[0]) // PIECE)
        if held + size > tokens:
            return text[: found.start() + PIECE * (tokens - held)].rstrip()
        held += size
    return text


@final
@dataclass(frozen=True)
class Limits:
    """What a request may have, at most."""

    inputs: int
    tokens: int = 0
    """0: any number."""

    def batches(self, sizes: Sequence[int]) -> Iterator[range]:
        """The places of texts with so many tokens, as many together as fit; one that does not fit alone goes alone."""
        start, held = 0, 0
        for here, size in enumerate(sizes):
            full = here - start >= self.inputs or bool(self.tokens and held + size > self.tokens)
            if full and here > start:
                yield range(start, here)
                start, held = here, 0
            held += size
        if start < len(sizes):
            yield range(start, len(sizes))

    def learnt(self, sent: int, message: str) -> Limits:
        """Smaller ones, after a service has refused ``sent`` texts: the number it named, if that is smaller than what
        was sent, or these unchanged.
        """
        named = said(message)
        return self if named is None or not 0 < named < sent else replace(self, inputs=min(self.inputs, named))


def said(message: str) -> int | None:
    """The number of texts at once that an error message names as the most."""
    return next((int(found[1]) for pattern in SAID if (found := pattern.search(message)) is not None), None)
