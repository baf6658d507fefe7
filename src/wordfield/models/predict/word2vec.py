"""Word2Vec: one hidden layer that learns to predict a word's neighbours, or a word from them.

After Mikolov, Chen, Corrado and Dean (2013, arXiv 1301.3781) and Mikolov, Sutskever, Chen, Corrado and Dean (2013,
arXiv 1310.4546). Legend: V words, D dimension.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import Bounds, check
from wordfield.models.predict.huffman import grown, root
from wordfield.models.predict.training import Enough, Loop, Plan, Step, Trial, thread_count
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.kernels.sampling import Tables
    from wordfield.text.sampling import Rehearsal, Sample

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

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
INTERRUPTED = "interrupted"
SHARED = 2.5
"""How much larger a rate CBOW's corrected gradient asks for, since each neighbour gets only its share of it."""


LEAST = {"dim": 1, "window": 1, "negatives": 1, "epochs": 1, "min_count": 1, "max_vocab": 1, "threads": 1} | {
    "patience": 0,
    "seed": 0,
}
CHOICES = {
    "architecture": ("skipgram", "cbow"),
    "loss": ("negative", "hierarchical", "softmax"),
    "gradient": ("reference", "corrected"),
}
NUMBERS: Bounds = {
    "subsample": ("a share of the corpus, 0 (keep all) or more and below 1", lambda share: 0 <= share < 1),
    "heldout": ("a share of the corpus, 0 or more and below 1", lambda share: 0 <= share < 1),
    "final_rate": ("a share of the learning rate, from 0 to 1", lambda share: 0 <= share <= 1),
    "learning_rate": ("above 0", lambda rate: 0 < rate < math.inf),
    "exponent": ("from -3 to 3", lambda power: -3 <= power <= 3),
    "dim": ("at most 4096 (the kernel is compiled for it)", lambda wide: wide <= 4096),
    "window": ("at most 100,000", lambda wide: wide <= 100_000),
    "negatives": ("at most 200 (5 to 20 are usual; the kernel is compiled for their number)", lambda many: many <= 200),
}


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
        corpus = corpus if isinstance(corpus, Corpus) else Corpus(corpus)
        if start is not None and start.dim != self.dim:
            raise ValueError(f"the vectors to start from have {start.dim} dimensions, the recipe dim={self.dim}")
        begun = time.perf_counter()
        with corpus.scan(progress) as scan:
            vocabulary, interrupted = self._vocabulary(scan, start)
            ids = scan.encode(vocabulary)
            seconds = {"read": time.perf_counter() - begun}
            plan = self._plan()
            run = _Run(self, vocabulary, start, plan.threads)
            loop = Loop(ids, run.step(), plan, progress)
            if start is not None and interrupted:
                loop.resume(start.history)

            def result() -> StaticModel:
                seconds["train"] = time.perf_counter() - begun - seconds["read"]
                text = {"corpus": corpus.name, "corpus_tokens": scan.tokens, "known_tokens": ids.tokens}
                rates = {"learning_rate": plan.learning_rate, "final_rate": plan.final_rate}
                return run.result(scan.tokenizer, text | rates | {"seconds": seconds} | asdict(loop.history))

            try:
                loop.run(run.keep_best, run.restore_best)
            except KeyboardInterrupt as interrupt:
                loop.history.stopped = INTERRUPTED
                interrupt.partial = result()  # type: ignore[attr-defined]
                raise
            return result()

    def rehearse(self, sample: Sample) -> Rehearsal:
        """Train on ``sample`` for a moment, with tables of the size that the whole corpus asks for. Early stopping is
        not foreseen. ``ValueError`` as in ``fit``.
        """
        from wordfield.text.sampling import Rehearsal, resident

        reading = resident() + sample.memory
        vocabulary = sample.vocabulary(self.min_count, self.max_vocab)
        ids = sample.scan.encode(vocabulary)
        plan = replace(self._plan(), heldout=0.0, patience=0)
        run, trial = _Run(self, vocabulary, None, plan.threads), Trial()
        with suppress(Enough):
            Loop(ids, run.step(), plan, trial).run()
        known = round(ids.tokens / sample.share)
        result = 2 * 4 * len(vocabulary) * self.dim
        memory = max(reading, resident() + result)
        return Rehearsal(len(vocabulary), known, self.epochs * known / trial.rate, memory, result)

    def _vocabulary(self, scan: Scan, start: StaticModel | None) -> tuple[Vocabulary, bool]:
        """The words to train, and whether ``start`` is this very training, interrupted."""
        if start is None or not start.state:
            return scan.vocabulary(self.min_count, self.max_vocab), False
        old = start.words.vocabulary
        if start.history.get("stopped") == INTERRUPTED and _same(start.recipe, self.described()):
            own = scan.vocabulary(self.min_count, self.max_vocab)
            if own == old:
                return own, True
        return scan.merged(old, self.min_count, self.max_vocab), False

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "word2vec", **asdict(self)}

    def _plan(self) -> Plan:
        rate, share = BEST_RATES[self.architecture, self.loss]
        if self.architecture == "cbow" and self.gradient == "corrected":
            rate *= SHARED
        rate = rate if self.learning_rate is None else self.learning_rate
        share = share if self.final_rate is None else self.final_rate
        return Plan(self.epochs, rate, share, thread_count(self.threads), self.seed, self.heldout, self.patience)


class _Run:
    """The tables of one training run, and the kernel that works on them."""

    def __init__(self, recipe: Word2Vec, vocabulary: Vocabulary, start: StaticModel | None, threads: int) -> None:
        from wordfield.kernels import simd
        from wordfield.kernels.hierarchical_softmax import HOT, huffman
        from wordfield.kernels.sampling import Tables

        self.recipe, self.vocabulary = recipe, vocabulary
        words, width = len(vocabulary), simd.padded(recipe.dim)
        random = np.random.default_rng(recipe.seed)
        # Nodes of the tree that each thread has copies of: none for one thread alone.
        self.copied = min(HOT, words - 1) if recipe.loss == "hierarchical" and threads > 1 else 0
        self.tables = Tables(simd.table(words, width), simd.table(words + 1 + threads * self.copied, width))
        # As word2vec.c: inputs uniform within half a unit over the dimension, outputs zero.
        self.tables.input[:, : recipe.dim] = (random.random((words, recipe.dim), np.float32) - 0.5) / recipe.dim
        self.tree: Rows = np.empty((0, 2), np.int64)
        self.best: Tables | None = None
        if start is not None:
            self._take(start)
        if recipe.loss == "hierarchical" and len(self.tree) != words - 1:
            self.tree = huffman(self._counts)

    @property
    def _counts(self) -> Rows:
        counts = self.vocabulary.counts
        return np.ones(len(self.vocabulary), np.int64) if counts is None else counts

    def step(self) -> Step:
        """The kernel for this recipe, with all that it needs but the text."""
        from wordfield.kernels import full_softmax, hierarchical_softmax, negative_sampling
        from wordfield.kernels.sampling import Reading, alias_table

        recipe, tables, counts = self.recipe, self.tables, self._counts
        width, cbow, shared = tables.input.shape[1], recipe.architecture == "cbow", recipe.gradient == "corrected"
        answers: Any = 0
        if recipe.loss == "softmax":
            train = full_softmax.trainer(width, cbow, shared)
        elif recipe.loss == "negative":
            train = negative_sampling.trainer(width, recipe.negatives, cbow, shared)
            answers = alias_table(counts.astype(np.float64) ** recipe.exponent)
        else:
            train = hierarchical_softmax.trainer(width, cbow, shared)
            paths = hierarchical_softmax.paths(self.tree, root(self.tree), len(counts), len(counts))
            answers = paths._replace(hot=len(self.tree) - self.copied)
        reading = Reading(_keep(counts, recipe.subsample), recipe.window, recipe.shrink)
        return lambda chunk, rates, scratch, state: train(tables, chunk, reading, answers, rates, scratch, state)

    def keep_best(self) -> None:
        """Remember the tables as they are."""
        self.best = type(self.tables)(self.tables.input.copy(), self.tables.output.copy())

    def restore_best(self) -> None:
        """Go back to the tables remembered last."""
        if self.best is not None:
            self.tables.input[:], self.tables.output[:] = self.best

    def result(self, tokenizer: Tokenizer, history: dict[str, Any]) -> StaticModel:
        """The model as trained so far: its vectors, and in ``state`` what going on would need."""
        dim, words = self.recipe.dim, len(self.vocabulary)
        state: dict[str, NDArray[Any]] = {"output": np.ascontiguousarray(self.tables.output[:words, :dim])}
        if self.recipe.loss == "hierarchical":
            state["tree"] = self.tree
        vectors = WordVectors(self.vocabulary, Dense(np.ascontiguousarray(self.tables.input[:, :dim])))
        return StaticModel(vectors, tokenizer, self.recipe.described(), history, state)

    def _take(self, start: StaticModel) -> None:
        """Copy the rows of the words that ``start`` knows; grow its tree by the words that it does not."""
        dim, index = self.recipe.dim, start.words.vocabulary.index
        theirs = np.array([index.get(word, -1) for word in self.vocabulary.words], np.int64)
        known = np.flatnonzero(theirs >= 0)
        log.info("%d of %d words start from given vectors", len(known), len(theirs))
        if not len(known):
            log.warning("the vectors to start from know none of the %d words: nothing of them is used", len(theirs))
        self.tables.input[known, :dim] = start.words.table.take(theirs[known])
        output, tree = start.state.get("output"), start.state.get("tree")
        if (self.recipe.loss == "hierarchical") != (tree is not None) or output is None:
            return
        if tree is None:
            self.tables.output[known, :dim] = output[theirs[known]]
            return
        self.tables.output[: len(output), :dim] = output
        ours = np.empty(len(index), np.int64)
        ours[theirs[known]] = known
        self.tree = grown(np.where(tree < 0, -1 - ours[-1 - tree], tree), self._counts, np.flatnonzero(theirs < 0))


def _keep(counts: Rows, threshold: float) -> NDArray[np.uint32]:
    """For each word, the largest of 32 random bits with which it is kept: sqrt(t / f) + t / f of all, f its share
    (word2vec.c).
    """
    if not threshold:
        return np.full(len(counts), 0xFFFFFFFF, np.uint32)
    ratio = threshold * counts.sum() / np.maximum(counts, 1)
    keep: NDArray[np.uint32] = (np.minimum(1, np.sqrt(ratio) + ratio) * 0xFFFFFFFF).astype(np.uint32)
    return keep


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two recipes make the same model: all fields but the number of threads."""
    return {**one, "threads": None} == {**other, "threads": None}
