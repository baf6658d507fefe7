"""One vector a word from a network that reads words in context: the mean of a word's vectors over its occurrences in a
corpus, and how far these are apart.

After Bommasani, Davis and Cardie (2020, ACL 431) and Vulić et al. (2020, arXiv 2010.05731): means over some occurrences
are better than reading the word alone, and the lower layers know more of a word by itself. How far the occurrences of a
word are apart is its spread: 1 less the mean cosine of any two of them, 1 less the self-similarity of Ethayarajh (2019,
arXiv 1909.00512). Words of several senses have a large one; so have words of none, as *the*. In a narrow cone all
cosines are large, hence ``unlike``, the same of occurrences of any words, which the spread is to be compared with.

V words, D dimension, N occurrences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.models.sequence.contextual import ContextualModel, Layer, Pooled
from wordfield.progress import Progress, silent
from wordfield.search.exact import unit
from wordfield.static import StaticModel
from wordfield.storage import Dense
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Ids
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

Rows = NDArray[np.int64]

AT_ONCE = 512
"""Sentences that are read together."""
CHUNK = 1 << 20
"""Words of the corpus that are looked at together."""


class Occurrences(NamedTuple):
    """A sentence, and which of its words count."""

    words: list[str]
    rows: Rows
    """The words that count, by their rows of the vocabulary."""
    places: Rows
    """Where they stand in the sentence."""


@dataclass(frozen=True, eq=False)
class Averaged:
    """Static vectors, and how the occurrences of each word lie."""

    model: StaticModel
    contexts: Rows
    """Over how many occurrences each word's vector is the mean (V,)."""
    spread: NDArray[np.float64]
    """1 less the mean cosine of two of them (V,); NaN of a single one."""
    unlike: float
    """1 less the mean cosine of two occurrences of any words."""


def average(
    model: ContextualModel,
    corpus: Corpus | Any,
    *,
    contexts: int = 20,
    min_count: int = 5,
    max_vocab: int | None = None,
    layer: Layer | None = None,
    pooling: Pooled | None = None,
    seed: int = 1,
    progress: Progress = silent,
) -> Averaged:
    """The mean of each word's vectors over ``contexts`` occurrences, drawn evenly from all, or over all if there are
    fewer. Words are what the corpus cuts, which occur ``min_count`` times at least, the ``max_vocab`` most frequent.

    ``layer``: as in ``embed_words``; None: the mean of the lower half, what goes into the first layer with it.
    Sentences are read as their words with spaces between them. ``ValueError`` for a corpus without such words.
    """
    if contexts < 1:
        raise ValueError(f"contexts is over how many occurrences a mean is taken, at least 1, not {contexts}")
    if layer is None:
        layer = [*range(1 + model.module.shape.layers // 2)]
    corpus = Corpus.of(corpus)
    with corpus.scan() as scan:
        every = scan.vocabulary(1)
        kept = scan.vocabulary(min_count, max_vocab)
        ids = scan.encode(every)
        row_of = np.array([kept.index.get(word, -1) for word in every.words], np.int64)
        sums, units = np.zeros((len(kept), model.dim)), np.zeros((len(kept), model.dim))
        counts, done = np.zeros(len(kept), np.int64), 0
        chosen = _chosen(ids, row_of, kept, contexts, seed)
        sentences = _sentences(ids, every, row_of, chosen)
        while some := [*islice(sentences, AT_ONCE)]:
            read = model.embed_words_of([each.words for each in some], layer, pooling)
            vectors = np.concatenate([found[each.places] for each, (_, found) in zip(some, read, strict=True)])
            rows = np.concatenate([each.rows for each in some])
            np.add.at(sums, rows, vectors)
            np.add.at(units, rows, unit(vectors))
            counts += np.bincount(rows, minlength=len(kept))
            done += len(rows)
            progress(done, len(chosen))
        told = {"corpus": corpus.name, "corpus_tokens": scan.tokens, "known_tokens": int(np.asarray(kept.counts).sum())}
    spread = np.full(len(kept), np.nan)
    several = counts > 1
    alike = (units[several] ** 2).sum(1) - counts[several]
    spread[several] = 1 - alike / (counts[several] * (counts[several] - 1))
    total = units.sum(axis=0)
    unlike = 1 - float(total @ total - done) / max(1, done * (done - 1))
    means = (sums / np.maximum(counts, 1)[:, None]).astype(np.float32)
    recipe = {"model": "average", "contexts": contexts, "layer": layer, "of": model.recipe}
    state = {"contexts": counts, "spread": spread}
    words = WordVectors(kept, Dense(means))
    return Averaged(StaticModel(words, corpus.cutter, recipe, told, state), counts, spread, unlike)


def occurrences(
    model: ContextualModel, corpus: Corpus | Any, word: str, *, most: int = 200, layer: Layer = -1, seed: int = 1
) -> tuple[list[tuple[list[str], int]], NDArray[np.float32]]:
    """Sentences with a word, at most so many, drawn evenly, each with the place where it stands, and its vectors there,
    (N, D). ``KeyError`` for a word that the corpus does not have.
    """
    corpus = Corpus.of(corpus)
    with corpus.scan() as scan:
        every = scan.vocabulary(1)
        if word not in every:
            raise KeyError(f"{word!r} does not occur in {corpus.name}")
        ids = scan.encode(every)
        row_of = np.full(len(every), -1, np.int64)
        row_of[every.index[word]] = 0
        alone = Vocabulary([word], [int(np.asarray(every.counts)[every.index[word]])])
        found = [*_sentences(ids, every, row_of, _chosen(ids, row_of, alone, most, seed))]
    read = model.embed_words_of([each.words for each in found], layer)
    vectors = np.concatenate([vectors[each.places] for each, (_, vectors) in zip(found, read, strict=True)])
    return [(each.words, int(place)) for each in found for place in each.places], vectors


def _chosen(ids: Ids, row_of: Rows, kept: Vocabulary, contexts: int, seed: int) -> Rows:
    """The places in the corpus of the occurrences that count: of each word so many, drawn from all, in order."""
    counts = np.asarray(kept.counts, np.int64)
    random, ends = np.random.default_rng(seed), np.cumsum(counts)
    # The occurrences of all words are numbered, a word's after those of the words before it.
    drawn = [
        end - count + (np.arange(count) if count <= contexts else random.choice(count, contexts, replace=False))
        for count, end in zip(counts.tolist(), ends.tolist(), strict=True)
    ]
    wanted = np.sort(np.concatenate(drawn))
    seen, found = ends - counts, []
    for first in range(0, ids.tokens, CHUNK):
        rows = row_of[ids.window(first, min(first + CHUNK, ids.tokens))]
        here = np.flatnonzero(rows >= 0)
        order = here[np.argsort(rows[here], kind="stable")]
        sorted_rows = rows[order]
        begins = np.searchsorted(sorted_rows, sorted_rows)
        numbers = seen[sorted_rows] + np.arange(len(order)) - begins
        hit = wanted[np.minimum(np.searchsorted(wanted, numbers), len(wanted) - 1)] == numbers
        found.append(np.sort(order[hit]) + first)
        seen += np.bincount(sorted_rows, minlength=len(seen))
    return np.concatenate(found)


def _sentences(ids: Ids, every: Vocabulary, row_of: Rows, chosen: Rows) -> Iterator[Occurrences]:
    """The sentences in which the chosen places are."""
    starts = np.asarray(ids.starts)
    owners = np.searchsorted(starts, chosen, "right") - 1
    words: Sequence[str] = every.words
    for places in np.split(chosen, np.flatnonzero(np.diff(owners)) + 1) if len(chosen) else []:
        sentence = int(np.searchsorted(starts, places[0], "right")) - 1
        first, last = int(starts[sentence]), int(starts[sentence + 1])
        rows = ids.window(first, last)
        yield Occurrences([words[row] for row in rows.tolist()], row_of[rows[places - first]], places - first)
