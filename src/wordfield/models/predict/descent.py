"""Stochastic descent over the nonzeros of a matrix of counts: tile by tile in a new order each epoch, in threads, with
Ctrl-C.

Threads write to the same tables without locks (Hogwild: Recht, Re, Wright and Niu 2011), so only one thread repeats bit
for bit. Legend: N nonzeros, B bands of rows (or columns), S spans: a tile, or a part of one that has many nonzeros.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.models.predict.training import Plan, shared
from wordfield.progress import Progress

if TYPE_CHECKING:
    from wordfield.kernels.glove import Cells, Weighting
    from wordfield.text.counting import Counts

log = logging.getLogger(__name__)

TILE = 1 << 20  # bytes of the vectors of a tile: what a second-level cache holds
MOST_BANDS = 2048
SPAN = 1 << 15  # nonzeros: so that those of the most frequent words are spread over the epoch
LARGEST_JOB, SMALLEST_JOB = 1 << 18, 1 << 14  # nonzeros that a thread takes at a time: some milliseconds
JOBS = 64  # at least so many an epoch, as far as the smallest allows: threads finish together
MEMORY = 1 << 30  # bytes: more nonzeros than fit go to a temporary file
CELL = 12  # bytes of a nonzero

Step = Callable[[NDArray[np.int64], np.uint64], float]
"""A kernel with its tables: (spans, state) -> loss."""


class Tiles(NamedTuple):
    """The nonzeros of a matrix, tile after tile, and spans of them (S, 4), as ``kernels.glove`` has them."""

    cells: Cells
    spans: NDArray[np.int64]

    @property
    def pairs(self) -> int:
        """N."""
        return len(self.cells.places)

    @staticmethod
    def room(pairs: int) -> int:
        """Bytes of memory that so many nonzeros take."""
        return CELL * pairs if CELL * pairs <= MEMORY else 0


def tiled(counts: Counts, row: int, weighting: Weighting, seed: int, folder: str | os.PathLike[str] | None) -> Tiles:
    """Cut ``counts`` into tiles, whose vectors take ``row`` bytes for each row and column, the nonzeros of each in
    random order; those that are too many for memory in a temporary file in ``folder``.
    """
    from wordfield.kernels.glove import Cells, fill_tiles, tile_sizes

    side = max(1, min(TILE // (2 * row), 1 << 15), -(-counts.words // MOST_BANDS))
    bands = -(-counts.words // side)
    sizes, filled = np.zeros((2, bands, bands), np.int64)
    for first, last, columns, _ in counts.pieces():
        tile_sizes(_rows(counts, first, last), first, columns, side, sizes)
    starts = (np.cumsum(sizes) - sizes.ravel()).reshape(bands, bands)
    pairs, mapped = counts.nonzeros, CELL * counts.nonzeros > MEMORY
    arrays: Any = [_mapped(k, pairs, folder) if mapped else np.empty(pairs, k) for k in (np.uint32, *[np.float32] * 2)]
    cells = Cells(*arrays)
    state = np.random.SeedSequence((seed, 0)).generate_state(1, np.uint64)[0]
    for first, last, columns, values in counts.pieces():
        rows = _rows(counts, first, last)
        state = fill_tiles(rows, first, columns, values, side, weighting, starts, filled, cells, np.uint64(state))
    return Tiles(cells, _spans(sizes, starts, side))


def _rows(counts: Counts, first: int, last: int) -> NDArray[np.int64]:
    """Where the rows of a piece begin in it, and the last ends."""
    rows: NDArray[np.int64] = counts.indptr[first : last + 1] - counts.indptr[first]
    return rows


def _spans(sizes: NDArray[np.int64], starts: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    """(S, 4): first nonzero, the one after the last, first row and first column of the tile; ``sizes``, ``starts``
    (B, B).
    """
    tiles = np.flatnonzero(sizes)
    parts = -(-sizes.ravel()[tiles] // SPAN)
    part = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    tile, parts = np.repeat(tiles, parts), np.repeat(parts, parts)
    size, start = sizes.ravel()[tile], starts.ravel()[tile]
    first, last = start + size * part // parts, start + size * (part + 1) // parts
    return np.stack([first, last, tile // len(sizes) * side, tile % len(sizes) * side], axis=1)


def _mapped(dtype: type[Any], size: int, folder: str | os.PathLike[str] | None) -> NDArray[Any]:
    """Room for ``size`` numbers in a temporary file, mapped. ``OSError`` naming the folder if the disk is full: now,
    not when it is written to.
    """
    place = folder if folder is not None else tempfile.gettempdir()
    bytes_ = size * np.dtype(dtype).itemsize
    with tempfile.TemporaryFile(dir=place) as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, bytes_)
            else:
                file.truncate(bytes_)
        except OSError as error:
            what = f"{error.strerror}: {bytes_:,} bytes of counts do not fit in {os.fspath(place)}"
            raise OSError(error.errno, what) from error
        return np.memmap(file, dtype, "r+", shape=(size,)).view(np.ndarray)


@dataclass
class Descended:
    """What a descent saw: the mean loss of each epoch; how many updates by a nonzero are done, and of these before it
    was resumed.
    """

    loss: list[float] = field(default_factory=list)
    updates: int = 0
    resumed: int = 0
    stopped: str = ""
    unfinished: float = 0.0
    """Loss of the epoch that was interrupted, summed."""


class Descent:
    """One descent over ``tiles``; ``history`` is true at any moment, also when `run` is interrupted."""

    def __init__(self, tiles: Tiles, step: Step, plan: Plan, progress: Progress) -> None:
        self.tiles, self.step, self.plan, self.progress = tiles, step, plan, progress
        self.history = Descended()

    def resume(self, loss: list[float], updates: int, unfinished: float) -> None:
        """Go on where a run of the same plan over the same counts was interrupted."""
        self.history = Descended(list(loss), updates, updates, "", unfinished)

    def run(self) -> None:
        """Go down until the epochs are done.

        ``FloatingPointError`` when the loss is no longer a number. What ``progress`` raises, and Ctrl-C, pass through
        once all threads have ended.
        """
        history, total = self.history, self.tiles.pairs * self.plan.epochs
        for epoch in range(len(history.loss), self.plan.epochs):
            begun = epoch * self.tiles.pairs
            with closing(self._pass(epoch)) as results:
                for updates, loss in results:
                    self._count(updates, loss)
                    mean = history.unfinished / (history.updates - begun)
                    if not math.isfinite(mean):
                        rate = self.plan.learning_rate
                        raise FloatingPointError(
                            f"the loss of epoch {epoch + 1} is no number: lower learning_rate, {rate}"
                        )
                    self.progress(history.updates, total, epoch=epoch + 1, loss=mean)
            history.loss.append(history.unfinished / max(self.tiles.pairs, 1))
            history.unfinished = 0.0
        if not self.tiles.pairs:
            log.warning("there was nothing to learn from: no two words stand near each other; give more text")

    def _count(self, updates: int, loss: float) -> None:
        self.history.updates += updates
        self.history.unfinished += loss

    def _pass(self, epoch: int) -> Generator[tuple[int, float], None, None]:
        """One pass by all threads: nonzeros and loss of each job."""

        def step(job: tuple[NDArray[np.int64], np.uint64]) -> tuple[int, float]:
            spans, state = job
            return int((spans[:, 1] - spans[:, 0]).sum()), self.step(spans, state)

        todo = self._jobs(epoch)
        threads = min(self.plan.threads, len(todo))
        return shared(iter(todo), lambda _: step, threads, lambda result: self._count(*result))

    def _jobs(self, epoch: int) -> list[tuple[NDArray[np.int64], np.uint64]]:
        """The spans still to do in this epoch, some at a time, and the seed of each job's random choices: of nothing
        but the plan's seed and its place.
        """
        pairs, jobs = self.tiles.pairs, []
        order = np.random.default_rng((self.plan.seed, 1, epoch)).permutation(len(self.tiles.spans))
        spans = self.tiles.spans[order]
        ends = np.cumsum(spans[:, 1] - spans[:, 0])
        size = max(SMALLEST_JOB, min(LARGEST_JOB, pairs // JOBS))
        begin = 0
        for place, end in enumerate((np.flatnonzero(np.diff(ends // size, append=-1)) + 1).tolist()):
            if epoch * pairs + ends[end - 1] > self.history.updates:
                seed = np.random.SeedSequence((self.plan.seed, 2, epoch, place))
                jobs.append((spans[begin:end], seed.generate_state(1, np.uint64)[0]))
            begin = end
        return jobs
