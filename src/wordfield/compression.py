"""Smaller tables of vectors: fewer words and n-grams, and rows kept as codes.

Product quantisation after Jégou, Douze and Schmid (2011), as fastText compresses classifiers (Joulin and others 2016,
"FastText.zip: Compressing text classification models"). What is compressed answers as before, and no longer trains.

V rows, D dimensions, P parts of a row, n rows of a sample.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import Table
from wordfield.storage import CENTROIDS, Coded, Dense, Float16, Int8, Product, Sparse, Storage
from wordfield.text.ngrams import END_OF_SENTENCE, Ngrams

Kind: TypeAlias = Literal["product", "int8", "float16"]

SAMPLE = 65_536
"""Rows that centroids are learnt from."""
ITERATIONS = 25
"""Of k-means."""
OUTPUT_PART = 2
"""Numbers in a part of a classifier's output vectors, as in fastText."""
STEP = 1 << 20
"""Numbers that are looked at in one step."""

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def compressed(
    table: Table,
    to: Kind | None = None,
    *,
    part: int = 2,
    norms: bool = False,
    output: bool = False,
    words: Collection[str] | None = None,
    max_words: int | None = None,
    max_ngrams: int | None = None,
    seed: int = 1,
    threads: int | None = None,
) -> Table:
    """A smaller table of the same vectors, or nearly so; what training would go on from is left out.

    ``to``: "float16", "int8" (with a scale for each row), or "product": a byte for every ``part`` numbers of a row;
    ``norms``: the length of a row apart, with a byte of its own. None: rows are kept as they are. ``output``: the
    vectors of a classifier's labels, too. ``words``, ``max_words``: of the words keep those in the collection, and the
    most frequent. ``max_ngrams``: of the buckets of n-grams keep those with the longest vectors, as fastText does; the
    others count for nothing. ``seed``: of the sample of product quantisation; ``threads`` (unset: all) change nothing
    in the result.

    ``ValueError`` for vectors that the codes cannot hold, and for words and n-grams that are not there to be left out.
    """
    _check(to, part, norms)
    _check_parts(table, to, output, max_words, max_ngrams)
    smaller = _pruned(table, words, max_words, max_ngrams)
    storage, classes = smaller.storage, smaller.classes
    if to is not None:
        storage = coded(storage, to, part=part, norms=norms, seed=seed, threads=threads)
    if to is not None and output and classes is not None:
        apart = coded(classes.storage, to, part=OUTPUT_PART, norms=norms, seed=seed, threads=threads)
        classes = replace(classes, storage=apart)
    note = {"to": to, "words": len(smaller.words), "vectors": storage.shape[0]}
    if to == "product":
        note |= {"part": part, "norms": norms}
    if classes is not None:
        note |= {"output": output}
    history = table.config.get("history") or {}
    noted = {"history": history | {"compressed": [*history.get("compressed", []), note]}}
    return replace(smaller, storage=storage, classes=classes, config=table.config | noted, state={}, network=None)


def _check(to: str | None, part: int, norms: bool) -> None:
    if to not in (None, "product", "int8", "float16"):
        raise ValueError(f"unknown compression {to!r}; known: product, int8, float16")
    if part < 1:
        raise ValueError(f"part is how many numbers of a row share a code, at least 1, not {part}")
    if norms and to != "product":
        raise ValueError(f"norms are kept apart in product quantisation only, not in {to or 'rows as they are'}")


def _check_parts(table: Table, to: str | None, output: bool, max_words: int | None, max_ngrams: int | None) -> None:
    if output and (table.classes is None or to is None):
        raise ValueError("output is for the labels of a classifier, with product, int8 or float16: there is none here")
    if max_words is not None and max_words < 1:
        raise ValueError(f"max_words is how many words to keep, at least 1, not {max_words}")
    if max_ngrams is not None and (max_ngrams < 1 or table.ngrams is None):
        raise ValueError(
            f"max_ngrams is how many buckets of n-grams to keep, at least 1 of a model that has some, not {max_ngrams}"
            + ("; this model has none" if table.ngrams is None else "")
        )


def coded(
    storage: Storage, to: Kind, *, part: int = 2, norms: bool = False, seed: int = 1, threads: int | None = None
) -> Coded:
    """The rows of a storage as codes: see ``compressed``."""
    if isinstance(storage, Sparse):
        _worth_it(storage, to, part)
    made: dict[str, Callable[[], Coded]] = {
        "float16": lambda: float16(storage),
        "int8": lambda: int8(storage),
        "product": lambda: product(storage, part, norms, seed, threads),
    }
    return made[to]()


def float16(storage: Storage) -> Float16:
    """Each number with 16 bits; ``ValueError`` for one beyond 65,504."""
    codes = np.empty(storage.shape, np.float16)
    for start, rows in _finite(storage):
        with np.errstate(over="ignore"):
            codes[start : start + len(rows)] = rows
        beyond = np.isinf(codes[start : start + len(rows)])
        if beyond.any():
            here, column = np.argwhere(beyond)[0]
            raise ValueError(
                f"row {start + here} of the vectors holds {rows[here, column]:.5g}: float16 ends at 65,504; int8 has a "
                "scale for each row"
            )
    return Float16(codes)


def int8(storage: Storage) -> Int8:
    """Each number as one of -127 to 127, with a scale for each row."""
    codes, scales = np.empty(storage.shape, np.int8), np.empty(storage.shape[0], np.float32)
    for start, rows in _finite(storage):
        largest = np.abs(rows).max(axis=1, initial=0)
        wide = np.maximum(largest.astype(np.float64) / 127, np.finfo(np.float32).tiny)
        codes[start : start + len(rows)] = np.rint(rows / wide[:, None])
        scales[start : start + len(rows)] = np.where(largest > 0, wide, 0)
    return Int8(codes, scales)


def product(storage: Storage, part: int = 2, norms: bool = False, seed: int = 1, threads: int | None = None) -> Product:
    """Each ``part`` numbers of a row as the nearest of 256 centroids, which k-means has found among at most
    ``SAMPLE`` rows. ``norms``: of rows in unit length, which are then multiplied by one of 256 numbers each, those that
    bring what is decoded closest to the row.
    """
    from wordfield.kernels.quantizing import encode

    count, dim = storage.shape
    largest = np.zeros(dim, np.float32)
    for _, rows in _finite(storage):
        np.maximum(largest, np.abs(rows).max(axis=0), out=largest)
    random = np.random.default_rng([seed, 0])
    sampled = np.sort(random.choice(count, SAMPLE, replace=False)) if count > SAMPLE else np.arange(count)
    sample = storage.take(sampled)
    units = np.maximum(storage.norms, np.finfo(np.float32).tiny) if norms else np.ones(count, np.float32)
    starts = range(0, dim, part)
    scales = [np.float32(1.0) if norms else _scale(largest[start : start + part]) for start in starts]

    def learnt(number: int) -> Floats:
        """The centroids of a part, (d, 256), of its numbers in -1 to 1."""
        points = sample[:, starts[number] : starts[number] + part] / (units[sampled, None] * scales[number])
        return centroids(points, [seed, 1, number])

    codes = np.empty((count, len(starts)), np.uint8)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        books = list(pool.map(learnt, range(len(starts))))
        for first, rows in _blocks(storage):
            here = slice(first, first + len(rows))

            def encoded(number: int, here: slice = here, rows: Floats = rows) -> None:
                points = rows[:, starts[number] : starts[number] + part] / (units[here, None] * scales[number])
                own = np.empty(len(points), np.uint8)
                encode(points, books[number], own)
                codes[here, number] = own

            list(pool.map(encoded, range(len(starts))))
    flat = [(book.T * scale).ravel() for book, scale in zip(books, scales, strict=True)]
    made = Product(codes, np.concatenate(flat) if flat else np.empty(0, np.float32), part)
    return _lengthened(made, storage, seed) if norms else made


def _lengthened(directions: Product, storage: Storage, seed: int) -> Product:
    """The same codes, with the length of each row: x . u / u . u is what brings u closest to x."""
    from wordfield.kernels.quantizing import encode

    best = np.empty((storage.shape[0], 1), np.float64)
    for start, rows in _blocks(storage):
        near = directions[start : start + len(rows)].astype(np.float64)
        squares = np.maximum(np.einsum("vd,vd->v", near, near), np.finfo(np.float64).tiny)
        best[start : start + len(rows), 0] = np.einsum("vd,vd->v", near, rows) / squares
    scale = _scale(np.abs(best).max(axis=0, initial=0))
    points = (best / scale).astype(np.float32)
    random = np.random.default_rng([seed, 2])
    sample = random.choice(points, SAMPLE, replace=False) if len(points) > SAMPLE else points
    book = centroids(sample, [seed, 3])
    codes = np.empty(len(points), np.uint8)
    encode(points, book, codes)
    return Product(directions.codes, directions.centroids, directions.part, (codes, book[0] * scale))


def centroids(points: Floats, seed: list[int]) -> Floats:
    """Where 256 centroids of points (n, d) come to stand, (d, 256)."""
    from wordfield.kernels.quantizing import settle, spread

    book = np.zeros((points.shape[1], CENTROIDS), np.float32)
    if len(points):
        spread(points, np.random.default_rng(seed).random(CENTROIDS), book)
        settle(points, book, ITERATIONS, np.empty(len(points), np.uint8))
    return book


def _scale(largest: NDArray[Any]) -> np.float32:
    """What numbers are divided by, so that squares of differences neither over- nor underflow."""
    return np.float32(largest.max(initial=0)) or np.float32(1)


def _blocks(storage: Storage) -> Iterator[tuple[int, Floats]]:
    """The rows of a storage, some at a time, and the number of the first."""
    rows, dim = storage.shape
    step = max(1, STEP // max(1, dim))
    for start in range(0, rows, step):
        yield start, storage.take(np.arange(start, min(start + step, rows)))


def _finite(storage: Storage) -> Iterator[tuple[int, Floats]]:
    """As ``_blocks``; ``ValueError`` for a row with NaN or infinity."""
    for start, rows in _blocks(storage):
        sound = np.isfinite(rows).all(axis=1)
        if not sound.all():
            raise ValueError(f"row {start + int(sound.argmin())} of the vectors holds NaN or infinity: no code is that")
        yield start, rows


def _worth_it(storage: Sparse, to: str, part: int) -> None:
    """``ValueError`` where codes of all the zeros would take more than the sparse table does."""
    rows, dim = storage.shape
    sizes = {"float16": 2 * dim, "int8": dim + 4, "product": -(-dim // part)}
    csr = storage.matrix
    now, then = csr.data.nbytes + csr.indices.nbytes + csr.indptr.nbytes, sizes[to] * rows
    if then >= now:
        raise ValueError(
            f"the vectors are sparse and take {now / 1e6:,.1f} MB; as {to}, with their zeros, {then / 1e6:,.1f} MB: "
            "they are best kept as they are"
        )


def _pruned(table: Table, words: Collection[str] | None, max_words: int | None, max_ngrams: int | None) -> Table:
    """The table without the words and n-grams that are not to be kept."""
    kept = _kept_words(table, words, max_words)
    ngrams, buckets = table.ngrams, np.arange(0)
    own = table.storage.shape[0] - (0 if ngrams is None else ngrams.rows)  # 0 where words have only their n-grams'
    if ngrams is not None:
        ngrams, buckets = _kept_ngrams(table.storage, ngrams, own, max_ngrams)
    rows = np.concatenate([kept[kept < own], buckets])
    if len(kept) == len(table.words) and len(rows) == table.storage.shape[0]:
        return table
    return replace(
        table,
        words=[table.words[row] for row in kept],
        counts=None if table.counts is None else table.counts[kept],
        storage=_chosen(table.storage, rows),
        ngrams=ngrams,
    )


def _kept_words(table: Table, words: Collection[str] | None, max_words: int | None) -> Rows:
    """The numbers of the words to be kept, in order; a classifier's end of line always is, as it has its bias."""
    number = len(table.words)
    kept = np.ones(number, bool)
    if words is not None:
        chosen = set(words)
        kept &= np.array([word in chosen for word in table.words], bool)
        if not kept.any():
            raise ValueError(f"none of the {len(chosen)} words to keep is in the vocabulary of {number} words")
    if max_words is not None and max_words < kept.sum():
        order = np.arange(number) if table.counts is None else np.argsort(-table.counts, kind="stable")
        kept[order[kept[order]][max_words:]] = False
    if table.classes is not None and END_OF_SENTENCE in table.words:
        kept[table.words.index(END_OF_SENTENCE)] = True
    return np.flatnonzero(kept)


def _kept_ngrams(storage: Storage, ngrams: Ngrams, own: int, most: int | None) -> tuple[Ngrams, Rows]:
    """Which n-grams keep rows, and those rows: of ``most`` buckets, those with the longest vectors."""
    there = ngrams.rows - (ngrams.kept is not None and ngrams.zeros)  # the row of zeros is nobody's own
    rows = own + np.arange(ngrams.rows)
    if most is None or most >= there:
        return ngrams, rows
    longest = np.argsort(-storage.norms[own : own + there], kind="stable")[:most]
    buckets = np.arange(there) if ngrams.kept is None else ngrams.kept
    order = longest[np.argsort(buckets[longest])]
    return ngrams.narrowed(buckets[order], zeros=False), own + order


def _chosen(storage: Storage, rows: Rows) -> Storage:
    """A storage of these rows, of the same kind; where a sparse one has a column a word, these go with the words."""
    if isinstance(storage, Coded):
        return storage.chosen(rows)
    if isinstance(storage, Sparse):
        square = storage.shape[0] == storage.shape[1]
        return Sparse(storage.matrix[rows][:, rows] if square else storage.matrix[rows])
    return Dense(storage.take(rows))
