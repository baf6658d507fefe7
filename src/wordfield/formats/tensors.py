"""Arrays in the safetensors layout, written in a stream and mapped into memory rather than read.

Layout (huggingface.co/docs/safetensors): 8 bytes header length, little-endian; the header, JSON: name -> dtype, shape,
[begin, end) in the data; the data, without gaps. The header is padded with spaces so that the data, and so the first
tensor, or the one named, starts at a multiple of 64 bytes. Written here rather than by the library because that copies
every array before it writes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import FormatError

ALIGNMENT = 64
LONGEST_HEADER = 100_000_000
STEP = 1 << 24
DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
BFLOAT16 = "BF16"
"""The first half of a float32; NumPy has no such numbers: their bits are uint16."""
ITEMSIZES = {kind: dtype.itemsize for kind, dtype in DTYPES.items()} | {BFLOAT16: 2}


class Entry(NamedTuple):
    """A tensor of a file: what its numbers are, their shape, and the byte at which they begin."""

    path: Path
    kind: str
    shape: tuple[int, ...]
    begin: int
    strides: tuple[int, ...] | None = None
    """How many numbers lie from one to the next along each axis; None: they lie in the order of the rows."""


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a new file of the arrays, see ``write_to``."""
    with path.open("xb") as stream:
        write_to(stream, arrays)


def write_to(
    stream: IO[bytes],
    arrays: Mapping[str, NDArray[Any]],
    metadata: Mapping[str, str] | None = None,
    aligned: str | None = None,
    bfloat16: Collection[str] = (),
) -> None:
    """Write the arrays in the order given, 16 MiB at a time: one mapped from another file is never read whole.

    ``metadata``: texts that the header keeps by their names. ``aligned``: the array that starts at a multiple of 64
    bytes; the first if none is named. ``bfloat16``: those of uint16 that are the bits of such numbers.
    """
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    begin = end = 0
    for name, array in arrays.items():
        begin = end if name == aligned else begin
        dtype = array.dtype.newbyteorder("<")
        if dtype not in names:
            raise FormatError(
                f"the array {name!r} has dtype {array.dtype}, which a safetensors file does not hold here"
            )
        kind = BFLOAT16 if name in bfloat16 else names[dtype]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text) + begin) % ALIGNMENT)
    if len(text) > LONGEST_HEADER:
        raise FormatError(f"a header of {len(text)} bytes: a safetensors file has at most {LONGEST_HEADER:,}")
    stream.write(len(text).to_bytes(8, "little") + text)
    for array in arrays.values():
        for piece in _pieces(array):
            stream.write(piece.astype(array.dtype.newbyteorder("<"), copy=False).view(np.uint8).data)


def _pieces(array: Any) -> Iterator[NDArray[Any]]:
    """The numbers of an array, or of a table that makes its rows when they are read, some MiB at a time."""
    made = not isinstance(array, np.ndarray)
    flat = array if made else np.ascontiguousarray(array).reshape(-1)
    step = max(1, STEP // (array.dtype.itemsize * (array.shape[1] if made else 1)))
    for start in range(0, len(flat), step):
        yield flat[start : start + step].reshape(-1)


def metadata(path: Path) -> dict[str, str]:
    """The texts that the header of a file keeps besides its tensors."""
    kept = _header(path, path.stat().st_size)[2]
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise FormatError(f'{path}: byte 8: "__metadata__" is {str(kept)[:60]}; texts by their names are needed')
    return kept


def read(path: Path, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a file, or those of these ``names`` that it has, mapped read-only; each claim of the header is
    checked first. ``FormatError`` names file and byte. Numbers of BF16 are not mapped but made float32.
    """
    return {name: numbers(name, entry) for name, entry in entries(path).items() if names is None or name in names}


def entries(path: Path) -> dict[str, Entry]:
    """The tensors of a file; each claim of the header is checked. ``FormatError`` names file and byte."""
    size = path.stat().st_size
    header, begin, _ = _header(path, size)
    found: dict[str, Entry] = {}
    here = begin
    for name, entry in sorted(header.items(), key=lambda item: _offsets(item[1])):
        kind, shape, start, end = _checked(path, name, entry)
        if begin + start != here:
            raise FormatError(
                f"{path}: byte {here}: tensor {name!r} starts at byte {begin + start}: tensors overlap or leave a gap"
            )
        here = begin + end
        if here > size:
            raise FormatError(f"{path}: truncated: tensor {name!r} ends at byte {here}, the file at byte {size}")
        found[name] = Entry(path, kind, shape, begin + start)
    if here != size:
        raise FormatError(f"{path}: byte {here}: {size - here} bytes follow the last tensor")
    return {name: found[name] for name in header}


def numbers(name: str, entry: Entry) -> NDArray[Any]:
    """The numbers of a tensor, mapped read-only; those of BF16 made float32."""
    if entry.kind == BFLOAT16:
        wide = bits(entry).astype(np.uint32)
        wide <<= np.uint32(16)
        return wide.view(np.float32)
    if entry.kind not in DTYPES:
        raise FormatError(
            f"{entry.path}: byte 8: tensor {name!r} has dtype {entry.kind}; read here: {', '.join(DTYPES)}, {BFLOAT16}"
        )
    return _mapped(entry, DTYPES[entry.kind])


def bits(entry: Entry) -> NDArray[np.uint16]:
    """The bits of the numbers of a tensor of BF16, mapped read-only."""
    return _mapped(entry, DTYPES["U16"])


def _header(path: Path, size: int) -> tuple[dict[str, Any], int, Any]:
    """The entries of the tensors, the byte at which the data begins, and what else the header keeps."""
    with path.open("rb") as stream:
        first = stream.read(8)
        length = int.from_bytes(first, "little")
        if len(first) < 8 or length > min(size - 8, LONGEST_HEADER):
            raise FormatError(
                f"{path}: byte 0: no safetensors file, or truncated: a header of {length} bytes in a file of {size}"
            )
        text = stream.read(length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: byte 8: the header is not JSON ({error})") from error
    if not isinstance(header, dict):
        raise FormatError(f"{path}: byte 8: the header is not a JSON object")
    return header, 8 + length, header.pop("__metadata__", {})


def _offsets(entry: Any) -> tuple[int, int]:
    match entry:
        case {"data_offsets": [int(start), int(end)]}:
            return start, end
    return -1, -1


def _checked(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    start, end = _offsets(entry)
    match entry:
        case {"dtype": str(kind), "shape": list(shape)} if 0 <= start <= end:
            itemsize = ITEMSIZES.get(kind)
            if all(isinstance(axis, int) and axis >= 0 for axis in shape) and (
                itemsize is None or prod(shape) * itemsize == end - start
            ):
                return kind, tuple(shape), start, end
    raise FormatError(f"{path}: byte 8: the header's entry for tensor {name!r} contradicts itself: {str(entry)[:200]}")


def _mapped(entry: Entry, dtype: np.dtype[Any]) -> NDArray[Any]:
    if prod(entry.shape) == 0:
        return np.empty(entry.shape, dtype=dtype)
    flat = entry.shape
    if entry.strides is not None:
        axes = zip(entry.shape, entry.strides, strict=True)
        flat = (1 + sum((length - 1) * stride for length, stride in axes),)
    mapped = np.memmap(entry.path, dtype=dtype, mode="r", offset=entry.begin, shape=flat).view(np.ndarray)
    mapped = mapped if mapped.flags.aligned else mapped.copy()
    if entry.strides is None:
        return mapped
    steps = [stride * dtype.itemsize for stride in entry.strides]
    return np.lib.stride_tricks.as_strided(mapped, entry.shape, steps, writeable=False)
