"""Words that belong together joined into one: "new york" -> "new_york".

Neighbours are a phrase if they stand together much more often than their counts let expect: by Mikolov et al. 2013
(arXiv 1310.4546, section 4, equation 6) as in word2phrase.c, or by normalised pointwise mutual information (Bouma
2009). What one pass has joined the next may join again, so that phrases grow.

T types (different words), P pairs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import Progress, silent
from wordfield.text.ids import Scan
from wordfield.text.tokenizers import Tokenizer

Bytes = NDArray[np.uint8]
Keys = NDArray[np.uint64]
Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]
Block = tuple[NDArray[np.int32], NDArray[np.int32]]

MOST_CELLS = (1 << 28) - 1  # of a sketch, so that it takes 256 MB at most
SLOTS = 1 << 12  # that a table of pairs first has
SLACK = 1 - 1e-5  # keeps rounding to float32 from dropping a pair whose score is just large enough


@dataclass(frozen=True)
class Phrases:
    """Pairs of words to be joined, pass by pass, and how they were learnt. ``TypeError`` or ``ValueError`` for what are
    no pairs of str.
    """

    passes: tuple[tuple[tuple[str, str], ...], ...]
    """The pairs of each pass, best first; from the second on, a word of a pair may be one that was joined before."""
    delimiter: str = "_"
    """What stands between joined words."""
    score: str = ""
    """What they were chosen by; empty if not learnt."""
    thresholds: tuple[float, ...] = ()
    """What the score had to exceed in each pass."""
    min_count: int = 0
    """How often each pair was seen at least."""

    def __post_init__(self) -> None:
        kinds = {"passes": tuple, "delimiter": str, "score": str, "thresholds": tuple, "min_count": int}
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise TypeError(f"{name} of phrases must be {kind.__name__}, not {getattr(self, name)!r:.60}")
        for pair in chain.from_iterable(self.passes):
            if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
                raise ValueError(f"a phrase is a pair of words, not {pair!r:.60}")

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Phrases:
        """The phrases that ``describe`` described. ``TypeError`` or ``ValueError`` if it describes none."""
        return cls(**{name: _tuples(value) for name, value in dict(description).items()})

    @classmethod
    def read(cls, path: str | Path) -> Phrases:
        """The phrases in a file that holds what ``dumps`` gives. ``ValueError`` naming the file if it holds none."""
        try:
            return cls.of(json.loads(Path(path).read_text("utf-8-sig")))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} is no file of phrases: {error}; make one with `wordfield phrases`") from None

    def dumps(self) -> str:
        """A line of JSON."""
        return json.dumps(self.describe(), ensure_ascii=False)

    def describe(self) -> dict[str, Any]:
        """What to store with a model, as JSON can hold it."""
        passes = [[list(pair) for pair in pairs] for pairs in self.passes]
        return asdict(replace(self, passes=())) | {"passes": passes, "thresholds": list(self.thresholds)}

    def join(self, words: Iterable[str]) -> list[str]:
        """The words of a line with each pair joined, pass by pass: from the left, no word in two pairs of a pass."""
        words = list(words)
        for both in self._both:
            words = _joined(words, both)
        return words

    def apply(self, scan: Scan, progress: Progress = silent) -> Scan:
        """``scan`` as if its text had been cut by a tokenizer with these phrases; a new scan, with files of its own.

        A joined word that is spelt like another word is that word. ``ValueError`` if its tokenizer joins phrases.
        """
        tokenizer = _joining(scan.tokenizer, self)
        passes = self.passes or ((),)
        reading = _Reading(progress, scan.tokens, 2 * len(passes))
        for pairs in passes:
            scan = _rewritten(scan, pairs, tokenizer, self.delimiter, reading)
        return scan

    @cached_property
    def _both(self) -> list[dict[tuple[str, str], str]]:
        return [{pair: self.delimiter.join(pair) for pair in pairs} for pairs in self.passes]


class Phrase(NamedTuple):
    """A pair of words that are joined into ``phrase``, how often it was seen before anything was joined in that pass,
    and its score.
    """

    phrase: str
    left: str
    right: str
    count: int  # type: ignore[assignment]
    score: float


class Bar(NamedTuple):
    """What pairs are measured against: the threshold of their score, how often they have to be seen, and among how many
    tokens.
    """

    threshold: float
    min_count: int
    tokens: int


class Score(NamedTuple):
    """How much a pair is a phrase, as a function and as a bound.

    ``of(pairs, left, right, bar)`` (P,): the scores of pairs by their counts and those of their words.
    ``bound(counts, bar)``: weights (T,) and a base; the score exceeds the threshold where the pair was seen more often
    than base + the product of the weights of its words. ``threshold``: the default; others are at least 0 and ``below``
    this.
    """

    of: Callable[[Longs, Longs, Longs, Bar], Doubles]
    bound: Callable[[Longs, Bar], tuple[Doubles, float]]
    threshold: float
    below: float


def word2phrase(pairs: Longs, left: Longs, right: Longs, bar: Bar) -> Doubles:
    """(count(ab) - min_count) / (count(a) count(b)) N, N all tokens, as in word2phrase.c.

    gensim multiplies by the number of different words and pairs instead, so that a threshold means something else in
    each corpus.
    """
    return (pairs - bar.min_count) / (left.astype(np.float64) * right) * bar.tokens


def npmi(pairs: Longs, left: Longs, right: Longs, bar: Bar) -> Doubles:
    """ln(p(ab) / (p(a) p(b))) / -ln p(ab), p a count / N (Bouma 2009): 1 where neither word is seen without the other,
    0 where they are independent.
    """
    together = np.log(pairs / bar.tokens)
    return (together - np.log(left / bar.tokens) - np.log(right / bar.tokens)) / -together


def _bound_of_word2phrase(counts: Longs, bar: Bar) -> tuple[Doubles, float]:
    """From count(ab) > min_count + threshold / N count(a) count(b)."""
    return counts * np.sqrt(bar.threshold / max(bar.tokens, 1)), bar.min_count


def _bound_of_npmi(counts: Longs, bar: Bar) -> tuple[Doubles, float]:
    """From ln p(ab) > (ln p(a) + ln p(b)) / (1 + threshold)."""
    return np.sqrt(bar.tokens) * (counts / bar.tokens) ** (1 / (1 + bar.threshold)), 0.0


SCORES = {
    "word2phrase": Score(word2phrase, _bound_of_word2phrase, 100.0, np.inf),
    "npmi": Score(npmi, _bound_of_npmi, 0.5, 1.0),
}
"""By name: what phrases are chosen by."""


def learn(
    scan: Scan,
    passes: int = 1,
    score: str = "word2phrase",
    threshold: float | Sequence[float] | None = None,
    min_count: int = 5,
    delimiter: str = "_",
    progress: Progress = silent,
    threads: int | None = None,
) -> tuple[Scan, list[Phrase]]:
    """Find the phrases of ``scan``: a new scan of the text with them joined, whose ``tokenizer.phrases`` joins them in
    any other text; and a list of them, best first.

    A pair is joined if it was seen at least ``min_count`` times in a line and its ``score`` (a name in ``SCORES``)
    exceeds the ``threshold``: a number, or one for each pass; None for the score's own. Counts are exact and do not
    depend on ``threads`` (None: one a core, 8 at most); they take half a byte a token, 256 MB at most, and room for few
    more pairs than there are phrases. A joined word that is spelt like another word is that word. ``ValueError`` for
    options that are none of these, or if the scan's tokenizer joins phrases already.
    """
    from wordfield.text.corpus import MOST_THREADS, cores

    threads = min(cores(), MOST_THREADS) if threads is None else threads
    for name, number in (("passes", passes), ("min_count", min_count), ("threads", threads)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number}")
    thresholds = _thresholds(score, threshold, passes)
    phrases = Phrases((), delimiter, score, thresholds, min_count)
    tokenizer, listed = _joining(scan.tokenizer, phrases), []
    reading = _Reading(progress, scan.tokens, 4 * passes)
    for exceeded in thresholds:
        found = _found(scan, SCORES[score], Bar(exceeded, min_count, scan.tokens), delimiter, reading, threads)
        pairs = tuple((each.left, each.right) for each in found)
        phrases = replace(phrases, passes=(*phrases.passes, pairs))
        tokenizer = replace(tokenizer, phrases=phrases)
        scan = _rewritten(scan, pairs, tokenizer, delimiter, reading)
        listed += found
    return scan, sorted(listed, key=lambda each: -each.score)


def _thresholds(score: str, threshold: float | Sequence[float] | None, passes: int) -> tuple[float, ...]:
    """One for each pass."""
    if score not in SCORES:
        raise ValueError(f"unknown score {score!r}; choose one of: {', '.join(SCORES)}")
    kind = SCORES[score]
    given = kind.threshold if threshold is None else threshold
    thresholds = tuple(map(float, given)) if isinstance(given, Sequence) else (float(given),) * passes
    if len(thresholds) != passes:
        raise ValueError(f"{len(thresholds)} thresholds for {passes} passes: give one number, or one for each pass")
    for each in thresholds:
        if not 0 <= each < kind.below:
            raise ValueError(f"a threshold of {score} is at least 0 and below {kind.below:g}, not {each:g}")
    return thresholds


def _joining(tokenizer: Tokenizer, phrases: Phrases) -> Tokenizer:
    if tokenizer.phrases is not None:
        raise ValueError("this text has its phrases joined already: scan it with a tokenizer without phrases")
    return replace(tokenizer, phrases=phrases)


def _joined(words: Iterable[str], both: Mapping[tuple[str, str], str]) -> list[str]:
    out: list[str] = []
    held: str | None = None
    for word in words:
        if held is None:
            held = word
        elif (joined := both.get((held, word))) is None:
            out.append(held)
            held = word
        else:
            out.append(joined)
            held = None
    return out if held is None else [*out, held]


class _Reading:
    """Reads scans again and again, ``times`` altogether, and reports that as one piece of work of ``tokens`` each."""

    def __init__(self, progress: Progress, tokens: int, times: int) -> None:
        self._progress, self._tokens, self._times, self._read = progress, tokens, times, 0

    def blocks(self, scan: Scan) -> Iterator[Block]:
        """The blocks of ``scan``, whose tokens may be fewer by now."""
        here = 0
        for ids, ends in scan.blocks():
            yield ids, ends
            here += len(ids)
            part = self._tokens * here // max(scan.tokens, 1)
            self._progress(self._tokens * self._read + part, self._tokens * self._times)
        self._read += 1


class _Sketch:
    """Counts of pairs that are never too low, in the power of two of bytes above ``cells`` or ``MOST_CELLS``."""

    def __init__(self, cells: int) -> None:
        bits = max(min(cells, MOST_CELLS).bit_length(), 1)
        self.cells, self.shift = np.zeros(1 << bits, np.uint8), np.uint64(64 - bits)


class _Part:
    """One thread's share of the pairs, those that one of several parts of the sketch counts, and a table of them."""

    def __init__(self, sketch: _Sketch, part: int, parts: int) -> None:
        first, last = (np.uint64(len(sketch.cells) * each // parts) for each in (part, part + 1))
        self._cells = sketch.cells, sketch.shift, first, last
        self._slots, self._taken = np.zeros(2 * SLOTS, np.uint64), 0

    def sift(self, keys: Keys) -> None:
        from wordfield.kernels import phrases as kernels

        with np.errstate(over="ignore"):
            kernels.sift(keys, *self._cells)

    def tally(self, keys: Keys, needs: Bytes) -> None:
        from wordfield.kernels import phrases as kernels

        begin = 0
        with np.errstate(over="ignore"):
            while True:
                begin, self._taken = kernels.tally(keys, needs, begin, *self._cells, self._slots, self._taken)
                if begin == len(keys):
                    return
                found, self._slots = self.found(), np.zeros(2 * len(self._slots), np.uint64)
                kernels.enter(*found, self._slots)

    def found(self) -> tuple[Keys, Keys]:
        """The pairs and their counts."""
        keys, counts = self._slots[::2], self._slots[1::2]
        return keys[counts > 0], counts[counts > 0]


def _found(scan: Scan, score: Score, bar: Bar, delimiter: str, reading: _Reading, threads: int) -> list[Phrase]:
    """The phrases of one pass, best first, then as their words first occurred."""
    counts = scan.counts
    sketch = _Sketch(scan.tokens // 4)
    parts = [_Part(sketch, part, threads) for part in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        for keys, _ in _candidates(reading.blocks(scan), counts, score, bar):
            list(pool.map(_Part.sift, parts, repeat(keys)))
        for keys, needs in _candidates(reading.blocks(scan), counts, score, bar):
            list(pool.map(_Part.tally, parts, repeat(keys), repeat(needs)))
    keys, seen = (np.concatenate(each) for each in zip(*(part.found() for part in parts), strict=True))
    pairs, left, right = (each.astype(np.int64) for each in (seen, keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)))
    scores = score.of(pairs, counts[left], counts[right], bar)
    chosen = np.flatnonzero((pairs >= bar.min_count) & (scores > bar.threshold))
    chosen = chosen[np.lexsort((keys[chosen], -scores[chosen]))]
    lefts, rights = (scan.words_seen.chosen(words[chosen]) for words in (left, right))
    joined = [delimiter.join(pair) for pair in zip(lefts, rights, strict=True)]
    return list(map(Phrase, joined, lefts, rights, pairs[chosen].tolist(), scores[chosen].tolist()))


def _candidates(blocks: Iterable[Block], counts: Longs, score: Score, bar: Bar) -> Iterator[tuple[Keys, Bytes]]:
    """The pairs of each block that may be phrases by the counts of their words, and how often each has to be seen."""
    from wordfield.kernels import phrases as kernels

    weights, base = score.bound(counts, bar)
    limits = np.where(counts >= bar.min_count, counts, 0)
    bounds = np.stack([weights * SLACK, limits], axis=1).astype(np.float32), np.float32(bar.min_count), np.float32(base)
    before = kernels.NONE
    for ids, ends in blocks:
        keys, needs = np.empty(len(ids), np.uint64), np.empty(len(ids), np.uint8)
        pairs, last = kernels.candidates(before, ids, ends, *bounds, keys, needs)
        before = np.uint64(last)
        yield keys[:pairs], needs[:pairs]


def _rewritten(
    scan: Scan, pairs: Iterable[tuple[str, str]], tokenizer: Tokenizer, delimiter: str, reading: _Reading
) -> Scan:
    """``scan`` with one pass of pairs joined. It is read twice: words are counted before they get their numbers."""
    from wordfield.kernels import phrases as kernels

    words = list(scan.words_seen)
    entries = _entries(words, pairs, delimiter)
    counts, order, seen = np.zeros(len(words), np.int64), np.empty(len(words), np.int32), 0
    for ids, _ in _joins(reading.blocks(scan), *entries):
        seen = kernels.note(ids, counts, order, seen)
    order = order[:seen]
    numbers = np.empty(len(words), np.int32)
    numbers[order] = np.arange(seen, dtype=np.int32)
    blocks = ((numbers[ids], ends) for ids, ends in _joins(reading.blocks(scan), *entries))
    return scan.rewritten(tokenizer, [words[word] for word in order.tolist()], counts[order], blocks)


def _entries(words: list[str], pairs: Iterable[tuple[str, str]], delimiter: str) -> tuple[Keys, Keys]:
    """Pairs of numbers of the ``words``, and the number of the joined word + 1; joined words that are new are appended
    to ``words``.
    """
    numbers = {word: number for number, word in enumerate(words)}
    known = len(words)
    entries: dict[int, int] = {}
    for left, right in pairs:
        here, there = numbers.get(left, known), numbers.get(right, known)
        if here < known and there < known:
            joined = numbers.setdefault(delimiter.join((left, right)), len(numbers))
            entries[here << 32 | there] = joined + 1
    words += list(numbers)[known:]
    return np.array([*entries], np.uint64), np.array([*entries.values()], np.uint64)


def _joins(blocks: Iterable[Block], keys: Keys, values: Keys) -> Iterator[Block]:
    """The blocks with pairs joined; a word at the end of one is held back, as the next may go on with its pair."""
    from wordfield.kernels import phrases as kernels

    slots, sieve = np.zeros(4 << len(keys).bit_length(), np.uint64), _Sketch(16 * len(keys))
    held = kernels.NONE  # again at the end, where a line ends
    with np.errstate(over="ignore"):
        kernels.enter(keys, values, slots)
        kernels.sift(keys, sieve.cells, sieve.shift, np.uint64(0), np.uint64(len(sieve.cells)))
    for ids, ends in blocks:
        joined, joined_ends = np.empty(len(ids) + 1, np.int32), np.empty(len(ends), np.int32)
        with np.errstate(over="ignore"):
            tokens, last = kernels.join(held, ids, ends, sieve.cells, sieve.shift, slots, joined, joined_ends)
        held = np.uint64(last)
        yield joined[:tokens], joined_ends


def _tuples(value: Any) -> Any:
    """``value`` with tuples for lists."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
