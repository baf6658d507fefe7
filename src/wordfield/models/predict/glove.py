"""GloVe: vectors whose products are the logarithms of how often words stand near each other.

After Pennington, Socher and Manning (2014, "GloVe: Global vectors for word representation", EMNLP). The cost is the sum
over pairs that were seen, x times, of f(x) (w . c + b + b' - log x)^2, f(x) = min(1, (x / x_max)^alpha). Legend: V
words, D dimension, N pairs of words that were seen.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.models.checks import Bounds, check
from wordfield.models.predict.descent import Descent, Step, Tiles, tiled
from wordfield.models.predict.training import Plan
from wordfield.models.runs import INTERRUPTED, Enough, Trial, thread_count
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Scan
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.text.counting import Counts
    from wordfield.text.sampling import Rehearsal, Sample

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]

PARAMETERS, SQUARES = "parameters", "squares"
"""Arrays of a model's state, (2, V, D + 1) float32: vector and bias of each word, then of each context, in the order of
glove.c's -binary files; and the sums of their squared gradients.
"""

LEAST = {"dim": 1, "window": 1, "epochs": 1, "min_count": 1, "max_vocab": 1, "threads": 1, "seed": 0}
CHOICES = {
    "weight": ("harmonic", "flat", "decay"),
    "context": ("both", "left", "right"),
    "bias_rate": ("same", "reference"),
    "vectors": ("sum", "word"),
}
NUMBERS: Bounds = {
    "x_max": ("above 0", lambda count: 0 < count < math.inf),
    "alpha": ("from 0 to 10", lambda power: 0 <= power <= 10),
    "learning_rate": ("from 1e-9 to 1000", lambda rate: 1e-9 <= rate <= 1000),
    "dim": ("at most 4096 (the kernel is compiled for it)", lambda wide: wide <= 4096),
    "window": ("at most 100,000", lambda wide: wide <= 100_000),
}


@dataclass(frozen=True)
class GloVe:
    """Vectors of words by least squares on the logarithms of their co-occurrence counts."""

    dim: int = 100
    """Numbers in a word's vector."""
    window: int = 10
    """Words to each side that count as neighbours."""
    weight: Literal["harmonic", "flat", "decay"] = "harmonic"
    """A neighbour d words away counts 1/d (harmonic), 1 (flat), or less in equal steps (decay)."""
    context: Literal["both", "left", "right"] = "both"
    """Count neighbours on both sides or on one."""
    x_max: float = 10.0
    """Pairs seen less often than this count for less; 10 for millions of words, 100 for billions."""
    alpha: float = 0.75
    """How much less: the share of `x_max` to this power."""
    epochs: int = 15
    """Passes over the counts."""
    learning_rate: float = 0.075
    """Step size at the start; AdaGrad lowers it for each number by itself. The original's is 0.05."""
    bias_rate: Literal["same", "reference"] = "same"
    """Biases learn at the learning rate (same), or at 1, as in the original glove.c (reference)."""
    vectors: Literal["sum", "word"] = "sum"
    """A word's vector: the sum of what it learnt as a word and as a context, or as a word alone."""
    min_count: int = 5
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""
    threads: int | None = None
    """Threads that train; unset: one a processor. With one thread the same seed gives the same vectors, bit for bit."""
    seed: int = 1
    """Start of every random choice."""

    def __post_init__(self) -> None:
        check(self, LEAST, CHOICES, NUMBERS)

    def fit(
        self, corpus: Corpus | Iterable[Any], progress: Progress = silent, start: StaticModel | None = None
    ) -> StaticModel:
        """Count in ``corpus``, or what one is made of, and train on the counts; the model's ``history`` has the loss of
        each epoch, as glove.c prints it: the mean over pairs of f(x) error^2 / 2.

        ``start``: a model to go on from, of the same ``dim``. One whose training was interrupted goes on where it
        stopped, if recipe and corpus are the same: with one thread the result is that of a run without the
        interruption, bit for bit. Another that GloVe trained is grown: its words all stay, new words join; what it
        counted is not counted again. Of any other vectors, the words that both have start there.

        ``ValueError`` if the corpus has no word, or none ``min_count`` times, or ``start`` holds NaN.
        ``KeyboardInterrupt`` during the training, from the keyboard or from ``progress``, carries what was learnt so
        far as its ``partial``, a `StaticModel`.
        """
        from wordfield.text.counting import count

        corpus = Corpus.of(corpus)
        self._check(start)
        plan, begun = self._plan(), time.perf_counter()
        with corpus.scan(progress) as scan:
            vocabulary = self._vocabulary(scan, start)
            ids = scan.encode(vocabulary)
            read = time.perf_counter()
            near = (self.window, self.weight, self.context)
            with count(ids, len(vocabulary), *near, threads=plan.threads, progress=progress) as counts:
                seconds = {"read": read - begun, "count": time.perf_counter() - read}
                text = {"corpus": corpus.name, "corpus_tokens": scan.tokens, "known_tokens": ids.tokens}
                run = _Run(self, vocabulary, scan.tokenizer, start)
                return run.fitted(counts, plan, text | {"seconds": seconds}, progress, scan.folder)

    def fit_counts(
        self,
        counts: Counts | Any,
        vocabulary: Vocabulary,
        progress: Progress = silent,
        start: StaticModel | None = None,
        tokenizer: Tokenizer | None = None,
    ) -> StaticModel:
        """Train on ``counts`` made elsewhere, `Counts` or a SciPy matrix (V, V), whose rows and columns are the words
        of ``vocabulary``. The rest is as in ``fit``; how to count and whom does not matter here.

        ``tokenizer``: what cut the text; unset: Unicode words, lower-cased unless one of the words has an upper-case
        letter.
        """
        from wordfield.text.counting import Counts

        counts = counts if isinstance(counts, Counts) else Counts.of(counts)
        if counts.words != len(vocabulary):
            raise ValueError(f"counts of {counts.words} words, but the vocabulary has {len(vocabulary)}")
        self._check(start)
        tokenizer = tokenizer or Tokenizer.of("words", lowercase=all(word == word.lower() for word in vocabulary.words))
        text = {"corpus": "counts", "corpus_tokens": vocabulary.total, "known_tokens": vocabulary.total}
        run = _Run(self, vocabulary, tokenizer, start)
        return run.fitted(counts, self._plan(), text | {"seconds": {"read": 0.0, "count": 0.0}}, progress, None)

    def rehearse(self, sample: Sample) -> Rehearsal:
        """Count and train on ``sample`` for a moment, with tables of the size that the whole corpus asks for. The
        seconds are those of counting and training. ``ValueError`` as in ``fit``.

        A step of text brings new pairs at the rate at which pairs of the sample were seen only once; as with words
        (`Sample.types`), that makes their number nearly a power of the tokens read.
        """
        from wordfield.text.counting import count
        from wordfield.text.sampling import Rehearsal, resident

        reading, plan = resident() + sample.memory, self._plan()
        vocabulary = sample.vocabulary(self.min_count, self.max_vocab)
        ids = sample.scan.encode(vocabulary)
        begun = time.perf_counter()
        with count(ids, len(vocabulary), self.window, "flat", self.context, threads=plan.threads) as counts:
            counting = (time.perf_counter() - begun) / sample.share
            once = sum(int((values == 1).sum()) for _, _, _, values in counts.pieces())
            run, trial = _Run(self, vocabulary, sample.scan.tokenizer, None), Trial()
            tiles = run.tiles(counts, sample.scan.folder)
            with suppress(Enough):
                Descent(tiles, run.step(tiles), plan, trial).run()
        known = round(ids.tokens / sample.share)
        pairs = round(tiles.pairs / sample.share ** (once / max(tiles.pairs, 1)))
        result = 4 * len(vocabulary) * (5 * self.dim + 4)
        memory = max(reading, resident() + result + Tiles.room(pairs) - Tiles.room(tiles.pairs))
        return Rehearsal(len(vocabulary), known, counting + self.epochs * pairs / max(trial.rate, 1), memory, result)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "glove", **asdict(self)}

    def interrupted(self, start: StaticModel, vocabulary: Vocabulary) -> bool:
        """Whether ``start`` is this very training, interrupted: the same but for the number of threads."""
        theirs, ours = ({**recipe, "threads": None} for recipe in (start.recipe, self.described()))
        stopped = start.history.get("stopped") == INTERRUPTED
        return stopped and theirs == ours and vocabulary == start.words.vocabulary

    def _check(self, start: StaticModel | None) -> None:
        if start is not None and start.dim != self.dim:
            raise ValueError(f"the vectors to start from have {start.dim} dimensions, the recipe dim={self.dim}")

    def _plan(self) -> Plan:
        return Plan(self.epochs, self.learning_rate, 1.0, thread_count(self.threads), self.seed)

    def _vocabulary(self, scan: Scan, start: StaticModel | None) -> Vocabulary:
        """The words to train: those of ``scan``, and, where GloVe trained ``start``, its own."""
        if start is None or PARAMETERS not in start.state:
            return scan.vocabulary(self.min_count, self.max_vocab)
        if start.history.get("stopped") == INTERRUPTED:
            own = scan.vocabulary(self.min_count, self.max_vocab)
            if self.interrupted(start, own):
                return own
        return scan.merged(start.words.vocabulary, self.min_count, self.max_vocab)


class _Run:
    """The tables of one training run, and the kernel that works on them."""

    def __init__(self, recipe: GloVe, vocabulary: Vocabulary, tokenizer: Tokenizer, start: StaticModel | None) -> None:
        from wordfield.kernels import glove, simd

        self.recipe, self.vocabulary, self.tokenizer, self.start = recipe, vocabulary, tokenizer, start
        dim, words, self.half = recipe.dim, len(vocabulary), glove.width(recipe.dim)
        self.tables = glove.Tables(simd.table(words, 2 * self.half), simd.table(words, 2 * self.half))
        # As glove.c: all uniform within half a unit over the dimension, sums of squared gradients 1. It leaves the
        # learning rate out of the gradients of biases; with it in, the same comes of a sum that starts at its square.
        bias = 1.0 if recipe.bias_rate == "same" else recipe.learning_rate**2
        random = np.random.default_rng(recipe.seed)
        for which, table in enumerate(self.tables):
            table[:, self.half :] = 1
            table[:, self.half + dim + which] = bias
            table[:, dim + 1 - which], table[:, self.half + dim + 1 - which] = 1, glove.HELD
            self._put(which, slice(None), (random.random((words, dim + 1), np.float32) - 0.5) / dim)
        if start is not None:
            self._take(start)

    def tiles(self, counts: Counts, folder: str | os.PathLike[str] | None) -> Tiles:
        """The counts as the kernel goes over them."""
        from wordfield.kernels.glove import Weighting

        weighting = Weighting(float(self.recipe.x_max), float(self.recipe.alpha))
        return tiled(counts, 8 * self.half, weighting, self.recipe.seed, folder)

    def step(self, tiles: Tiles) -> Step:
        """The kernel for this recipe, with all that it needs but the spans."""
        from wordfield.kernels.glove import trainer

        train, rate = trainer(self.recipe.dim), float(self.recipe.learning_rate)
        return lambda spans, state: train(self.tables, tiles.cells, spans, rate, state)

    def fitted(
        self,
        counts: Counts,
        plan: Plan,
        text: dict[str, Any],
        progress: Progress,
        folder: str | os.PathLike[str] | None,
    ) -> StaticModel:
        """Train on ``counts``, or go on where ``start`` was interrupted; ``text`` is what the history says of it."""
        begun, tiles = time.perf_counter(), self.tiles(counts, folder)
        descent = Descent(tiles, self.step(tiles), plan, progress)
        if self.start is not None and self.recipe.interrupted(self.start, self.vocabulary):
            before = self.start.history
            descent.resume(before["loss"], before["updates"], before["unfinished"])

        def result() -> StaticModel:
            seen, known = asdict(descent.history), text["known_tokens"]
            tokens, resumed = (known * seen[name] // max(tiles.pairs, 1) for name in ("updates", "resumed"))
            seen |= {"tokens": tokens, "resumed": resumed, "planned": known * plan.epochs, "pairs": tiles.pairs}
            seconds = text["seconds"] | {"train": time.perf_counter() - begun}
            return self._result(text | seen | {"heldout": [], "threads": plan.threads, "seconds": seconds})

        try:
            descent.run()
        except KeyboardInterrupt as interrupt:
            descent.history.stopped = INTERRUPTED
            interrupt.partial = result()  # type: ignore[attr-defined]
            raise
        return result()

    def _result(self, history: dict[str, Any]) -> StaticModel:
        """The model as trained so far: its vectors, and in ``state`` what going on would need."""
        state = {PARAMETERS: self._parts(0), SQUARES: self._parts(self.half)}
        words, contexts = state[PARAMETERS][:, :, : self.recipe.dim]
        vectors = words + contexts if self.recipe.vectors == "sum" else np.ascontiguousarray(words)
        field = WordVectors(self.vocabulary, Dense(vectors))
        return StaticModel(field, self.tokenizer, self.recipe.described(), history, state)

    def _parts(self, at: int) -> Floats:
        """Vector and bias of each word and context (0), or the sums of their squared gradients (half): (2, V, D +
        1).
        """
        dim = self.recipe.dim
        parts = np.empty((2, len(self.vocabulary), dim + 1), np.float32)
        for which, table in enumerate(self.tables):
            parts[which, :, :dim], parts[which, :, dim] = table[:, at : at + dim], table[:, at + dim + which]
        return parts

    def _put(self, which: int, rows: Any, parts: NDArray[Any], at: int = 0) -> None:
        """The inverse of ``_parts``, for some rows of one table; all but the biases where ``parts`` has none."""
        dim, table = self.recipe.dim, self.tables[which]
        table[rows, at : at + dim] = parts[:, :dim]
        if parts.shape[1] > dim:
            table[rows, at + dim + which] = parts[:, dim]

    def _take(self, start: StaticModel) -> None:
        """Copy the rows of the words that ``start`` knows; vectors without contexts are halved between both."""
        index, dim = start.words.vocabulary.index, self.recipe.dim
        theirs = np.array([index.get(word, -1) for word in self.vocabulary.words], np.int64)
        known = np.flatnonzero(theirs >= 0)
        log.info("%d of %d words start from given vectors", len(known), len(theirs))
        if not len(known):
            log.warning("the vectors to start from know none of the %d words: nothing of them is used", len(theirs))
        shape = (2, len(start.words), dim + 1)
        trained = {name: start.state[name] for name in (PARAMETERS, SQUARES) if name in start.state}
        for name, parts in trained.items():
            if parts.shape != shape:
                raise ValueError(f"the model to start from has {name} of shape {parts.shape}; expected {shape}")
            for which in range(2):
                chosen = self._sound(parts[which, theirs[known]], known, 0 if name == SQUARES else -math.inf)
                self._put(which, known, chosen, self.half if name == SQUARES else 0)
        if PARAMETERS not in trained:
            vectors = self._sound(start.words.table.take(theirs[known]), known, -math.inf)
            for which in range(2 if self.recipe.vectors == "sum" else 1):
                self._put(which, known, vectors / 2 if self.recipe.vectors == "sum" else vectors)

    def _sound(self, parts: Floats, rows: NDArray[np.int64], above: float) -> Floats:
        """``parts``; ``ValueError`` that names the first word of which a number is NaN, infinite or not ``above``."""
        wrong = ~(np.isfinite(parts) & (parts > above)).all(axis=1)
        if wrong.any():
            word = self.vocabulary.words[rows[np.flatnonzero(wrong)[0]]]
            raise ValueError(f"what to start from has numbers that are no use, NaN perhaps, at the word {word!r}")
        return parts
