"""The parts of what gensim saves: the attributes of its objects, their arrays in the pickle or beside it; and the
instructions of pickles that make such an object again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import arrays
from wordfield.formats.restricted_machine import Record
from wordfield.formats.table import FormatError

REMEDY = 'in gensim, kv.save_word2vec_format("vectors.bin", binary=True) writes a file that is read'
RECONSTRUCTED = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
BUFFERED = ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer")
ARRAY, DTYPE, ENCODED = "numpy.ndarray", "numpy.dtype", "_codecs.encode"
BATCH = 1000
STEP = 1 << 24
LARGEST = 2**31 - 1
"""That a setting may be."""


@dataclass(frozen=True)
class Saved:
    """An object of gensim. ``place``: what the names of the files beside it begin with."""

    path: Path
    place: str
    attributes: dict[Any, Any]

    def array(self, name: str, axes: int = 2, kinds: str = "f") -> NDArray[Any] | None:
        """An array that is an attribute, mapped where it lies beside; None where there is none."""
        if self.aside(name):
            if self.path.name.endswith((".gz", ".bz2")):
                raise FormatError(f"{self.path}: {name} lies packed beside it, which is not read: {REMEDY}")
            return arrays.mapped(Path(f"{self.place}.{name}.npy"), axes, kinds)
        value = self.attributes.get(name)
        return None if value is None else array(self.path, name, value, axes, kinds)

    def aside(self, name: str) -> bool:
        """Whether an array lies beside the file."""
        names = self.attributes.get("__numpys")
        return isinstance(names, list) and name in names

    def whole(self, name: str) -> int:
        """An attribute that is a whole number from 0 up."""
        value = self.attributes.get(name)
        if type(value) is not int or not 0 <= value <= LARGEST:
            raise FormatError(f"{self.path}: {name} is {told(value)}, not a whole number from 0 to {LARGEST}")
        return value


def told(value: Any) -> str:
    """What a value is, without all that is in it."""
    if isinstance(value, str):
        return repr(value[:60])
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 64 else "a number of many digits"
    if isinstance(value, Record | float) or value is None:
        return f"{value!r:.100}"
    return f"a {type(value).__name__}"


def array(path: Path, what: str, value: Any, axes: int, kinds: str) -> NDArray[Any]:
    """The array that a pickle would have made, not copied. ``FormatError`` where it is none that is known, or does not
    have as many bytes as it should.
    """
    shape, dtype, turned, data = _parts(value)
    kind = arrays.number(_descr(dtype))
    sound = isinstance(shape, tuple) and all(type(each) is int and 0 <= each < 1 << 63 for each in shape)
    if not sound or kind is None or kind.kind not in kinds or len(shape) != axes:
        raise FormatError(
            f"{path}: {what} is {told(value)} of {_descr(dtype) or 'unknown numbers'}, not an array of numbers "
            f"({kinds}) with {axes} axes that can be had without unpickling: {REMEDY}"
        )
    content = _bytes(data)
    if content is None or len(content) != kind.itemsize * prod(shape):
        raise FormatError(
            f"{path}: {what} of shape {shape} takes {kind.itemsize * prod(shape)} bytes, and there is "
            f"{told(data) if content is None else len(content)}: damaged"
        )
    flat = np.frombuffer(content, kind) if len(content) else np.empty(0, kind)
    return flat.reshape(shape, order="F" if turned else "C")


def _parts(value: Any) -> tuple[Any, Any, bool, Any]:
    """Shape, kind of numbers, whether columns come first, and bytes, as a record has them; None where it is no array
    that is known.
    """
    if isinstance(value, Record):
        match value.name, value.given, value.state:
            case name, tuple(), (_, shape, dtype, turned, data) if name in RECONSTRUCTED:
                return shape, dtype, turned is True, data
            case name, (data, dtype, shape, order, *_), None if name in BUFFERED:
                return shape, dtype, order == "F", data
            case name, (shape, dtype, data), None if name == ARRAY:
                return shape, dtype, False, data
    return None, None, False, None


def _descr(dtype: Any) -> str:
    """A kind of numbers as NumPy writes it: "<f4"."""
    if isinstance(dtype, str):
        return dtype
    if not isinstance(dtype, Record) or dtype.name != DTYPE or not dtype.given or not isinstance(dtype.given[0], str):
        return ""
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 else ""
    return order + dtype.given[0] if isinstance(order, str) else ""


def _bytes(data: Any) -> memoryview | bytes | None:
    """Bytes, in the three ways in which pickles of different ages have them."""
    if isinstance(data, Record) and data.name == ENCODED and data.given and data.given[1:] == ("latin1",):
        data = data.given[0]
    if isinstance(data, str):
        try:
            return data.encode("latin-1")
        except UnicodeEncodeError:
            return None
    return data if isinstance(data, memoryview) else None


def write(stream: IO[bytes], kind: str, words: Sequence[str], attributes: dict[str, Any]) -> None:
    """An object of the class ``kind`` (module and name) with these words and attributes, as a pickle of protocol 5.

    Attributes are whole numbers, True, None, dictionaries of attributes, and arrays: int64, or a storage with its rows.
    """
    stream.write(b"\x80\x05" + _named(kind) + b")\x81}(" + _text("index_to_key") + b"]")
    for some in _batches([_text(word) + b"\x94" for word in words]):  # numbered, to come back to
        stream.write(b"(" + b"".join(some) + b"e")
    stream.write(_text("key_to_index") + b"}")
    for some in _batches([b"j" + _four(row) + b"J" + _four(row) for row in range(len(words))]):
        stream.write(b"(" + b"".join(some) + b"u")
    for name, value in attributes.items():
        stream.write(_text(name))
        for piece in _value(value):
            stream.write(piece)
    stream.write(b"ub.")


def _value(value: Any) -> Iterator[bytes]:
    if value is None or value is True:
        yield b"N" if value is None else b"\x88"
    elif isinstance(value, int):
        yield b"\x8a\x08" + value.to_bytes(8, "little", signed=True)
    elif isinstance(value, dict):
        yield b"}"
        for key, each in value.items():
            yield _text(key)
            yield from _value(each)
            yield b"s"
    elif isinstance(value, np.ndarray):
        yield from _array("<i8", value.shape, [np.ascontiguousarray(value, "<i8")])
    else:
        storage, rows = value
        step = max(1, STEP // max(1, 4 * storage.shape[1]))
        blocks = (storage.take(rows[start : start + step]) for start in range(0, len(rows), step))
        yield from _array("<f4", (len(rows), storage.shape[1]), blocks)


def _array(dtype: str, shape: tuple[int, ...], blocks: Any) -> Iterator[bytes]:
    """An array that Python makes of a bytearray, and that may so be written to."""
    yield _named(ARRAY) + b"(" + b"".join(b"\x8a\x08" + size.to_bytes(8, "little") for size in shape) + b"t"
    yield _text(dtype) + b"\x96" + (np.dtype(dtype).itemsize * prod(shape)).to_bytes(8, "little")
    for block in blocks:
        yield np.ascontiguousarray(block, dtype).tobytes()
    yield b"\x87R"


def _named(name: str) -> bytes:
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    return b"X" + _four(len(raw)) + raw


def _four(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _batches(each: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(each), BATCH):
        yield each[start : start + BATCH]
