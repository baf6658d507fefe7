"""One-hot: a word's vector is a one in the word's own place, and zeros elsewhere.

Nothing is learnt, and nothing is stored but the vocabulary; every later method replaces this table by a narrower one.
V words.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Sparse
from wordfield.text.corpus import Corpus
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.text.sampling import Rehearsal, Sample


@dataclass(frozen=True)
class OneHot:
    """Vectors as wide as the vocabulary, a one in the word's own place; a text's vector is its bag of words."""

    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""

    def fit(self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: None = None) -> StaticModel:
        """The vocabulary of ``corpus``, or of what one is made of, and the identity, (V, V).

        ``ValueError`` if the corpus has no word, or none ``min_count`` times, and for a ``start``: there is nothing to
        go on from.
        """
        if start is not None:
            raise ValueError("one-hot vectors are not trained: there is nothing to go on from")
        corpus = Corpus.of(corpus)
        begun = time.perf_counter()
        with corpus.scan(progress) as scan:
            vocabulary = scan.vocabulary(self.min_count, self.max_vocab)
            history = {
                "corpus": corpus.name,
                "corpus_tokens": scan.tokens,
                "known_tokens": vocabulary.total,
                "tokens": vocabulary.total,
                "resumed": 0,
                "seconds": {"read": time.perf_counter() - begun, "train": 0.0},
                "loss": [],
                "heldout": [],
            }
            progress(scan.tokens, scan.tokens)
            vectors = WordVectors(vocabulary, Sparse.identity(len(vocabulary)))
            return StaticModel(vectors, scan.tokenizer, self.described(), history)

    def rehearse(self, sample: Sample) -> Rehearsal:
        """What the whole corpus that ``sample`` is of will have. ``ValueError`` as in ``fit``."""
        from wordfield.text.sampling import Rehearsal, resident

        vocabulary = sample.vocabulary(self.min_count, self.max_vocab)
        return Rehearsal(len(vocabulary), vocabulary.total, 0.0, resident() + sample.memory, 0)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "one-hot", **asdict(self)}
