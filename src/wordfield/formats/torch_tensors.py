"""Tensors in files of PyTorch, read without it and without unpickling; their numbers stay in the file, mapped.

Two layouts (``torch/serialization.py``). Since PyTorch 1.6 a zip archive, not compressed: ``NAME/data.pkl``, a pickle
in which each tensor is a call of ``_rebuild_tensor_v2`` with a storage, an offset, sizes and strides, and
``NAME/data/KEY`` with the numbers of each storage. Before, pickles one after the other: a magic number, a version, the
machine, the tensors, the keys of the storages, and behind them for each key the count of its numbers and these. A
storage is named by a persistent id: ("storage", its class, its key, its device, its count).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wordfield.formats import restricted
from wordfield.formats.restricted_machine import Record
from wordfield.formats.source import Source
from wordfield.formats.table import FormatError
from wordfield.formats.tensors import ITEMSIZES, Entry

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that the older layout begins with."""
KINDS = {
    "Double": "F64",
    "Float": "F32",
    "Half": "F16",
    "BFloat16": "BF16",
    "Long": "I64",
    "Int": "I32",
    "Short": "I16",
    "Char": "I8",
    "Byte": "U8",
    "Bool": "BOOL",
}
"""What the numbers of a storage are, by the beginning of its class's name."""
TENSORS = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor")
PARAMETER = "torch._utils._rebuild_parameter"
LOCAL = struct.Struct("<26xHH")
"""What stands before a file of an archive, as far as it tells where the file begins."""


class Place(NamedTuple):
    """Where the numbers of a storage are: the byte at which they begin, and how many bytes there are."""

    begin: int
    size: int


def entries(path: Path) -> dict[str, Entry]:
    """The tensors of a file by their names; each claim is checked. ``FormatError`` for a file that is damaged, cut, of
    another kind, or asks for anything but tensors: that is named, and never done.
    """
    source = Source(path, raw=True)
    zipped = bytes(source.data[:2]) == b"PK"
    found, places = _archive(source) if zipped else _sequence(source)
    return dict(_tensors(path, found, places))


def _archive(source: Source) -> tuple[Any, dict[str, Place]]:
    """What the pickle of an archive says, and where the storages are."""
    try:
        with zipfile.ZipFile(source.path) as archive:
            infos = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise FormatError(f"{source.path}: no archive of PyTorch, or truncated ({error})") from error
    pickles = [name for name in infos if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise FormatError(f"{source.path}: {len(pickles)} files data.pkl in the archive; a file of PyTorch has one")
    folder = pickles[0].removesuffix("data.pkl")
    inside = {name.removeprefix(folder): _place(source, info) for name, info in infos.items()}
    order = inside.get("byteorder")
    if order is not None and bytes(source.data[order.begin : order.begin + order.size]) != b"little":
        raise FormatError(f"{source.path}: its numbers are big-endian; only little-endian ones are read")
    place = inside["data.pkl"]
    found, _ = restricted.follow(source, place.begin, place.begin + place.size, persistent=True)
    return found, {name.removeprefix("data/"): each for name, each in inside.items() if name.startswith("data/")}


def _place(source: Source, info: zipfile.ZipInfo) -> Place:
    """Where the bytes of a file in an archive are."""
    if info.compress_type != zipfile.ZIP_STORED:
        raise FormatError(f"{source.path}: {info.filename} is compressed; PyTorch does not compress: save it again")
    if not 0 <= info.header_offset <= len(source.data) - LOCAL.size:
        raise FormatError(f"{source.path}: truncated: {info.filename} begins behind the end")
    name, extra = LOCAL.unpack_from(source.data, info.header_offset)
    begin = info.header_offset + LOCAL.size + name + extra
    if begin + info.file_size > len(source.data):
        raise FormatError(f"{source.path}: truncated: {info.filename} ends behind the end")
    return Place(begin, info.file_size)


def _sequence(source: Source) -> tuple[Any, dict[str, Place]]:
    """What the pickles of the older layout say, and where the storages are."""
    found: list[Any] = []
    here, end = 0, len(source.data)
    for _ in range(5):
        value, here = restricted.follow(source, here, end, persistent=True)
        found.append(value)
        if found[0] != MAGIC:
            raise FormatError(f"{source.path}: byte 0: a pickle, but no file of tensors that PyTorch wrote")
    kinds = dict(_told(source.path, name, tensor)[0][:2] for name, tensor in _named(found[3]))
    places = {}
    for key in found[4] if isinstance(found[4], list) else []:
        if here + 8 > end or key not in kinds:
            raise FormatError(f"{source.path}: byte {here}: truncated or damaged: storage {key!r:.40}")
        count = int.from_bytes(source.data[here : here + 8], "little")
        size = count * ITEMSIZES[kinds[key]]
        if here + 8 + size > end:
            raise FormatError(f"{source.path}: truncated: storage {key} ends at byte {here + 8 + size} of {end}")
        places[key] = Place(here + 8, size)
        here += 8 + size
    return found[3], places


def _tensors(path: Path, value: Any, places: Mapping[str, Place]) -> Iterator[tuple[str, Entry]]:
    """All tensors, checked."""
    for name, tensor in _named(value):
        (key, kind, count), (offset, shape, strides) = _told(path, name, tensor)
        place, numbers = places.get(key), (offset, *shape, *strides)
        if len(shape) != len(strides) or any(type(each) is not int or each < 0 for each in numbers):
            raise FormatError(f"{path}: tensor {name!r} is damaged: sizes {shape!r:.60}, strides {strides!r:.60}")
        last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
        if place is None or place.size < count * ITEMSIZES[kind]:
            raise FormatError(f"{path}: truncated or damaged: storage {key} of tensor {name!r} is not all there")
        if 0 not in shape and last >= count:
            raise FormatError(f"{path}: tensor {name!r} goes beyond its storage of {count} numbers: damaged")
        yield name, Entry(path, kind, tuple(shape), place.begin + offset * ITEMSIZES[kind], tuple(strides))


def _told(path: Path, name: str, tensor: Any) -> tuple[tuple[str, str, int], tuple[int, Any, Any]]:
    """What is said of a tensor: the key, the kind and the count of its storage; its offset, sizes and strides."""
    try:
        storage, offset, shape, strides = _parts(tensor)
        return _storage(storage), (offset, (*shape,), (*strides,))
    except (TypeError, ValueError, IndexError) as error:
        raise FormatError(f"{path}: {name!r:.80} is no tensor but {tensor!r:.80}: nothing else is read") from error


def _named(value: Any) -> Iterator[tuple[str, Any]]:
    """The entries of a dictionary of tensors, or of the one that is in it as "state_dict"."""
    items = value.items if isinstance(value, Record) and value.items is not None else value
    if isinstance(value, Record) and value.items is None and value.name.endswith("OrderedDict"):
        items = {}
    if not isinstance(items, dict):
        raise FormatError(f"no dictionary of tensors but {value!r:.80}: nothing else is read")
    inner = items.get("state_dict")
    if inner is not None:
        yield from _named(inner)
        return
    for name, each in items.items():
        if isinstance(name, str):
            yield name, each


def _parts(tensor: Any) -> tuple[Any, Any, Any, Any]:
    """Storage, offset, sizes and strides of a tensor. ``ValueError`` for what is none."""
    if not isinstance(tensor, Record) or tensor.given is None:
        raise ValueError
    if tensor.name == PARAMETER:
        return _parts(tensor.given[0])
    if tensor.name not in TENSORS:
        raise ValueError
    storage, offset, shape, strides = tensor.given[:4]
    return storage, offset, shape, strides


def _storage(storage: Any) -> tuple[str, str, int]:
    """Key, kind and count of a storage. ``ValueError`` for what is none."""
    if not isinstance(storage, Record) or storage.name != restricted.PERSISTENT or storage.given is None:
        raise ValueError
    word, kind, key, _, count = storage.given[0][:5]
    name = kind.name.rpartition(".")[2].removesuffix("Storage") if isinstance(kind, Record) else ""
    if word != "storage" or name not in KINDS or type(count) is not int or count < 0:
        raise ValueError
    return str(key), KINDS[name], count
