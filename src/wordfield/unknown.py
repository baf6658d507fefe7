"""Words beyond the vocabulary: what they get instead of a vector of their own, and what an answer was made of. One
choice, the same for every model.

n words asked about, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.storage.dense import averaged
from wordfield.text.ngrams import NgramVocabulary
from wordfield.text.vocabulary import SEARCHED, Vocabulary
from wordfield.vectors import WordVectors

Policy: TypeAlias = Literal["raise", "skip", "zero", "subword", "spelling", "rare"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
OWN, NOTHING = "its own row", "nothing"


class Found(NamedTuple):
    """What was found for n words."""

    vectors: NDArray[np.float32]
    """Their vectors (n, D); zeros where there is none."""
    known: NDArray[np.bool_]
    """Whether each has a vector, (n,): those left out under "skip" have none, those of zeros under "zero" have."""
    origins: list[str]
    """What each vector was made of, in words: "its own row", "n-grams, 7 of 9 known", "the spelling 'keyboard'"."""


@dataclass(frozen=True)
class Unknown:
    """What becomes of a word that the vocabulary does not have.

    raise: a ``KeyError`` that names the nearest spellings. skip: it is left out. zero: a vector of zeros. subword: the
    mean of its n-grams, where the model has n-grams and any of the word's; else it is left out. spelling: the vector of
    the nearest spelling among the most frequent words, where one is at most ``edits`` letters away; else it is left
    out. rare: the mean of the rarest words of the vocabulary, ``rarest`` of them, as GloVe makes its <unk>.
    """

    policy: Policy = "raise"
    rarest: int = 100
    """Words in the mean of "rare"."""
    edits: int = 2
    """Letters left out, added, replaced or swapped with the next (Damerau and Levenshtein) that "spelling" allows; no
    more than a third of the word's."""
    lower: bool = False
    """Whether a word that is unknown as it stands is looked up in lower case first: sets write Athens."""

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"unknown policy {self.policy!r}; known: {', '.join(POLICIES)}")
        if self.rarest < 1 or self.edits < 1:
            raise ValueError(f"rarest and edits are at least 1, not {self.rarest} and {self.edits}")

    def find(self, words: WordVectors, asked: Sequence[str]) -> Found:
        """The vectors of ``asked`` and where each comes from; ``KeyError`` under "raise" for the first that has none."""
        vocabulary = words.vocabulary
        spelled = [self._spelled(vocabulary, word) for word in asked]
        vectors = np.zeros((len(asked), words.dim), np.float32)
        known = np.array([word in vocabulary for word in spelled], bool)
        own = np.flatnonzero(known)
        if len(own):
            vectors[own] = words[[spelled[here] for here in own]]
        origins = [OWN if here else NOTHING for here in known]
        for here in np.flatnonzero(~known):
            vector, origins[here] = self._instead(words, spelled[here])
            if vector is not None:
                vectors[here], known[here] = vector, True
        return Found(vectors, known, origins)

    def _spelled(self, vocabulary: Vocabulary, word: str) -> str:
        """The word, or, where that is what the vocabulary has, its lower case."""
        small = word.lower() if self.lower else word
        return small if word not in vocabulary and small in vocabulary else word

    def _instead(self, words: WordVectors, word: str) -> tuple[NDArray[np.float32] | None, str]:
        """The vector of an unknown word, perhaps none, and what it was made of."""
        vocabulary = words.vocabulary
        if self.policy == "raise":
            raise KeyError(vocabulary.unknown(word))
        if self.policy == "zero":
            return np.zeros(words.dim, np.float32), "zeros"
        if self.policy == "subword" and isinstance(vocabulary, NgramVocabulary) and len(vocabulary.bag(word)):
            return words[word], str(vocabulary.origin(word))
        if self.policy == "spelling" and (near := nearest_spelling(vocabulary, word, self.edits)) is not None:
            return words[near], f"the spelling {near!r}"
        if self.policy == "rare":
            rarest = list(vocabulary.words[-self.rarest :])
            return averaged(words[rarest]), f"the mean of the {len(rarest)} rarest words"
        return None, NOTHING


def nearest_spelling(vocabulary: Vocabulary, word: str, edits: int = 2) -> str | None:
    """The word that is spelled most like it: among the most frequent at most ``edits`` letters away, and no more than a
    third of its own; of equal ones the most frequent.
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import extractOne

    most = min(edits, len(word) // 3)
    found = extractOne(word, vocabulary.words[:SEARCHED], scorer=OSA.distance, score_cutoff=most) if most else None
    return None if found is None else str(found[0])
