"""Text as sentences of words: files of any kind, or Python's own lists, read as often as somebody asks."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from wordfield.progress import Progress, silent
from wordfield.text import cache
from wordfield.text.blocks import FileBlocks, SentenceBlocks, words_given
from wordfield.text.ids import Scan, Spool, Unwritable
from wordfield.text.inspection import warn_of_unsegmented
from wordfield.text.normalization import lower, scalar
from wordfield.text.phrases import Phrases, learn
from wordfield.text.sources import STDIN, Part, Stream, decoded, find, opened
from wordfield.text.tokenizers import Tokenizer

BLOCK = 1 << 20  # bytes of text a thread works on at once
MOST_THREADS = 8  # unless more are asked for: each has its own table of words

log = logging.getLogger(__name__)


class Corpus:
    """Sentences of words. A line is a sentence; nothing is cut short, and no word or line is too long. Empty sentences
    are left out.

    ``source``: a file, folder (with all below it, sorted) or glob, ``-`` for standard input, ``builtin:python-docs``, a
    list of ``Path``; or anything that can be iterated again and again and gives sentences, each a str or a list of str.
    Words in lists are taken as they are: not cut, and lower-cased only where ``lowercase=True`` is said. File names as
    a list of str: ``Corpus.files``. Compressed files (.gz .bz2 .xz .zst) are known by their content, tables (.jsonl
    .csv .tsv .parquet) by their name: ``field`` is the one that has the text, ``text`` if None. Markup and HTML
    entities are text like any other.

    ``tokenizer``: ``words`` (if None), ``whitespace``, ``chinese``, ``characters``, or a file with a subword vocabulary
    (tokenizer.json, SentencePiece model); ``lowercase``, ``nfkc``, ``script`` and ``dictionary`` as for
    ``Tokenizer.of``. ``phrases``: how many times to join words that often stand together, learnt from this corpus when
    it is first scanned; or ``Phrases`` that were learnt before, or a file of them. ``strict``: ``ValueError`` for
    invalid UTF-8, naming file, line and byte, instead of U+FFFD for it. ``cache``: whether what a scan of files finds
    is kept for the next.

    ``FileNotFoundError`` for what is not there, ``TypeError`` for a generator, which can be read only once.
    """

    def __init__(
        self,
        source: Any,
        *,
        tokenizer: str | Path | Tokenizer | None = None,
        lowercase: bool | None = None,
        nfkc: bool | None = None,
        script: str = "",
        dictionary: str | Path | Sequence[str] = (),
        phrases: int | str | Path | Phrases = 0,
        field: str | None = None,
        strict: bool = False,
        cache: bool = True,
    ) -> None:
        self.tokenizer = Tokenizer.of(tokenizer or "words", lowercase, nfkc=nfkc, script=script, dictionary=dictionary)
        self._named = tokenizer is not None
        self.strict, self.field, self.cache = strict, field, cache
        self.invalid = 0
        self._passes = 0
        if isinstance(phrases, int) and not isinstance(phrases, bool) and phrases >= 0:
            self._passes = phrases
        elif isinstance(phrases, (str, Path, Phrases)):
            known = phrases if isinstance(phrases, Phrases) else Phrases.read(phrases)
            self.tokenizer = replace(self.tokenizer, phrases=known)
        else:
            raise ValueError(f"phrases is how many times words are joined, or Phrases learnt before, not {phrases!r}")
        self._parts: list[Part] | None = None
        self._sentences: Iterable[Any] = ()
        self._lower_lists = lowercase is True
        self._read_stdin = False
        if isinstance(source, (str, os.PathLike)):
            self._parts = find([source], field)
        elif isinstance(source, (bytes, bytearray)) or not isinstance(source, Iterable):
            raise TypeError(f"a corpus is made of a file name, a Path or sentences, not of {type(source).__name__}")
        elif iter(source) is source:
            raise TypeError(
                f"a corpus is read more than once, but a {type(source).__name__} can be read only once; "
                "give a list, or an object whose __iter__ starts again"
            )
        else:
            self._take(source)
        self.name = self._called(source)

    @classmethod
    def of(cls, source: Corpus | Any) -> Corpus:
        """``source`` itself where it is a corpus, else the corpus made of it."""
        return source if isinstance(source, Corpus) else cls(source)

    @classmethod
    def files(cls, names: Iterable[str | os.PathLike[str]], **options: Any) -> Corpus:
        """The corpus of several files, folders and globs, in the order given; ``options`` as for ``Corpus``."""
        names = list(names)
        corpus = cls((), **options)
        parts = find(names, corpus.field)
        corpus._parts = parts
        corpus.name = ", ".join(map(str, names)) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"
        return corpus

    def __iter__(self) -> Iterator[list[str]]:
        """The sentences, each a list of its words; ``invalid`` counts from 0 again."""
        if self._passes:
            self.scan().close()  # learns the phrases
        self.invalid = 0
        sentences = self._from_objects() if self._parts is None else self._from_files(self._once(self._parts))
        return (words for words in sentences if words)

    @property
    def parts(self) -> list[Part]:
        """The files and other streams of text, in order; none for sentences that Python holds."""
        return list(self._parts or ())

    def lines(self) -> Iterator[str]:
        """The text as it stands, a line or sentence at a time; words given in lists with spaces between them."""
        if self._parts is None:
            for sentence in self._sentences:
                words = words_given(sentence)
                yield scalar(words if isinstance(words, str) else " ".join(words))
            return
        for _, lines in self.by_part():
            yield from lines

    def by_part(self) -> Iterator[tuple[Part, Iterator[str]]]:
        """Each stream of text, and its lines as they stand; ``invalid`` counts from 0 again. None for sentences that
        Python holds.
        """
        self.invalid = 0
        for part in self._once(self._parts or []):
            yield part, self._lines_of(part)

    def scan(
        self,
        progress: Progress = silent,
        threads: int | None = None,
        folder: str | os.PathLike[str] | None = None,
        block: int = BLOCK,
    ) -> Scan:
        """Read the text once: count its words and keep them as numbers, in the cache or in temporary files in
        ``folder`` (the system's if None). What the cache has is not read again.

        ``threads=None``: one a core, 8 at most; the result does not depend on it. ``block``: bytes a thread works on at
        once. ``progress`` is told the bytes read and the bytes there are, 0 if unknown. Errors as in iterating, and
        ``OSError`` where the disk is full.
        """
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        if block < 1:
            raise ValueError(f"a block must have at least 1 byte, not {block}")
        how = _How(progress, threads or min(cores(), MOST_THREADS), folder, block)
        scan = self._found(how) or self._kept(how)
        warn_of_unsegmented(scan)
        scan = self.joined(scan, progress)
        self.invalid = scan.invalid
        self.tokenizer, self._passes = scan.tokenizer, 0
        return scan

    @property
    def uncut(self) -> bool:
        """Whether nobody has said what the words are: no tokenizer, and no lists of words."""
        return not self._named and (self._parts is not None or isinstance(next(iter(self._sentences), ""), str))

    def cut_by(self, tokenizer: Tokenizer) -> Corpus:
        """The same text, cut by another tokenizer."""
        other = copy(self)
        other.tokenizer, other._named, other._passes = tokenizer, True, 0
        return other

    @property
    def cutter(self) -> Tokenizer:
        """The tokenizer without phrases: what text is first cut with."""
        return replace(self.tokenizer, phrases=None)

    @property
    def cached(self) -> bool:
        """Whether the cache has what a scan finds."""
        entry = self._entry()
        return entry is not None and entry.there

    def joined(self, scan: Scan, progress: Progress = silent) -> Scan:
        """``scan``, of text that ``cutter`` has cut; where phrases were asked for, another one in its place, in which
        words are joined into them.
        """
        if not self._passes and self.tokenizer.phrases is None:
            return scan
        with scan:
            if self.tokenizer.phrases is not None:
                return self.tokenizer.phrases.apply(scan, progress)
            return learn(scan, self._passes, progress=progress, threads=scan.threads)[0]

    def _found(self, how: _How) -> Scan | None:
        """What the cache has of this corpus."""
        entry = self._entry()
        scan = None if entry is None else entry.scan(self.name, how.threads, how.folder)
        if scan is None or (self.strict and scan.invalid):  # to be read once more, so that the error says where
            return None
        how.progress(scan.bytes, scan.bytes)
        return scan

    def _kept(self, how: _How) -> Scan:
        """Read the text, into the cache unless that has no room or cannot be written."""
        entry = self._entry()
        if entry is not None:
            try:
                scan = self._read(how, entry.spool)
            except Unwritable as error:
                entry.discard()
                log.warning("%s; this corpus is not kept for the next time", error)
            except BaseException:
                entry.discard()
                raise
            else:
                entry.keep(scan)
                return scan
        return self._read(how, lambda: Spool(how.folder))

    def _entry(self) -> cache.Entry | None:
        """Where the cache has this corpus, or would have it; None for text that is in no file, and without a cache."""
        if not self.cache or self._parts is None or any(part.path is None for part in self._parts):
            return None
        return cache.Entry(self._parts, self.cutter) if cache.limit() else None

    def _read(self, how: _How, spool: Callable[[], Spool]) -> Scan:
        from wordfield.text.scanning import scan

        streams: Iterable[FileBlocks | SentenceBlocks]
        total, threads, tokenizer = 0, how.threads, self.cutter
        if self._parts is None:
            streams = [SentenceBlocks(self._sentences, lower if self._lower_lists else str)]
            threads = 1
        else:
            parts = self._once(self._parts)
            streams = (FileBlocks(part, tokenizer, self.strict) for part in parts)
            if all(part.size for part in parts):
                total = sum(part.size for part in parts)
            if any(part.path is None for part in parts):
                threads = 1  # nobody but the main thread waits for standard input, so that Ctrl-C is heard
        return scan(
            streams, tokenizer, self.name, self.strict, threads, how.block, spool, how.folder, how.progress, total
        )

    def __repr__(self) -> str:
        return f"Corpus({self.name}, {self.tokenizer})"

    def _take(self, source: Iterable[Any]) -> None:
        listed = source if isinstance(source, (list, tuple)) else ()
        paths = sum(isinstance(item, os.PathLike) for item in listed)
        if listed and paths == len(listed):
            self._parts = find(listed, self.field)
            return
        if paths:
            raise TypeError(
                "a list with both Path and other items: give file names as Corpus.files([...]), sentences without Path"
            )
        if listed and isinstance(listed[0], str) and len(listed[0]) < 256 and _is_file(listed[0]):
            log.warning(
                "%r is taken as a sentence, though there is a file of that name; for files: Corpus.files([...])",
                listed[0],
            )
        self._sentences = source

    def _called(self, source: Any) -> str:
        if self._parts is None:
            return f"{len(source)} sentences" if hasattr(source, "__len__") else type(source).__name__
        if isinstance(source, (str, os.PathLike)):
            return os.fspath(source)
        return ", ".join(part.name for part in self._parts[:3]) + (" ..." if len(self._parts) > 3 else "")

    def _once(self, parts: list[Part]) -> list[Part]:
        """``parts``, if they can be read now: standard input only the first time."""
        if any(part.name == STDIN for part in parts):
            if self._read_stdin:
                raise ValueError(
                    "standard input was read to its end and cannot be read again; save it as a file and give that"
                )
            self._read_stdin = True
        return parts

    def _from_objects(self) -> Iterator[list[str]]:
        join = self.tokenizer.phrases.join if self.tokenizer.phrases else list
        for sentence in self._sentences:
            words = words_given(sentence)
            if isinstance(words, str):
                yield self.tokenizer.tokenize(words)
            else:
                yield join([lower(scalar(word)) if self._lower_lists else scalar(word) for word in words if word])

    def _lines_of(self, part: Part) -> Iterator[str]:
        with opened(part) as stream:
            for line, invalid in self._decoded(stream):
                self.invalid += invalid
                yield line

    def _from_files(self, parts: list[Part]) -> Iterator[list[str]]:
        for part in parts:
            with opened(part) as stream:
                for line, invalid in self._decoded(stream):
                    self.invalid += invalid
                    yield self.tokenizer.words_of(line)

    def _decoded(self, stream: Stream) -> Iterator[tuple[str, int]]:
        """Lines as text, and how many bytes of each were invalid."""
        offset = stream.skipped
        for number, line in enumerate(stream.lines(), 1):
            yield decoded(line, stream.name, offset, number, self.strict)
            offset += len(line)


class _How(NamedTuple):
    """How to read a text: see ``Corpus.scan``."""

    progress: Progress
    threads: int
    folder: str | os.PathLike[str] | None
    block: int


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
