"""Streams and sentences -> blocks of bytes of bounded size, cut where no word is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wordfield.text.normalization import scalar
from wordfield.text.sources import Part, Stream, opened
from wordfield.text.tokenizers import Tokenizer

# Bytes of folded text that no UTF-8 holds; kernels.scan reads them.
LINE_END, SPLIT = b"\xfc", b"\xfd"


@dataclass(frozen=True)
class Block:
    """``data[:size]``: text from byte ``offset`` of the stream ``name`` on, whose line ``line`` (from 1) begins before
    or at it.

    ``folded``: words given as they are, between SPLIT and LINE_END, instead of text. ``last``: the stream ends here,
    and so does the line.
    """

    data: bytearray
    size: int
    name: str = ""
    offset: int = 0
    line: int = 1
    folded: bool = False
    last: bool = True


class Blocks(Protocol):
    """Gives one block after another, None at the end; the given buffer may be used, or another. ``done``: bytes read so
    far, as they are stored.
    """

    @property
    def done(self) -> int: ...

    def next(self, buffer: bytearray) -> Block | None: ...

    def close(self) -> None: ...


class FileBlocks:
    """Blocks of the stream of ``part``, each about as large as the buffer given, or as large as a word that is longer
    than that.
    """

    def __init__(self, part: Part, tokenizer: Tokenizer, count_lines: bool = False) -> None:
        self._part: Part | None = part
        self._tokenizer = tokenizer
        self._count_lines = count_lines
        self._stack = ExitStack()
        self._stream: Stream | None = None
        self._rest = b""
        self._offset, self._line = 0, 1
        self.done = 0

    def next(self, buffer: bytearray) -> Block | None:
        """The next block; the last may be empty. Errors of opening and reading name the stream."""
        if self._part is not None:
            self._stream = self._stack.enter_context(opened(self._part))
            self._rest, self._offset, self._part = self._stream.head, self._stream.skipped, None
        if self._stream is None:
            return None
        block = self._cut(self._stream, buffer)
        self.done = self._stream.done()
        if block.last:
            self.close()
        return block

    def close(self) -> None:
        """Close what is open."""
        self._stack.close()
        self._stream = None

    def _cut(self, stream: Stream, buffer: bytearray) -> Block:
        size, cut = len(self._rest), 0
        while True:
            if size >= len(buffer):
                buffer = bytearray(max(2 * size, 16))
            if self._rest:
                buffer[:size] = self._rest  # also into a larger buffer
                self._rest = b""
            with memoryview(buffer) as view:
                more = stream.fill(view[size:])
            size += more
            last = size < len(buffer)
            cut = size if last else self._last_cut(buffer)
            if cut or last:
                break
            self._rest = bytes(buffer)
        self._rest = bytes(memoryview(buffer)[cut:size])
        offset, line = self._offset, self._line
        self._offset += cut
        if self._count_lines:
            self._line += buffer.count(b"\n", 0, cut)
        return Block(buffer, cut, stream.name, offset, line, last=last)

    def _last_cut(self, buffer: bytearray) -> int:
        """After the last line, or after the last separator where a line is long."""
        cut = buffer.rfind(b"\n") + 1
        if 2 * cut > len(buffer):
            return cut
        from wordfield.kernels.scan import last_split

        return int(last_split(np.frombuffer(buffer, np.uint8), len(buffer), self._tokenizer.cuts))


class SentenceBlocks:
    """Blocks of sentences that Python objects hold: text to be cut into words, or lists of words, which go through
    ``change`` only.
    """

    done = 0

    def __init__(self, sentences: Iterable[object], change: Callable[[str], str] = str) -> None:
        self._sentences = self._encoded(sentences, change)
        self._next = next(self._sentences, None)

    def next(self, buffer: bytearray) -> Block | None:
        """The next sentences of one kind, about as many as the buffer could hold."""
        if self._next is None:
            return None
        folded, size, pieces = self._next[0], 0, []
        while self._next is not None and self._next[0] == folded and size < len(buffer):
            pieces.append(self._next[1])
            size += len(self._next[1])
            self._next = next(self._sentences, None)
        return Block(bytearray().join(pieces), size, "sentence", folded=folded)

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _encoded(sentences: Iterable[object], change: Callable[[str], str]) -> Iterator[tuple[bool, bytes]]:
        for sentence in sentences:
            words = words_given(sentence)
            if isinstance(words, str):
                yield False, scalar(words).replace("\n", " ").encode() + b"\n"
            else:
                yield True, SPLIT.join(change(scalar(word)).encode() for word in words) + LINE_END


def words_given(sentence: object) -> str | list[str]:
    """A sentence: text, or its words. ``TypeError`` for anything else."""
    if isinstance(sentence, str):
        return sentence
    if isinstance(sentence, (bytes, bytearray)) or not isinstance(sentence, Iterable):
        raise TypeError(f"a sentence is a str or a list of str, not {type(sentence).__name__}: {sentence!r:.60}")
    words = list(sentence)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"the words of a sentence are str, but {word!r:.60} is {type(word).__name__}")
    return words
