"""PPMI: not how often two words meet, but how much more often than by chance.

Positive pointwise mutual information after Church and Hanks (1990), with what Levy, Goldberg and Dagan (2015,
"Improving distributional similarity with lessons learned from word embeddings") found to matter. V words, and as many
dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wordfield.models.checks import check
from wordfield.models.count.cooccurrence import check_counting, fitted, keep, rehearsed
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Storage
from wordfield.text.corpus import Corpus
from wordfield.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from wordfield.text.counting import Counts
    from wordfield.text.sampling import Rehearsal, Sample


@dataclass(frozen=True)
class PPMI:
    """Vectors as wide as the vocabulary, of how much more often than by chance words stand near each other."""

    window: int | Literal["sentence"] = 5
    """Words to each side that count as neighbours, or all of the sentence."""
    weight: Literal["flat", "harmonic", "decay"] = "decay"
    """What a neighbour at distance d counts: 1, 1 / d, or (window + 1 - d) / window, Word2Vec's dynamic window."""
    context: Literal["both", "left", "right"] = "both"
    """The side on which neighbours count."""
    smoothing: float = 0.75
    """How often a context is expected goes by its count to this power; 1 smooths nothing."""
    shift: float = 1.0
    """The logarithm of this, Word2Vec's number of noise words, is subtracted before what is negative becomes 0."""
    subsample: float = 0.0
    """Words more frequent than this share of the corpus are skipped at random; 0 keeps all."""
    dirty: bool = True
    """Skip words before windows are drawn, which then reach further, as word2vec.c does; else they leave a gap."""
    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""
    memory: float = 2.0
    """Gigabytes that counting may take; what does not fit goes to temporary files."""
    threads: int | None = None
    """Threads that count; unset: one a processor. Their number changes nothing in the result."""
    seed: int = 1
    """Start of every random choice."""

    def __post_init__(self) -> None:
        check_counting(self)
        check(
            self,
            least={"seed": 0},
            choices={},
            numbers={
                "smoothing": ("from 0 to 1", lambda power: 0 <= power <= 1),
                "shift": ("above 0", lambda noise: 0 < noise < np.inf),
                "subsample": ("a share of the corpus, 0 (keep all) or more and below 1", lambda share: 0 <= share < 1),
            },
        )

    def fit(self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: None = None) -> StaticModel:
        """The PPMI of the words in ``corpus``, or in what one is made of, as a sparse table (V, V).

        ``ValueError`` as for ``Cooccurrence``.
        """
        from wordfield.storage import Sparse

        def table(counts: Counts) -> tuple[Storage, dict[str, Any]]:
            matrix = weigh(counts, self.smoothing, self.shift)
            return Sparse(matrix), {"nonzeros": int(matrix.nnz)}

        return fitted(self, corpus, progress, start, table, self.subsampling)

    def subsampling(self, vocabulary: Vocabulary) -> dict[str, Any]:
        """What counting is told of words to be left out."""
        counts = vocabulary.counts
        if not self.subsample or counts is None:
            return {}
        return {"keep": keep(counts, self.subsample), "dirty": self.dirty, "seed": self.seed}

    def rehearse(self, sample: Sample) -> Rehearsal:
        """What counting the whole corpus that ``sample`` is of will take. ``ValueError`` as in ``fit``."""
        return rehearsed(self, sample)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "ppmi", **asdict(self)}


def weigh(counts: Counts | Any, smoothing: float = 0.75, shift: float = 1.0) -> csr_array[Any]:
    """The shifted PPMI of ``counts``, `Counts` or a SciPy matrix (V, V), as a sparse float32 matrix.

    max(0, log(P(w, c) / (P(w) P(c))) - log shift), where P(c) goes by the context's count to the power ``smoothing``,
    and so does the sum that it is a share of (Levy, Goldberg and Dagan 2015, section 3.2).
    """
    from wordfield.kernels.cooccurrence import lifts, margins
    from wordfield.text.counting import Counts, stacked

    counts = counts if isinstance(counts, Counts) else Counts.of(counts)
    rows, contexts = np.zeros(counts.words), np.zeros(counts.words)
    for first, last, columns, values in counts.pieces():
        bounds = counts.indptr[first : last + 1] - counts.indptr[first]
        margins(columns, values, bounds, rows[first:last], contexts)
    smoothed = contexts**smoothing * (contexts > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        of_rows = np.where(rows > 0, 1 / rows, 0.0)
        of_contexts = np.where(smoothed > 0, smoothed.sum() / smoothed, 0.0) / shift

    def pieces() -> Iterable[tuple[Any, Any, Any]]:
        for first, last, columns, values in counts.pieces():
            bounds = counts.indptr[first : last + 1] - counts.indptr[first]
            kept, ratios = np.empty(len(columns) + 1, np.int32), np.empty(len(columns) + 1)
            ends = np.empty(last - first, np.int64)
            entries = lifts(columns, values, bounds, of_rows[first:last], of_contexts, kept, ratios, ends)
            yield ends, kept[:entries], np.log(ratios[:entries])

    return stacked(counts.words, counts.nonzeros, pieces(), np.float32)
