"""What a masked language model has to guess: whole words, drawn anew each time a text is read.

Of the words that are drawn 80 % become masks, 10 % other words, and 10 % stay as they are (Devlin, Chang, Lee and
Toutanova 2019, arXiv 1810.04805); the pieces of a word share its lot. In Chinese, where each character is a piece,
words are those of a segmenter (Cui et al. 2019, arXiv 1906.08101).

V tokens, B texts, T tokens of each.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.models.sequence.specials import Specials
from wordfield.text import chinese
from wordfield.text.subwords import MARK

log = logging.getLogger(__name__)

Rows = NDArray[np.int64]

MASKS, OTHERS = 0.8, 0.1
"""Shares of the drawn words that become masks, and that become others."""
INSIDE = "##"
"""What pieces begin with that stand inside a word, in vocabularies of WordPiece."""
UNUSED = re.compile(r"\[unused\d+\]|<unused ?\d+>")


class Masking:
    """Draws what is to be guessed. ``words``: what each row is called (V); ``share``: of the tokens that are text, how
    many; ``whole``: whether the pieces of a word are drawn together. ``ValueError`` for a vocabulary without a mask.
    """

    def __init__(self, words: Sequence[str], specials: Specials, share: float, *, whole: bool = True) -> None:
        self._mask, self._share = specials.needed("mask"), share
        self._text = np.ones(len(words), bool)
        self._text[[*specials.rows]] = False
        self._inside = np.zeros(len(words), bool)
        self._characters: list[str] = []
        self._han = np.zeros(len(words), bool)
        if whole:
            self._inside[:] = inside(words)
            bare = [word.removeprefix(MARK) for word in words]
            self._han[:] = [len(word) == 1 and re.match(f"[{chinese.HAN}]", word) is not None for word in bare]
            self._characters = bare
        self._cut: Any = _segmenter() if self._han.any() else None
        used = self._text & np.array([UNUSED.fullmatch(word) is None for word in words])
        self._others = np.flatnonzero(used)

    def __call__(self, ids: Rows, random: np.random.Generator) -> tuple[Rows, Rows]:
        """Texts (B, T) as they are to be read, and the tokens to guess, -1 where there are none, (B, T) each. Of each
        text the share is guessed as nearly as whole words allow, at least one word.
        """
        text = self._text[ids]
        words = self._words(ids, text)
        place, row = words[text], np.broadcast_to(np.arange(len(ids))[:, None], ids.shape)[text]
        sizes = np.bincount(place)
        owners = np.zeros(len(sizes), np.int64)
        owners[place] = row
        wanted = np.round(self._share * text.sum(1))
        order = np.argsort(owners + random.random(len(sizes)))
        total = np.cumsum(sizes[order])
        firsts = np.searchsorted(owners[order], np.arange(len(ids)))
        before = np.concatenate([[0], total])[firsts]
        reached = total - before[owners[order]]
        drawn = reached - sizes[order] / 2 <= wanted[owners[order]]
        drawn[np.unique(firsts[firsts < len(order)])] = True
        chosen = np.zeros(len(sizes), bool)
        chosen[order[drawn]] = True
        lots = random.random(len(sizes))
        found, targets = ids.copy(), np.full(ids.shape, -1, np.int64)
        here = np.zeros(ids.shape, bool)
        here[text] = chosen[place]
        targets[here] = ids[here]
        lot = lots[words[here]]
        others = self._others[random.integers(len(self._others), size=len(lot))]
        found[here] = np.where(lot < MASKS, self._mask, np.where(lot < MASKS + OTHERS, others, ids[here]))
        return found, targets

    def _words(self, ids: Rows, text: NDArray[np.bool_]) -> Rows:
        """The number of the word that each token belongs to (B, T); what it is for tokens that are no text is of no
        meaning.
        """
        begins = text & ~self._inside[ids]
        begins[:, 1:] |= text[:, 1:] & ~text[:, :-1]
        begins[:, 0] |= text[:, 0]
        if self._cut is not None:
            self._join(ids, begins)
        return np.cumsum(begins.ravel()).reshape(ids.shape) - 1

    def _join(self, ids: Rows, begins: NDArray[np.bool_]) -> None:
        """Let the characters of a Chinese word begin none but their first."""
        han = self._han[ids]
        alone = np.zeros(
            (len(ids), ids.shape[1] + 1), bool
        )  # a place between two texts, so that none runs into another
        alone[:, :-1] = han
        flat = alone.ravel()
        places = np.flatnonzero(flat)
        if not len(places):
            return
        breaks = np.flatnonzero(np.diff(places) > 1) + 1
        characters = [self._characters[row] for row in ids[han].tolist()]
        for number, at in enumerate(breaks.tolist()):
            characters.insert(at + number, "\n")
        ends = np.cumsum([len(word) for word in self._cut("".join(characters))])
        first = np.zeros(len(characters), bool)
        first[np.concatenate([[0], ends[:-1]])] = True
        first = first[np.array([character != "\n" for character in characters])]
        begins[han] = first


def inside(words: Sequence[str]) -> list[bool]:
    """Which tokens go on with the word before them."""
    if any(word.startswith(INSIDE) for word in words):
        return [word.startswith(INSIDE) for word in words]
    if not any(word.startswith(MARK) for word in words):
        return [False] * len(words)  # whole words
    return [word[:1].isalnum() and re.match(f"[{chinese.HAN}]", word) is None for word in words]


def _segmenter() -> Any:
    """What cuts Chinese text into words; None without its library."""
    try:
        return chinese.jieba(()).cut
    except ImportError as error:
        log.warning("Chinese characters are masked one by one: %s", error)
        return None
