"""Words beyond the vocabulary: what they get instead of a vector of their own, and what an answer was made of. One
choice, the same for every model.

n words asked about, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.storage.dense import averaged
from wordfield.text.ngrams import NgramVocabulary
from wordfield.text.pieces import PieceVocabulary
from wordfield.text.vocabulary import SEARCHED, Vocabulary
from wordfield.vectors import WordVectors

Policy: TypeAlias = Literal["raise", "skip", "zero", "subword", "spelling", "rare"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
OWN, SPELLING, RARE, ZEROS, NOTHING = "its own row", "another spelling", "rare words", "zeros", "nothing"
NGRAMS, PIECES = NgramVocabulary.parts, PieceVocabulary.parts
KINDS = (OWN, NGRAMS, PIECES, SPELLING, RARE, ZEROS, NOTHING)
"""Where a vector may come from, in short."""
AT_ONCE = 1 << 24
"""Pairs of words whose spellings are compared at once."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found for n words."""

    vectors: NDArray[np.float32]
    """Their vectors (n, D); zeros where there is none."""
    known: NDArray[np.bool_]
    """Whether each has a vector, (n,): those left out under "skip" have none, those of zeros under "zero" have."""
    kinds: list[str]
    """Where each vector comes from, in short: one of ``KINDS``."""
    stand_ins: list[str | None]
    """The word of the vocabulary whose vector it is: the word itself, its lower case, its token, or the nearest
    spelling; None where it is no word's."""
    asked: list[str]
    """The words asked about."""
    _words: WordVectors = field(repr=False)
    _spelled: list[str] = field(repr=False)
    _edits: list[int] = field(repr=False)
    _rarest: list[str] = field(repr=False)

    @cached_property
    def origins(self) -> list[str]:
        """What each vector was made of: "its own row", "n-grams, 7 of 9 known", "the token ▁king", "3 pieces: ▁un
        fathom able", "the spelling 'keyboard', 1 edit", "the mean of the 100 rarest words", "zeros", "nothing".
        """
        return [self._origin(here) for here in range(len(self.asked))]

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that there are."""
        return self._words.vocabulary

    @property
    def rows(self) -> list[list[int]]:
        """Of which rows of the table each vector is made; none where it is of none."""
        found = []
        for kind, stand_in, spelled in zip(self.kinds, self.stand_ins, self._spelled, strict=True):
            made = {ZEROS: [], NOTHING: [], RARE: self._rarest}.get(kind, [stand_in or spelled])
            found.append(self.vocabulary.bags(made).rows.tolist())
        return found

    @property
    def terms(self) -> list[str | NDArray[np.float32] | None]:
        """What to ask ``WordVectors`` for: the word that has the vector, which is then no answer to itself; a vector
        where no word has it; None for a word that is left out.
        """
        vectors = zip(self.stand_ins, self.vectors, self.known, strict=True)
        return [(vector if word is None else word) if known else None for word, vector, known in vectors]

    @property
    def notes(self) -> Iterator[tuple[str, str]]:
        """The words that have not their own vector, each once, and what they have instead."""
        others = [here for here, word in enumerate(self.asked) if self.stand_ins[here] != word]
        yield from {self.asked[here]: self._origin(here) for here in others}.items()

    def _origin(self, here: int) -> str:
        word, kind, vocabulary = self.asked[here], self.kinds[here], self.vocabulary
        stand_in = self.stand_ins[here]
        if kind == SPELLING:
            return f"the spelling {stand_in!r}, {self._edits[here]} edit{'s' * (self._edits[here] > 1)}"
        if kind == OWN and stand_in != word:
            return f"the word in lower case, {stand_in!r}"
        if kind in (OWN, vocabulary.parts):
            return vocabulary.told(self._spelled[here])
        return f"the mean of the {len(self._rarest)} rarest words" if kind == RARE else kind


@dataclass(frozen=True)
class Unknown:
    """What becomes of a word that the vocabulary does not have.

    raise: a ``KeyError`` that names the nearest spellings. skip: it is left out. zero: a vector of zeros. subword: the
    mean of its n-grams, where the model has n-grams and any of the word's; where the words of the model are tokens, the
    mean of those that it is cut into, if all are known; else it is left out. spelling: the vector of the nearest
    spelling among the most frequent words, where one is at most ``edits`` letters away; else it is left out. rare: the
    mean of the rarest words of the vocabulary, ``rarest`` of them, as GloVe makes its <unk>.
    """

    policy: Policy = "raise"
    rarest: int = 100
    """Words in the mean of "rare"."""
    edits: int = 2
    """Letters left out, added, replaced or swapped with the next (Damerau and Levenshtein) that "spelling" allows; no
    more than a third of the word's."""
    lower: bool = False
    """Whether a word that is unknown as it stands is taken in lower case: sets write Athens."""
    strict: bool = False
    """Whether a word for which the policy finds nothing is a ``KeyError``, and not left out."""

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise ValueError(f"unknown policy {self.policy!r} for unknown words; known: {', '.join(POLICIES)}")
        for name in ("rarest", "edits"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} is a whole number, at least 1, not {value!r}")

    @classmethod
    def of(cls, given: Unknown | Policy | None, usual: Unknown) -> Unknown:
        """What somebody gave: a policy by its name, with the numbers of ``usual``, all of it, or None for ``usual``."""
        if given is None:
            return usual
        if isinstance(given, str):
            return cls(given, usual.rarest, usual.edits, usual.lower)
        if not isinstance(given, cls):
            raise TypeError(f"unknown= takes one of {', '.join(POLICIES)}, or an Unknown, not {given!r}")
        return given

    def applied(self, words: WordVectors) -> Policy:
        """The policy as it comes out for this model: "subword" is "skip" where the model has neither n-grams nor
        pieces.
        """
        return "skip" if self.policy == "subword" and not words.vocabulary.parts else self.policy

    def in_text(self, words: WordVectors) -> Unknown:
        """The same for the words of a text, which are pieces already where the model has such: they are not cut."""
        return replace(self, policy="skip") if self._cuts(words.vocabulary) else self

    def taken(self, vocabulary: Vocabulary, word: str) -> tuple[str, str | None]:
        """How a word is looked up, as it stands or, where it is unknown so and that is wanted, in lower case; and the
        word of the vocabulary that it then is, under "subword" perhaps the token that is all of it, or None. A word of
        several tokens is taken in lower case only if there are none for its capitals.
        """
        for each in (word, word.lower()) if self.lower else (word,):
            found = vocabulary.named(each) if self.policy == "subword" else each
            if found is not None and found in vocabulary:
                return each, found
        cut = self._cuts(vocabulary) and bool(vocabulary.composes([word])[0])
        return word.lower() if self.lower and not cut else word, None

    def find(self, words: WordVectors, asked: Sequence[str]) -> Found:
        """The vectors of ``asked`` and where each comes from; ``KeyError`` under "raise", or where it is ``strict``,
        for the first that has none.
        """
        asked, vocabulary = _strings(asked), words.vocabulary
        taken = [self.taken(vocabulary, word) for word in asked]
        spelled, stand_ins = [each for each, _ in taken], [stand_in for _, stand_in in taken]
        kinds = [NOTHING if word is None else OWN if word == each else vocabulary.parts for each, word in taken]
        vectors, edits = np.zeros((len(asked), words.dim), np.float32), [0] * len(asked)
        missing = [here for here, word in enumerate(stand_ins) if word is None]
        if self.policy == "subword":
            _spell_out(words, spelled, missing, vectors, kinds)
        elif self.policy == "spelling" and missing:
            near = nearest_spellings(vocabulary, [spelled[here] for here in missing], self.edits)
            for here, found in ((here, found) for here, found in zip(missing, near, strict=True) if found):
                (stand_ins[here], edits[here]), kinds[here] = found, SPELLING
        elif self.policy in ("zero", "rare"):
            kinds = [(ZEROS if self.policy == "zero" else RARE) if kind == NOTHING else kind for kind in kinds]
        if NOTHING in kinds and (self.strict or self.policy == "raise"):
            raise KeyError(vocabulary.unknown(asked[kinds.index(NOTHING)]))
        own = [here for here, word in enumerate(stand_ins) if word is not None]
        if own:
            vectors[own] = words[[word for word in stand_ins if word is not None]]
        rarest = self.rare(vocabulary) if RARE in kinds else []
        if rarest:
            vectors[[kind == RARE for kind in kinds]] = averaged(words[rarest])
        known = np.array([kind != NOTHING for kind in kinds], bool)
        return Found(vectors, known, kinds, stand_ins, asked, words, spelled, edits, rarest)

    def _cuts(self, vocabulary: Vocabulary) -> bool:
        """Whether words are cut into pieces."""
        return self.policy == "subword" and vocabulary.parts == PIECES

    def rare(self, vocabulary: Vocabulary) -> list[str]:
        """The rarest words of a vocabulary, ``rarest`` of them; its last where nobody counted."""
        words, counts = vocabulary.words, vocabulary.counts
        if counts is None:
            return words[-self.rarest :]
        return [words[row] for row in np.argsort(-counts, kind="stable")[-self.rarest :].tolist()]


QUESTIONS = Unknown("subword", strict=True)
"""What is usual where somebody asks about words: n-grams or pieces, where the model has them, else an error."""
TEXTS = Unknown("subword")
"""What is usual in a text: n-grams, where the model has them, else the word is left out."""


def _spell_out(
    words: WordVectors, spelled: list[str], missing: list[int], vectors: NDArray[Any], kinds: list[str]
) -> None:
    """Put in the vectors of those missing words that are made of n-grams or pieces."""
    vocabulary = words.vocabulary
    made = vocabulary.composes([spelled[here] for here in missing])
    there = [here for here, composed in zip(missing, made.tolist(), strict=True) if composed]
    if there:
        vectors[there] = words[[spelled[here] for here in there]]
    for here in there:
        kinds[here] = vocabulary.parts


def nearest_spellings(vocabulary: Vocabulary, asked: Sequence[str], edits: int = 2) -> list[tuple[str, int] | None]:
    """The word that is spelled most like each, and how many edits away: among the most frequent, at most ``edits``, and
    no more than a third of its letters; of equal ones the most frequent. None where there is none.
    """
    words = vocabulary.words[:SEARCHED]
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    by_length: dict[int, list[str]] = {}
    for word in dict.fromkeys(asked):
        by_length.setdefault(len(word), []).append(word)
    found: dict[str, tuple[str, int]] = {}
    for length, some in by_length.items():
        most = min(edits, length // 3)
        near = np.flatnonzero(abs(lengths - length) <= most).tolist() if most else []
        if near:
            found |= _nearest([words[row] for row in near], some, most)
    return [found.get(word) for word in asked]


def _nearest(words: list[str], asked: list[str], most: int) -> dict[str, tuple[str, int]]:
    """Of ``asked`` those that have a word at most so many edits away: the nearest, the first of equal ones."""
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cdist

    found = {}
    step = max(1, AT_ONCE // len(words))
    for start in range(0, len(asked), step):
        some = asked[start : start + step]
        distances = cdist(some, words, scorer=OSA.distance, score_cutoff=most, dtype=np.uint16)
        best = distances.argmin(axis=1)
        for word, place, distance in zip(some, best.tolist(), distances.min(axis=1).tolist(), strict=True):
            if distance <= most:
                found[word] = words[place], distance
    return found


def _strings(asked: Any) -> list[str]:
    """The words as a list; ``TypeError`` for one str, or what is none."""
    if isinstance(asked, str):
        raise TypeError(f"a list of words is needed, not one: [{asked!r}]")
    for word in asked:
        if not isinstance(word, str):
            raise TypeError(f"words are str, not {type(word).__name__}: {word!r:.60}")
    return list(asked)
