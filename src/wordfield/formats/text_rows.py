"""Lines of a word and D numbers, as word2vec and GloVe write them: read in blocks by a kernel, two or more at a time,
and one by one where they are not written plainly.

Only the line feed ends a line and only the space separates: other white space, such as a no-break space, may be part of
a word. A word that holds spaces is read all the same, since the last D fields of a line are the numbers.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import IO, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import word2vec
from wordfield.formats.faults import Faults
from wordfield.formats.table import FormatError

log = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V")

STEP = 1 << 22
SMALL = 1 << 20
"""Bytes of a text so short that it is sooner read line by line than a compiled kernel is loaded."""
LINES = 1 << 14
"""Of a block that are looked at in one go."""
LONGEST = 1 << 24
"""Bytes of a line, besides 64 for each number, after which nobody waits for its end."""
COUNTED = "; GloVe with -write-header leaves <unk> out of its count: such a file is glove-text, name that format"
THREADS = 4
"""That read blocks, at most: one more reads the file and cannot feed others."""

Lines = NDArray[np.int64]
Floats = NDArray[np.float32]


class Rows(NamedTuple):
    """What the lines of a text hold."""

    words: list[str]
    matrix: Floats
    seen: int
    """Lines that are not empty, sound or not."""
    last: int
    """The number of the last of them."""


class Block(NamedTuple, Generic[V]):
    """Some lines: where each begins and ends in ``data`` (L, 2), which row it is (L,), -1 for one still to be read, and
    the words and numbers of the rows.
    """

    data: bytes
    bounds: Lines
    rows: Lines
    names: bytes
    values: V


class Growing:
    """A matrix of D columns whose rows come bit by bit; it has no more room than what is there asks for."""

    def __init__(self, dim: int) -> None:
        self.dim, self.count = dim, 0
        self.rows: Floats = np.empty((0, dim), np.float32)

    def add(self, some: Floats, expected: int = 0) -> None:
        """More rows, copied; ``expected``: how many there will be in all, where they have not begun."""
        end = self.count + len(some)
        if end > len(self.rows):
            self.rows.resize((max(end, expected, len(self.rows) * 3 // 2), self.dim), refcheck=False)
        self.rows[self.count : end] = some
        self.count = end

    def done(self) -> Floats:
        """All rows (R, D)."""
        self.rows.resize((self.count, self.dim), refcheck=False)
        return self.rows


class Reading(ABC, Generic[V]):
    """The rows as they are found, in order, and what is at fault.

    ``line``: the number of the next line. ``promised``: rows that there should be, 0 where nobody said.
    """

    def __init__(self, faults: Faults, line: int, promised: int) -> None:
        self.faults, self.line, self.promised = faults, line, promised
        self.first, self.last, self.seen, self.empty = line, line - 1, 0, 0
        self.raw: list[bytes] = []
        self.numbers: list[Lines] = []

    @abstractmethod
    def store(self, values: V, first: int, last: int) -> None:
        """Keep the numbers of rows ``first`` to ``last`` of a block."""

    @abstractmethod
    def store_line(self, line: bytes) -> bytes | str:
        """Keep the numbers of one line; its word, or what is wrong with it."""

    def add(self, block: Block[V]) -> None:
        """The lines of a block."""
        odd = np.flatnonzero(block.rows < 0).tolist()
        words = block.names.split(b"\n") if odd else []
        start = row = 0
        for place in [*odd, len(block.rows)]:
            if count := place - start:
                self.reached(start, count)
                self.raw.append(b"\n".join(words[row : row + count]) if odd else block.names)
                self.numbers.append(np.arange(self.line + start, self.line + place))
                self.store(block.values, row, row + count)
            if place < len(block.rows):
                begin, end = block.bounds[place].tolist()
                self.single(block.data[begin:end], place)
            start, row = place + 1, row + count
        self.line += len(block.rows)

    def single(self, line: bytes, place: int) -> None:
        """A line that was not read with the others."""
        number = self.line + place
        if not line.strip(b" \r"):
            self.empty = self.empty or number
            return
        self.reached(place, 1)
        word = self.store_line(line)
        if isinstance(word, str):
            self.faults.found(f"line {number}", word)
        else:
            self.raw.append(word)
            self.numbers.append(np.array([number]))

    def reached(self, place: int, count: int) -> None:
        """Lines that are not empty: none should be before them that is, and there should not be too many."""
        number, before = self.line + place, self.seen
        self.seen, self.last = before + count, number + count - 1
        if self.promised and before <= self.promised < self.seen:
            number += self.promised - before
            self.empty = 0
            what = f"more than the {self.promised} words that line 1 promises: damaged, or a wrong header{COUNTED}"
            self.faults.found(f"line {number}", what)
        if self.empty:
            header = ", or a wrong header" if self.promised else ""
            where, self.empty = f"line {self.empty}", 0
            self.faults.found(where, f"an empty line, and more after it: damaged{header}")

    def settled(self, needed: str) -> tuple[list[str], Lines | None]:
        """The words, and which rows are kept, None where all are; ``FormatError`` where there are none."""
        if not self.numbers:
            what = f"no line holds {needed}: truncated, or a wrong header"
            raise FormatError(f"{self.faults.path}: line {self.first}: {what}")
        names = word2vec.Words(self.faults.path, "line", 0, self.faults)
        return word2vec.settled(b"\n".join(self.raw), b"\n", names, np.concatenate(self.numbers))


class Numbers(Reading[Floats]):
    """Rows of ``dim`` numbers."""

    def __init__(self, faults: Faults, dim: int, line: int, promised: int) -> None:
        super().__init__(faults, line, promised)
        self.dim, self.matrix, self.expected = dim, Growing(dim), 0

    def store(self, values: Floats, first: int, last: int) -> None:
        self.matrix.add(values[first:last], self.expected)

    def store_line(self, line: bytes) -> bytes | str:
        found = split(line, self.dim)
        if found is None:
            return f"{len(line.split())} fields; a word and {self.dim} numbers are needed: {line[:60]!r}"
        values = numbers_of(found[1], self.dim)
        if isinstance(values, str):
            return f"{values}; a word and {self.dim} numbers are needed"
        self.matrix.add(values[None])
        return found[0]


def read(stream: IO[bytes], faults: Faults, dim: int, line: int, promised: int = 0, size: int = 0) -> Rows:
    """All rows that follow in ``stream``, of which the next line is number ``line``. What is wrong with a line is told
    to ``faults``: too few numbers, or none; an empty line before others; a word that stands twice; more rows than the
    header promised. A last line without a line feed is read, with a warning: the file may be cut inside a number.

    ``size``: bytes that follow, 0 where nobody knows.
    """
    reading, whole, left = Numbers(faults, dim, line, promised), True, size
    for block in spread(lambda data: parsed(data, dim), blocks_of(stream, faults, LONGEST + 64 * dim)):
        reading.expected = int(1.02 * left / len(block.data) * len(block.values)) if left > 0 else 0
        reading.add(block)
        left -= len(block.data)
        whole = block.data.endswith(b"\n")
    words, kept = reading.settled(f"a word and {dim} numbers")
    if not whole:
        unsure(faults)
    matrix = reading.matrix.done()
    return Rows(words, matrix if kept is None else matrix[kept], reading.seen, reading.last)


def unsure(faults: Faults) -> None:
    """Say that a file ends without a line feed."""
    what = "no line feed ends the last line: if the file was cut there, its last number is wrong"
    log.warning("%s: %s", faults.path, what)


def blocks_of(stream: IO[bytes], faults: Faults, longest: int, first: bytes = b"") -> Iterator[bytes]:
    """``first`` and what follows in a stream, some MiB at a time, cut after line feeds; the last may end without."""
    begun, held = [first], len(first)
    while more := stream.read(STEP):
        end = more.rfind(b"\n") + 1
        if end:
            yield b"".join([*begun, more[:end]])
            begun, held = [], 0
        begun.append(more[end:])
        held += len(more) - end
        if held > longest:
            raise FormatError(f"{faults.path}: a line has no end in {held} bytes: damaged, or no text of vectors")
    if held:
        yield b"".join(begun)


def spread(work: Callable[[bytes], T], blocks: Iterable[bytes]) -> Iterator[T]:
    """``work`` done to each block, several at a time where there are several, and what came of it in their order."""
    blocks = iter(blocks)
    first = [*islice(blocks, 2)]
    if len(first) < 2:
        yield from map(work, first)
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(THREADS, cores)
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for block in chain(first, blocks):
            waiting.append(pool.submit(work, block))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def parsed(data: bytes, dim: int) -> Block[Floats]:
    """A block with its rows, or, where it is small, with its lines."""
    if len(data) < SMALL:
        return by_line(data, empty(0, dim))
    from wordfield.kernels.rows import dense

    values, names = empty(len(data) // (2 * dim + 1) + 1, dim), np.empty(len(data) + 1, np.uint8)
    array, here, count, put = np.frombuffer(data, np.uint8), 0, 0, 0
    bounds, rows = [], []
    while here < len(data):
        some, which = np.empty((LINES, 2), np.int64), np.empty(LINES, np.int64)
        lines, found, written, here = dense(array, here, values[count:], names[put:], some, which)
        bounds.append(some[:lines])
        rows.append(np.where(which[:lines] < 0, -1, which[:lines] + count))
        count, put = count + found, put + written
    return Block(data, np.concatenate(bounds), np.concatenate(rows), names[: max(0, put - 1)].tobytes(), values[:count])


def by_line(data: bytes, values: V) -> Block[V]:
    """A block of which no line is a row yet."""
    bounds = bounds_of(data)
    return Block(data, bounds, np.full(len(bounds), -1), b"", values)


def empty(rows: int, dim: int) -> Floats:
    return np.empty((rows, dim), np.float32)


def bounds_of(data: bytes) -> Lines:
    """Where the lines of a block begin and end, (L, 2)."""
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    if data[-1:] != b"\n":
        ends = np.append(ends, len(data))
    return np.stack([np.concatenate([[0], ends[:-1] + 1]), ends], axis=1)


def split(line: bytes, dim: int) -> tuple[bytes, bytes] | None:
    """The word and the numbers, still characters, of a line; None where it has not so many fields."""
    word, _, rest = line.rstrip(b" \r").partition(b" ")
    if rest and rest.count(b" ") == dim - 1:
        return word, rest
    # the word holds spaces, or the fields stand apart by tabs or more than one space: seen from the right
    line = line.rstrip(b" \t\r")
    found = re.match(rb"(?:\S++[ \t]++){%d}" % dim, line[::-1])
    end = 0 if found is None else len(line) - found.end()
    return (line[:end], line[end:].lstrip(b" \t")) if end else None


def numbers_of(row: bytes, dim: int) -> Floats | str:
    """The numbers of a line (D,), or what is wrong with them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            flat: Floats = np.fromstring(row.decode("ascii"), dtype=np.float32, sep=" ")
        if flat.size == dim:
            return flat
    except (ValueError, DeprecationWarning):
        pass
    fields = row.split()
    wrong = next((field for field in fields if not word2vec.NUMBER.fullmatch(field)), None)
    if wrong is not None:
        return f"{wrong[:40]!r} is no number"
    if len(fields) != dim:
        return f"{len(fields)} numbers"
    with np.errstate(over="ignore"):
        return np.array([float(field) for field in fields]).astype(np.float32)
