r"""Files of one array as NumPy's ``save`` writes them (``.npy``), mapped into memory rather than read.

The six bytes ``\x93NUMPY``, two of version, the size of the header in 2 bytes (version 1) or 4, little-endian; the
header, a Python dictionary of descr, fortran_order and shape; the numbers. The header is matched, not evaluated, and
believed once the file has as many bytes as it promises; an array of objects, which are pickled, is refused.
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import files
from wordfield.formats.table import FormatError
from wordfield.storage import Dense

MAGIC = b"\x93NUMPY"
FIXED = 12
"""Bytes of magic, version and the size of the header, where that takes 4."""
HEADER = re.compile(
    rb"\{'descr': '(?P<descr>[^']{1,99})', 'fortran_order': (?P<turned>True|False), "
    rb"'shape': \((?P<shape>(?:\d{1,18}L?(?:, \d{1,18}L?){0,9},?)?)\),? *\}\s*"
)
KIND = re.compile(r"[<>=|]?(f[248]|[iu][1248])")
"""Whole numbers and fractions, of either order of bytes."""


def mapped(path: Path, axes: int, kinds: str = "f") -> NDArray[Any]:
    """The array of a file, mapped read-only; of a packed one unpacked into memory. ``axes``: how many it must have.
    ``kinds``: what numbers it may hold, of f (fractions), i and u (whole).

    ``FormatError`` for a file that is missing, damaged, or holds anything else.
    """
    if not path.is_file():
        raise FormatError(f"{path}: missing; it holds a part of the model, and goes where the rest of it goes")
    with files.opened(path) as (stream, limit):
        found, begin = _header(path, stream)
        data = None if files.mapped(stream) else stream.read()
    descr, shape = found["descr"].decode("latin-1"), tuple(int(each) for each in re.findall(rb"\d+", found["shape"]))
    dtype = number(descr)
    if dtype is None or dtype.kind not in kinds or len(shape) != axes:
        what = "objects, which would have to be unpickled, and no file is" if "O" in descr else f"{descr!r:.60}"
        raise FormatError(
            f"{path}: byte {FIXED}: an array of {what}, of shape {shape}: numbers ({kinds}) with {axes} axes are needed"
        )
    size, left = dtype.itemsize * prod(shape), limit - begin if data is None else len(data)
    if size != left:
        what = "truncated" if size > left else "damaged"
        raise FormatError(f"{path}: byte {begin}: {what}: {descr} of shape {shape} takes {size} bytes, {left} are left")
    order: Literal["F", "C"] = "F" if found["turned"] == b"True" else "C"
    if not size:
        return np.empty(shape, dtype)
    if data is not None:
        return np.frombuffer(data, dtype).reshape(shape, order=order)
    return np.asarray(np.memmap(path, dtype, "r", begin, shape, order))


def number(descr: str) -> np.dtype[Any] | None:
    """The kind of numbers that a description such as "<f4" stands for; None where it is no number."""
    return np.dtype(descr) if KIND.fullmatch(descr) else None


def dense(vectors: NDArray[Any]) -> Dense:
    """An array as a table of float32: copied only where its numbers are others or stand at odd places."""
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large for float32 becomes infinite
        return Dense(vectors if vectors.flags.aligned else vectors.copy())


def write(stream: BinaryIO, dtype: str, shape: tuple[int, ...]) -> None:
    """What stands before the numbers of an array, which come next."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).replace("}", ", }").encode()
    text += b" " * (-(len(MAGIC) + 4 + len(text) + 1) % 64) + b"\n"
    stream.write(MAGIC + b"\1\0" + len(text).to_bytes(2, "little") + text)


def _header(path: Path, stream: IO[bytes]) -> tuple[re.Match[bytes], int]:
    """The header, and the byte at which the numbers begin."""
    start = stream.read(len(MAGIC) + 2)
    if start[:-2] != MAGIC or start[-2] not in (1, 2, 3):
        raise FormatError(f"{path}: byte 0: {start!r}; a file of an array begins with {MAGIC!r} and version 1 to 3")
    wide = 2 if start[-2] == 1 else 4
    size = int.from_bytes(stream.read(wide), "little")
    text = stream.read(min(size, 1 << 16))
    found = HEADER.fullmatch(text)
    if found is None or len(text) != size:
        raise FormatError(f"{path}: byte {len(MAGIC) + 2}: a damaged header, or no array of numbers: {text[:90]!r}")
    return found, len(MAGIC) + 2 + wide + size
