"""One pass over a corpus: threads tally blocks into tables of their own, which are then merged.

Each thread numbers words as it meets them and writes the numbers to a temporary file of its own; what block went where
is noted. Since the first occurrence of every word is known to the token, the merged result does not depend on which
thread took which block.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from wordfield.kernels import scan as kernels
from wordfield.progress import Progress
from wordfield.text.blocks import Block, Blocks
from wordfield.text.ids import Scan, Spool, Written
from wordfield.text.sources import decoded
from wordfield.text.tokenizers import Tokenizer

TYPES, TEXT = 1 << 16, 1 << 20  # words and bytes of words that a table first has room for


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
        np.zeros(4 * types, np.uint64), counts, firsts, starts, room, eights(room), np.zeros(5, np.int64)
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


class Worker:
    """One thread's table and temporary file."""

    def __init__(self, number: int, tokenizer: Tokenizer, strict: bool, block: int, spool: Spool) -> None:
        self.number, self.tokenizer, self.strict, self.spool = number, tokenizer, strict, spool
        self.table = empty_table()
        self.buffer = bytearray(max(block, 16))
        self.ways = ways_of(tokenizer)
        self.done: dict[int, Done] = {}
        self._make_room(len(self.buffer))

    def take(self, number: int, block: Block) -> None:
        """Tally ``block``, the corpus's ``number``-th."""
        if len(block.data) > len(self.buffer):
            self.buffer = block.data
        folded, invalid = self._folded(block)
        state = self.table.state
        state[:3] = 0
        with np.errstate(over="ignore"):
            while not kernels.tally(self.out, self.eights, folded, self.table, number << 32, self.ids, self.ends):
                self.table = larger_table(self.table)
        tokens, lines = int(state[kernels.TOKENS]), int(state[kernels.ENDS])
        if block.last and (lines == 0 or self.ends[lines - 1] != tokens):
            self.ends[lines] = tokens
            lines += 1
        written = Written(
            self.number, self.spool.write(self.ids[:tokens]), tokens, self.spool.write(self.ends[:lines]), lines
        )
        first, last = (int(self.ends[0]), int(self.ends[lines - 1])) if lines else (-1, -1)
        self.done[number] = Done(written, first, last, invalid, block.size)

    def _folded(self, block: Block) -> tuple[int, int]:
        """Fold the block's text into ``self.out``: the folded size, and how many bytes were invalid."""
        data, size, invalid = block.data, block.size, 0
        if not block.folded and not data.isascii():
            text, invalid = decoded(bytes(data[:size]), block.name, block.offset, block.line, self.strict)
            if invalid:
                data = bytearray(text.encode())
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
        self.out = np.empty(-(-(size * 3 // 2 + kernels.PADDING) // 8) * 8 + 8, np.uint8)
        self.eights = eights(self.out)
        self.ids = np.empty(size // 2 + 2, np.int32)
        self.ends = np.empty(size // 2 + 3, np.int32)


class Queue:
    """Hands out the blocks in order, to whoever asks; stops for all when anybody failed."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks, self._lock = blocks, threading.Lock()
        self._number = 0
        self.stopped = False
        self.failures: list[tuple[int, BaseException]] = []

    def feed(self, worker: Worker, after: Callable[[Block], None] | None = None) -> None:
        """Let ``worker`` take blocks until there are no more; a failure is kept for ``raise_first``."""
        number = 0
        try:
            while True:
                with self._lock:
                    if self.stopped:
                        return
                    number = self._number
                    block = self._blocks.next(worker.buffer)
                    if block is None:
                        self.stopped = True
                        return
                    self._number += 1
                worker.take(number, block)
                if after is not None:
                    after(block)
        except BaseException as error:
            self.stopped = True
            self.failures.append((number, error))

    def raise_first(self) -> None:
        """Raise what went wrong first in the order of the text, but Ctrl-C and its like before any error."""
        if self.failures:
            raise min(self.failures, key=lambda failure: (isinstance(failure[1], Exception), failure[0]))[1]


def scan(
    blocks: Blocks,
    tokenizer: Tokenizer,
    name: str,
    strict: bool,
    threads: int,
    block: int,
    folder: str | os.PathLike[str] | None,
    progress: Progress,
    total: int,
) -> Scan:
    """Tally all ``blocks`` with ``threads`` threads, this one among them."""
    spools = [Spool(folder) for _ in range(threads)]
    try:
        queue = Queue(blocks)
        workers = [Worker(number, tokenizer, strict, block, spool) for number, spool in enumerate(spools)]
        helpers = [threading.Thread(target=queue.feed, args=(worker,)) for worker in workers[1:]]
        for helper in helpers:
            helper.start()
        queue.feed(workers[0], lambda block: progress(block.done, total))
        for helper in helpers:
            helper.join()
        queue.raise_first()
        result = _merged(workers, name, folder)
    except BaseException:
        for spool in spools:
            spool.close()
        raise
    finally:
        blocks.close()
    progress(total or result.bytes, total)
    return result


def _merged(workers: Sequence[Worker], name: str, folder: str | os.PathLike[str] | None) -> Scan:
    table = workers[0].table
    numbers = [np.arange(table.state[kernels.TYPES], dtype=np.int32)]
    with np.errstate(over="ignore"):
        for worker in workers[1:]:
            mapped, came = np.empty(worker.table.state[kernels.TYPES], np.int32), 0
            while (came := kernels.absorb(table, worker.table, came, mapped)) < len(mapped):
                table = larger_table(table)
            numbers.append(mapped)
            worker.table = empty_table(1, 16)
    types = int(table.state[kernels.TYPES])
    order = np.argsort(table.firsts[:types], kind="stable")
    ranks = np.empty(types, np.int32)
    ranks[order] = np.arange(types, dtype=np.int32)
    done = [
        each[1]
        for each in sorted((item for worker in workers for item in worker.done.items()), key=lambda item: item[0])
    ]
    return Scan(
        name=name,
        text=table.text[: table.state[kernels.TEXT]].tobytes(),
        bounds=np.stack([table.starts[order], table.starts[order + 1]], axis=1),
        counts=table.counts[order],
        sentences=_sentences(done),
        invalid=sum(each.invalid for each in done),
        size=sum(each.size for each in done),
        spools=[worker.spool for worker in workers],
        types=[ranks[mapped] for mapped in numbers],
        written=[each.written for each in done],
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
