"""The bytes of a binary file one part after the other; nothing is taken, and nothing allocated, that is not there."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, final

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.files import mapped, opened
from wordfield.formats.table import FormatError


@contextmanager
def _raw(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """A file as it is, and how many bytes it has."""
    with path.open("rb") as stream:
        yield stream, path.stat().st_size


@final
class Source:
    """The bytes of a file, mapped where it is not packed; nothing is taken that is not there. ``raw``: a packed file is
    taken as it is.
    """

    def __init__(self, path: Path, raw: bool = False) -> None:
        self.path, self.here = path, 0
        self.data: bytes | mmap.mmap
        with _raw(path) if raw else opened(path) as (stream, size):
            if raw or mapped(stream):
                self.data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            else:
                self.data = stream.read()
            self.status = path.stat()

    def wrong(self, what: str, byte: int | None = None) -> FormatError:
        """The error to raise about a byte, unless another is given that which comes next."""
        return FormatError(f"{self.path}: byte {self.here if byte is None else byte}: {what}")

    def step(self, size: int, what: str) -> int:
        """Where the next ``size`` bytes begin, which are then behind."""
        begin, left = self.here, len(self.data) - self.here
        if size > left:
            raise self.wrong(f"truncated or damaged: {what} would take {size} bytes, {left} are left")
        self.here += size
        return begin

    def peek(self, kind: struct.Struct, offset: int = 0) -> tuple[Any, ...] | None:
        """The numbers that stand ``offset`` bytes further, if the file has them."""
        begin = self.here + offset
        return kind.unpack_from(self.data, begin) if begin + kind.size <= len(self.data) else None

    def numbers(self, kind: struct.Struct, what: str) -> tuple[Any, ...]:
        """The next numbers."""
        return kind.unpack_from(self.data, self.step(kind.size, what))

    def flag(self, what: str) -> bool:
        """The next byte, 0 or 1."""
        begin = self.step(1, what)
        if self.data[begin] > 1:
            raise self.wrong(f"{what} is {self.data[begin]}; 0 or 1 is needed: damaged", begin)
        return self.data[begin] == 1

    def array(self, dtype: str, shape: tuple[int, ...], what: str) -> NDArray[Any]:
        """The next numbers as an array, not copied."""
        count = int(np.prod(shape, dtype=object))
        begin = self.step(count * np.dtype(dtype).itemsize, what)
        return np.frombuffer(self.data, dtype, count, begin).reshape(shape) if count else np.empty(shape, dtype)

    def unchanged(self) -> None:
        """``FormatError`` for a file that has changed since it was opened; one that another has replaced is whole."""
        now, before = self.path.stat(), self.status
        same = (now.st_dev, now.st_ino) == (before.st_dev, before.st_ino)
        if same and (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise FormatError(f"{self.path}: changed while it was read: read it when it is complete")

    def end(self) -> None:
        """Refuse what follows, and a file that has changed meanwhile."""
        self.unchanged()
        if self.here != len(self.data):
            raise self.wrong(f"{len(self.data) - self.here} bytes follow the model: damaged")
