"""Tables of which each row is kept as codes, smaller than its numbers, and decoded where it is asked for.

V rows, D dimensions, n rows asked for, P parts of a row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wordfield.kernels.arrays import gapless
from wordfield.storage.dense import averaged, lengths

FEW = 1 << 16
"""Numbers that are decoded before the kernels that decode many are loaded."""
CENTROIDS = 256
"""Of each part of a row that is kept as codes of a byte."""

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]


class Coded(ABC):
    """A (V, D) table of codes. It reads like an array of float32: ``table[3]``, ``table[3:5]``, ``np.asarray(table)``
    decode what they name, each time anew.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of the codes and of what they stand for."""

    @abstractmethod
    def take(self, rows: ArrayLike) -> Floats:
        """The given rows, decoded, (n, D)."""

    @abstractmethod
    def chosen(self, rows: NDArray[np.int64]) -> Coded:
        """A table of the given rows, as codes."""

    def stretch(self, rows: slice) -> Floats:
        """The rows of a slice, decoded, (n, D)."""
        return self.take(np.arange(*rows.indices(len(self))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.shape[0]} x {self.shape[1]}, {self.nbytes} bytes)"

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Floats:
        if isinstance(rows, slice):
            return self.stretch(rows)
        found = self.take(np.atleast_1d(rows))
        return found if np.ndim(rows) else found[0]

    def __iter__(self) -> Iterator[Floats]:
        for start in range(0, len(self), 4096):
            yield from self[start : start + 4096]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("codes are decoded into a new array: it cannot be had without a copy")
        return self[:].astype(dtype or np.float32, copy=False)

    @property
    def matrix(self) -> Coded:
        """The table itself, which reads like an array."""
        return self

    def mean(self, rows: ArrayLike) -> Floats:
        """The mean of the given rows, (D,); zeros where no row is given."""
        return averaged(self.take(rows))

    @cached_property
    def norms(self) -> Floats:
        """Euclidean length of every row (V,) as it is decoded, computed once, block by block."""
        return lengths(self)


class Multiplied(Coded):
    """Codes that are multiplied as they are."""

    @abstractmethod
    def decoded(self) -> Floats:
        """All rows, decoded, (V, D)."""

    @abstractmethod
    def chosen(self, rows: NDArray[np.int64] | slice) -> Multiplied:
        """A table of the given rows, as codes; of those of a slice not copied."""

    @abstractmethod
    def products(self, vectors: Floats) -> Floats:
        """The products of vectors (Q, D) with all rows, (Q, V): for a few vectors sooner than decoding the rows."""

    def take(self, rows: ArrayLike) -> Floats:
        """The given rows, decoded, (n, D)."""
        return self.chosen(np.asarray(rows, dtype=np.int64)).decoded()

    def stretch(self, rows: slice) -> Floats:
        """The rows of a slice, decoded, (n, D)."""
        return self.chosen(rows).decoded()


class _Halves(Multiplied):
    """A (V, D) table of numbers of 16 bits."""

    codes: NDArray[Any]

    @property
    @abstractmethod
    def bits(self) -> NDArray[np.uint16] | NDArray[np.int16]:
        """The numbers as kernels take them, without gaps between them."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def nbytes(self) -> int:
        """Two a number."""
        return self.codes.nbytes

    def decoded(self) -> Floats:
        """All rows, decoded, (V, D)."""
        from wordfield.kernels.coded import widened

        rows = np.empty(self.shape, np.float32)
        widened(self.bits, np.ones(1, np.float32), rows)
        return rows

    def products(self, vectors: Floats) -> Floats:
        """The products of vectors (Q, D) with all rows, (Q, V)."""
        from wordfield.kernels.coded import products

        found = np.empty((len(vectors), len(self)), np.float32)
        products(self.bits, vectors, found)
        return found


@final
class Float16(_Halves):
    """A (V, D) table of numbers of 16 bits: 11 of them for the digits, up to 65,504."""

    def __init__(self, codes: NDArray[np.float16]) -> None:
        if codes.ndim != 2 or codes.dtype != np.float16:
            raise ValueError(f"a table of float16 has 2 axes, not {codes.dtype} of shape {codes.shape}")
        self.codes = codes

    @property
    def bits(self) -> NDArray[np.uint16]:
        """The numbers as kernels take them, without gaps between them."""
        return gapless(self.codes).view(np.uint16)

    def chosen(self, rows: NDArray[np.int64] | slice) -> Float16:
        """A table of the given rows; of those of a slice not copied."""
        return Float16(self.codes[rows])


@final
class BFloat16(_Halves):
    """A (V, D) table of numbers of 16 bits that are the first half of a float32: 8 bits for the digits, as far as a
    float32 goes. NumPy has no such numbers, so ``codes`` (V, D) are their bits, uint16.
    """

    def __init__(self, codes: NDArray[np.uint16]) -> None:
        if codes.ndim != 2 or codes.dtype != np.uint16:
            raise ValueError(f"a table of bfloat16 is uint16 with 2 axes, not {codes.dtype} of shape {codes.shape}")
        self.codes = codes

    @property
    def bits(self) -> NDArray[np.int16]:
        """The numbers as kernels take them, without gaps between them."""
        return gapless(self.codes).view(np.int16)

    def decoded(self) -> Floats:
        """All rows, decoded, (V, D); of few rows without the kernel."""
        if self.codes.size <= FEW:
            return (self.codes.astype(np.uint32) << np.uint32(16)).view(np.float32)
        return super().decoded()

    def chosen(self, rows: NDArray[np.int64] | slice) -> BFloat16:
        """A table of the given rows; of those of a slice not copied."""
        return BFloat16(self.codes[rows])


@final
class Int8(Multiplied):
    """A (V, D) table of whole numbers from -127 to 127, and what the 1 of each row stands for: scales (V,) float32."""

    def __init__(self, codes: NDArray[np.int8], scales: Floats) -> None:
        if codes.ndim != 2 or codes.dtype != np.int8 or scales.shape != codes.shape[:1]:
            raise ValueError(
                f"codes are int8 with 2 axes and have a scale a row, not {codes.dtype} of shape {codes.shape} with "
                f"scales of shape {scales.shape}"
            )
        self.codes, self.scales = codes, scales

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def nbytes(self) -> int:
        """One a number, and four a row."""
        return self.codes.nbytes + self.scales.nbytes

    def decoded(self) -> Floats:
        """All rows, decoded, (V, D)."""
        from wordfield.kernels.coded import widened

        rows = np.empty(self.shape, np.float32)
        widened(gapless(self.codes), gapless(self.scales.astype(np.float32, copy=False)), rows)
        return rows

    def chosen(self, rows: NDArray[np.int64] | slice) -> Int8:
        """A table of the given rows; of those of a slice not copied."""
        return Int8(self.codes[rows], self.scales[rows])

    def products(self, vectors: Floats) -> Floats:
        """The products of vectors (Q, D) with all rows, (Q, V)."""
        from wordfield.kernels.coded import products

        found = np.empty((len(vectors), len(self)), np.float32)
        products(gapless(self.codes), vectors, found)
        found *= self.scales
        return found


@final
class Product(Multiplied):
    """A (V, D) table of which each row is kept as codes of its parts: product quantisation (Jégou, Douze and Schmid
    2011).

    A row is cut into parts of ``part`` numbers, the last perhaps shorter; of each part only the number of the nearest
    of 256 centroids is kept. codes: (V, P) uint8; centroids: (256 D,) float32, those of a part after those of the part
    before, as in fastText. lengths: (V,) uint8 and the (256,) float32 that they stand for, by which rows are
    multiplied that were brought to unit length first.
    """

    def __init__(self, codes: Codes, centroids: Floats, part: int, lengths: tuple[Codes, Floats] | None = None) -> None:
        self.codes, self.part, self.lengths = codes, part, lengths
        self.centroids: Floats = gapless(np.require(centroids, np.float32, ["A"]))
        dim = centroids.size // CENTROIDS
        if part < 1 or centroids.size % CENTROIDS or codes.ndim != 2 or codes.shape[1] != -(-dim // part):
            raise ValueError(
                f"codes of shape {codes.shape} and {centroids.size} numbers of centroids do not go together in parts "
                f"of {part}: a row has one code a part, and a part {CENTROIDS} centroids"
            )
        if lengths is not None and (lengths[0].shape != codes.shape[:1] or lengths[1].shape != (CENTROIDS,)):
            raise ValueError(
                f"lengths of shape {lengths[0].shape} with a table of shape {lengths[1].shape}, for {len(codes)} rows: "
                f"a row has one, of {CENTROIDS} to choose from"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and dimensions (V, D)."""
        return self.codes.shape[0], self.centroids.size // CENTROIDS

    @property
    def nbytes(self) -> int:
        """One a part and, where they are apart, one a length; and the centroids."""
        return self.codes.nbytes + self.centroids.nbytes + sum(each.nbytes for each in self.lengths or ())

    def decoded(self) -> Floats:
        """All rows, decoded, (V, D)."""
        from wordfield.kernels.quantizing import decode

        rows = np.empty(self.shape, np.float32)
        decode(gapless(self.codes), self.centroids, self.part, rows)
        if self.lengths is not None:
            rows *= self.lengths[1][self.lengths[0]][:, None]
        return rows

    def products(self, vectors: Floats) -> Floats:
        """The products of vectors (Q, D) with all rows, (Q, V): those with the centroids, added up row by row."""
        from wordfield.kernels.coded import centroid_products, looked_up

        table = np.empty((len(vectors), self.codes.shape[1], CENTROIDS), np.float32)
        centroid_products(vectors, self.centroids, self.part, table)
        found = np.empty((len(vectors), len(self)), np.float32)
        looked_up(gapless(self.codes), table, found)
        if self.lengths is not None:
            found *= self.lengths[1][self.lengths[0]]
        return found

    def chosen(self, rows: NDArray[np.int64] | slice) -> Product:
        """A table of the given rows, of those of a slice not copied; the centroids stay."""
        apart = None if self.lengths is None else (self.lengths[0][rows], self.lengths[1])
        return Product(self.codes[rows], self.centroids, self.part, apart)
