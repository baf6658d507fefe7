"""Arrays in the safetensors layout, written in a stream and mapped into memory rather than read.

Layout (huggingface.co/docs/safetensors): 8 bytes header length, little-endian; the header, JSON: name -> dtype, shape,
[begin, end) in the data; the data, without gaps. The header is padded with spaces so that the data, and so the first
tensor, starts at a multiple of 64 bytes. Written here rather than by the library because that copies every array before
it writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

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


def write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the arrays in the order given, 16 MiB at a time: one mapped from another file is never read whole."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    header: dict[str, Any] = {}
    end = 0
    for name, array in arrays.items():
        dtype = array.dtype.newbyteorder("<")
        if dtype not in names:
            raise FormatError(
                f"the array {name!r} has dtype {array.dtype}, which a safetensors file does not hold here"
            )
        header[name] = {"dtype": names[dtype], "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    with path.open("xb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            flat = np.ascontiguousarray(array).reshape(-1)
            step = STEP // array.itemsize
            for start in range(0, flat.size, step):
                piece = flat[start : start + step].astype(array.dtype.newbyteorder("<"), copy=False)
                stream.write(piece.view(np.uint8).data)


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file, mapped read-only; each claim of the header is checked first. ``FormatError`` names file and
    byte.
    """
    size = path.stat().st_size
    header, begin = _header(path, size)
    found: dict[str, NDArray[Any]] = {}
    here = begin
    for name, entry in sorted(header.items(), key=lambda item: _offsets(item[1])):
        dtype, shape, start, end = _checked(path, name, entry)
        if begin + start != here:
            raise FormatError(
                f"{path}: byte {here}: tensor {name!r} starts at byte {begin + start}: tensors overlap or leave a gap"
            )
        here = begin + end
        if here > size:
            raise FormatError(f"{path}: truncated: tensor {name!r} ends at byte {here}, the file at byte {size}")
        found[name] = _mapped(path, dtype, shape, begin + start)
    if here != size:
        raise FormatError(f"{path}: byte {here}: {size - here} bytes follow the last tensor")
    return {name: found[name] for name in header}


def _header(path: Path, size: int) -> tuple[dict[str, Any], int]:
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
    header.pop("__metadata__", None)
    return header, 8 + length


def _offsets(entry: Any) -> tuple[int, int]:
    match entry:
        case {"data_offsets": [int(start), int(end)]}:
            return start, end
    return -1, -1


def _checked(path: Path, name: str, entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    start, end = _offsets(entry)
    match entry:
        case {"dtype": str(kind), "shape": list(shape)} if 0 <= start <= end:
            if kind not in DTYPES:
                raise FormatError(f"{path}: byte 8: tensor {name!r} has dtype {kind}; read here: {', '.join(DTYPES)}")
            if (
                all(isinstance(axis, int) and axis >= 0 for axis in shape)
                and prod(shape) * DTYPES[kind].itemsize == end - start
            ):
                return DTYPES[kind], tuple(shape), start, end
    raise FormatError(f"{path}: byte 8: the header's entry for tensor {name!r} contradicts itself: {str(entry)[:200]}")


def _mapped(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> NDArray[Any]:
    if prod(shape) == 0:
        return np.empty(shape, dtype=dtype)
    mapped = np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape).view(np.ndarray)
    return mapped if mapped.flags.aligned else mapped.copy()
