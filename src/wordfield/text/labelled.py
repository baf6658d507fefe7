"""Texts with labels: lines that name their labels, tables that have a field of them, or Python's own pairs.

Labels are taken off each line, and the rest goes through the same scan as any corpus. E texts, L labels, N tokens, T
types (different words).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import Progress, silent
from wordfield.text import tables
from wordfield.text.blocks import SentenceBlocks
from wordfield.text.corpus import BLOCK, MOST_THREADS, Corpus, cores
from wordfield.text.ids import Scan, Spool
from wordfield.text.inspection import warn_of_unsegmented
from wordfield.text.ngrams import END_OF_SENTENCE
from wordfield.text.sources import STDIN, Part, opened
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Vocabulary, by_frequency

Rows = NDArray[np.int64]
Place: TypeAlias = Literal["anywhere", "front"]
"""Where in a line words that begin with the prefix are labels."""

AT_ONCE = 1 << 20  # tokens that are put in order at once
FEW = 1 << 16  # characters that are cut into words in Python, because a scan takes longer to begin
SHOWN = 80  # characters of a line that an error shows


class Marks:
    """What a label looks like: a word, between spaces, that begins with ``prefix``. ``front``: only those before the
    first other word of a line. An empty prefix: nothing is a label.
    """

    def __init__(self, prefix: str, place: Place = "anywhere", ascii: bool = False) -> None:
        space = " \\n\\r\\t\\v\\f\\0" if ascii else "\\s\\0"
        self.prefix, self.front = prefix, place == "front"
        self._label = re.compile(f"(?<![^{space}]){re.escape(prefix)}[^{space}]*")
        self._leading = re.compile(f"[{space}]*(?:{re.escape(prefix)}[^{space}]*[{space}]*)*")

    @classmethod
    def of(cls, prefix: str, place: Place, tokenizer: Tokenizer) -> Marks:
        """For text that ``tokenizer`` cuts: fastText knows only the spaces of ASCII."""
        return cls(prefix, place, tokenizer.name.startswith("ascii"))

    def split(self, text: str) -> tuple[str, list[str]]:
        """The text without its labels, and these without their prefix."""
        if not self.prefix or self.prefix not in text:
            return text, []
        if not self.front:
            found = self._label.findall(text)
            return self._label.sub(" ", text), self._names(found)
        match = self._leading.match(text)
        end = match.end() if match else 0
        return text[end:], self._names(self._label.findall(text[:end]))

    def _names(self, found: list[str]) -> list[str]:
        size = len(self.prefix)
        return [label[size:] for label in dict.fromkeys(found) if len(label) > size]


class Labelled:
    """Texts with labels, read as often as somebody asks.

    ``source``: anything that a `Corpus` is made of, or one, whose lines name their labels (``__label__a some text``);
    or pairs (text, label or list of labels), as tuples. Of tables ``label_field`` has the labels of a row: a string, a
    number, or a list of these; each row is one text, whatever line ends are in it. ``options``: as for `Corpus`.
    """

    def __init__(self, source: Any, *, label_field: str | None = None, **options: Any) -> None:
        self.label_field = label_field
        self._pairs: Iterable[tuple[str, Any]] | None = None
        if isinstance(source, Corpus):
            self.corpus = source
        elif _are_pairs(source):
            self._pairs = source
            self.corpus = Corpus(_Texts(source), **options)
        else:
            self.corpus = Corpus(source, **options)
        if label_field is not None and not any(part.table for part in self.corpus.parts):
            raise ValueError(
                f"the label field {label_field!r} was asked for, but there is no table (.jsonl .csv .tsv .parquet) in "
                f"{self.corpus.name}"
            )

    @classmethod
    def files(cls, names: Iterable[Any], *, label_field: str | None = None, **options: Any) -> Labelled:
        """The labelled text of several files, folders and globs, in the order given."""
        return cls(Corpus.files(names, **options), label_field=label_field)

    def __repr__(self) -> str:
        return f"Labelled({self.corpus.name}, {self.corpus.tokenizer})"

    @property
    def name(self) -> str:
        """What the text is called in messages."""
        return self.corpus.name

    @property
    def cutter(self) -> Tokenizer:
        """What text is first cut with."""
        return self.corpus.cutter

    @property
    def invalid(self) -> int:
        """Bytes that were not UTF-8 when the text was last read."""
        return self.corpus.invalid

    def texts(self, marks: Marks) -> Iterator[tuple[str, list[str]]]:
        """Every text and its labels, perhaps none; lines of nothing but spaces are left out, rows and pairs are not.

        Labels that a table or a pair gives are the only ones then; what looks like one in the text is taken off it.
        """
        if self._pairs is not None:
            for pair in self._pairs:
                text, labels = _checked(pair)
                yield marks.split(text)[0], labels
        elif not self.corpus.parts:
            yield from (marks.split(line) for line in self.corpus.lines() if line.strip())
        else:
            for part, lines in self.corpus.by_part():
                if part.table:
                    yield from self._rows(part, marks)
                else:
                    yield from (marks.split(line) for line in lines if line.strip())

    def scan(self, marks: Marks, progress: Progress = silent) -> LabelledScan:
        """Read the text once. ``ValueError`` if nothing in it has a label, with its first line."""
        reader = _Reader(self, marks)
        corpus = self.corpus
        threads = 1 if any(part.name == STDIN for part in corpus.parts) else min(cores(), MOST_THREADS)
        scan = scanned(reader, corpus, progress, threads)
        try:
            return reader.result(scan)
        except BaseException:
            scan.close()
            raise

    def _rows(self, part: Part, marks: Marks) -> Iterator[tuple[str, list[str]]]:
        with opened(replace(part, table="")) as stream:
            file = None if stream.compressed else stream.stored
            table = tables.Table(part.name, part.field, stream.head, partial(stream.read, stream.text.read), file)
            for text, labels in tables.rows(part.table, table, self.label_field):
                rest, found = marks.split(text)
                yield rest, found if self.label_field is None else _labels(labels)


@dataclass(frozen=True)
class LabelledScan:
    """Labelled text that was read once: words and numbers are in ``scan``, which is to be closed."""

    scan: Scan
    """Of the texts with a label, in order, every one a sentence, also where it has no word."""
    labels: list[str]
    """L labels, most frequent first, then by first occurrence."""
    counts: Rows
    """(L,) texts with each label."""
    label_starts: Rows
    """(E + 1,) where the labels of each text begin in ``label_rows``."""
    label_rows: Rows
    """The labels of all texts."""
    numbers: Rows
    """(E,) which of the texts given each is."""
    given: int
    """Texts that were given, with a label or without."""

    def frequent(self, min_count: int) -> LabelledScan:
        """Without the labels of fewer texts than ``min_count``; texts may then have none. ``ValueError`` where no label
        is left.
        """
        left = int((self.counts >= min_count).sum())
        if not left:
            raise ValueError(
                f"no label of {self.scan.name} has {min_count} texts: the most frequent has {self.counts.max()}; lower "
                "min_label_count"
            )
        there = self.label_rows < left
        ends = np.concatenate([[0], np.cumsum(there)])
        starts = ends[self.label_starts]
        return replace(
            self,
            labels=self.labels[:left],
            counts=self.counts[:left],
            label_starts=starts,
            label_rows=self.label_rows[there],
        )

    def vocabulary(self, min_count: int, max_vocab: int | None) -> Vocabulary:
        """The words seen at least ``min_count`` times, at most ``max_vocab``, and the end of a line, which stands in
        every text; most frequent first. ``ValueError`` if there are words, but none that often.
        """
        scan, texts = self.scan, len(self.numbers)
        chosen = by_frequency(scan.counts, min_count, max_vocab)
        if len(scan.counts) and not len(chosen):
            scan.vocabulary(min_count, max_vocab)  # says what is wrong
        seen = scan.words_seen
        alike = np.flatnonzero(np.diff(seen.bounds)[:, 0] == len(END_OF_SENTENCE))
        for type_ in alike[[word == END_OF_SENTENCE for word in seen.chosen(alike)]]:
            texts += int(scan.counts[type_])
            chosen = chosen[chosen != type_]
        words, counts = seen.chosen(chosen), scan.counts[chosen]
        place = int(np.searchsorted(-counts, -texts, "left"))
        return Vocabulary([*words[:place], END_OF_SENTENCE, *words[place:]], np.insert(counts, place, texts))

    def encode(self, seed: int | None = None, times: Rows | None = None) -> TextIds:
        """The texts with labels as numbers, in the order given, or in a random one; each as many ``times`` (E,)."""
        types, starts = Spool(self.scan.folder), np.zeros(len(self.numbers) + 1, np.int64)
        tokens = lines = 0
        for ids, ends in self.scan.blocks():
            types.write(ids)
            starts[lines + 1 : lines + 1 + len(ends)] = ends.astype(np.int64) + tokens
            tokens, lines = tokens + len(ids), lines + len(ends)
        if lines != len(self.numbers):
            raise RuntimeError(f"{lines} texts were cut into words, {len(self.numbers)} have labels")
        types.flush()
        order = np.flatnonzero(np.diff(self.label_starts))
        order = order if times is None else np.repeat(order, times[order])
        if seed is not None:
            order = np.random.default_rng(seed).permutation(order)
        return TextIds(types, tokens, starts, order)


class TextIds:
    """Texts as numbers, on disk: of each the types of its words and, as its last token, which of the texts it is.
    ``tokens`` N int32, and ``starts`` (E + 1,) of the texts; ``texts``: how many different ones there are.
    """

    def __init__(self, types: Spool, size: int, starts: Rows, order: Rows) -> None:
        self.folder, self.texts = types.folder, len(np.unique(order))
        self.starts = np.concatenate([[0], np.cumsum(np.diff(starts)[order] + 1)]).astype(np.int64)
        self.tokens = int(self.starts[-1])
        self._ids = Spool(types.folder)
        written = types.read(np.int32, 0, size)
        for begin, end in self.chunks(AT_ONCE):
            first, last = np.searchsorted(self.starts, (begin, end))
            lines = order[first:last]
            ids = np.empty(end - begin, np.int32)
            ends = np.zeros(end - begin, bool)
            ends[self.starts[first + 1 : last + 1] - begin - 1] = True
            sizes = np.diff(starts)[lines]
            here = np.repeat(starts[lines] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
            ids[~ends] = written[here + np.arange(len(here))]
            ids[ends] = lines
            self._ids.write(ids)
        self._ids.flush()
        types.close()

    def window(self, first: int, last: int) -> NDArray[np.int32]:
        """Tokens ``first:last``, in a memory map of just these."""
        return self._ids.read(np.int32, 4 * first, last - first)

    def chunks(self, size: int) -> list[tuple[int, int]]:
        """Ranges of at most ``size`` tokens that cover all in order, or of one text that is longer: none is cut."""
        ranges, begin = [], 0
        while begin < self.tokens:
            cut = int(self.starts[np.searchsorted(self.starts, begin + size, "right") - 1])
            if cut <= begin:
                cut = int(self.starts[np.searchsorted(self.starts, begin, "right")])
            ranges.append((begin, cut))
            begin = cut
        return ranges

    def close(self) -> None:
        """Delete the file."""
        self._ids.close()


class Cut(NamedTuple):
    """Texts cut into words: their T different ``words``, the type of each token (N,) int32, and where the tokens of
    each text begin (E + 1,).
    """

    words: list[str]
    ids: NDArray[np.int32]
    starts: Rows


def cut(texts: Sequence[str], tokenizer: Tokenizer) -> Cut:
    """The words of texts, the same whether there are few or many."""
    if sum(map(len, texts)) <= FEW:
        types: dict[str, int] = {}
        ids, starts = array("i"), array("q", [0])
        for text in texts:
            ids.extend(types.setdefault(word, len(types)) for word in tokenizer.tokenize(text))
            starts.append(len(ids))
        return Cut(list(types), np.array(ids, np.int32), np.array(starts, np.int64))
    corpus = Corpus(texts, tokenizer=tokenizer)
    with scanned(texts, corpus, silent, min(cores(), MOST_THREADS), warn=False) as scan:
        pieces, ends, tokens = [np.empty(0, np.int32)], [np.zeros(1, np.int64)], 0
        for some, line_ends in scan.blocks():
            pieces.append(some)
            ends.append(line_ends.astype(np.int64) + tokens)
            tokens += len(some)
        return Cut(list(scan.words_seen), np.concatenate(pieces), np.concatenate(ends))


def scanned(texts: Iterable[str], corpus: Corpus, progress: Progress, threads: int, warn: bool = True) -> Scan:
    """A scan of ``texts``, cut as ``corpus`` says, in which every text is a sentence, also one without a word."""
    from wordfield.text.scanning import scan

    streams = [SentenceBlocks(texts)]
    found = scan(streams, corpus.cutter, corpus.name, False, threads, BLOCK, Spool, None, progress, total=0, every=True)
    if warn:
        warn_of_unsegmented(found)
    return corpus.joined(found, progress)


@dataclass
class _Reader:
    """Gives the texts that have a label to a scan, once, and notes their labels."""

    source: Labelled
    marks: Marks
    names: dict[str, int] = field(default_factory=dict)
    ids: array[int] = field(default_factory=lambda: array("i"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    given: int = 0
    first: str | None = None

    def __iter__(self) -> Iterator[str]:
        for number, (text, labels) in enumerate(self.source.texts(self.marks)):
            self.given = number + 1
            if self.first is None:
                self.first = text
            if labels:
                self.ids.extend(self.names.setdefault(label, len(self.names)) for label in labels)
                self.ends.append(len(self.ids))
                self.numbers.append(number)
                yield text

    def result(self, scan: Scan) -> LabelledScan:
        """What was read, once the scan has read all."""
        if self.first is None:
            raise ValueError(f"{self.source.name} is empty: there is nothing to learn from")
        if not self.names:
            raise ValueError(
                f"no text of {self.source.name} has a label: {self._wanted()}; "
                f"the first is {self.first.strip()[:SHOWN]!r}"
            )
        ids = np.array(self.ids, np.int64)
        counts = np.bincount(ids, minlength=len(self.names)).astype(np.int64)
        order = by_frequency(counts, 1, None)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        names = list(self.names)
        return LabelledScan(
            scan,
            [names[label] for label in order.tolist()],
            counts[order],
            np.array(self.ends, np.int64),
            rank[ids],
            np.array(self.numbers, np.int64),
            self.given,
        )

    def _wanted(self) -> str:
        if self.source.label_field is not None:
            return f"the field {self.source.label_field!r} is empty in all"
        if not self.marks.prefix:
            return "with an empty label_prefix, labels are given as pairs (text, label) or in a field, label_field"
        where = "at its beginning" if self.marks.front else "among its words"
        return f"a line has a word {where} that begins with the prefix {self.marks.prefix!r}, or set label_prefix"


class _Texts:
    """The texts of pairs, as often as somebody asks."""

    def __init__(self, pairs: Iterable[tuple[str, Any]]) -> None:
        self._pairs = pairs

    def __iter__(self) -> Iterator[str]:
        return (_checked(pair)[0] for pair in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)  # type: ignore[arg-type]


def _are_pairs(source: Any) -> bool:
    """Whether the first thing in ``source`` is a tuple of two; a generator, which would lose it, is not looked into."""
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable) or iter(source) is source:
        return False
    return all(isinstance(item, tuple) and len(item) == 2 for item in islice(source, 1)) and any(
        True for _ in islice(source, 1)
    )


def _checked(pair: Any) -> tuple[str, list[str]]:
    if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
        raise TypeError(f"a pair is (text, label) or (text, [labels]), not {pair!r:.80}")
    return pair[0], _labels(pair[1])


def _labels(given: Any) -> list[str]:
    """The labels that a pair or a row of a table gives, each once: none for None, an empty string or list."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        given = [given]
    named = ("" if each is None else str(each).strip() for each in given)
    return list(dict.fromkeys(label for label in named if label))
