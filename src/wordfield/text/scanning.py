"""One pass over a corpus: threads tally blocks into tables of their own, which are then merged.

Each thread numbers words as it meets them and writes the numbers to a temporary file of its own; what block went where
is noted. Since the first occurrence of every word is known to the token, the merged result does not depend on which
thread took which block. Several streams are read, and decompressed, side by side.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from wordfield.kernels import scan as kernels
from wordfield.progress import Progress
from wordfield.text.blocks import Block, Blocks
from wordfield.text.ids import Scan, Spool, Written
from wordfield.text.preparing import Preparer
from wordfield.text.sources import decoded
from wordfield.text.tokenizers import Tokenizer

TYPES, TEXT = 1 << 18, 1 << 20  # words and bytes of words that a table first has room for: growing it costs more


def eights(text: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """``text`` (n,) as n - 8 overlapping integers of eight bytes each, at every position; n a multiple of 8."""
    return as_strided(text.view("<u8"), shape=(len(text) - 8,), strides=(1,))


def empty_table(types: int = TYPES, text: int = TEXT) -> kernels.Table:
    """A table with room for ``types`` words, a power of two, of ``text`` bytes together; at most half its slots are
    ever taken.
    """
    room = np.zeros(text, np.uint8)
    counts, firsts, starts = (np.zeros(size, np.int64) for size in (types, types, types + 1))
    return kernels.Table(
        np.zeros(4 * types, np.uint64), counts, firsts, starts, room, eights(room), np.zeros(6, np.int64)
    )


def larger_table(table: kernels.Table) -> kernels.Table:
    """``table`` with twice the room of whichever kind it had run out of."""
    if table.state[kernels.TYPES] < len(table.counts):
        text = np.concatenate([table.text, np.zeros_like(table.text)])
        return table._replace(text=text, eights=eights(text))
    grown = empty_table(2 * len(table.counts), 16)._replace(text=table.text, eights=table.eights, state=table.state)
    for old, new in ((table.counts, grown.counts), (table.firsts, grown.firsts), (table.starts, grown.starts)):
        new[: len(old)] = old
    with np.errstate(over="ignore"):
        kernels.rehash(grown)
    return grown


def ways_of(tokenizer: Tokenizer) -> NDArray[np.uint8]:
    """(256,) what the fold kernel does with a byte."""
    classes, lower = tokenizer.tables
    ways = np.full(256, kernels.MULTIBYTE, np.uint8)
    ways[:128] = lower[:128]
    for kind, way in (
        (0, kernels.SPLIT),
        (kernels.CLASS_JOINER, kernels.JOINER),
        (kernels.CLASS_POINT, kernels.JOINER),
        (kernels.CLASS_LINE_END, kernels.LINE_END),
    ):
        ways[:128][classes[:128] == kind] = way
    return ways


class Done(NamedTuple):
    """What became of a block: where its tokens and line ends were written, and what is needed to count sentences across
    blocks.
    """

    written: Written
    first_end: int
    last_end: int
    invalid: int
    size: int


Place = tuple[int, int]
"""Where a block stands in the corpus: the number of its stream, its own number there."""


class Tally:
    """Words counted and numbered, of blocks in the order of the corpus, and the file where the numbers are."""

    def __init__(self, number: int, spool: Spool) -> None:
        self.number, self.spool = number, spool
        self.table = empty_table()
        self.done: dict[Place, Done] = {}

    def rank(self, order: dict[Place, int]) -> None:
        """Say when words were first seen in blocks of the corpus, where it was in blocks of this tally."""
        firsts = self.table.firsts[: self.table.state[kernels.TYPES]]
        ranks = np.array([order[place] for place in self.done], np.int64)
        firsts[:] = ranks[firsts >> 32] << 32 | (firsts & 0xFFFFFFFF)


class Worker:
    """One thread's text and tallies: a new one where it goes back in the corpus to help another thread."""

    def __init__(
        self, tokenizer: Tokenizer, strict: bool, block: int, begun: Callable[[], Tally], helped: bool, every: bool
    ) -> None:
        self.tokenizer, self.strict, self.begun, self.every = tokenizer, strict, begun, every
        self.helper = Preparer(tokenizer) if helped and tokenizer.slow and sys.executable else None
        self.prepared = tokenizer.prepared if self.helper is None else self.helper.prepared
        self.tally = begun()
        self.place: Place = (0, 0)
        self.buffer = bytearray(max(block, 16))
        self.ways = ways_of(tokenizer)
        self._make_room(len(self.buffer))

    def take(self, place: Place, block: Block) -> None:
        """Tally ``block``, which stands at ``place``."""
        if place < self.place:
            self.tally = self.begun()
        self.place, tally = place, self.tally
        if len(block.data) > len(self.buffer):
            self.buffer = block.data
        folded, invalid = self._folded(block)
        state, base = tally.table.state, len(tally.done) << 32
        state[:3], state[kernels.EVERY] = 0, self.every
        with np.errstate(over="ignore"):
            while not kernels.tally(self.out, self.eights, folded, tally.table, base, self.ids, self.ends):
                tally.table = larger_table(tally.table)
        tokens, lines = int(state[kernels.TOKENS]), int(state[kernels.ENDS])
        if block.last and (lines == 0 or self.ends[lines - 1] != tokens):
            self.ends[lines] = tokens
            lines += 1
        ids, ends = tally.spool.write(self.ids[:tokens]), tally.spool.write(self.ends[:lines])
        first, last = (int(self.ends[0]), int(self.ends[lines - 1])) if lines else (-1, -1)
        first = 1 if self.every and lines else first  # an empty line is a sentence too
        tally.done[place] = Done(Written(tally.number, ids, tokens, ends, lines), first, last, invalid, block.size)

    def close(self) -> None:
        """End the process that helps, if there is one."""
        if self.helper is not None:
            self.helper.close()

    def _folded(self, block: Block) -> tuple[int, int]:
        """Fold the block's text into ``self.out``: the folded size, and how many bytes were invalid."""
        data, size, invalid = block.data, block.size, 0
        if not block.folded and not (self.tokenizer.plain and data.isascii()):
            text, invalid = decoded(bytes(data[:size]), block.name, block.offset, block.line, self.strict)
            if invalid or not self.tokenizer.plain:
                data = bytearray(self.prepared(text).encode())
                size = len(data)
        if size > self.room:
            self._make_room(size)
        array = np.frombuffer(data, np.uint8)
        if block.folded:
            self.out[:size] = array[:size]
            self.out[size : size + kernels.PADDING] = kernels.SPLIT
            return size, invalid
        classes, lower = self.tokenizer.tables
        return int(kernels.fold(array, size, self.ways, classes, lower, self.out)), invalid

    def _make_room(self, size: int) -> None:
        self.room = size
        self.out = np.empty(-(-(size * 2 + kernels.PADDING) // 8) * 8 + 8, np.uint8)
        self.eights = eights(self.out)
        self.ids = np.empty(size // 2 + 2, np.int32)
        self.ends = np.empty((size if self.every else size // 2) + 3, np.int32)


class Source:
    """A stream that is being read: who reads has its lock. ``blocks`` were handed out of it, ``ended`` when no more."""

    def __init__(self, number: int, stream: Blocks) -> None:
        self.number, self.stream, self.lock = number, stream, threading.Lock()
        self.blocks, self.ended = 0, False

    def next(self, buffer: bytearray) -> tuple[Place, Block] | None:
        """The next block and where it stands, None at the end."""
        block = None if self.ended else self.stream.next(buffer)
        if block is None:
            self.ended = True
            return None
        self.blocks += 1
        return (self.number, self.blocks - 1), block


class Queue:
    """Hands out blocks to whoever asks: of the stream that it reads already, else of the next one, else of the first
    that others read; stops for all when anybody failed.
    """

    def __init__(self, streams: Iterable[Blocks]) -> None:
        self._waiting = enumerate(streams)
        self._open: dict[int, Source] = {}
        self._lock = threading.Lock()
        self._done = 0
        self.stopped = False
        self.failures: list[tuple[Place, BaseException]] = []

    @property
    def done(self) -> int:
        """Bytes read so far, as they are stored."""
        with self._lock:
            return self._done + sum(source.stream.done for source in self._open.values())

    def feed(self, worker: Worker, after: Callable[[], None] = lambda: None) -> None:
        """Let ``worker`` take blocks until there are no more; a failure is kept for ``raise_first``."""
        source, place = None, (0, 0)
        try:
            while (source := self._chosen(source)) is not None:
                place = source.number, source.blocks
                with source.lock:
                    found = source.next(worker.buffer)
                if found is None:
                    self._end(source)
                else:
                    place, block = found
                    worker.take(place, block)
                    after()
        except BaseException as error:
            self.stopped = True
            self.failures.append((place, error))

    def close(self) -> None:
        """Close the streams that are open."""
        for source in self._open.values():
            source.stream.close()

    def raise_first(self) -> None:
        """Raise what went wrong first in the order of the text, but Ctrl-C and its like before any error."""
        if self.failures:
            raise min(self.failures, key=lambda failure: (isinstance(failure[1], Exception), failure[0]))[1]

    def _chosen(self, source: Source | None) -> Source | None:
        with self._lock:
            if self.stopped:
                return None
            if source is not None and not source.ended:
                return source
            number, stream = next(self._waiting, (-1, None))
            if stream is not None:
                self._open[number] = Source(number, stream)
                return self._open[number]
            return self._open[min(self._open)] if self._open else None

    def _end(self, source: Source) -> None:
        with self._lock:
            if self._open.pop(source.number, None):
                self._done += source.stream.done


def scan(
    streams: Iterable[Blocks],
    tokenizer: Tokenizer,
    name: str,
    strict: bool,
    threads: int,
    block: int,
    spool: Callable[[], Spool],
    folder: str | os.PathLike[str] | None,
    progress: Progress,
    total: int,
    every: bool = False,
) -> Scan:
    """Tally the blocks of all ``streams`` with ``threads`` threads, this one among them. ``spool`` begins a file of
    numbers; temporary ones go to ``folder``. ``every``: lines without a word end in ``Scan.blocks`` too, and count as
    sentences.
    """
    tallies: list[Tally] = []
    workers: list[Worker] = []
    queue, lock = Queue(streams), threading.Lock()

    def begun() -> Tally:
        with lock:
            tallies.append(Tally(len(tallies), spool()))
            return tallies[-1]

    try:
        workers += [Worker(tokenizer, strict, block, begun, number > 0, every) for number in range(threads)]
        helpers = [threading.Thread(target=queue.feed, args=(worker,)) for worker in workers[1:]]
        for helper in helpers:
            helper.start()
        queue.feed(workers[0], lambda: progress(queue.done, total))
        for helper in helpers:
            helper.join()
        queue.raise_first()
        result = _merged(tallies, name, tokenizer, threads, folder)
    except BaseException:
        for tally in tallies:
            tally.spool.close()
        raise
    finally:
        queue.close()
        for worker in workers:
            worker.close()
    progress(total or result.bytes, total)
    return result


def _merged(
    tallies: Sequence[Tally], name: str, tokenizer: Tokenizer, threads: int, folder: str | os.PathLike[str] | None
) -> Scan:
    done = dict(sorted((item for tally in tallies for item in tally.done.items()), key=lambda item: item[0]))
    order = {place: number for number, place in enumerate(done)}
    for tally in tallies:
        tally.rank(order)
    table = tallies[0].table
    numbers = [np.arange(table.state[kernels.TYPES], dtype=np.int32)]
    with np.errstate(over="ignore"):
        for tally in tallies[1:]:
            mapped, came = np.empty(tally.table.state[kernels.TYPES], np.int32), 0
            while (came := kernels.absorb(table, tally.table, came, mapped)) < len(mapped):
                table = larger_table(table)
            numbers.append(mapped)
            tally.table = empty_table(1, 16)
    types = int(table.state[kernels.TYPES])
    first_seen = np.argsort(table.firsts[:types], kind="stable")
    ranks = np.empty(types, np.int32)
    ranks[first_seen] = np.arange(types, dtype=np.int32)
    return Scan(
        name=name,
        tokenizer=tokenizer,
        text=table.text[: table.state[kernels.TEXT]].tobytes(),
        bounds=np.stack([table.starts[first_seen], table.starts[first_seen + 1]], axis=1),
        counts=table.counts[first_seen],
        sentences=_sentences(list(done.values())),
        invalid=sum(each.invalid for each in done.values()),
        size=sum(each.size for each in done.values()),
        spools=[tally.spool for tally in tallies],
        types=[ranks[mapped] for mapped in numbers],
        written=[each.written for each in done.values()],
        threads=threads,
        folder=folder,
    )


def _sentences(done: Sequence[Done]) -> int:
    """Sentences with at least one token; one may go on over several blocks."""
    sentences, begun = 0, False
    for each in done:
        if each.written.lines:
            sentences += each.written.lines - 1 + (begun or each.first_end > 0)
            begun = False
        begun = begun or each.written.tokens > max(each.last_end, 0)
    return sentences
