"""How often words stand near each other, counted exactly, in bounded memory: what every method starts from that learns
from counts.

A word's neighbours are the words around it in its sentence, up to ``window`` away; a word that the vocabulary lacks
takes no place. As in Stanford's cooccur.c (Pennington, Socher and Manning 2014) a neighbour may count for less the
farther it is, and as in hyperwords (Levy, Goldberg and Dagan 2015, section 3.1) frequent words may be left out at
random.

V vocabulary, N tokens, S sentences, R rows of a piece, E entries of a piece.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import Progress, silent
from wordfield.text.corpus import MOST_THREADS, cores
from wordfield.text.ids import Ids, Spool, in_order

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]
Window = int | Literal["sentence"]
Weight = Literal["flat", "harmonic", "decay"]
Context = Literal["both", "left", "right"]
Piece = tuple[int, int, Ints, Doubles]

WEIGHTS = ("flat", "harmonic", "decay")
SIDES = {"both": (True, True), "left": (True, False), "right": (False, True)}
PIECE = 1 << 20  # entries of a piece at most, unless one row has more
ENTRY = 12  # bytes: a column and a value
PLACE = 12  # bytes of a token: as read, in the text, and where it is
ROW = 9  # bytes of a column, in the room for a row
MOST_PLACES = (1 << 31) - 1  # of a chunk, as places are int32


class _Disk:
    """Entries in temporary files, one after the other."""

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        self._columns, self._values = Spool(folder), Spool(folder)
        self.entries = 0

    def write(self, columns: Ints, values: Doubles) -> int:
        """Append; where it begins."""
        begin = self.entries
        self._columns.write(columns)
        self._values.write(values)
        self.entries += len(columns)
        return begin

    def flush(self) -> None:
        self._columns.flush()
        self._values.flush()

    def read(self, begin: int, count: int) -> tuple[Ints, Doubles]:
        """``count`` entries from ``begin`` on, mapped."""
        return self._columns.read(np.int32, 4 * begin, count), self._values.read(np.float64, 8 * begin, count)

    def close(self) -> None:
        self._columns.close()
        self._values.close()


class Counts:
    """Co-occurrence counts of V words: a sparse matrix whose row is the word and whose column its neighbour, in pieces,
    in memory or in temporary files. A context manager: the files go when it ends, or when it is forgotten.

    ``words``: V; ``indptr`` (V + 1,) int64: where each row ends and the next begins, as in CSR.
    """

    def __init__(self, words: int, room: int = 1 << 62, folder: str | os.PathLike[str] | None = None) -> None:
        self.words = words
        self.indptr: Longs = np.zeros(words + 1, np.int64)
        self._room, self._folder = room, folder
        self._pieces: list[tuple[int, int, tuple[Ints, Doubles] | int]] = []
        self._disk: _Disk | None = None
        self._closed = False

    def __enter__(self) -> Counts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the temporary files, and let go of the memory."""
        self._closed = True
        self._pieces.clear()
        if self._disk is not None:
            self._disk.close()

    @classmethod
    def of(cls, matrix: Any) -> Counts:
        """The counts in a SciPy matrix, (V, V), or an array. ``ValueError`` if it is not square, or one is negative or
        no number.
        """
        from scipy.sparse import csr_array

        csr = csr_array(matrix)
        if csr.ndim != 2 or csr.shape[0] != csr.shape[1]:
            raise ValueError(f"counts have a row and a column for each word, not the shape {csr.shape}")
        if not (np.isfinite(csr.data) & (csr.data >= 0)).all():
            raise ValueError("counts are numbers from 0 up: this matrix has others")
        if not csr.has_canonical_format or not csr.data.all():
            csr = csr.copy()
            csr.sum_duplicates()
            csr.eliminate_zeros()
        counts = cls(csr.shape[0])
        columns, values = csr.indices.astype(np.int32, copy=False), csr.data.astype(np.float64, copy=False)
        for first, last in _spans(np.diff(csr.indptr), PIECE):
            begin, end = csr.indptr[first], csr.indptr[last]
            counts.append(first, csr.indptr[first + 1 : last + 1] - begin, columns[begin:end], values[begin:end])
        return counts

    @property
    def nonzeros(self) -> int:
        """How many pairs of words were seen."""
        return int(self.indptr[-1])

    def append(self, first: int, ends: Longs, columns: Ints, values: Doubles) -> None:
        """Add the next rows, from ``first`` on: where each ends (R,), and their entries, columns ascending in a row."""
        last = first + len(ends)
        self.indptr[first + 1 : last + 1] = self.indptr[first] + ends
        self._room -= ENTRY * len(columns)
        if self._room >= 0:
            self._pieces.append((first, last, (columns, values)))
            return
        self._disk = self._disk or _Disk(self._folder)
        self._pieces.append((first, last, self._disk.write(columns, values)))

    def pieces(self) -> Iterator[Piece]:
        """Consecutive ranges of whole rows, in order: first and last row (not included), columns (E,) int32, ascending
        in each row, and values (E,) float64. Not to be written to. ``ValueError`` when closed.
        """
        if self._closed:
            raise ValueError("these counts are closed: use them in `with count(...) as counts:`")
        if self._disk is not None:
            self._disk.flush()
        for first, last, entries in self._pieces:
            if self._disk is not None and isinstance(entries, int):
                yield first, last, *self._disk.read(entries, int(self.indptr[last] - self.indptr[first]))
            elif isinstance(entries, tuple):
                columns, values = entries[0].view(), entries[1].view()
                columns.flags.writeable = values.flags.writeable = False  # as a map is: one kernel for both
                yield first, last, columns, values

    def matrix(self, dtype: type[np.floating[Any]] = np.float64) -> csr_array[Any]:
        """All of it in memory, (V, V)."""
        rows = (
            (self.indptr[first + 1 : last + 1] - self.indptr[first], columns, values)
            for first, last, columns, values in self.pieces()
        )
        return stacked(self.words, self.nonzeros, rows, dtype)


def stacked(
    words: int, most: int, rows: Iterable[tuple[Longs, Ints, NDArray[Any]]], dtype: type[np.floating[Any]]
) -> csr_array[Any]:
    """A matrix (V, V) of consecutive rows that come in pieces, where each row of a piece ends (R,), columns and values:
    ``most`` entries at most in all.
    """
    from scipy.sparse import csr_array

    wide = np.int32 if most <= np.iinfo(np.int32).max else np.int64
    indptr, indices, data = np.zeros(words + 1, wide), np.empty(most, wide), np.empty(most, dtype)
    entries = row = 0
    for ends, columns, values in rows:
        indptr[row + 1 : row + len(ends) + 1] = ends + entries
        indices[entries : entries + len(columns)] = columns
        data[entries : entries + len(columns)] = values
        entries, row = entries + len(columns), row + len(ends)
    indptr[row:] = entries
    for array in (indices, data):
        array.resize(entries, refcheck=False)  # in place: the rest was never touched
    matrix = csr_array((data, indices, indptr), shape=(words, words))
    matrix.has_canonical_format = True
    return matrix


def check(window: Any, weight: Any, context: Any) -> None:
    """``ValueError`` for what ``count`` does not know."""
    number = isinstance(window, int) and not isinstance(window, bool)
    if window != "sentence" and not (number and window >= 1):
        raise ValueError(f"window must be a whole number of at least 1, or 'sentence', not {window!r}")
    if weight not in WEIGHTS:
        raise ValueError(f"weight must be one of {', '.join(WEIGHTS)}, not {weight!r}")
    if context not in SIDES:
        raise ValueError(f"context must be one of {', '.join(SIDES)}, not {context!r}")
    if window == "sentence" and weight == "decay":
        raise ValueError("weight decay falls to the end of the window, so window must be a number, not 'sentence'")


def weights_of(window: Window, weight: Weight, longest: int) -> Doubles:
    """What a neighbour adds at distance 1 to W, the window or as far as a sentence of ``longest`` words goes, after
    a place that is not used, (W + 1,).

    flat: 1; harmonic: 1 / d; decay: (window + 1 - d) / window, which is how often word2vec.c's random widths reach d.
    """
    reach = max(longest - 1, 0) if window == "sentence" else min(window, max(longest - 1, 0))
    distances = np.arange(reach + 1, dtype=np.float64)
    if weight == "flat" or (window == "sentence" and weight == "decay"):
        return np.ones(reach + 1)
    if weight == "harmonic":
        return 1 / np.maximum(distances, 1)
    return (float(window) + 1 - distances) / float(window)


def count(
    ids: Ids,
    words: int,
    window: Window = 10,
    weight: Weight = "harmonic",
    context: Context = "both",
    *,
    keep: NDArray[np.uint32] | None = None,
    dirty: bool = True,
    seed: int = 1,
    threads: int | None = None,
    memory: int = 1 << 30,
    progress: Progress = silent,
) -> Counts:
    """How often each of ``words`` V words of a text stands near each other.

    ``window``: words to each side, or ``sentence``; ``weight``: see ``weights_of``; ``context``: the sides that count.
    ``keep`` (V,): for each word the largest of 32 random bits with which an occurrence is kept; one that is not is
    taken out before windows are drawn if ``dirty``, else it leaves a gap. ``memory``: bytes for the text as numbers,
    what is being counted, and the result; what does not fit goes to temporary files. The sums do not depend on
    ``threads``, and but for their last bits not on ``memory``. ``progress`` is told tokens.

    ``ValueError`` for what is no window, weight or context, and for too little memory, saying how much is needed.
    """
    check(window, weight, context)
    need = 2 * (ROW + ENTRY) * (words + 64)
    if memory < need:
        raise ValueError(f"memory of {memory} bytes is too little to count {words} words: give at least {need}")
    threads = max(1, min(threads or min(cores(), MOST_THREADS), memory // need))
    weights = weights_of(window, weight, int(np.diff(ids.starts).max(initial=0)))
    chunks = list(_chunks(ids.starts, memory // 4 // PLACE)) or [(0, 0)]
    seen = np.zeros(words, np.int64)
    for first, last in chunks:
        seen += np.bincount(ids.window(*ids.starts[[first, last]].tolist()), minlength=words)
    most = np.minimum(words, (1 + (context == "both")) * (len(weights) - 1) * seen)
    spans = list(_spans(most, min(PIECE, memory // 4 // ENTRY // (3 * threads))))
    text = _Text(ids, words, np.empty(0, np.uint32) if keep is None else keep, dirty, seed)
    crew = _Crew(words, threads, spans, progress, ids.tokens * (1 if len(chunks) == 1 else 2))
    if len(chunks) == 1:
        return crew.gathered(
            text.laid(*chunks[0]), weights, SIDES[context], most, Counts(words, memory // 2, ids.folder)
        )
    with ExitStack() as stack:
        parts = [
            stack.enter_context(
                crew.gathered(text.laid(*chunk), weights, SIDES[context], most, Counts(words, 0, ids.folder))
            )
            for chunk in chunks
        ]
        return crew.merged(parts, Counts(words, memory // 2, ids.folder))


class _Laid(NamedTuple):
    """Sentences between stops, and where in them each word is: word w at ``places[starts[w]:starts[w + 1]]``."""

    text: Ints
    places: Ints
    starts: Longs


class _Text:
    """A text as numbers, to be laid out in chunks."""

    def __init__(self, ids: Ids, words: int, keep: NDArray[np.uint32], dirty: bool, seed: int) -> None:
        self._ids, self._words, self._keep, self._dirty = ids, words, keep, dirty
        self._state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]

    def laid(self, first: int, last: int) -> _Laid:
        """Sentences ``first`` to ``last`` (not included)."""
        from wordfield.kernels import cooccurrence as kernels
        from wordfield.kernels.sampling import STRIDE

        starts = self._ids.starts[first : last + 1]
        tokens = np.array(self._ids.window(int(starts[0]), int(starts[-1])))
        text, counts = np.empty(len(tokens) + len(starts) + 1, np.int32), np.zeros(self._words, np.int64)
        with np.errstate(over="ignore"):
            state = self._state + STRIDE * np.uint64(starts[0])
            size = kernels.lay(tokens, starts - starts[0], self._keep, self._dirty, state, text, counts)
        bounds = np.concatenate([[0], np.cumsum(counts)])
        places = np.empty(bounds[-1], np.int32)
        kernels.index(text[:size], bounds[:-1].copy(), places)
        return _Laid(text[:size], places, bounds)


class _Crew:
    """Threads that count, each with room for one row and for the entries of a piece."""

    def __init__(self, words: int, threads: int, spans: list[tuple[int, int]], progress: Progress, total: int) -> None:
        from wordfield.kernels.cooccurrence import row

        self._words, self._threads, self._spans = words, threads, spans
        self._progress, self._done, self._total = progress, 0, total
        self._rooms: SimpleQueue[Any] = SimpleQueue()
        for _ in range(threads):
            self._rooms.put((row(words), np.empty(0, np.int32), np.empty(0)))

    def gathered(self, laid: _Laid, weights: Doubles, sides: tuple[bool, bool], most: Longs, result: Counts) -> Counts:
        """Count a chunk into ``result``; ``most`` (V,) entries a row has."""
        from wordfield.kernels.cooccurrence import gather

        def work(span: tuple[int, int]) -> tuple[int, Longs, Ints, Doubles]:
            first, last = span
            arguments = (laid.text, laid.places, laid.starts, first, weights, sides)
            return self._filled(span, int(most[first:last].sum()), gather, arguments)

        for found in in_order(work, self._spans, self._threads):
            result.append(*found)
            self._progress(self._done + int(laid.starts[found[0] + len(found[1])]), self._total)
        self._done += len(laid.places)
        return result

    def merged(self, parts: list[Counts], result: Counts) -> Counts:
        """Sum ``parts``, in this order, into ``result``."""
        from wordfield.kernels.cooccurrence import merge

        def work(pieces: tuple[Piece, ...]) -> tuple[int, Longs, Ints, Doubles]:
            first, last = pieces[0][:2]
            bounds, end = np.empty((len(parts), last - first + 1), np.int64), 0
            for number, part in enumerate(parts):
                bounds[number] = part.indptr[first : last + 1] - part.indptr[first] + end
                end = int(bounds[number, -1])
            entries = tuple(np.concatenate([piece[at] for piece in pieces]) for at in (2, 3))
            return self._filled((first, last), end, merge, (entries, bounds))

        for found in in_order(work, zip(*(part.pieces() for part in parts), strict=True), self._threads):
            result.append(*found)
            done = self._done * (found[0] + len(found[1])) // self._words
            self._progress(min(self._done + done, self._total), self._total)
        return result

    def _filled(
        self, span: tuple[int, int], most: int, kernel: Callable[..., int], arguments: tuple[Any, ...]
    ) -> tuple[int, Longs, Ints, Doubles]:
        """What ``kernel`` makes of some rows: the first, where each ends, columns and values."""
        ends, (row, columns, values) = np.empty(span[1] - span[0], np.int64), self._rooms.get()
        if len(columns) <= most:
            columns, values = np.empty(most + 1, np.int32), np.empty(most + 1)
        try:
            entries = kernel(*arguments, row, columns, values, ends)
            return span[0], ends, columns[:entries].copy(), values[:entries].copy()
        finally:
            self._rooms.put((row, columns, values))


def _chunks(starts: Longs, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of whole sentences, at most ``most`` tokens each unless one sentence has more."""
    first, sentences = 0, len(starts) - 1
    while first < sentences:
        last = int(np.searchsorted(starts, starts[first] + min(most, MOST_PLACES // 2), "right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


def _spans(sizes: Longs, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows, together of at most ``most`` entries unless one row has more."""
    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, before + most, "right")), first + 1)
        yield first, last
        first = last
