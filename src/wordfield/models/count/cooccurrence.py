"""Co-occurrence: a word's vector says how often each other word stands near it.

After Schütze (1992) and Lund and Burgess (1996), whose HAL weighs neighbours by their distance. V words, and as many
dimensions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import check
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Storage
from wordfield.text.corpus import Corpus
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.text.counting import Counts
    from wordfield.text.ids import Ids
    from wordfield.text.sampling import Rehearsal, Sample


GROWTH = 0.6
"""Pairs that were seen grow about as this power of the text."""


@dataclass(frozen=True)
class Cooccurrence:
    """Vectors as wide as the vocabulary, of how often each word stands near each other."""

    window: int | Literal["sentence"] = 5
    """Words to each side that count as neighbours, or all of the sentence."""
    weight: Literal["flat", "harmonic", "decay"] = "flat"
    """What a neighbour at distance d counts: 1, 1 / d, or (window + 1 - d) / window."""
    context: Literal["both", "left", "right"] = "both"
    """The side on which neighbours count."""
    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""
    memory: float = 2.0
    """Gigabytes that counting may take; what does not fit goes to temporary files."""
    threads: int | None = None
    """Threads that count; unset: one a processor. Their number changes nothing in the result."""

    def __post_init__(self) -> None:
        check_counting(self)

    def fit(self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: None = None) -> StaticModel:
        """The counts in ``corpus``, or in what one is made of, as a sparse table (V, V).

        ``ValueError`` if the corpus has no word, or none ``min_count`` times, if ``memory`` is too little for the
        vocabulary, and for a ``start``: counts start from the text alone.
        """
        from wordfield.storage import Sparse

        def table(counts: Counts) -> tuple[Storage, dict[str, Any]]:
            return Sparse(counts.matrix(np.float32)), {"nonzeros": counts.nonzeros}

        return fitted(self, corpus, progress, start, table)

    def rehearse(self, sample: Sample) -> Rehearsal:
        """What counting the whole corpus that ``sample`` is of will take. ``ValueError`` as in ``fit``."""
        return rehearsed(self, sample)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "cooccurrence", **asdict(self)}


class Counting(Protocol):
    """A recipe that counts: what the functions below read of it."""

    @property
    def window(self) -> int | Literal["sentence"]: ...
    @property
    def weight(self) -> Literal["flat", "harmonic", "decay"]: ...
    @property
    def context(self) -> Literal["both", "left", "right"]: ...
    @property
    def min_count(self) -> int: ...
    @property
    def max_vocab(self) -> int | None: ...
    @property
    def memory(self) -> float: ...
    @property
    def threads(self) -> int | None: ...
    def described(self) -> dict[str, Any]: ...


def check_counting(recipe: Counting) -> None:
    """``ValueError`` for fields that counting does not know."""
    from wordfield.text import counting

    check(
        recipe,
        least={"min_count": 1, "max_vocab": 1, "threads": 1},
        choices={"weight": counting.WEIGHTS, "context": tuple(counting.SIDES)},
        numbers={"memory": ("gigabytes, above 0", lambda gigabytes: gigabytes > 0)},
    )
    counting.check(recipe.window, recipe.weight, recipe.context)


def counted(
    recipe: Counting, ids: Ids, vocabulary: Vocabulary, progress: Progress = silent, **subsampling: Any
) -> Counts:
    """The counts that ``recipe`` asks for; ``subsampling``: see ``text.counting.count``."""
    from wordfield.text.counting import count

    return count(
        ids,
        len(vocabulary),
        recipe.window,
        recipe.weight,
        recipe.context,
        threads=recipe.threads,
        memory=round(recipe.memory * 1e9),
        progress=progress,
        **subsampling,
    )


def fitted(
    recipe: Counting,
    corpus: Corpus | Iterable[Any],
    progress: Progress,
    start: object,
    table: Callable[[Counts], tuple[Storage, dict[str, Any]]],
    subsampling: Callable[[Vocabulary], dict[str, Any]] | None = None,
) -> StaticModel:
    """What a recipe that counts makes of a corpus: ``table`` gives the vectors, and what else its history has, of
    counts.
    """
    if start is not None:
        raise ValueError(f"{recipe.described()['model']} starts from the text alone: it cannot go on from a model")
    corpus = Corpus.of(corpus)
    begun = time.perf_counter()
    with corpus.scan(progress) as scan:
        vocabulary = scan.vocabulary(recipe.min_count, recipe.max_vocab)
        ids = scan.encode(vocabulary)
        read = time.perf_counter()
        with counted(recipe, ids, vocabulary, progress, **(subsampling(vocabulary) if subsampling else {})) as counts:
            storage, measured = table(counts)
        history = {
            "corpus": corpus.name,
            "corpus_tokens": scan.tokens,
            "known_tokens": ids.tokens,
            "tokens": ids.tokens,
            "resumed": 0,
            "seconds": {"read": read - begun, "train": time.perf_counter() - read},
            "loss": [],
            "heldout": [],
        }
        vectors = WordVectors(vocabulary, storage)
        return StaticModel(vectors, scan.tokenizer, recipe.described(), history | measured)


def rehearsed(recipe: Counting, sample: Sample) -> Rehearsal:
    """Count a sample: time goes by its tokens; what is counted grows more slowly, as the vocabulary does."""
    from wordfield.text.sampling import Rehearsal, resident

    vocabulary = sample.vocabulary(recipe.min_count, recipe.max_vocab)
    ids = sample.scan.encode(vocabulary)
    begun = time.perf_counter()
    with counted(recipe, ids, vocabulary) as counts:
        seconds = time.perf_counter() - begun
        nonzeros = counts.nonzeros * sample.share**-GROWTH
    known = round(ids.tokens / sample.share)
    memory = resident() + min(16 * known, recipe.memory * 1e9) + 20 * nonzeros
    return Rehearsal(len(vocabulary), known, seconds / sample.share, round(memory), round(8 * nonzeros))


def keep(counts: NDArray[np.int64], threshold: float) -> NDArray[np.uint32]:
    """For each word, the largest of 32 random bits with which it is kept: sqrt(t / f) of all, f its share (Levy,
    Goldberg and Dagan 2015, section 3.1).
    """
    chance = np.minimum(1, np.sqrt(threshold * counts.sum() / np.maximum(counts, 1)))
    kept: NDArray[np.uint32] = (chance * 0xFFFFFFFF).astype(np.uint32)
    return kept
