"""What Word2Vec and fastText share: from a corpus to a trained model, resumed and grown, and the output side of their
network.

Legend: V words, D dimension.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import Bounds
from wordfield.models.predict.huffman import grown, root
from wordfield.models.predict.training import Loop, Plan, Step
from wordfield.models.runs import INTERRUPTED, Enough, Trial, same
from wordfield.progress import Progress
from wordfield.static import StaticModel
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from wordfield.text.sampling import Rehearsal, Sample

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


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
"""What the fields of such recipes may be: whole numbers and the least of each, choices, other numbers."""


class Predictor(Protocol):
    """A recipe that learns words by predicting words."""

    @property
    def dim(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def min_count(self) -> int: ...
    @property
    def max_vocab(self) -> int | None: ...
    def described(self) -> dict[str, Any]: ...
    def plan(self) -> Plan: ...


class Run(Protocol):
    """The tables of one training run, and the kernel that works on them."""

    @property
    def size(self) -> int:
        """Bytes of a saved result."""
        ...

    def step(self) -> Step: ...
    def keep_best(self) -> None: ...
    def restore_best(self) -> None: ...
    def result(self, tokenizer: Tokenizer, history: dict[str, Any]) -> StaticModel: ...


Begin = Callable[[Vocabulary, "StaticModel | None", int], Run]
"""Makes a run, of the words, the model to go on from, and the number of threads."""


def fitted(
    recipe: Predictor, begin: Begin, corpus: Corpus | Iterable[Any], progress: Progress, start: StaticModel | None
) -> StaticModel:
    """Train ``recipe`` on ``corpus``, in the run that ``begin`` makes.

    ``ValueError`` if the corpus has no word, or none ``min_count`` times, or ``start`` has another dimension.
    ``KeyboardInterrupt``, from the keyboard or from ``progress``, carries what was learnt so far as its ``partial``.
    """
    corpus = Corpus.of(corpus)
    if start is not None and start.dim != recipe.dim:
        raise ValueError(f"the vectors to start from have {start.dim} dimensions, the recipe dim={recipe.dim}")
    begun = time.perf_counter()
    with corpus.scan(progress) as scan:
        vocabulary, interrupted = _vocabulary(recipe, scan, start)
        ids = scan.encode(vocabulary)
        seconds = {"read": time.perf_counter() - begun}
        plan = recipe.plan()
        run = begin(vocabulary, start, plan.threads)
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


def rehearsed(recipe: Predictor, begin: Begin, sample: Sample) -> Rehearsal:
    """Train on ``sample`` for a moment, with tables of the size that the whole corpus asks for. Early stopping is not
    foreseen. ``ValueError`` as in `fitted`.
    """
    from wordfield.text.sampling import Rehearsal, resident

    reading = resident() + sample.memory
    vocabulary = sample.vocabulary(recipe.min_count, recipe.max_vocab)
    ids = sample.scan.encode(vocabulary)
    plan = replace(recipe.plan(), heldout=0.0, patience=0)
    run, trial = begin(vocabulary, None, plan.threads), Trial()
    with suppress(Enough):
        Loop(ids, run.step(), plan, trial).run()
    known = round(ids.tokens / sample.share)
    memory = max(reading, resident() + run.size)
    return Rehearsal(len(vocabulary), known, recipe.epochs * known / trial.rate, memory, run.size)


def _vocabulary(recipe: Predictor, scan: Scan, start: StaticModel | None) -> tuple[Vocabulary, bool]:
    """The words to train, and whether ``start`` is this very training, interrupted."""
    if start is None or not start.state:
        return scan.vocabulary(recipe.min_count, recipe.max_vocab), False
    old = start.words.vocabulary
    if start.history.get("stopped") == INTERRUPTED and same(start.recipe, recipe.described()):
        own = scan.vocabulary(recipe.min_count, recipe.max_vocab)
        if own == old:
            return own, True
    return scan.merged(old, recipe.min_count, recipe.max_vocab), False


def occurrences(vocabulary: Vocabulary) -> Rows:
    """How often each word was seen, once each where nobody counted."""
    return np.ones(len(vocabulary), np.int64) if vocabulary.counts is None else vocabulary.counts


def matched(vocabulary: Vocabulary, start: StaticModel) -> tuple[Rows, Rows]:
    """The words that ``start`` has too: their rows here, and there."""
    index = start.words.vocabulary.index
    theirs = np.array([index.get(word, -1) for word in vocabulary.words], np.int64)
    known = np.flatnonzero(theirs >= 0)
    log.info("%d of %d words start from given vectors", len(known), len(theirs))
    if not len(known):
        log.warning("the vectors to start from know none of the %d words: nothing of them is used", len(theirs))
    return known, theirs[known]


class Outputs:
    """What answers: a vector a word, or, with hierarchical softmax, one an inner node of its tree; zeros at the start.

    ``copied``: nodes next to the root of which each of ``threads`` threads has copies.
    """

    def __init__(self, vocabulary: Vocabulary, loss: str, dim: int, threads: int = 1, copied: int = 0) -> None:
        from wordfield.kernels import simd

        self.loss, self.dim, self.copied = loss, dim, min(copied, len(vocabulary) - 1)
        self.counts = occurrences(vocabulary)
        self.table: Floats = simd.table(len(self.counts) + 1 + threads * self.copied, simd.padded(dim))
        self._tree: Rows = np.empty((0, 2), np.int64)

    def take(self, start: StaticModel, here: Rows, there: Rows) -> None:
        """Copy what ``start`` has learnt of the words ``there``, which are ``here``; grow its tree by the others."""
        output, tree = start.state.get("output"), start.state.get("tree")
        if (self.loss == "hierarchical") != (tree is not None) or output is None:
            return
        if tree is None:
            self.table[here, : self.dim] = output[there]
            return
        self.table[: len(output), : self.dim] = output
        ours = np.empty(len(start.words), np.int64)
        ours[there] = here
        new = np.setdiff1d(np.arange(len(self.counts)), here)
        self._tree = grown(np.where(tree < 0, -1 - ours[-1 - tree], tree), self.counts, new)

    @property
    def tree(self) -> Rows:
        """The tree of hierarchical softmax."""
        from wordfield.kernels.trees import huffman

        if len(self._tree) != len(self.counts) - 1:
            self._tree = huffman(self.counts)
        return self._tree

    def answers(self, exponent: float) -> Any:
        """What the kernel of this loss needs: noise words drawn by count to the ``exponent``, paths, or 0."""
        from wordfield.kernels.sampling import alias_table
        from wordfield.kernels.trees import paths

        if self.loss == "negative":
            return alias_table(self.counts.astype(np.float64) ** exponent)
        if self.loss != "hierarchical":
            return 0
        found = paths(self.tree, root(self.tree), len(self.counts), len(self.counts))
        return found._replace(hot=len(self.tree) - self.copied)

    def state(self) -> dict[str, NDArray[Any]]:
        """What going on would need."""
        output = {"output": np.ascontiguousarray(self.table[: len(self.counts), : self.dim])}
        return output | {"tree": self.tree} if self.loss == "hierarchical" else output
