"""A look at a part of a corpus that tells what reading all of it will give: how many tokens and words, in what time.

Windows spread evenly over the text are scanned. How the vocabulary grows from a quarter of them to a half and to all
says how it will go on: the number of words seen at least m times is nearly a power of the tokens read (Heaps 1978),
with an exponent that falls slowly.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import silent
from wordfield.text.blocks import Block
from wordfield.text.corpus import MOST_THREADS, Corpus, cores
from wordfield.text.ids import Scan, Spool
from wordfield.text.scanning import TYPES
from wordfield.text.scanning import scan as scanned
from wordfield.text.sources import Part, opened
from wordfield.text.vocabulary import Vocabulary, by_frequency

WINDOW = 1 << 18  # bytes of text looked at in one place
WINDOWS = 96
USUAL = 5  # times that a word is seen at least, in most recipes
SLOWLY = 4  # times less where cutting text into words takes long
STEADIEST = 0.85  # the exponent falls by no more than to this share of itself with each doubling of the text

Counts = list[NDArray[np.int64]]


class Rehearsal(NamedTuple):
    """What a recipe found when it tried a sample: what training on the whole is expected to take."""

    vocabulary: int
    known_tokens: int
    """Tokens of the whole that are in the vocabulary."""
    seconds: float
    """To train, after reading."""
    memory: int
    """Bytes, at most at any time, of the whole process; of helping processes not."""
    result: int
    """Bytes of the result as it is saved."""


@dataclass(frozen=True)
class Sample:
    """A part of a corpus, scanned. T types of the part."""

    scan: Scan
    """What was found in it."""
    share: float
    """How much of all text it is, up to 1."""
    seconds: float
    """What reading all takes."""
    counts: Counts
    """(T,) counts in a quarter of the sample, in a half, and in all of it; only those in all where it is the whole."""
    uncut: bool = False
    """Whether nobody has said what the words of the corpus are."""

    @property
    def tokens(self) -> int:
        """Tokens that the whole is expected to have."""
        return round(self.scan.tokens / self.share)

    def types(self, min_count: int = 1) -> int:
        """Words that are expected to be seen at least ``min_count`` times in the whole."""
        seen = [int((counts >= min_count).sum()) for counts in self.counts]
        if self.share >= 1:
            return seen[-1]
        seen = [max(1, each) for each in seen]
        tokens = [int(counts.sum()) for counts in self.counts]
        earlier, later = (
            log2(seen[at + 1] / seen[at]) / max(log2(tokens[at + 1] / tokens[at]), 0.1) for at in range(2)
        )
        falls = min(max(later / max(earlier, 1e-9), STEADIEST), 1 - 1e-9)
        doublings = -log2(self.share)
        return int(seen[-1] * 2 ** (later * falls * (1 - falls**doublings) / (1 - falls)))

    def vocabulary(self, min_count: int, max_vocab: int | None) -> Vocabulary:
        """As many words as the whole is expected to have, the most frequent ones of the sample, with counts as in the
        whole. ``ValueError`` if the sample has no word.
        """
        size = min(self.types(min_count), max_vocab or len(self.scan.counts))
        if not size:
            return self.scan.vocabulary(min_count, max_vocab)
        chosen = by_frequency(self.scan.counts, 1, size)
        return Vocabulary(self.scan.words_seen.chosen(chosen), np.round(self.scan.counts[chosen] / self.share))

    @property
    def memory(self) -> int:
        """Bytes that scanning all of it takes beyond what scanning the sample took."""
        return self.scan.threads * (_table(self.types()) - _table(len(self.scan.counts)))


def resident() -> int:
    """Bytes of memory that this process has now; where the system does not tell, the most that it ever had."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _table(types: int) -> int:
    """Bytes of a thread's table of words, which grows by doubling; what is made of it has another hundred a word."""
    return 64 * max(TYPES, 1 << types.bit_length()) + 100 * types


def sample(corpus: Corpus, windows: int = WINDOWS, window: int = WINDOW, threads: int | None = None) -> Sample:
    """Look at ``windows`` places of ``corpus``, ``window`` bytes each (less where its tokenizer is slow); at all of it
    where it is not larger, in no file, or in the cache. Close the sample's ``scan`` in the end.

    Compressed files and tables are read from their beginning. Errors as in scanning.
    """
    window //= SLOWLY if corpus.tokenizer.slow else 1
    threads = threads or min(cores(), MOST_THREADS)
    places = _Places(corpus.parts, windows, window) if corpus.parts and not corpus.cached else None
    if places is None or places.share >= 1:
        begun = time.perf_counter()
        whole = corpus.scan(threads=threads)
        return Sample(whole, 1.0, time.perf_counter() - begun, [whole.counts], corpus.uncut)
    _scan(corpus, places.chosen[:1], threads).close()  # what is needed once only does not count
    some, quarter = _read(corpus, places.chosen[::4], threads)
    some.close()
    found, whole_time = _read(corpus, places.chosen, threads)
    part = len(places.chosen[::4]) / len(places.chosen)
    slope = max((whole_time - quarter) / (1 - part), 0.5 * whole_time)
    seconds = whole_time - slope + slope / places.share
    pieces = [np.bincount(ids, minlength=len(found.counts)).astype(np.int64) for ids, _ in found.blocks()]
    nested = [sum(pieces[::step], np.zeros(len(found.counts), np.int64)) for step in (4, 2, 1)]
    return Sample(found, places.share, seconds, nested, corpus.uncut)


class _Places:
    """Where to look: ``chosen`` windows of text, and the ``share`` that these are of all text."""

    def __init__(self, parts: Sequence[Part], windows: int, window: int) -> None:
        total = sum(part.size for part in parts)
        self.chosen: list[bytes] = []
        looked = text = 0.0
        for part in parts:
            here = max(1, round(windows * part.size / max(total, 1)))
            data, size = _looked_at(part, here, window)
            self.chosen += data
            looked += sum(map(len, data))
            text += size
        self.share = min(1.0, looked / text) if text else 1.0


def _looked_at(part: Part, windows: int, window: int) -> tuple[list[bytes], float]:
    """Windows of a stream's text, and how much text it has as far as that can be told."""
    with opened(part) as stream:
        if stream.text is not stream.stored or part.table:
            data = bytearray(windows * window)
            with memoryview(data) as view:
                size = stream.fill(view)
            whole, done = size < len(data), stream.done()
            pieces = [bytes(data[begin : begin + window]) for begin in range(0, size, window)]
            return pieces, size if whole else size * max(1.0, part.size / max(done, 1))
        if windows * window >= part.size:
            return [stream.head + stream.text.read()], part.size
        pieces = []
        for at in np.linspace(0, part.size - window, windows).astype(int).tolist():
            stream.text.seek(at)
            data = bytearray(stream.text.read(window))
            first = data.find(b"\n") + 1 if at else 0
            last = data.rfind(b"\n") + 1
            pieces.append(bytes(data[first:last] if first < last else data))
        return pieces, part.size


class _Window:
    """A window as a stream of its own."""

    def __init__(self, window: bytes) -> None:
        self._window: bytes | None = window
        self.done = 0

    def next(self, buffer: bytearray) -> Block | None:
        """All of it, once."""
        del buffer
        window, self._window = self._window, None
        return None if window is None else Block(bytearray(window), len(window), "sample")

    def close(self) -> None:
        """Nothing is open."""


def _read(corpus: Corpus, windows: Sequence[bytes], threads: int) -> tuple[Scan, float]:
    """A scan of the windows, and the seconds that this and what recipes do with it take."""
    begun = time.perf_counter()
    found = corpus.joined(_scan(corpus, windows, threads))
    if len(found.counts):
        found.encode(found.vocabulary(min(USUAL, int(found.counts.max()))))
    return found, time.perf_counter() - begun


def _scan(corpus: Corpus, windows: Sequence[bytes], threads: int) -> Scan:
    return scanned(map(_Window, windows), corpus.cutter, corpus.name, False, threads, WINDOW, Spool, None, silent, 0)
