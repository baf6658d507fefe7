"""Text as sentences of words: files of any kind, or Python's own lists, read as often as somebody asks."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.progress import Progress, silent
from wordfield.text.blocks import FileBlocks, SentenceBlocks, words_given
from wordfield.text.sources import STDIN, Part, decoded, find, opened
from wordfield.text.tokenizers import Tokenizer, lower, scalar

if TYPE_CHECKING:
    from wordfield.text.ids import Scan

BLOCK = 1 << 20  # bytes of text a thread works on at once
MOST_THREADS = 8  # unless more are asked for: each has its own table of words

log = logging.getLogger(__name__)


class Corpus:
    """Sentences of words. A line is a sentence; nothing is cut short, and no word or line is too long. Empty sentences
    are left out.

    ``source``: a file, folder (with all below it, sorted) or glob, ``-`` for standard input, ``builtin:python-docs``, a
    list of ``Path``; or anything that can be iterated again and again and gives sentences, each a str or a list of str.
    Words in lists are taken as they are: not cut, and lower-cased only where ``lowercase=True`` is said. File names as
    a list of str: ``Corpus.files``. ``tokenizer``: ``words`` or ``whitespace``; ``lowercase``: None for the tokenizer's
    habit. ``strict``: ``ValueError`` for invalid UTF-8, naming file, line and byte, instead of U+FFFD for it.
    Compressed files (.gz .bz2 .xz .zst) are known by their content.

    ``FileNotFoundError`` for what is not there, ``TypeError`` for a generator, which can be read only once.
    """

    def __init__(
        self, source: Any, *, tokenizer: str | Tokenizer = "words", lowercase: bool | None = None, strict: bool = False
    ) -> None:
        self.tokenizer = Tokenizer.of(tokenizer, lowercase)
        self.strict = strict
        self.invalid = 0
        self._parts: list[Part] | None = None
        self._sentences: Iterable[Any] = ()
        self._lower_lists = lowercase is True
        self._read_stdin = False
        if isinstance(source, (str, os.PathLike)):
            self._parts = find([source])
        elif isinstance(source, (bytes, bytearray)) or not isinstance(source, Iterable):
            raise TypeError(f"a corpus is made of a file name, a Path or sentences, not of {type(source).__name__}")
        elif iter(source) is source:
            raise TypeError(
                f"a corpus is read more than once, but a {type(source).__name__} can be read only once; "
                "give a list, or an object whose __iter__ starts again"
            )
        else:
            self._take(source)
        self.name = self._named(source)

    @classmethod
    def files(cls, names: Iterable[str | os.PathLike[str]], **options: Any) -> Corpus:
        """The corpus of several files, folders and globs, in the order given; ``options`` as for ``Corpus``."""
        names = list(names)
        parts = find(names)
        corpus = cls((), **options)
        corpus._parts = parts
        corpus.name = ", ".join(map(str, names)) if len(names) <= 3 else f"{names[0]} and {len(names) - 1} more"
        return corpus

    def __iter__(self) -> Iterator[list[str]]:
        """The sentences, each a list of its words; ``invalid`` counts from 0 again."""
        self.invalid = 0
        sentences = self._from_objects() if self._parts is None else self._from_files(self._once(self._parts))
        return (words for words in sentences if words)

    def scan(
        self,
        progress: Progress = silent,
        threads: int | None = None,
        folder: str | os.PathLike[str] | None = None,
        block: int = BLOCK,
    ) -> Scan:
        """Read the text once: count its words and keep them as numbers in temporary files in ``folder`` (the system's
        if None).

        ``threads=None``: one a core, 8 at most; the result does not depend on it. ``block``: bytes a thread works on at
        once. ``progress`` is told the bytes read and the bytes there are, 0 if unknown. Errors as in iterating, and
        ``OSError`` where the disk is full.
        """
        from wordfield.text.scanning import scan

        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        if block < 1:
            raise ValueError(f"a block must have at least 1 byte, not {block}")
        if self._parts is None:
            blocks: FileBlocks | SentenceBlocks = SentenceBlocks(self._sentences, lower if self._lower_lists else str)
            total, threads = 0, 1
        else:
            parts = self._once(self._parts)
            blocks = FileBlocks(parts, self.tokenizer, self.strict)
            known = all(part.size for part in parts)
            total = sum(part.size for part in parts) if known else 0
            if any(part.path is None for part in parts):
                threads = 1  # nobody but the main thread waits for standard input, so that Ctrl-C is heard
        result = scan(
            blocks,
            self.tokenizer,
            self.name,
            self.strict,
            threads or min(cores(), MOST_THREADS),
            block,
            folder,
            progress,
            total,
        )
        self.invalid = result.invalid
        return result

    def __repr__(self) -> str:
        return f"Corpus({self.name}, {self.tokenizer})"

    def _take(self, source: Iterable[Any]) -> None:
        listed = source if isinstance(source, (list, tuple)) else ()
        paths = sum(isinstance(item, os.PathLike) for item in listed)
        if listed and paths == len(listed):
            self._parts = find(listed)
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

    def _named(self, source: Any) -> str:
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
        for sentence in self._sentences:
            words = words_given(sentence)
            if isinstance(words, str):
                yield self.tokenizer.tokenize(words)
            else:
                yield [lower(scalar(word)) if self._lower_lists else scalar(word) for word in words if word]

    def _from_files(self, parts: list[Part]) -> Iterator[list[str]]:
        for part in parts:
            with opened(part) as stream:
                offset = stream.skipped
                for number, line in enumerate(stream.lines(), 1):
                    text, invalid = decoded(line, part.name, offset, number, self.strict)
                    self.invalid += invalid
                    offset += len(line)
                    yield self.tokenizer.words_of(text)


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False
