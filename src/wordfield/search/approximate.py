"""Nearest rows by cosine, approximately and sooner: a graph of rows that lie near each other, walked through towards
the query (HNSW: Malkov and Yashunin 2020), as the library usearch makes it.

The graph proposes, the table decides: the cosines of the rows that the graph finds are those of the table, so what it
finds has the score and the order that exact search gives it; only some may be missing. Rows of zeros and rows with NaN
or infinity are not in the graph and so no answer. Queries without a direction, and those for as many answers as there
are rows, are searched for exactly.

With several threads rows come into the graph in another order each time, so two graphs of one table may differ in a few
answers; one thread always makes the same.

V rows of the table, D dimensions, Q queries, q of them at once, k answers, E rows excluded for each query, n rows that
the graph proposes.
"""

from __future__ import annotations

import logging
import os
import weakref
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import Progress, silent
from wordfield.search import described, exact, measured
from wordfield.search.blocks import COPIED, QUIET, Floats, Rows, cores, threads_allowed
from wordfield.search.described import ABOUT, GRAPH, About, Field, Table

Kind = Literal["float16", "int8", "float32"]

KINDS = {"float16": "f16", "int8": "i8", "float32": "f32"}
STEP = 1 << 13
"""Rows put into the graph at once."""
WIDTHS = tuple(1 << power for power in range(4, 13))
"""How many rows are kept in view on the way to a query: the first that finds enough is taken."""

log = logging.getLogger(__name__)


@final
class Index:
    """A graph of the rows of a table. ``build`` makes one, ``open`` reads one; ``nearest`` answers as that of ``exact``
    does.
    """

    def __init__(self, graph: Any, about: About) -> None:
        self.graph, self.about = graph, about
        self._checked: Any = None

    def __repr__(self) -> str:
        about = self.about
        return f"Index({about.words} words, {about.dim} dimensions, {about.kind}, recall {about.recall})"

    @classmethod
    def build(
        cls,
        field: Field,
        *,
        recall: float = 0.95,
        kind: Kind = "float16",
        connectivity: int = 16,
        expansion: int = 128,
        threads: int | None = None,
        seed: int = 1,
        progress: Progress = silent,
    ) -> Index:
        """The index of the words of ``field``, measured: ``about`` says how good and how fast it is.

        recall: the share of the 10 nearest words to find, 0 to 1. The index looks as widely as that takes on half of a
        sample, the other half tells what it finds; a warning says where even the widest look finds less. kind: how the
        graph keeps numbers. connectivity: rows that a row is joined with; expansion: rows kept in view while they are
        chosen. threads: None is all cores; one makes the same graph each time. seed: of the sample. ``ImportError``
        naming the extra without usearch; ``ValueError`` for a sparse table.
        """
        _check(field.table, recall, kind)
        count, dim = field.table.matrix.shape
        options = {"metric": "cos", "connectivity": connectivity, "expansion_add": expansion}
        usearch, version = library()
        graph = usearch.Index(ndim=dim, dtype=KINDS[kind], enable_key_lookups=False, **options)
        used, begun = threads or cores(), perf_counter()
        rows = _fill(graph, field.table, kind, used, progress)
        about = About(
            library=version,
            kind=kind,
            dim=dim,
            words=count,
            rows=len(rows),
            table=described.checksum(field),
            bytes=int(graph.serialized_length),
            seconds=perf_counter() - begun,
            threads=used,
            connectivity=connectivity,
            expansion=expansion,
        )
        index = cls(graph, about)
        if len(rows) > 1:
            index._measure(field.table, rows, recall, np.random.default_rng(seed))
        return index

    @classmethod
    def open(cls, folder: str | os.PathLike[str], field: Field, *, verify: bool = True) -> Index:
        """The index in a folder, mapped, if it is one of the words and vectors of ``field``; ``ValueError`` otherwise,
        and for a damaged one.

        ``verify``: read the file once to see whether it is as it was written: a damaged one could lead the library out
        of its memory.
        """
        place = Path(folder)
        about, path = described.read(place), place / GRAPH
        again = f"; make it anew: wordfield index MODEL --out {place}"
        size = path.stat().st_size if path.is_file() else 0
        if size != about.bytes:
            raise ValueError(f"{path}: {about.bytes:,} bytes are needed, there are {size:,}{again}")
        if verify and described.digest_of(path) != about.graph:
            raise ValueError(f"{path}: its content is not what was written{again}")
        usearch, version = library()
        try:
            graph = usearch.Index.restore(os.fspath(path), view=True, enable_key_lookups=False)
        except (ValueError, RuntimeError, OSError) as error:
            raise ValueError(f"{path}: usearch {version} does not read it: {error}{again}") from error
        if graph is None or graph.ndim != about.dim or len(graph) != about.rows or about.kind not in KINDS:
            raise ValueError(f"{path} and the {ABOUT} beside it do not go together{again}")
        graph.expansion_search = about.width
        index = cls(graph, about)
        index.check(field)
        return index

    def write(self, folder: Path) -> None:
        """Write the two files of the index into a folder that is there."""
        path = folder / GRAPH
        self.graph.save(os.fspath(path))
        self.about = replace(self.about, bytes=path.stat().st_size, graph=described.digest_of(path))
        (folder / ABOUT).write_bytes(described.dumped(self.about))

    def check(self, field: Field) -> None:
        """``ValueError`` where the index is one of other words or vectors than those of ``field``."""
        if self._checked is not None and self._checked() is field:
            return
        (count, dim), ours = field.table.matrix.shape, self.about
        anew = "make one of this model with wordfield index"
        if (count, dim) != (ours.words, ours.dim):
            sizes = f"{ours.words:,} words of {ours.dim} dimensions, the model has {count:,} of {dim}"
            raise ValueError(f"the index is one of {sizes}: {anew}")
        if described.checksum(field) != ours.table:
            raise ValueError(f"the index is one of as many other words, or of other vectors: {anew}")
        self._checked = weakref.ref(field)

    @QUIET
    def nearest(
        self,
        matrix: Any,
        queries: NDArray[Any],
        k: int,
        *,
        norms: Floats,
        exclude: Rows | None = None,
        candidates: Rows | None = None,
    ) -> tuple[Rows, Floats]:
        """As ``exact.nearest``: rows (Q, k) and cosines (Q, k) of the rows nearest to queries (Q, D), best first; but
        some of the nearest may be missing, and rows of zeros are no answer.

        ``ValueError`` for ``candidates``: the graph leads to the nearest of all rows, of which few may be candidates.
        """
        if candidates is not None:
            raise ValueError("an index answers among all words: restrict them without it, which searches exactly")
        unwanted = np.empty((len(queries), 0), np.int64) if exclude is None else exclude
        directions, wanted = exact.unit(queries).astype(np.float32), k + unwanted.shape[1]
        if wanted >= self.about.rows:
            return exact.nearest(matrix, queries, k, norms=norms, exclude=exclude)
        rows = np.full((len(directions), k), -1, np.int64)
        scores = np.full((len(directions), k), -np.inf, np.float32)
        lost = ~directions.any(axis=1)
        if lost.any():
            rows[lost], scores[lost] = exact.nearest(matrix, queries[lost], k, norms=norms, exclude=unwanted[lost])
        asked, step = np.flatnonzero(~lost), max(1, COPIED // (wanted * self.about.dim))
        for start in range(0, len(asked), step):
            here = asked[start : start + step]
            found = self._proposed(directions[here], wanted)
            made = _cosines(matrix, norms, directions[here], found)
            made[(found[:, :, None] == unwanted[here, None, :]).any(axis=2) | (found < 0) | np.isnan(made)] = -np.inf
            order = np.lexsort((found, -made), axis=1)[:, :k]
            scores[here] = np.take_along_axis(made, order, axis=1)
            rows[here] = np.where(np.isneginf(scores[here]), -1, np.take_along_axis(found, order, axis=1))
        return rows, scores

    def _proposed(self, directions: Floats, count: int) -> Rows:
        """The rows that the graph finds for directions (q, D): (q, count), filled up with -1."""
        threads = min(threads_allowed(), len(directions))
        found = self.graph.search(_numbers(directions, self.about.kind), count, threads=threads)
        rows = np.full((len(directions), count), -1, np.int64)
        if len(directions) == 1:
            rows[0, : len(found.keys)] = found.keys
            return rows
        there = np.arange(count) < np.asarray(found.counts)[:, None]  # what stands behind them is no answer
        rows[there] = np.asarray(found.keys)[there]
        return rows

    def _measure(self, table: Table, rows: Rows, wanted: float, random: np.random.Generator) -> None:
        """Choose how widely to look, and tell how good and how fast that is."""
        trial = measured.Trial(table, rows, random)
        for width in WIDTHS:
            self.graph.expansion_search = width
            chosen, judged, together = trial.of(self.nearest)
            if chosen >= wanted:
                break
        else:
            log.warning("the index finds %.3f of the nearest words at most; %.3f were asked for", chosen, wanted)
        self.about = replace(
            self.about,
            width=width,
            recall=judged,
            sample=trial.judging,
            speed=described.Speed(trial.alone(self.nearest), together),
            exact_speed=described.Speed(trial.alone(exact.nearest), trial.together),
        )


def library() -> tuple[Any, str]:
    """The library that makes the graph, and its version."""
    try:
        from usearch import __version__, index
    except ImportError as error:
        raise ImportError("an index needs usearch, which is not installed: pip install 'wordfield[ann]'") from error
    return index, __version__


def _check(table: Table, recall: float, kind: str) -> None:
    """``ValueError`` for what no index can be made of."""
    if hasattr(table.matrix, "indptr"):
        raise ValueError(
            "a sparse table, as wide as its vocabulary, has no index: exact search goes through it as it is"
        )
    if kind not in get_args(Kind):
        raise ValueError(f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
    if not 0 < recall <= 1:
        raise ValueError(f"recall is the share of the nearest words to find, above 0 and at most 1, not {recall}")


def _fill(graph: Any, table: Table, kind: str, threads: int, progress: Progress) -> Rows:
    """Put all rows into the graph that have a direction; which these are."""
    kept = np.flatnonzero((table.norms > 0) & np.isfinite(table.norms))
    count = len(table.norms)
    for start in range(0, count, STEP):
        progress(start, count)
        first, last = np.searchsorted(kept, (start, start + STEP))
        here = kept[first:last]
        if len(here):
            block = table.matrix[start : start + STEP][here - start]
            graph.add(here.astype(np.uint64), _numbers(exact.unit(block), kind), threads=threads)
    progress(count, count)
    return kept


def _numbers(directions: NDArray[Any], kind: str) -> NDArray[Any]:
    """Directions (q, D) as the graph keeps them. Whole numbers are from -127 to 127 in each row, whose length does not
    matter.
    """
    if kind != "int8":
        return directions.astype(np.float16 if kind == "float16" else np.float32)
    largest = np.abs(directions).max(axis=1, keepdims=True)
    return np.rint(directions * (127 / np.where(largest > 0, largest, 1))).astype(np.int8)


def _cosines(matrix: Any, norms: Floats, directions: Floats, found: Rows) -> Floats:
    """Those of directions (q, D) with the rows that were found for each (q, n)."""
    places = np.maximum(found, 0)
    rows = np.asarray(matrix[places.ravel()]).reshape(*found.shape, directions.shape[1])
    products: Floats = np.einsum("qnd,qd->qn", rows, directions)
    return products / norms[places]
