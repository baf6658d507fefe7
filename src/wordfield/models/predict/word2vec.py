"""Word2Vec: one hidden layer that learns to predict a word's neighbours, or a word from them.

After Mikolov, Chen, Corrado and Dean (2013, arXiv 1301.3781) and Mikolov, Sutskever, Chen, Corrado and Dean (2013,
arXiv 1310.4546). Legend: V words, D dimension.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import check
from wordfield.models.predict.fitting import CHOICES, LEAST, NUMBERS, Outputs, fitted, matched, rehearsed
from wordfield.models.predict.training import Plan, Step, keep, windowed
from wordfield.models.runs import thread_count
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary, alone
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.text.sampling import Rehearsal, Sample

Floats = NDArray[np.float32]

BEST_RATES: dict[tuple[str, str], tuple[float, float]] = {
    ("skipgram", "negative"): (0.05, 1e-4),
    ("skipgram", "hierarchical"): (0.025, 1e-4),
    ("skipgram", "softmax"): (0.05, 1e-4),
    ("cbow", "negative"): (0.05, 0.2),
    ("cbow", "hierarchical"): (0.025, 1e-4),
    ("cbow", "softmax"): (0.05, 1e-4),
}
"""By architecture and loss: the learning rate, and the share of it left at the end, that measured best over five epochs
of 17 million words (the softmax is too slow for that: its rates are those of negative sampling). benchmarks/README.md
has the measurements.
"""
SHARED = 2.5
"""How much larger a rate CBOW's corrected gradient asks for, since each neighbour gets only its share of it."""


@dataclass(frozen=True)
class Word2Vec:
    """Vectors of words by predicting each word's neighbours (skip-gram) or a word from its neighbours (CBOW)."""

    dim: int = 100
    """Numbers in a word's vector."""
    architecture: Literal["skipgram", "cbow"] = "skipgram"
    """Predict the neighbours from the word, or the word from the mean of its neighbours."""
    loss: Literal["negative", "hierarchical", "softmax"] = "negative"
    """Negative sampling, hierarchical softmax over a Huffman tree, or the full softmax (small vocabularies)."""
    window: int = 5
    """Words to each side that count as neighbours."""
    shrink: bool = True
    """Draw each window's width between 1 and `window`, so that nearer words weigh more."""
    negatives: int = 5
    """Noise words for each word (negative sampling)."""
    exponent: float = 0.75
    """Noise words are drawn by count to this power: 1 as they occur, 0 all alike."""
    subsample: float = 1e-4
    """Words more frequent than this share of the corpus are skipped at random; 0 keeps all."""
    epochs: int = 5
    """Passes over the corpus."""
    learning_rate: float | None = None
    """Step size at the start; unset: what measured best for the architecture and the loss, 0.025 to 0.15."""
    final_rate: float | None = None
    """Share of the learning rate left at the end of its linear fall; unset: 0.0001; CBOW with noise words 0.2."""
    gradient: Literal["reference", "corrected"] = "reference"
    """CBOW: give each averaged neighbour the whole gradient, as word2vec.c (reference), or its share (corrected)."""
    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""
    heldout: float = 0.0
    """Share of the corpus kept aside to measure the loss on, once an epoch."""
    patience: int = 0
    """Stop after this many epochs without a better held-out loss, and return the best; 0 runs all epochs."""
    threads: int | None = None
    """Threads that train; unset: one a processor. With one thread the same seed gives the same vectors, bit for bit."""
    seed: int = 1
    """Start of every random choice."""

    def __post_init__(self) -> None:
        check(self, LEAST, CHOICES, NUMBERS)
        if self.patience and not self.heldout:
            raise ValueError("patience needs held-out text to measure on: set heldout, for example to 0.01")

    def fit(
        self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: StaticModel | None = None
    ) -> StaticModel:
        """Train on ``corpus``, or what one is made of; the model's ``history`` has the loss of each epoch, in nats for
        each prediction.

        ``start``: a model to go on from, of the same ``dim``. One whose training was interrupted goes on where it
        stopped, if recipe and corpus are the same: with one thread the result is that of a run without the
        interruption, bit for bit. Another that Word2Vec trained is grown: the counts are merged with those of
        ``corpus``, its words all stay, new words join. Of any other vectors, the words that both have start there.

        ``ValueError`` if the corpus has no word, or none ``min_count`` times. ``KeyboardInterrupt``, from the keyboard
        or from ``progress``, carries what was learnt so far as its ``partial``, a `StaticModel`.
        """
        return fitted(self, self._begin, corpus, progress, start)

    def rehearse(self, sample: Sample) -> Rehearsal:
        """Train on ``sample`` for a moment, with tables of the size that the whole corpus asks for. Early stopping is
        not foreseen. ``ValueError`` as in ``fit``.
        """
        return rehearsed(self, self._begin, sample)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "word2vec", **asdict(self)}

    def plan(self) -> Plan:
        """How to go over a corpus."""
        rate, share = BEST_RATES[self.architecture, self.loss]
        if self.architecture == "cbow" and self.gradient == "corrected":
            rate *= SHARED
        rate = rate if self.learning_rate is None else self.learning_rate
        share = share if self.final_rate is None else self.final_rate
        return Plan(self.epochs, rate, share, thread_count(self.threads), self.seed, self.heldout, self.patience)

    def _begin(self, vocabulary: Vocabulary, start: StaticModel | None, threads: int) -> _Run:
        return _Run(self, vocabulary, start, threads)


class _Run:
    """The tables of one training run, and the kernel that works on them."""

    def __init__(self, recipe: Word2Vec, vocabulary: Vocabulary, start: StaticModel | None, threads: int) -> None:
        from wordfield.kernels import simd
        from wordfield.kernels.hierarchical_softmax import HOT

        self.recipe, self.vocabulary = recipe, vocabulary
        words, width = len(vocabulary), simd.padded(recipe.dim)
        copied = HOT if recipe.loss == "hierarchical" and threads > 1 else 0  # none for one thread alone
        self.output = Outputs(vocabulary, recipe.loss, recipe.dim, threads, copied)
        self.input = simd.table(words, width)
        # As word2vec.c: inputs uniform within half a unit over the dimension, outputs zero.
        random = np.random.default_rng(recipe.seed).random((words, recipe.dim), np.float32)
        self.input[:, : recipe.dim] = (random - 0.5) / recipe.dim
        self.size = 2 * 4 * words * recipe.dim
        self.best: tuple[Floats, Floats] | None = None
        if start is not None:
            here, there = matched(vocabulary, start)
            self.input[here, : recipe.dim] = start.words.table.take(there)
            self.output.take(start, here, there)

    def step(self) -> Step:
        """The kernel for this recipe, with all that it needs but the text."""
        from wordfield.kernels import hierarchical_softmax, negative_sampling
        from wordfield.kernels.sampling import Reading, Tables

        recipe, counts, tables = self.recipe, self.output.counts, Tables(self.input, self.output.table)
        width, cbow, shared = self.input.shape[1], recipe.architecture == "cbow", recipe.gradient == "corrected"
        reading = Reading(keep(counts, recipe.subsample), recipe.window, recipe.shrink)
        if recipe.loss == "softmax":
            return windowed(tables, reading, alone(len(counts)), "softmax", 0, 0, cbow, shared)
        if recipe.loss == "negative":
            train = negative_sampling.trainer(width, recipe.negatives, cbow, shared)
        else:
            train = hierarchical_softmax.trainer(width, cbow, shared)
        answers = self.output.answers(recipe.exponent)
        return lambda chunk, rates, scratch, state: train(tables, chunk, reading, answers, rates, scratch, state)

    def keep_best(self) -> None:
        """Remember the tables as they are."""
        self.best = self.input.copy(), self.output.table.copy()

    def restore_best(self) -> None:
        """Go back to the tables remembered last."""
        if self.best is not None:
            self.input[:], self.output.table[:] = self.best

    def result(self, tokenizer: Tokenizer, history: dict[str, Any]) -> StaticModel:
        """The model as trained so far: its vectors, and in ``state`` what going on would need."""
        storage = Dense(np.ascontiguousarray(self.input[:, : self.recipe.dim]))
        vectors = WordVectors(self.vocabulary, storage)
        return StaticModel(vectors, tokenizer, self.recipe.described(), history, self.output.state())
