"""The parts of a native folder that say what rows are: vectors, n-grams, labels. Each is entries of config.json and
tensors; every claim of the entries is checked against the tensors before anything is made of it.

V rows, D dimensions, P parts of a row, K buckets of n-grams, L labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.table import Classes, FormatError
from wordfield.storage import CENTROIDS, BFloat16, Dense, Float16, Int8, Product, Scaled, Sparse, Storage
from wordfield.text.ngrams import Ngrams

Arrays: TypeAlias = dict[str, NDArray[Any]]
Entries: TypeAlias = dict[str, Any]

LABELS = "classes."
"""What the names of the tensors of labels begin with."""
LOSSES = ("softmax", "hierarchical", "negative", "one-vs-all")
BUCKETS = 2**31 - 1
"""The most that n-grams may fall into."""
KINDS: dict[str, tuple[type[Any], ...]] = {
    "indptr": (np.int32, np.int64),
    "indices": (np.int32, np.int64),
    "buckets": (np.int32, np.int64),
    "halves": (np.float16,),
    "bits": (np.uint16,),
    "bytes": (np.int8,),
    "codes": (np.uint8,),
    "lengths": (np.uint8,),
}
"""What the numbers of a tensor may be; of all others, float32."""
PLAIN: tuple[tuple[str, str, Callable[[NDArray[Any]], Storage]], ...] = (
    ("dense", "vectors", Dense),
    ("float16", "halves", Float16),
    ("bfloat16", "bits", BFloat16),
)
"""Storages of one tensor: what they are called, what it is, and how they are made of it."""


def stored(storage: Storage, prefix: str = "") -> tuple[Entries, Arrays]:
    """What config.json says of a storage, nothing if it is dense, and its tensors."""
    entries, arrays = _stored(storage)
    return entries, {prefix + name: array for name, array in arrays.items()}


def _stored(storage: Storage) -> tuple[Entries, Arrays]:
    match storage:
        case Float16():
            return {"storage": "float16"}, {"halves": storage.codes}
        case BFloat16():
            return {"storage": "bfloat16"}, {"bits": storage.codes}
        case Int8():
            return {"storage": "int8"}, {"scales": storage.scales, "bytes": storage.codes}
        case Product():
            parts: Arrays = {"centroids": storage.centroids, "codes": storage.codes}
            if storage.lengths is not None:
                parts |= {"length_of": storage.lengths[1], "lengths": storage.lengths[0]}
            return {"storage": "product", "part": storage.part}, parts
        case Scaled():
            entries, parts = _stored(storage.rows)
            parts |= {"row_lengths": storage.lengths} | ({} if storage.turn is None else {"turn": storage.turn})
            return entries | {"storage": "scaled", "rows": entries.get("storage", "dense")}, parts
        case Sparse():
            csr = storage.matrix
            wide = sorted([("indptr", csr.indptr), ("indices", csr.indices)], key=lambda part: -part[1].itemsize)
            return {"storage": "sparse"}, dict(wide) | {"data": csr.data}
    return {}, {"vectors": storage.matrix}


def storage(path: Path, entries: Entries, arrays: Arrays, shape: tuple[int, int], prefix: str = "") -> Storage:
    """The storage that ``entries`` speak of, whose tensors are taken out of ``arrays``."""
    kind = entries.pop("storage", "dense")

    def taken(name: str, axes: int) -> NDArray[Any]:
        return _taken(path, arrays, prefix, name, axes)

    for known, name, made in PLAIN:
        if kind == known:
            return made(_shaped(path, prefix + name, taken(name, 2), shape))
    if kind == "sparse":
        return _sparse(path, [taken(name, 1) for name in ("indptr", "indices", "data")], shape)
    if kind == "int8":
        scales = _shaped(path, prefix + "scales", taken("scales", 1), shape[:1])
        return Int8(_shaped(path, prefix + "bytes", taken("bytes", 2), shape), _sound(path, prefix + "scales", scales))
    if kind == "product":
        apart = any(prefix + name in arrays for name in ("lengths", "length_of"))
        return _product(path, entries.pop("part", None), taken, shape, apart)
    if kind == "scaled" and (rows := entries.pop("rows", None)) in ("dense", "product"):
        inner = storage(path, entries | {"storage": rows}, arrays, shape, prefix)
        entries.pop("part", None)
        lengths = _shaped(path, prefix + "row_lengths", taken("row_lengths", 1), shape[:1])
        turn = _turn(path, taken("turn", 2), shape[1]) if prefix + "turn" in arrays else None
        return Scaled(inner, _sound(path, prefix + "row_lengths", lengths), turn)  # type: ignore[arg-type]
    raise FormatError(
        f'{path.parent / "config.json"}: "storage" is {kind!r}: float16, bfloat16, int8, product, scaled (of dense or '
        "product), sparse or identity (of as many words) is read"
    )


def _product(
    path: Path, part: Any, taken: Callable[[str, int], NDArray[Any]], shape: tuple[int, int], apart: bool
) -> Product:
    rows, dim = shape
    if type(part) is not int or part < 1:
        raise FormatError(f'{path.parent / "config.json"}: "part" is {part!r}: numbers in a part of a row, 1 or more')
    codes = _shaped(path, "codes", taken("codes", 2), (rows, -(-dim // part)))
    centroids = _sound(path, "centroids", _shaped(path, "centroids", taken("centroids", 1), (CENTROIDS * dim,)))
    if not apart:
        return Product(codes, centroids, part)
    lengths = _shaped(path, "lengths", taken("lengths", 1), (rows,))
    length_of = _sound(path, "length_of", _shaped(path, "length_of", taken("length_of", 1), (CENTROIDS,)))
    return Product(codes, centroids, part, (lengths, length_of))


def _turn(path: Path, turn: NDArray[Any], dim: int) -> NDArray[Any]:
    flat = _sound(path, "turn", _shaped(path, "turn", turn, (dim, dim)).reshape(-1))
    return flat.reshape(dim, dim)


def _shaped(path: Path, name: str, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.shape != shape:
        raise FormatError(f"{path}: {name} of shape {array.shape}, but config.json says {shape}")
    return array


def _sound(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    finite = np.isfinite(array)
    if not finite.all():
        here = int(finite.argmin())
        raise FormatError(f'{path}: entry {here} of "{name}" is {array[here]}: finite numbers are needed')
    return array


def _taken(path: Path, arrays: Arrays, prefix: str, name: str, axes: int) -> NDArray[Any]:
    """One of the tensors of the vectors."""
    array = arrays.pop(prefix + name, None)
    kinds = KINDS.get(name, (np.float32,))
    if array is None or array.ndim != axes or array.dtype not in kinds:
        what = "is missing" if array is None else f"is {array.dtype} of shape {array.shape}"
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise FormatError(f'{path}: byte 8: the tensor "{prefix}{name}" {what}; {wanted} with {axes} axes is needed')
    return array


def _sparse(path: Path, parts: list[NDArray[Any]], shape: tuple[int, int]) -> Sparse:
    """A table of these parts, once it is certain that no index leads elsewhere."""
    from scipy.sparse import csr_array

    indptr, indices, data = parts
    if len(indptr) != shape[0] + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise FormatError(f'{path}: "indptr" does not say where {shape[0]} rows of {len(indices)} entries end')
    if len(data) != len(indices):
        raise FormatError(f'{path}: {len(indices)} "indices", but {len(data)} numbers in "data"')
    if len(indices):
        if indices.min() < 0 or indices.max() >= shape[1]:
            raise FormatError(
                f'{path}: "indices" from {indices.min()} to {indices.max()}, but there are {shape[1]} columns'
            )
        ascending = np.diff(indices) > 0
        ascending[indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < len(indices))] - 1] = True
        if not ascending.all():
            raise FormatError(f'{path}: "indices" do not ascend in each row: byte order or rows are mixed up')
    csr = csr_array((_sound(path, "data", data), indices, indptr), shape=shape)
    csr.has_canonical_format = True
    return Sparse(csr)


def stored_ngrams(ngrams: Ngrams) -> tuple[Entries, Arrays]:
    """What config.json says of n-grams, and the tensor of the buckets that have rows, if not all do."""
    entries = {field.name: getattr(ngrams, field.name) for field in fields(ngrams) if field.name != "kept"}
    if ngrams.listed is None:
        del entries["listed"]
    return entries, {} if ngrams.kept is None else {"buckets": ngrams.kept}


def ngrams(path: Path, entries: Any, arrays: Arrays) -> Ngrams | None:
    """The n-grams that the entry speaks of; its tensor is taken out of ``arrays``."""
    if entries is None:
        return None
    config = path.parent / "config.json"
    known = {field.name: type(field.default) for field in fields(Ngrams) if field.name != "kept"} | {"listed": dict}
    if not isinstance(entries, dict):
        raise FormatError(f'{config}: "ngrams" is {entries!r:.60}, not an object')
    for name, value in entries.items():
        if type(value) is not known.get(name):
            raise FormatError(f'{config}: "ngrams": the entry {name!r} is {value!r:.60}, which no n-grams have')
    if not all(type(bucket) is int for bucket in entries.get("listed", {}).values()):
        raise FormatError(f'{config}: "ngrams": an n-gram that is "listed" has a bucket that is no whole number')
    try:
        found = Ngrams(**entries)
    except ValueError as error:
        raise FormatError(f'{config}: "ngrams": {error}') from error
    if not 0 <= found.bucket <= BUCKETS:
        raise FormatError(f'{config}: "ngrams": {found.bucket} buckets; there are at most {BUCKETS:,}')
    if "buckets" not in arrays:
        return found
    kept = _taken(path, arrays, "", "buckets", 1)
    if len(kept) and (kept.min() < 0 or kept.max() >= found.bucket):
        raise FormatError(f'{path}: "buckets" from {kept.min()} to {kept.max()}, but there are {found.bucket}')
    if len(np.unique(kept)) != len(kept):
        raise FormatError(f'{path}: a bucket stands twice in "buckets"')
    return found.narrowed(kept, found.zeros)


def stored_classes(classes: Classes) -> tuple[Entries, Arrays]:
    """What config.json says of labels, and the tensors of their vectors."""
    kind, arrays = stored(classes.storage, LABELS)
    counts = None if classes.counts is None else classes.counts.tolist()
    entries = {"labels": list(classes.labels), "counts": counts, "loss": classes.loss, "prefix": classes.prefix}
    return entries | kind, arrays


def classes(path: Path, entries: Any, arrays: Arrays, dim: int) -> Classes | None:
    """The labels that the entry speaks of; its tensors are taken out of ``arrays``."""
    if entries is None:
        return None
    match entries:
        case {"labels": list(labels), "counts": given, "loss": loss, "prefix": str(prefix)}:
            pass
        case _:
            raise FormatError(
                f'{path.parent / "config.json"}: "classes" is no object of labels, counts, loss and prefix'
            )
    wrong = next((label for label in labels if not isinstance(label, str)), None)
    if wrong is not None or len(set(labels)) != len(labels):
        what = "one stands twice" if wrong is None else f"one is {wrong!r:.60}"
        raise FormatError(f'{path.parent / "config.json"}: "labels" are different texts, but {what}')
    if loss not in LOSSES:
        raise FormatError(f'{path.parent / "config.json"}: "loss" is {loss!r:.60}; known: {", ".join(LOSSES)}')
    counts = _counts(path, given, len(labels))
    rows = storage(path, entries, arrays, (len(labels), dim), LABELS)
    return Classes(labels, rows, loss, counts, prefix)


def _counts(path: Path, given: Any, size: int) -> NDArray[np.int64] | None:
    if given is None:
        return None
    sound = isinstance(given, list) and len(given) == size
    if not sound or not all(type(count) is int and 0 <= count < 2**63 for count in given):
        raise FormatError(f'{path.parent / "config.json"}: "counts" of labels are {size} whole numbers, or null')
    return np.array(given, np.int64)
