"""A classifier that takes no more room than it may: its rows as codes, and only so many of them as fit."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from wordfield import compression, formats
from wordfield.formats.table import Table
from wordfield.storage import CENTROIDS, Product, Sparse, Storage

PathLike: TypeAlias = str | os.PathLike[str]

PART = 2
"""Numbers of a row that share a byte."""
AGAIN = 8
"""How often fewer rows are tried, where what is written is larger than was foreseen."""
UNITS = {"K": 1_000, "M": 1_000_000, "G": 1_000_000_000}


class TooLarge(ValueError):
    """Nothing of a model is small enough."""


def fitting(table: Table, limit: int, target: PathLike, seed: int = 1) -> Table:
    """The table as it is, if it takes at most ``limit`` bytes where it is written as ``target``; else its rows as codes
    (product quantisation with norms), and so many n-grams, those with the longest vectors, as there is room for; if
    need be fewer words, and codes for the labels, too. ``TooLarge`` where all that is not enough.
    """
    if stored_size(table, target) <= limit:
        return table
    least = math.inf
    for output, part, most in _cuts(table):
        cut = partial(_cut, table, part)
        smallest = _expected(table, cut(1), output, target)
        least = min(least, smallest)
        if smallest > limit:
            continue
        keep, each = most, 1.0
        if _expected(table, cut(most), output, target) > limit:
            # Files of fastText hold all buckets or a list of some, so that the size of all is not on the line.
            few = max(most - 1, 2)
            each = max(_expected(table, cut(few), output, target) - smallest, 1) / (few - 1)
            keep = max(1, min(most - 1, 1 + int((limit - smallest) / each)))
        for _ in range(AGAIN):
            codes: dict[str, Any] = {"part": PART, "norms": True, "output": output, "seed": seed}
            found = compression.compressed(table, "product", **codes, **cut(keep))
            over = stored_size(found, target) - limit
            if over <= 0:
                return found
            keep = max(1, keep - math.ceil(over / each))
    raise TooLarge(f"{limit:,} bytes are too few: the least that this model can be made to take is {least:,.0f}")


def stored_size(table: Table, target: PathLike) -> int:
    """Bytes of the file, or of the files of the folder, that the table is written to by the name ``target``."""
    with tempfile.TemporaryDirectory(prefix="wordfield-") as folder:
        formats.save(table, Path(folder) / "model", formats.chosen(table, target))
        return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())


def size_of(table: Table) -> int:
    """Bytes of the vectors of a model, those of its labels too."""
    storages = [table.storage] if table.classes is None else [table.storage, table.classes.storage]
    return sum(map(_numbers, storages))


def bytes_of(size: str | int) -> int:
    """A number of bytes: 2000000, 2000K or 2M, as fastText's -autotune-modelsize."""
    text = str(size)
    unit = UNITS.get(text[-1:].upper(), 1)
    try:
        found = round(float(text if unit == 1 else text[:-1]) * unit)
    except (ValueError, OverflowError):
        found = 0
    if found < 1:
        raise ValueError(f"a size is a number of bytes, with K, M or G for thousands, as in 2M; not {size!r}")
    return found


def _cuts(table: Table) -> Iterator[tuple[bool, str, int]]:
    """What may be cut, what costs least first: whether the labels are codes, of what fewer are kept, and of how
    many.
    """
    ngrams = _ngrams(table)
    for output in (False, True):
        if ngrams:
            yield output, "max_ngrams", ngrams
        yield output, "max_words", len(table.words)


def _cut(table: Table, part: str, keep: int) -> dict[str, Any]:
    """``keep`` n-grams; or words, with one n-gram if there are any."""
    one = {"max_ngrams": 1} if part == "max_words" and _ngrams(table) else {}
    return {part: keep} | one


def _ngrams(table: Table) -> int:
    """N-grams that have rows, without the one of zeros."""
    return 0 if table.ngrams is None else max(0, table.ngrams.rows - table.ngrams.zeros)


def _expected(table: Table, cut: dict[str, Any], output: bool, target: PathLike) -> int:
    """Bytes that the table will take as codes, which need not be found for that."""
    pruned = compression.compressed(table, None, **cut)
    if output and pruned.classes is not None:
        codes = _blank(pruned.classes.storage, compression.OUTPUT_PART)
        pruned = replace(pruned, classes=replace(pruned.classes, storage=codes))
    return stored_size(replace(pruned, storage=_blank(pruned.storage, PART)), target)


def _blank(storage: Storage, part: int) -> Product:
    """As much room as the codes of a storage take."""
    rows, dim = storage.shape
    lengths = np.zeros(rows, np.uint8), np.zeros(CENTROIDS, np.float32)
    return Product(np.zeros((rows, -(-dim // part)), np.uint8), np.zeros(CENTROIDS * dim, np.float32), part, lengths)


def _numbers(storage: Storage) -> int:
    if isinstance(storage, Sparse):
        return sum(part.nbytes for part in (storage.matrix.data, storage.matrix.indices, storage.matrix.indptr))
    rows, dim = storage.shape
    return int(getattr(storage, "nbytes", 4 * rows * dim))
