"""Tokens and their rows, and words that are made of tokens: the words of a table whose tokenizer cuts text into pieces,
as the table of a language model.

A word that is a token has its row. Any other has the rows of the pieces into which it is cut where it stands alone
after a space: of *king* that is ▁king. W words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from wordfield.text.codepoints import SPACELESS
from wordfield.text.subwords import MARK
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Bags, Distinct, Vocabulary

REMEMBERED = 1 << 16
"""Words whose pieces are remembered, at most."""


class PieceVocabulary(Vocabulary):
    """Tokens, each one row, and words that are cut into them. The tokenizer is read when the first word is asked about
    that is no token: ``ImportError`` naming the extra where its library is missing.
    """

    parts = "pieces"

    def __init__(
        self, words: Sequence[str], counts: NDArray[np.int64] | Sequence[int] | None, tokenizer: Tokenizer
    ) -> None:
        super().__init__(words, counts)
        self.tokenizer = tokenizer
        self._cut: dict[str, list[int]] = {}

    def bag(self, word: str) -> list[int]:
        """The rows of a word: its own, or those of its pieces; none where one of these has no row, or is the piece for
        what is unknown.
        """
        if word in self:
            return [self.index[word]]
        rows = self._cut.get(word) if isinstance(word, str) else []
        if rows is None:
            if len(self._cut) >= REMEMBERED:
                self._cut.clear()
            rows = self._cut[word] = self._rows(word)
        return rows

    def bags(self, words: Sequence[str]) -> Bags:
        """The rows of each word. ``KeyError`` for one that has none."""
        found = [self.bag(word) for word in words]
        if not all(found):
            raise KeyError(self.unknown(words[found.index([])]))
        starts = np.cumsum([0, *map(len, found)], dtype=np.int64)
        return Bags(starts, np.array([row for rows in found for row in rows], np.int64))

    def named(self, word: str) -> str | None:
        """The token that a word is: itself, or the only piece that it is cut into."""
        rows = self.bag(word)
        return self.words[rows[0]] if len(rows) == 1 else None

    def composes(self, words: Sequence[str]) -> NDArray[np.bool_]:
        """Which words have rows, (W,)."""
        return np.array([bool(self.bag(word)) for word in words], bool)

    def told(self, word: str) -> str:
        """What the vector of a word is made of: "the token ▁king", "3 pieces: ▁un fathom able"."""
        if word in self:
            return super().told(word)
        names = [self.words[row] for row in self.bag(word)]
        if len(names) < 2:
            return f"the token {names[0]}" if names else "nothing"
        return f"{len(names)} pieces: {' '.join(names)}"

    def _rows(self, word: str) -> list[int]:
        """The rows of the pieces. A space that is a piece by itself is no part of the word."""
        text = word.replace(MARK, " ").strip()
        if not text:
            return []
        spaced = self._spaces and not spaceless(text[0])
        pieces = self.tokenizer.pieces_of(f" {text}" if spaced else text)
        if len(pieces) > 1 and pieces[0] == MARK:
            pieces = pieces[1:]
        unknown, index = self.tokenizer.pieces.unknown, self.index
        there = all(piece in index and piece != unknown for piece in pieces)
        return [index[piece] for piece in pieces] if there else []

    @cached_property
    def _spaces(self) -> bool:
        """Whether a text has to begin with a space for its first word to be cut as one after a space: many tokenizers
        begin each text as if there were one, and would have two.
        """
        return not "".join(self.tokenizer.pieces_of("a")).startswith(MARK)


def cut_by(vocabulary: Vocabulary, tokenizer: Tokenizer) -> Vocabulary:
    """The vocabulary, with words made of its tokens where ``tokenizer`` cuts text into such; one with n-grams has its
    own way.
    """
    if tokenizer.name != "subwords" or vocabulary.parts not in ("", PieceVocabulary.parts):
        return vocabulary
    if isinstance(vocabulary, PieceVocabulary) and vocabulary.tokenizer is tokenizer:
        return vocabulary
    return PieceVocabulary(Distinct(vocabulary.words), vocabulary.counts, tokenizer)


@cache
def spaceless(character: str) -> bool:
    """Whether a character is of a script that puts no spaces between words."""
    import regex

    return regex.fullmatch(SPACELESS, character, regex.VERSION1) is not None
