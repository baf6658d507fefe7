"""What the files of fastText and of floret's ``.bin`` are made of: settings, dictionary, and tables as numbers or as
codes; each read only once it is certain that the file has it, and written in blocks.

V words, L labels, D dimensions, B buckets, P parts of a row that is kept as codes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.source import Source
from wordfield.formats.table import FormatError
from wordfield.storage import CENTROIDS, Dense, Product, Storage

Rows = NDArray[np.int64]

ARGS = struct.Struct("<12id")
WHOLE, TOTALS, SHAPE, CODES, QUANTIZER = (struct.Struct(kind) for kind in ("<3i", "<q", "<2q", "<2qi", "<4i"))
STEP = 1 << 21
"""Numbers written at a time."""


class Args(NamedTuple):
    """The settings in a file, in its order."""

    dim: int
    window: int = 5
    epochs: int = 5
    min_count: int = 5
    negatives: int = 5
    word_ngrams: int = 1
    loss: int = 2
    model: int = 2
    bucket: int = 0
    minn: int = 0
    maxn: int = 0
    update: int = 100
    """After how many words a thread of fastText looks at the clock."""
    subsample: float = 1e-4


class Sizes(NamedTuple):
    """What a dictionary says of itself: words and labels together, each of them, tokens, and pairs of kept buckets."""

    entries: int
    words: int
    labels: int
    tokens: int
    pairs: int

    @property
    def consistent(self) -> bool:
        """Whether it can be true."""
        return self.entries == self.words + self.labels and min(self.words, self.labels, self.tokens) >= 0


def entries(source: Source, sizes: Sizes) -> tuple[list[str], NDArray[np.int64]]:
    """Words, then labels, and how often each was seen. Bytes that are no UTF-8 become halves of surrogate pairs, as
    ``text.ngrams.encoded`` turns back.
    """
    if 10 * sizes.entries > len(source.data) - source.here:
        raise source.wrong(f"truncated or damaged: {sizes.entries} words of at least 10 bytes do not fit into the rest")
    data, here = source.data, source.here
    found: list[bytes] = []
    ends = np.empty(sizes.entries, np.int64)
    for number in range(sizes.entries):
        end = data.find(b"\0", here)
        if end < 0 or end + 10 > len(data):
            raise source.wrong(f"truncated: word {number + 1} of {sizes.entries} begins there and does not end", here)
        found.append(data[here:end])
        ends[number] = end
        here = end + 10
    source.here = here
    every = np.frombuffer(data, np.uint8)
    counts = np.ascontiguousarray(every[ends[:, None] + np.arange(1, 9)]).view("<i8").reshape(-1).astype(np.int64)
    kinds = every[ends + 9] != (np.arange(sizes.entries) >= sizes.words)
    damaged = kinds | (counts < 0)
    if damaged.any():
        row = int(damaged.argmax())
        raise source.wrong(
            f"entry {row + 1}, {found[row][:40]!r}, has count {counts[row]} and type {every[ends[row] + 9]}; a count "
            f"of 0 or more is needed and, with {sizes.words} words before {sizes.labels} labels, type "
            f"{int(row >= sizes.words)}: damaged",
            int(ends[row]) + 1,
        )
    for part in (found[: sizes.words], found[sizes.words :]):
        _refuse_repeated(source, part)
    return [raw.decode(errors="surrogateescape") for raw in found], counts


def _refuse_repeated(source: Source, words: list[bytes]) -> None:
    if len(set(words)) != len(words) or b"" in words:
        seen: set[bytes] = {b""}
        twice = next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]
        raise source.wrong(f"{twice[:40]!r} is empty or stands twice among the {len(words)} words before: damaged")


def table(source: Source, codes: bool, rows: int | None, dim: int, what: str) -> Storage:
    """The next table, as numbers or as ``codes``, of so many rows (None: as it says) of ``dim`` numbers."""
    if codes:
        return _product(source, rows, dim, what)
    number, wide = source.numbers(SHAPE, f"the size of {what}")
    if (number, wide) != (rows, dim):
        begin = source.here - SHAPE.size
        raise source.wrong(f"{what} has {number} rows of {wide}; {rows} of {dim} are needed: damaged", begin)
    return Dense(source.array("<f4", (number, wide), what))


def _product(source: Source, rows: int | None, dim: int, what: str) -> Product:
    """Rows as codes, perhaps with their lengths apart."""
    lengths = source.flag(f"whether {what} has its lengths apart")
    begin = source.here
    number, wide, size = source.numbers(CODES, f"the size of {what}")
    number_wanted = number if rows is None else rows
    if number != number_wanted or number < 0 or wide != dim or size < 0 or size % max(number, 1):
        wanted = "some rows" if rows is None else f"{rows} rows"
        raise source.wrong(f"{what} has {number} rows of {wide}, {size} codes; {wanted} of {dim} are needed", begin)
    codes = source.array("u1", (number, size // max(number, 1)), f"the codes of {what}")
    begin = source.here
    parts, part, centroids = _quantizer(source, dim, what)
    if number and codes.shape[1] != parts:
        raise source.wrong(f"{what} has {codes.shape[1]} codes a row for {parts} parts of a row: damaged", begin)
    codes = codes if number else np.empty((0, parts), np.uint8)
    if not lengths:
        return Product(codes, centroids, part)
    steps = source.array("u1", (number,), f"the lengths of {what}")
    return Product(codes, centroids, part, (steps, _quantizer(source, 1, f"the lengths of {what}")[2]))


def _quantizer(source: Source, dim: int, what: str) -> tuple[int, int, NDArray[np.float32]]:
    """How many parts a row of ``dim`` has, numbers of a part, and the centroids of all."""
    begin = source.here
    wide, parts, part, last = source.numbers(QUANTIZER, f"how {what} is cut into parts")
    if wide != dim or part < 1 or parts != -(-dim // part) or last != dim - (parts - 1) * part:
        raise source.wrong(
            f"{what} is cut into {parts} parts of {part}, the last of {last}, from {wide}; {dim} is needed: damaged",
            begin,
        )
    return parts, part, np.array(source.array("<f4", (CENTROIDS * dim,), f"the centroids of {what}"), np.float32)


def write_entries(stream: IO[bytes], words: Iterable[bytes], counts: Iterable[int], kind: int) -> None:
    """Words, or labels (``kind`` 1), with their counts."""
    for some in _some(zip(words, counts, strict=True)):
        stream.write(b"".join(b"%b\0%b%c" % (word, TOTALS.pack(count), kind) for word, count in some))


def _some(pairs: Iterable[tuple[bytes, int]]) -> Iterable[list[tuple[bytes, int]]]:
    some: list[tuple[bytes, int]] = []
    for pair in pairs:
        some.append(pair)
        if len(some) == 1 << 16:
            yield some
            some = []
    yield some


def write_dense(stream: IO[bytes], storage: Storage, rows: Rows | range) -> None:
    """These rows of a storage, as numbers."""
    dim = storage.shape[1]
    stream.write(SHAPE.pack(len(rows), dim))
    step = max(1, STEP // max(1, dim))
    for start in range(0, len(rows), step):
        stream.write(np.ascontiguousarray(storage.take(rows[start : start + step]), "<f4").data)


def write_zeros(stream: IO[bytes], rows: int, dim: int) -> None:
    """A table of zeros."""
    stream.write(SHAPE.pack(rows, dim))
    for start in range(0, 4 * rows * dim, STEP):
        stream.write(bytes(min(STEP, 4 * rows * dim - start)))


def write_product(stream: IO[bytes], product: Product) -> None:
    """All rows, as codes."""
    rows, dim = product.shape
    if product.codes.size > np.iinfo(np.int32).max:
        raise FormatError(
            f"{rows} rows of {product.codes.shape[1]} codes are more than a file of fastText can hold: use larger parts"
        )
    stream.write(bytes([product.lengths is not None]) + CODES.pack(rows, dim, product.codes.size))
    step = max(1, STEP // max(1, product.codes.shape[1]))
    for start in range(0, rows, step):
        stream.write(np.ascontiguousarray(product.codes[start : start + step]).data)
    _write_quantizer(stream, dim, product.part, product.centroids)
    if product.lengths is not None:
        stream.write(np.ascontiguousarray(product.lengths[0]).data)
        _write_quantizer(stream, 1, 1, product.lengths[1])


def _write_quantizer(stream: IO[bytes], dim: int, part: int, centroids: NDArray[np.float32]) -> None:
    parts = -(-dim // part)
    stream.write(QUANTIZER.pack(dim, parts, part, dim - (parts - 1) * part))
    stream.write(np.ascontiguousarray(centroids, "<f4").data)
