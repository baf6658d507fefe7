"""A classifier of texts: the mean of the rows of a text predicts its labels.

After Joulin, Grave, Bojanowski and Mikolov (2017, "Bag of Tricks for Efficient Text Classification", arXiv 1607.01759),
the supervised mode of fastText. Legend: E texts, L labels, V words, R rows of the input table, D dimension.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import Classes
from wordfield.models.checks import Bounds, check
from wordfield.models.predict import fitting
from wordfield.models.predict.training import Loop, Plan, Step
from wordfield.models.runs import INTERRUPTED, Enough, Trial, same, thread_count
from wordfield.progress import Progress, silent
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.supervised import ClassifierModel, branches, given
from wordfield.text.labelled import Labelled, LabelledScan, Marks, Place, TextIds
from wordfield.text.ngrams import Ngrams, NgramVocabulary
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.kernels.bags import Lines
    from wordfield.kernels.sampling import Tables
    from wordfield.text.sampling import Rehearsal, Sample

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Weights: TypeAlias = Literal["balanced"] | dict[str, float] | None

AT_ONCE = 1 << 18
"""Tokens whose runs of words are hashed at once."""

LEAST = {"dim": 1, "epochs": 1, "negatives": 1, "min_count": 1, "max_vocab": 1, "min_label_count": 1, "threads": 1} | {
    "word_ngrams": 1,
    "bucket": 0,
    "minn": 0,
    "maxn": 0,
    "patience": 0,
    "seed": 0,
}
CHOICES = {
    "loss": ("softmax", "hierarchical", "negative", "one-vs-all"),
    "labels": ("all", "one"),
    "label_place": ("anywhere", "front"),
}
NUMBERS: Bounds = {
    "heldout": ("a share of the texts, 0 or more and below 1", lambda share: 0 <= share < 1),
    **{name: fitting.NUMBERS[name] for name in ("learning_rate", "exponent", "dim", "negatives")},
    "word_ngrams": ("at most 100", lambda most: most <= 100),
    "bucket": ("at most 2,000,000,000", lambda most: most <= 2_000_000_000),
}


@dataclass(frozen=True)
class Classifier:
    """Labels of texts, from the mean of the vectors of their words, runs of words and n-grams (fastText supervised)."""

    dim: int = 100
    """Numbers in a vector."""
    loss: Literal["softmax", "hierarchical", "negative", "one-vs-all"] = "softmax"
    """Softmax; hierarchical over a Huffman tree (many labels); negative sampling; or each label for itself (several
    labels a text)."""
    word_ngrams: int = 1
    """Runs of up to this many words have a vector too: 2 for pairs."""
    minn: int = 0
    """Characters of the shortest n-gram of characters."""
    maxn: int = 0
    """Characters of the longest n-gram of characters; 0: none."""
    bucket: int = 2_000_000
    """Places that runs of words and n-grams are hashed into; only those that occur take memory."""
    negatives: int = 5
    """Noise labels for each label (negative sampling)."""
    exponent: float = 0.5
    """Noise labels are drawn by count to this power: 1 as they occur, 0 all alike."""
    labels: Literal["all", "one"] = "all"
    """Learn from all labels of a text, or each time from one drawn at random, as fastText does."""
    class_weight: Weights = None
    """Weights of labels: balanced (each weighs as much, however rare), or, in Python, a number for each; unset: texts
    are alike."""
    label_prefix: str = "__label__"
    """What a word begins with that is a label; empty: none is, labels are given apart."""
    label_place: Place = "anywhere"
    """Where such words are labels: anywhere in a line, as in fastText, or only at its front."""
    epochs: int = 5
    """Passes over the texts."""
    learning_rate: float = 0.1
    """Step size at the start, which falls to nothing; 0.1 to 1 for short texts."""
    min_count: int = 1
    """Leave out words that occur less often."""
    max_vocab: int | None = None
    """Keep only this many of the most frequent words."""
    min_label_count: int = 1
    """Leave out labels that fewer texts have."""
    heldout: float = 0.0
    """Share of the texts kept aside to measure the loss on, once an epoch."""
    patience: int = 0
    """Stop after this many epochs without a better held-out loss, and return the best; 0 runs all epochs."""
    threads: int | None = None
    """Threads that train; unset: one a processor. With one thread the same seed gives the same model, bit for bit."""
    seed: int = 1
    """Start of every random choice."""

    def __post_init__(self) -> None:
        check(self, LEAST, CHOICES, NUMBERS)
        Ngrams(self.minn, self.maxn, self.bucket, self.word_ngrams)
        if self.patience and not self.heldout:
            raise ValueError("patience needs held-out texts to measure on: set heldout, for example to 0.1")
        weights = self.class_weight
        if isinstance(weights, Mapping):
            for label, weight in weights.items():
                if not 0 <= weight < math.inf:
                    raise ValueError(f"class_weight of {label!r} must be a number of at least 0, not {weight}")
        elif weights not in (None, "balanced"):
            raise ValueError(f'class_weight must be "balanced" or a weight for each label, not {weights!r}')

    def fit(
        self,
        corpus: Labelled | Any,
        progress: Progress = silent,
        start: StaticModel | ClassifierModel | None = None,
        sample_weight: Sequence[float] | NDArray[Any] | None = None,
    ) -> ClassifierModel:
        """Train on labelled text, or what one is made of: see `Labelled`. The model's ``history`` has the loss of each
        epoch, in nats for each label that was predicted.

        ``start``: a model of the same ``dim``. A classifier whose training was interrupted goes on where it stopped, if
        recipe and texts are the same. Of any other vectors, the words that both have start there; of a classifier the
        n-grams and labels too. ``sample_weight``: how much each text counts, in the order given; of these and of
        ``class_weight`` only the ratios matter, so that a weight is no learning rate.

        Texts without a label are left out, with a warning. ``ValueError`` if none has one, if there are words but none
        ``min_count`` times, or if the weights do not fit. ``KeyboardInterrupt`` carries what was learnt so far as its
        ``partial``.
        """
        texts = corpus if isinstance(corpus, Labelled) else Labelled(corpus)
        if start is not None and start.dim != self.dim:
            raise ValueError(f"the vectors to start from have {start.dim} dimensions, the recipe dim={self.dim}")
        begun = time.perf_counter()
        marks = Marks.of(self.label_prefix, self.label_place, texts.cutter)
        read = texts.scan(marks, progress)
        with read.scan:
            read = read.frequent(self.min_label_count)
            _warn(read)
            vocabulary = read.vocabulary(self.min_count, self.max_vocab)
            weights = self._weights(read, sample_weight)
            # A weight of 3 is three steps, not one of three times the length, which would go too far.
            times = np.ceil(weights).astype(np.int64)
            ids = read.encode(self.seed, times)
            seconds = {"read": time.perf_counter() - begun}
            weights = np.divide(weights, times, out=np.zeros_like(weights), where=times > 0)
            plan = self._plan()
            run = _Run(self, read, vocabulary, ids, weights, start)
            loop = Loop(ids, run.step(plan.threads), plan, progress)  # type: ignore[arg-type]
            if isinstance(start, ClassifierModel) and self._interrupted(start, run):
                loop.resume(start.history)

            def result() -> ClassifierModel:
                seconds["train"] = time.perf_counter() - begun - seconds["read"]
                tokens = read.scan.tokens + len(read.numbers)
                known = int(0 if vocabulary.counts is None else vocabulary.counts.sum())
                text = {"corpus": texts.name, "corpus_tokens": tokens, "known_tokens": known, "read_tokens": ids.tokens}
                sizes = {"texts": ids.texts, "learning_rate": plan.learning_rate, "seconds": seconds}
                return run.result(text | sizes | asdict(loop.history))

            try:
                loop.run(run.keep_best, run.restore_best)
            except KeyboardInterrupt as interrupt:
                loop.history.stopped = INTERRUPTED
                interrupt.partial = result()  # type: ignore[attr-defined]
                raise
            finally:
                ids.close()
            return result()

    def rehearse(self, sample: Sample) -> Rehearsal:
        """Train on ``sample`` for a moment, with tables of the size that all of the corpus asks for. Its labels are the
        words with the prefix; in a table, whose labels are not in the text, two are made up. ``ValueError`` as in
        ``fit``.
        """
        from wordfield.text.sampling import Rehearsal, resident

        reading = resident() + sample.memory
        sizes = sample.vocabulary(self.min_count, self.max_vocab)
        read = _guessed(sample, self.label_prefix)
        vocabulary = read.vocabulary(self.min_count, self.max_vocab)
        ids = read.encode(self.seed)
        plan, trial = replace(self._plan(), heldout=0.0, patience=0), Trial()
        run = _Run(self, read, vocabulary, ids, np.ones(len(read.numbers), np.float32), None)
        with suppress(Enough):
            Loop(ids, run.step(plan.threads), plan, trial).run()  # type: ignore[arg-type]
        ids.close()
        buckets = min(self.bucket, round(run.vocabulary.ngrams.rows / sample.share))
        result = 4 * (len(sizes) + buckets + len(read.labels)) * self.dim
        seconds = self.epochs * ids.tokens / sample.share / trial.rate
        return Rehearsal(len(sizes), sample.tokens, seconds, max(reading, resident() + result), result)

    def described(self) -> dict[str, Any]:
        """The recipe as a model remembers it."""
        return {"model": "classifier", **asdict(self)}

    def _plan(self) -> Plan:
        threads = thread_count(self.threads)
        return Plan(self.epochs, self.learning_rate, 0.0, threads, self.seed, self.heldout, self.patience)

    def _interrupted(self, start: ClassifierModel, run: _Run) -> bool:
        """Whether ``start`` is this very training, interrupted."""
        return (
            start.history.get("stopped") == INTERRUPTED
            and same(start.recipe, self.described())
            and start.words.vocabulary == run.vocabulary
            and start.labels == run.read.labels
            and start.words.storage.shape[0] == run.vocabulary.table_rows
        )

    def _weights(self, read: LabelledScan, sample_weight: Sequence[float] | NDArray[Any] | None) -> Floats:
        """How much each text counts, (E,): the mean weight of its labels, times its own, and 1 in the mean."""
        weights = np.ones(len(read.numbers))
        if self.class_weight is not None:
            of_label = np.concatenate([_label_weights(self.class_weight, read)[read.label_rows], [0.0]])
            sizes = np.diff(read.label_starts)
            summed = np.add.reduceat(of_label, read.label_starts[:-1])
            weights = np.where(sizes > 0, summed / np.maximum(sizes, 1), 0.0)
        if sample_weight is not None:
            given = np.asarray(sample_weight, np.float64)
            if given.shape != (read.given,):
                raise ValueError(f"sample_weight has the shape {given.shape}, but there are {read.given} texts")
            if not (np.isfinite(given).all() and (given >= 0).all()):
                raise ValueError("sample_weight must be numbers of at least 0, none of them NaN or infinite")
            weights = weights * given[read.numbers]
        weights[np.diff(read.label_starts) == 0] = 0
        if not weights.any():
            raise ValueError("every weight of a text is zero: there is nothing to learn from")
        relative: Floats = (weights / weights[weights > 0].mean()).astype(np.float32)
        return relative


class _Run:
    """The tables of one training run, and the kernel that works on them."""

    def __init__(
        self,
        recipe: Classifier,
        read: LabelledScan,
        vocabulary: Vocabulary,
        ids: TextIds,
        weights: Floats,
        start: StaticModel | ClassifierModel | None,
    ) -> None:
        from wordfield.kernels import simd
        from wordfield.kernels.sampling import Tables

        self.recipe, self.read = recipe, read
        words = list(read.scan.words_seen)
        bucket = recipe.bucket if recipe.maxn or recipe.word_ngrams > 1 else 0
        ngrams = Ngrams(recipe.minn, recipe.maxn, bucket, recipe.word_ngrams)
        labels = read.label_starts, read.label_rows, weights
        if bucket:
            ngrams = ngrams.narrowed(_occurring(ngrams, words, vocabulary, ids, labels), zeros=True)
        self.vocabulary = NgramVocabulary(vocabulary.words, vocabulary.counts, ngrams)
        self.lines: Lines = given(words, vocabulary.index, ngrams, labels, recipe.labels == "one")
        rows, width = self.vocabulary.table_rows, simd.padded(recipe.dim)
        self.tables: Tables = Tables(simd.table(rows, width), simd.table(len(read.labels) + 1, width))
        # As fastText: inputs uniform within a unit over the dimension, outputs zero.
        learnt, random = rows - ngrams.zeros, np.random.default_rng(recipe.seed)
        for first in range(0, learnt, AT_ONCE):
            some = self.tables.input[first : min(first + AT_ONCE, learnt), : recipe.dim]
            some[:] = (2 * random.random(some.shape, np.float32) - 1) / recipe.dim
        self.best: Tables | None = None
        if start is not None:
            self._take(start)

    def step(self, threads: int) -> Step:
        """The kernel for this recipe, with all that it needs but the text, to be run by so many threads."""
        from wordfield.kernels.bags import lines, trainer
        from wordfield.kernels.sampling import alias_table
        from wordfield.kernels.trees import paths

        recipe, tables, counts, made = self.recipe, self.tables, self.read.counts, self.lines
        answers: Any = threads
        if recipe.loss == "negative":
            answers = alias_table(counts.astype(np.float64) ** recipe.exponent)
        elif recipe.loss == "hierarchical":
            answers = paths(branches(counts), len(counts) - 2, len(counts), len(counts))
        train = trainer(tables.input.shape[1], recipe.loss, recipe.negatives, True)

        def step(chunk: Any, rates: Any, scratch: Any, state: np.uint64) -> tuple[float, int]:
            del scratch
            examples, state = lines(chunk, made, state)
            return train(tables, examples, answers, rates, np.uint64(state))

        return step

    def keep_best(self) -> None:
        """Remember the tables as they are."""
        self.best = type(self.tables)(self.tables.input.copy(), self.tables.output.copy())

    def restore_best(self) -> None:
        """Go back to the tables remembered last."""
        if self.best is not None:
            self.tables.input[:], self.tables.output[:] = self.best

    def result(self, history: dict[str, Any]) -> ClassifierModel:
        """The model as trained so far."""
        dim, read, recipe = self.recipe.dim, self.read, self.recipe
        vectors = WordVectors(self.vocabulary, Dense(self.tables.input[:, :dim].copy()))
        output = Dense(self.tables.output[: len(read.labels), :dim].copy())
        classes = Classes(read.labels, output, recipe.loss, read.counts, recipe.label_prefix)
        return ClassifierModel(vectors, read.scan.tokenizer, classes, recipe.described(), history)

    def _take(self, start: StaticModel | ClassifierModel) -> None:
        """Copy the vectors of the words that ``start`` has, and where it is alike the rows of n-grams and labels."""
        dim, theirs, ours = self.recipe.dim, start.words.vocabulary, self.vocabulary
        alike = isinstance(theirs, NgramVocabulary) and _alike(theirs.ngrams, ours.ngrams)
        known = [row for row, word in enumerate(ours.words) if word in theirs]
        log.info("%d of %d words start from given vectors", len(known), len(ours))
        if not known:
            log.warning("the vectors to start from know none of the %d words: nothing of them is used", len(ours))
        else:
            rows = theirs.rows([ours.words[row] for row in known])
            vectors = start.words.storage if alike else start.words.table
            self.tables.input[known, :dim] = vectors.take(rows)
        if alike and isinstance(theirs, NgramVocabulary) and ours.ngrams.kept is not None:
            places = theirs.ngrams.placed(ours.ngrams.kept.astype(np.uint64), len(theirs))
            last = len(theirs) + theirs.ngrams.rows - theirs.ngrams.zeros  # a row of zeros teaches nothing
            there = np.flatnonzero((places >= 0) & (places < last))
            self.tables.input[len(ours) + there, :dim] = start.words.storage.take(places[there])
        if isinstance(start, ClassifierModel) and start.classes.loss == self.recipe.loss:
            self._take_labels(start.classes)

    def _take_labels(self, classes: Classes) -> None:
        """Copy the vectors of the labels, or of the nodes where the tree is the same."""
        index = {label: row for row, label in enumerate(classes.labels)}
        dim, labels = self.recipe.dim, self.read.labels
        known = [row for row, label in enumerate(labels) if label in index]
        if self.recipe.loss == "hierarchical":
            if classes.labels != labels or not np.array_equal(branches(self.read.counts), branches(_counts(classes))):
                return
            known = list(range(len(labels)))
        self.tables.output[known, :dim] = classes.storage.take([index[labels[row]] for row in known])


def _alike(one: Ngrams, other: Ngrams) -> bool:
    """Whether both have the same n-grams in the same buckets, whichever of these have rows."""
    names = [each.name for each in fields(Ngrams) if each.name not in ("kept", "zeros")]
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _counts(classes: Classes) -> Rows:
    return np.ones(len(classes.labels), np.int64) if classes.counts is None else classes.counts


def _occurring(
    ngrams: Ngrams, words: list[str], vocabulary: Vocabulary, ids: TextIds, labels: tuple[Rows, Rows, Floats]
) -> Rows:
    """The buckets of all n-grams of ``words`` and of all runs of words in the texts, sorted."""
    from wordfield.kernels.bags import lines
    from wordfield.kernels.sampling import Chunk

    seen = np.zeros(ngrams.bucket, bool)
    seen[ngrams.hashes(words)[0] % np.uint32(ngrams.bucket)] = True
    if ngrams.word_ngrams > 1:
        made = given(words, vocabulary.index, ngrams, labels, False)._replace(words=0)
        for first, last in ids.chunks(AT_ONCE):
            begin, end = np.searchsorted(ids.starts, (first, last))
            chunk = Chunk(np.array(ids.window(first, last)), ids.starts[begin : end + 1] - first)
            items = lines(chunk, made, np.uint64(0))[0].items
            seen[-1 - items[items < 0]] = True
    return np.flatnonzero(seen)


def _label_weights(weights: Weights, read: LabelledScan) -> NDArray[np.float64]:
    """The weight of each label, (L,). balanced: E / (L count), as in King and Zeng (2001)."""
    if isinstance(weights, Mapping):
        unknown = [label for label in weights if label not in read.labels]
        if unknown:
            raise ValueError(f"class_weight has the label {unknown[0]!r}, which no text has; they have: {_some(read)}")
        return np.array([weights.get(label, 1.0) for label in read.labels], np.float64)
    balanced: NDArray[np.float64] = read.counts.sum() / (len(read.labels) * read.counts)
    return balanced


def _some(read: LabelledScan) -> str:
    names = ", ".join(read.labels[:10])
    return names + (f" and {len(read.labels) - 10} more" if len(read.labels) > 10 else "")


def _warn(read: LabelledScan) -> None:
    """Say what may not be meant."""
    left_out = read.given - int((np.diff(read.label_starts) > 0).sum())
    if left_out:
        log.warning("%d of %d texts have no label: they are left out", left_out, read.given)
    if len(read.labels) == 1:
        log.warning("all texts have the same label, %r: the classifier will answer nothing else", read.labels[0])


def _guessed(sample: Sample, prefix: str) -> LabelledScan:
    """A sample as if each of its sentences had one label."""
    scan = sample.scan
    labels = sum(word.startswith(prefix) for word in scan.words_seen) if prefix else 0
    names = [str(label) for label in range(max(labels, 2))]
    texts = sum(len(ends) for _, ends in scan.blocks())
    scan.vocabulary(1)  # refuses an empty one
    rows = np.arange(texts) % len(names)
    counts = np.maximum(np.bincount(rows, minlength=len(names)), 1)
    return LabelledScan(scan, names, counts, np.arange(texts + 1), rows, np.arange(texts), texts)
