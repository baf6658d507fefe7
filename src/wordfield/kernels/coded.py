"""Products of the rows of a table with a few vectors, made of what the table keeps: float32, numbers of 16 bits, bytes,
or the codes of parts of a row.

One vector and a table that is larger than the caches take the time in which the memory gives the table, so what is kept
in fewer bytes is multiplied sooner. Nothing is widened but in registers. Codes of parts are not decoded: the product of
a row is the sum of the products of its centroids, and these are few, so they are looked up (Jégou, Douze and Schmid
2011, section III.A, "asymmetric distance computation").

R rows, D dimensions, Q vectors, P parts of a row, K centroids of a part. Rows of 16 bits come as uint16, the bits of
float16, or as int16, those of bfloat16, which are the first half of a float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from wordfield.kernels import llvm, llvm_coded
from wordfield.kernels.jit import kernel

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]
Rows = NDArray[Any]


def _floats(row: Rows) -> Floats:
    if row.dtype == np.int16:
        return (row.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    return (row.view(np.float16) if row.dtype == np.uint16 else row).astype(np.float32)


@llvm.lowered(types.float64, llvm_coded.dot)
def row_dot(rows: Rows, row: int, vector: Floats, dim: int) -> float:
    """The product of rows[row] (D,) and a vector (D,), summed in float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(_floats(rows[row]) @ vector)


@llvm.lowered(types.void, llvm_coded.widen)
def row_widen(rows: Rows, row: int, scale: float, dim: int, out: Floats) -> None:
    """out[row] = scale * rows[row]."""
    with np.errstate(over="ignore", invalid="ignore"):
        out[row] = _floats(rows[row]) * np.float32(scale)


@kernel
def products(rows: Rows, vectors: Floats, out: Floats) -> None:
    """The products of rows (R, D), float32, uint16, int16 or int8, with vectors (Q, D): out (Q, R). No row has gaps."""
    dim = vectors.shape[1]
    for i in range(len(rows)):
        for q in range(len(vectors)):
            out[q, i] = row_dot(rows, i, vectors[q], dim)


@kernel
def widened(rows: Rows, scales: Floats, out: Floats) -> None:
    """Rows (R, D), uint16, int16 or int8, times scales (R,), or all with the one of scales (1,): out (R, D)."""
    step = min(1, len(scales) - 1)
    for i in range(len(rows)):
        row_widen(rows, i, scales[i * step], rows.shape[1], out)


@kernel
def centroid_products(vectors: Floats, centroids: Floats, part: int, table: Floats) -> None:
    """The products of the parts of vectors (Q, D) with the centroids of each: table (Q, P, K). centroids (K D,), part
    after part, each (K, d), d = ``part`` or, of the last, what is left of D.
    """
    dim, size = vectors.shape[1], table.shape[2]
    for q in range(len(vectors)):
        for p in range(table.shape[1]):
            first = p * part
            width = min(part, dim - first)
            for k in range(size):
                at = first * size + k * width
                total = np.float32(0)
                for j in range(width):
                    total += vectors[q, first + j] * centroids[at + j]
                table[q, p, k] = total


@kernel
def looked_up(codes: Codes, table: Floats, out: Floats) -> None:
    """The sum of what is looked up for each part of a row: codes (R, P), table (Q, P, K), out (Q, R)."""
    for q in range(len(table)):  # one after the other: what is looked up for one vector stays in the cache
        for i in range(len(codes)):
            row = codes[i]
            total = np.float32(0)
            for p in range(len(row)):
                total += table[q, p, row[p]]
            out[q, i] = total
