"""Names -> streams of bytes: files, folders, globs, standard input, what Python itself brings; compressed or not, text
or the text in tables.
"""

from __future__ import annotations

import glob
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from wordfield.text import tables
from wordfield.text.decompression import HEAD, decompressed

STDIN = "-"
BUILTIN = "builtin:"
ENOUGH = 1 << 18  # bytes asked of a decompressor at once

BOMS = {  # longest first: UTF-32's little-endian mark begins with UTF-16's
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
UTF8_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Part:
    """One stream of text: ``name`` for messages, ``path`` where it is a file, ``size`` in bytes as stored, 0 if
    unknown. ``table``: its kind, "" for plain text; ``field``: which of its fields is the text.
    """

    name: str
    path: Path | None = None
    size: int = 0
    table: str = ""
    field: str = "text"


@dataclass
class Stream:
    """Open bytes of text, decompressed, without a byte order mark: ``head`` first, then what ``text`` still has."""

    name: str
    head: bytes
    text: IO[bytes]
    stored: IO[bytes]
    compressed: bool = False
    skipped: int = 0  # bytes of a byte order mark

    def lines(self) -> Iterator[bytes]:
        """Lines with their LF; nothing else ends a line."""
        first = self.head if self.head.endswith(b"\n") else self.head + self.read(self.text.readline)
        yield from _at_lf(first)
        while line := self.read(self.text.readline):
            yield line

    def fill(self, buffer: memoryview) -> int:
        """Read until ``buffer`` is full or the stream ends; how many bytes were read."""
        size = 0
        while size < len(buffer):
            more = self.read(self.text.readinto, buffer[size:])  # type: ignore[attr-defined]
            if not more:
                break
            size += more
        return size

    def done(self) -> int:
        """Bytes of the stored, perhaps compressed, file that were read."""
        try:
            return self.stored.tell()
        except OSError:
            return 0

    def read(self, reader: Any, *arguments: Any) -> Any:
        """What ``reader`` reads; ``ValueError`` naming the stream where compressed data are damaged."""
        if not self.compressed:
            return reader(*arguments)
        try:
            return reader(*arguments)
        except Exception as error:  # each decompressor has its own class, zlib.error among them
            raise ValueError(
                f"{self.name}: the compressed data are damaged or cut short ({error}); fetch or compress the file again"
            ) from error


def find(names: Iterable[str | os.PathLike[str]], field: str | None = None) -> list[Part]:
    """The streams that names of files, folders and globs stand for, in the order given; a folder's and a glob's files
    sorted. ``field``: what is read of tables (.jsonl .ndjson .csv .tsv .parquet), ``text`` if None.

    ``FileNotFoundError`` naming what is not there, and for a folder or glob without files; ``ValueError`` for an
    unknown built-in corpus.
    """
    if not isinstance(field, str | None):
        raise TypeError(f"field is a name, or a column's number as str, not {type(field).__name__}: {field!r}")
    parts = [part for name in names for part in _find(name, "text" if field is None else field)]
    if not parts:
        raise ValueError("no corpus given: name at least one file, folder or glob, or - for standard input")
    if field is not None and not any(part.table for part in parts):
        raise ValueError(
            f"field {field!r} was asked for, but none of these is a table (.jsonl .csv .tsv .parquet): {parts[0].name}"
        )
    return parts


@contextmanager
def opened(part: Part) -> Iterator[Stream]:
    """The text of ``part`` for reading, of a table the field's. ``ValueError`` if it starts with the mark of UTF-16 or
    UTF-32.
    """
    with ExitStack() as stack:
        text = stored = _stored(part)
        if part.name != STDIN:
            stack.callback(stored.close)
        if part.path is not None or part.name == STDIN:
            text = _decompressed(part.name, stored)
        if part.name != STDIN:
            stack.callback(text.close)
        stream = Stream(part.name, b"", text, stored, text is not stored)
        while len(stream.head) < 4 and (more := stream.read(text.read, 4 - len(stream.head))):
            stream.head += more
        for mark, encoding in BOMS.items():
            if stream.head.startswith(mark):
                raise ValueError(
                    f"{part.name} is {encoding} text, but wordfield reads UTF-8; convert it first: "
                    f"iconv -f {encoding} -t UTF-8 {part.name} > utf8.{part.table or 'txt'}"
                )
        if stream.head.startswith(UTF8_BOM):
            stream.head, stream.skipped = stream.head[len(UTF8_BOM) :], len(UTF8_BOM)
        if part.table:
            stream = _field(part, stream)
            stack.callback(stream.text.close)
        yield stream


def decoded(data: bytes, name: str, offset: int, line: int, strict: bool) -> tuple[str, int]:
    """UTF-8 as text, with U+FFFD for what is invalid, and how many bytes that was. ``strict``: ``ValueError`` saying
    where.

    ``data`` begins at byte ``offset`` of the stream ``name``, in its line ``line`` (from 1).
    """
    try:
        return data.decode(), 0
    except UnicodeDecodeError as error:
        if strict:
            line += data.count(b"\n", 0, error.start)
            raise ValueError(
                f"{name}: invalid UTF-8 at byte {offset + error.start} (line {line}): "
                f"{data[error.start : error.end]!r}; "
                "convert the file, or read it without strict to have U+FFFD there"
            ) from None
    text = data.decode(errors="replace")
    replaced = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    return text, len(data) - len(text.encode()) + 3 * replaced


def is_text(part: Part) -> bool:
    """Whether a stream begins like text, or is a table; errors of opening are those of ``opened``."""
    if part.table:
        return True
    with opened(part) as stream:
        return b"\0" not in stream.head + stream.read(stream.text.read, ENOUGH)


def standard_input() -> IO[bytes]:
    """The bytes of standard input; ``ValueError`` where whoever started us has closed it."""
    if sys.stdin is None:
        raise ValueError("standard input is closed: give text there, or name a file")
    return sys.stdin.buffer


def _field(part: Part, whole: Stream) -> Stream:
    """The text of a table's field; the name says that bytes and lines are counted in it, not in the file."""
    file = None if whole.compressed else whole.stored
    table = tables.Table(part.name, part.field, whole.head, partial(whole.read, whole.text.read), file)
    return Stream(f"{part.name}, field {part.field!r}", b"", tables.text(part.table, table), whole.stored)


def _find(name: str | os.PathLike[str], field: str) -> list[Part]:
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(f"a corpus is named by str or Path, not by {type(name).__name__}: {name!r}")
    text = os.fspath(name)
    if not text:
        raise FileNotFoundError(
            "the name of the corpus is empty; name a file, a folder or a glob, or - for standard input"
        )
    if text == STDIN:
        return [Part(STDIN)]
    if text.startswith(BUILTIN):
        if text != f"{BUILTIN}python-docs":
            raise ValueError(f"unknown built-in corpus {text!r}; there is one: {BUILTIN}python-docs")
        return [Part(text)]
    path = Path(text)
    if path.is_dir():
        files = _below(path)
        if not files:
            raise FileNotFoundError(f"no files in the folder {text}")
    elif path.exists():
        files = [path]
    else:
        files = sorted(found for found in map(Path, glob.glob(text, recursive=True)) if found.is_file())  # noqa: PTH207
        if not files:
            what = "no file matches" if glob.has_magic(text) else "no such file or folder:"
            raise FileNotFoundError(f"{what} {text}")
    return [
        Part(str(file), file, file.stat().st_size if file.is_file() else 0, tables.kind(file.name), field)
        for file in files
    ]


def _below(folder: Path) -> list[Path]:
    files = []
    for parent, folders, names in os.walk(folder, onerror=_raised):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(file for file in files if file.is_file())


def _raised(error: OSError) -> None:
    """A folder that cannot be read is not left out silently."""
    raise error


def _stored(part: Part) -> IO[bytes]:
    if part.path is not None:
        return part.path.open("rb", buffering=ENOUGH)
    if part.name == STDIN:
        return standard_input()
    from wordfield.text.python_docs import python_docs

    return io.BytesIO(python_docs())


def _decompressed(name: str, stored: IO[bytes]) -> IO[bytes]:
    """``stored`` seen through the decompressor that its first bytes, not its name, ask for."""
    source = stored if hasattr(stored, "peek") else io.BufferedReader(stored)  # type: ignore[type-var]
    kind, content = decompressed(name, source, source.peek(HEAD)[:HEAD])
    return io.BufferedReader(content, ENOUGH) if kind else source  # type: ignore[type-var]


def _at_lf(text: bytes) -> list[bytes]:
    pieces = text.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
