"""Words as networks read them that know no vocabulary: by their characters, so that each word that anybody writes has a
vector.

As the original ELMo (bilm/data.py): a word is its bytes in UTF-8 between two marks, cut where it is too long, and
filled up behind. Or, which suits Chinese better, its characters: those that are known have numbers of their own.

N words, L numbers of a word.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.elmo_parts import BEGIN, END, MARKS, UNKNOWN, size
from wordfield.models.sequence.tokens import Read, given
from wordfield.text.normalization import lower, scalar
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

log = logging.getLogger(__name__)

NAMES = (BEGIN, END, UNKNOWN)
"""The tokens that are no words, in the order of their rows."""


@dataclass(frozen=True)
class Spelling:
    """How words become numbers."""

    longest: int = 50
    """Numbers of a word, its marks with them (L)."""
    characters: str | None = None
    """The characters that have numbers; None: all bytes have."""

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return size(self.characters)

    def numbers(self, words: Sequence[str]) -> NDArray[np.int16]:
        """(N, L). The two names of the beginning and end of a sentence are these, not words."""
        begin, end, opened, closed, nothing = range(self.size - MARKS, self.size)
        found = np.full((len(words), self.longest), nothing, np.int16)
        most = self.longest - 2
        long = [word for word in words if len(word) * 4 > most and len(self._spelt(word)) > most]
        for row, word in zip(found, words, strict=True):
            row[0] = opened
            spelt: Any = [begin] if word == BEGIN else [end] if word == END else self._spelt(word)[:most]
            row[1 : 1 + len(spelt)] = np.frombuffer(spelt, np.uint8) if isinstance(spelt, bytes) else spelt
            row[1 + len(spelt)] = closed
        if long:
            unit = "bytes" if self.characters is None else "characters"
            log.warning("of %d words only the first %d %s are read, such as %.60r", len(long), most, unit, long[0])
        return found

    def _spelt(self, word: str) -> bytes | list[int]:
        if self.characters is None:
            return scalar(word).encode()
        unknown = len(self.characters)
        return [self._places.get(character, unknown) for character in word]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {character: place for place, character in enumerate(self.characters or "")}


@dataclass(frozen=True)
class Spelt:
    """What such a network reads of a text: its words themselves. ``vocabulary``: the words that it was trained on, of
    which the first ``outputs`` can be foreseen.
    """

    tokenizer: Tokenizer
    vocabulary: Vocabulary
    outputs: int

    end = NAMES.index(END)
    """The row of the token that ends a sentence."""

    @property
    def unknown(self) -> int:
        """The row of words that the vocabulary does not have."""
        return NAMES.index(UNKNOWN)

    def rows(self, text: str) -> list[str]:
        """The words of a text."""
        return self.tokenizer.tokenize(text)

    def read(self, text: str | Sequence[str]) -> Read:
        """The words of a text, or the words given, each read as it stands."""
        words = self.rows(text) if isinstance(text, str) else given(text)
        low = self.tokenizer.lowercase and not isinstance(text, str)
        return Read(words, [lower(word) for word in words] if low else words, [[place] for place in range(len(words))])

    def told(self, row: str) -> tuple[str, int | None]:
        """What a token is called, and its row in the vocabulary, None where it is not there."""
        return row, self.vocabulary.index.get(row)

    def knows(self, row: str) -> bool:
        """Whether the network was trained on it."""
        return row in self.vocabulary
