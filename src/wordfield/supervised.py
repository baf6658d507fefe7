"""What training a classifier gives: the labels of a text, with their probabilities.

After Joulin, Grave, Bojanowski and Mikolov (2017, "Bag of Tricks for Efficient Text Classification"). E texts, L
labels, D dimensions, R rows of the input table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import Classes, FormatError, Table
from wordfield.storage import Storage
from wordfield.text.labelled import Marks, cut
from wordfield.text.ngrams import END_OF_SENTENCE, Ngrams, NgramVocabulary, word_hashes
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Bags
from wordfield.vectors import WordVectors

if TYPE_CHECKING:
    from wordfield.formats.files import PathLike
    from wordfield.kernels.bags import Lines

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

AT_ONCE = 1 << 14
"""Texts that are looked at in one step."""
HELD = 1 << 23
"""Numbers that are held in one step: rows of the table, or scores of labels."""

NO_NGRAMS = Ngrams(0, 0, 0)

Predictions = list[list[tuple[str, float]]]


@final
@dataclass(frozen=True, eq=False)
class ClassifierModel:
    """A classifier of texts, and the word vectors that it learnt on the way.

    A text is the mean of the rows of all its words, of their n-grams of characters, of its runs of words, and of the
    end of the line, which every text has, whether or not a newline stands there; so an empty text has an answer too.
    """

    words: WordVectors
    """One vector a word."""
    tokenizer: Tokenizer
    """Cuts a text into words."""
    classes: Classes
    """The labels, their vectors, and how scores become probabilities."""
    recipe: dict[str, Any] = field(default_factory=dict)
    """The model's name and hyperparameters; empty for one made elsewhere."""
    history: dict[str, Any] = field(default_factory=dict)
    """What training measured: loss of each epoch, tokens, seconds."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays needed to go on training: none, so far."""

    @classmethod
    def load(cls, path: PathLike, format: str | None = None) -> ClassifierModel:
        """The classifier in any file that ``wordfield.formats`` reads; ``FormatError`` for a model that is none."""
        from wordfield import formats

        return cls.of(formats.load(path, format))

    @classmethod
    def of(cls, table: Table) -> ClassifierModel:
        """What a format has read, as a classifier. ``FormatError`` where it is none, or its parts do not fit."""
        if table.classes is None:
            raise FormatError("the model is no classifier: it has words, but no labels")
        tokenizer = table.tokenizer or Tokenizer.of("whitespace")
        _fit(table.classes, table.storage)
        recipe, history = table.config.get("recipe") or {}, table.config.get("history") or {}
        return cls(WordVectors.of(table), tokenizer, table.classes, recipe, history, table.state)

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        return self.words.dim

    @property
    def labels(self) -> list[str]:
        """The L labels, most frequent first, as their probabilities stand in `predict_proba`."""
        return self.classes.labels

    @property
    def label_prefix(self) -> str:
        """What a word begins with that is a label."""
        return self.classes.prefix

    @cached_property
    def marks(self) -> Marks:
        """What a label in a text looks like: it is no word there."""
        return Marks.of(self.classes.prefix, self.recipe.get("label_place", "anywhere"), self.tokenizer)

    def words_of(self, text: str) -> Sequence[str]:
        """The words of a text, its labels left out."""
        return self.tokenizer.tokenize(self.marks.split(text)[0])

    def embed(self, texts: Sequence[str]) -> Floats:
        """One vector a text, (E, D): the mean of all its rows, as fastText's sentence vectors of a classifier."""
        if isinstance(texts, str):
            raise TypeError("a list of texts is needed, not one: [text]")
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"a text is a str, not {type(text).__name__}: {text!r:.60}")
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for first in range(0, len(texts), AT_ONCE):
            some = [self.marks.split(text)[0] for text in texts[first : first + AT_ONCE]]
            _means(self.words.storage, self.bags(some), vectors[first : first + AT_ONCE])
        return vectors

    def predict(self, texts: Sequence[str], k: int | None = 1, threshold: float = 0.0) -> Predictions:
        """For each text its ``k`` most probable labels (None: all) with their probabilities, the most probable first;
        only those of at least ``threshold``, so perhaps fewer.

        Probabilities are those of `predict_proba`.
        """
        found: Predictions = []
        vectors = self.embed(texts)
        for first in range(0, len(vectors) or 1, self._step):
            found += chosen(self._chances(vectors[first : first + self._step]), self.labels, k, threshold)
        return found

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The probability of each label for each text, (E, L), in the order of ``labels``.

        softmax and hierarchical: they sum to one; fastText adds 0.00001 to each, or to each turn in the tree, which is
        not copied here. negative and one-vs-all: each label for itself, a logistic function, 0 to 1, whatever their
        sum; fastText does the same, but reads the function from a table of 512 places.
        """
        vectors = self.embed(texts)
        chances = np.empty((len(vectors), len(self.labels)))
        for first in range(0, len(vectors), self._step):
            chances[first : first + self._step] = self._chances(vectors[first : first + self._step])
        return chances

    def bags(self, texts: Sequence[str]) -> Bags:
        """The rows of the table of each text, whose labels are already off."""
        from wordfield.kernels.bags import lines
        from wordfield.kernels.sampling import Chunk

        words, ids, starts = cut(texts, self.tokenizer)
        ends = starts[1:]
        with_ends = np.insert(ids, ends, np.arange(len(texts), dtype=np.int32)).astype(np.int32)
        chunk = Chunk(with_ends, starts + np.arange(len(starts)))
        vocabulary = self.words.vocabulary
        ngrams = vocabulary.ngrams if isinstance(vocabulary, NgramVocabulary) else NO_NGRAMS
        nothing = np.zeros(len(texts) + 1, np.int64), np.empty(0, np.int64), np.ones(len(texts), np.float32)
        examples, _ = lines(chunk, given(words, vocabulary.index, ngrams, nothing, False), np.uint64(0))
        return expanded(examples.item_starts, examples.items, examples.starts, examples.rows)

    def table(self) -> Table:
        """All of the model, as a format writes it."""
        config = {"recipe": self.recipe, "tokenizer": self.tokenizer.describe(), "history": self.history}
        vocabulary = self.words.vocabulary
        ngrams = vocabulary.ngrams if isinstance(vocabulary, NgramVocabulary) else NO_NGRAMS
        words, counts = list(vocabulary.words), vocabulary.counts
        return Table(words, self.words.storage, counts, config, self.state, ngrams, self.classes)

    def save(self, path: PathLike, format: str | None = None) -> None:
        """Write a native folder, which keeps all, or another format, which may keep the words alone.

        What was there before stays until all is written.
        """
        from wordfield import formats

        formats.save(self.table(), path, format)

    def info(self) -> dict[str, Any]:
        """What the model is, as JSON can hold it."""
        counts = self.words.vocabulary.counts
        return {
            "kind": self.recipe.get("model", "classifier"),
            "dim": self.dim,
            "vocabulary": len(self.words),
            "labels": len(self.labels),
            "loss": self.classes.loss,
            "label_prefix": self.classes.prefix,
            "rows": self.words.storage.shape[0],
            "tokens": None if counts is None else int(counts.sum()),
            "tokenizer": self.tokenizer.describe(),
            "recipe": self.recipe,
            "history": self.history,
            "trainable": True,
        }

    @property
    def _step(self) -> int:
        return max(1, HELD // max(1, len(self.labels)))

    @cached_property
    def _output(self) -> Floats:
        return self.classes.storage.take(range(len(self.labels)))

    @cached_property
    def _tree(self) -> Tree:
        if self.classes.counts is None:
            raise ValueError("the tree of hierarchical softmax is made of the labels' counts, which this model lacks")
        return Tree(branches(self.classes.counts))

    def _chances(self, vectors: Floats) -> NDArray[np.float64]:
        """The probabilities of the labels, (n, L)."""
        scores = (vectors @ self._output.T).astype(np.float64)
        if self.classes.loss == "softmax":
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
            return scores
        chances = logistic(scores)
        return self._tree.chances(chances) if self.classes.loss == "hierarchical" else chances


def chosen(
    chances: NDArray[np.float64], labels: Sequence[str], k: int | None = 1, threshold: float = 0.0
) -> Predictions:
    """Of the probabilities of all labels (n, L) the ``k`` highest (None: all) that are at least ``threshold``, the
    highest first.
    """
    if k is not None and (not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1):
        raise ValueError(f"k is how many labels to return, at least 1, or None for all, not {k!r}")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is a probability, 0 to 1, not {threshold!r}")
    most = len(labels) if k is None else min(int(k), len(labels))
    found: Predictions = []
    best = _highest(chances, most)
    for rows, values in zip(best.tolist(), np.take_along_axis(chances, best, 1).tolist(), strict=True):
        pairs = zip(rows, values, strict=True)
        found.append([(labels[row], value) for row, value in pairs if value >= threshold])
    return found


class Tree:
    """The tree above L labels, whose probability is the product of the turns on the way to them."""

    def __init__(self, children: Rows) -> None:
        self.leaves = len(children) + 1
        self._levels = []
        level = np.array([len(children) - 1] if len(children) else [], np.int64)
        while len(level):
            self._levels.append((level, children[level, 0], children[level, 1]))
            below = children[level].ravel()
            level = below[below >= 0]

    def chances(self, turns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the chance to turn to the first child of each node (n, L - 1 or more), that of each label (n, L)."""
        inner = self.leaves - 1
        reached = np.ones((len(turns), inner + self.leaves))  # the inner nodes, then the labels
        for nodes, first, second in self._levels:
            for child, turned in ((first, turns[:, nodes]), (second, 1 - turns[:, nodes])):
                reached[:, np.where(child < 0, inner - 1 - child, child)] = reached[:, nodes] * turned
        return reached[:, inner:]


def branches(counts: Rows) -> Rows:
    """The tree that fastText makes of the counts of L labels, from high to low: the children of each inner node,
    (L - 1, 2), the root last. A child that is a label is written -1 - label (``HierarchicalSoftmaxLoss::buildTree``).

    The first child is the one that a positive score turns to. The two smallest join first; of equals, inner nodes come
    before labels, the other way round than in Huffman trees of word2vec.c.
    """
    sizes = counts.tolist()
    inner = max(len(sizes) - 1, 0)
    unmade = max(10**15, sum(sizes) + 1)  # more than any node that is made; in fastText always 1e15
    children, weights = np.empty((inner, 2), np.int64), [unmade] * inner
    label, oldest = len(sizes) - 1, 0
    for node in range(inner):
        total = 0
        for side in (1, 0):
            if label >= 0 and sizes[label] < weights[oldest]:
                children[node, side] = -1 - label
                total += sizes[label]
                label -= 1
            else:
                children[node, side] = oldest
                total += weights[oldest]
                oldest += 1
        weights[node] = total
    return children


def given(
    words: Sequence[str],
    index: dict[str, int],
    ngrams: Ngrams,
    labels: tuple[Rows, Rows, Floats],
    one: bool,
) -> Lines:
    """What lines of these ``words`` are made of, for ``kernels.bags``: the T - 1 types, and after them the end of the
    line. ``labels``: where those of each line begin, all of them, and the weights of the lines.
    """
    from wordfield.kernels.bags import Lines

    types = [*words, END_OF_SENTENCE]
    own = np.array([index.get(word, -1) for word in types], np.int64)
    bags = ngrams.bags(types, own, len(index))
    bucket, starts = max(ngrams.bucket, 1), bags.starts.astype(np.int64)
    hashes = word_hashes(types)
    return Lines(starts, bags.rows, hashes, ngrams.places, bucket, len(index), ngrams.word_ngrams, *labels, one)


def expanded(item_starts: Rows, items: Rows, starts: Rows, rows: Rows) -> Bags:
    """Examples of ``kernels.bags`` as the rows of each."""
    types = np.maximum(items, 0)
    sizes = np.where(items < 0, 1, starts[types + 1] - starts[types])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    here = np.repeat(starts[types] - ends[:-1], sizes) + np.arange(ends[-1])
    found = np.repeat(-1 - items, sizes)
    known = found < 0
    found[known] = rows[here[known]]
    return Bags(ends[item_starts], found)


def logistic(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-score)), without overflow."""
    small = np.exp(-np.abs(scores))
    found: NDArray[np.float64] = np.where(scores < 0, small, 1) / (1 + small)
    return found


def _means(storage: Storage, bags: Bags, out: Floats) -> None:
    """out[e] = the mean of the rows of text e, added up in float32 one after the other; zeros where it has none."""
    sizes = np.diff(bags.starts)
    there = np.flatnonzero(sizes)
    begin = 0
    while begin < len(there):
        first = bags.starts[there[begin]]
        most = first + max(1, HELD // max(1, storage.shape[1]))
        end = max(begin + 1, int(np.searchsorted(bags.starts[there + 1], most, "right")))
        texts = there[begin:end]
        rows, place = np.unique(bags.rows[first : bags.starts[texts[-1] + 1]], return_inverse=True)
        taken = storage.take(rows)[place]
        out[texts] = np.add.reduceat(taken, bags.starts[texts] - first, axis=0)
        out[texts] *= (1 / sizes[texts]).astype(np.float32)[:, None]
        begin = end


def _highest(chances: NDArray[np.float64], k: int) -> Rows:
    """The columns of the ``k`` highest of each row, highest first, of equal ones the first."""
    if k == 1:
        best: Rows = chances.argmax(axis=1)[:, None]
        return best
    if k < chances.shape[1] // 4:
        near = np.sort(np.argpartition(-chances, k, axis=1)[:, :k], axis=1)
        order = np.argsort(-np.take_along_axis(chances, near, 1), axis=1, kind="stable")
        found: Rows = np.take_along_axis(near, order, 1)
        return found
    return np.argsort(-chances, axis=1, kind="stable")[:, :k]


def _fit(classes: Classes, storage: Storage) -> None:
    """``FormatError`` where labels and vectors do not go together."""
    labels, (rows, dim) = len(classes.labels), classes.storage.shape
    if not labels or rows != labels or dim != storage.shape[1]:
        raise FormatError(
            f"{labels} labels with {rows} vectors of {dim} dimensions, words of {storage.shape[1]}: one vector a "
            "label, of as many dimensions as the words have, is needed"
        )
    if classes.loss not in ("softmax", "hierarchical", "negative", "one-vs-all"):
        raise FormatError(f"unknown loss {classes.loss!r}: softmax, hierarchical, negative or one-vs-all are known")
