"""FastText: skip-gram and CBOW in which a word is the mean of its own vector and those of its n-grams of characters.

After Bojanowski, Grave, Joulin and Mikolov (2017, "Enriching Word Vectors with Subword Information", arXiv 1607.04606)
and the original program, whose hashes, defaults and gradient these are. Legend: V words, K buckets that some word uses,
D dimension.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import Bounds, check
from wordfield.models.predict.fitting import CHOICES, LEAST, NUMBERS, Outputs, fitted, matched, rehearsed
from wordfield.models.predict.training import Plan, Step, keep, windowed
from wordfield.models.runs import thread_count
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.text.sampling import Rehearsal, Sample

Floats = NDArray[np.float32]

OWN_LEAST = {"minn": 0, "maxn": 0, "bucket": 1, "hash_count": 1}
OWN_CHOICES = {"hash": ("fasttext", "floret")}
OWN_NUMBERS: Bounds = {
    "bucket": ("at most 2,147,483,647 (files number them in 32 bits)", lambda many: many < 1 << 31),
}


@dataclass(frozen=True)
class FastText:
    """Vectors of words and of their parts: unknown and misspelt words have one too."""

    dim: int = 100
    """Numbers in a word's vector."""
    architecture: Literal["skipgram", "cbow"] = "skipgram"
    """Predict the neighbours from the word, or the word from the mean of its neighbours."""
    minn: int = 3
    """Characters of the shortest n-grams, the marks < and > of a word's ends included."""
    maxn: int = 6
    """Characters of the longest n-grams; 0: words alone. For Chinese 1 to 3 are usual."""
    bucket: int = 2_000_000
    """Buckets that n-grams are hashed into; only those that a word of the vocabulary uses take room."""
    hash: Literal["fasttext", "floret"] = "fasttext"
    """Floret: words have no rows of their own either, so that few buckets, 50,000, make a small table of all."""
    hash_count: int = 1
    """Floret: rows of each n-gram, 1 to 4, so that sharing one of them matters less."""
    loss: Literal["negative", "hierarchical", "softmax"] = "negative"
    """Negative sampling, hierarchical softmax over a Huffman tree, or the full softmax (small vocabularies)."""
    window: int = 5
    """Words to each side that count as neighbours."""
    shrink: bool = True
    """Draw each window's width between 1 and `window`, so that nearer words weigh more."""
    negatives: int = 5
    """Noise words for each neighbour (negative sampling)."""
    exponent: float = 0.5
    """Noise words are drawn by count to this power: 0.5 as the original, 0.75 as word2vec."""
    subsample: float = 1e-4
    """Words more frequent than this share of the corpus are skipped at random; 0 keeps all."""
    epochs: int = 5
    """Passes over the corpus."""
    learning_rate: float = 0.045
    """Step size at the start; the original's 0.05 is for a mean that is made anew for each neighbour."""
    final_rate: float = 0.0
    """Share of the learning rate left at the end of its linear fall."""
    gradient: Literal["reference", "corrected"] = "reference"
    """Give each averaged row the whole gradient, as the original (reference), or its share (corrected)."""
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
        check(self, LEAST | OWN_LEAST, {**CHOICES, **OWN_CHOICES}, {**NUMBERS, **OWN_NUMBERS})
        if 0 < self.maxn < self.minn:
            raise ValueError(f"minn must be at most maxn, not {self.minn} for maxn={self.maxn}; maxn=0: no n-grams")
        if self.patience and not self.heldout:
            raise ValueError("patience needs held-out text to measure on: set heldout, for example to 0.01")
        _ = self.ngrams  # refuses what it cannot be

    def fit(
        self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: StaticModel | None = None
    ) -> StaticModel:
        """Train on ``corpus``, or what one is made of; the model's ``history`` has the loss of each epoch, in nats for
        each prediction.

        ``start``: a model to go on from, of the same ``dim``. One whose training was interrupted goes on where it
        stopped, if recipe and corpus are the same. Another with n-grams of the same lengths in as many buckets, such
        as one read from fastText's own .bin, is grown: the counts are merged, its words all stay, new words join. Of
        any other vectors, the words that both have start there.

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
        return {"model": "fasttext", **asdict(self)}

    @property
    def ngrams(self) -> Ngrams:
        """The n-grams of a word, with a row for each bucket."""
        floret = self.hash == "floret"
        return Ngrams(self.minn, self.maxn, self.bucket, hash=self.hash, hash_count=self.hash_count, own=not floret)

    def plan(self) -> Plan:
        """How to go over a corpus."""
        threads = thread_count(self.threads)
        return Plan(self.epochs, self.learning_rate, self.final_rate, threads, self.seed, self.heldout, self.patience)

    def _begin(self, vocabulary: Vocabulary, start: StaticModel | None, _: int) -> _Run:
        return _Run(self, vocabulary, start)


class _Run:
    """The tables of one training run, and the kernel that works on them.

    Buckets that no word of the vocabulary uses would never be learnt. They have no row, and count as zeros, which does
    not turn the vector of an unknown word; the original leaves them as they were drawn at the start.
    """

    def __init__(self, recipe: FastText, vocabulary: Vocabulary, start: StaticModel | None) -> None:
        from wordfield.kernels import simd

        self.recipe = recipe
        ngrams = recipe.ngrams
        if ngrams.own:
            hashes, _ = ngrams.hashes(vocabulary.words)
            ngrams = ngrams.narrowed(np.unique(hashes % np.uint32(recipe.bucket)), zeros=True)
        self.vocabulary = NgramVocabulary(vocabulary.words, vocabulary.counts, ngrams)
        self.output = Outputs(vocabulary, recipe.loss, recipe.dim)
        rows, dim = self.vocabulary.table_rows, recipe.dim
        self.input = simd.table(rows, simd.padded(dim))
        drawn = rows - ngrams.zeros
        random = np.random.default_rng(recipe.seed).random((drawn, dim), np.float32)
        self.input[:drawn, :dim] = (2 * random - 1) / dim
        self.size = 4 * dim * (rows + len(vocabulary))
        self.best: tuple[Floats, Floats] | None = None
        if start is not None:
            self._take(start)

    def _take(self, start: StaticModel) -> None:
        """Begin with the rows that ``start`` has of these words and n-grams."""
        dim, old, ours = self.recipe.dim, start.words.vocabulary, self.vocabulary.ngrams
        here, there = matched(self.vocabulary, start)
        self.output.take(start, here, there)
        if not isinstance(old, NgramVocabulary) or not _alike(old.ngrams, ours):
            if ours.own:
                self.input[here, :dim] = start.words.table.take(there)
            return
        if ours.own:
            self.input[here, :dim] = start.words.storage.take(there)
        buckets = np.arange(ours.bucket) if ours.kept is None else ours.kept
        rows = old.ngrams.placed(buckets, len(old) * ours.own)
        known = np.flatnonzero((rows >= 0) & (rows < old.table_rows - old.ngrams.zeros))
        self.input[len(self.vocabulary) * ours.own + known, :dim] = start.words.storage.take(rows[known])

    def step(self) -> Step:
        """The kernel for this recipe, with all that it needs but the text."""
        from wordfield.kernels.sampling import Reading, Tables

        recipe, tables = self.recipe, Tables(self.input, self.output.table)
        reading = Reading(keep(self.output.counts, recipe.subsample), recipe.window, recipe.shrink)
        answers, bags = self.output.answers(recipe.exponent), self.vocabulary.bags(self.vocabulary.words)
        cbow, shared = recipe.architecture == "cbow", recipe.gradient == "corrected"
        return windowed(tables, reading, bags, recipe.loss, recipe.negatives, answers, cbow, shared)

    def keep_best(self) -> None:
        """Remember the tables as they are."""
        self.best = self.input.copy(), self.output.table.copy()

    def restore_best(self) -> None:
        """Go back to the tables remembered last."""
        if self.best is not None:
            self.input[:], self.output.table[:] = self.best

    def result(self, tokenizer: Tokenizer, history: dict[str, Any]) -> StaticModel:
        """The model as trained so far: its vectors, and in ``state`` what going on would need."""
        vectors = WordVectors(self.vocabulary, Dense(np.ascontiguousarray(self.input[:, : self.recipe.dim])))
        return StaticModel(vectors, tokenizer, self.recipe.described(), history, self.output.state())


def _alike(one: Ngrams, other: Ngrams) -> bool:
    """Whether n-grams fall into the same buckets."""
    fields = ("minn", "maxn", "bucket", "hash", "hash_count", "seed", "own", "begin", "end", "combined")
    return all(getattr(one, field) == getattr(other, field) for field in fields)
