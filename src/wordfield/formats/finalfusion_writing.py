"""The chunks of a file of finalfusion, as they are written: rows of words in unit length, what they were made of added,
and their lengths apart.

V words, D dimensions, B rows of n-grams.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import finalfusion_parts as parts
from wordfield.formats.finalfusion_parts import Kind
from wordfield.formats.table import FormatError, Table, composed
from wordfield.storage import CENTROIDS, Dense, Product, Scaled, Storage, leading
from wordfield.text.ngrams import Ngrams, NgramVocabulary

log = logging.getLogger(__name__)

STEP = 1 << 21
"""Numbers written at a time."""
LONGEST = 2**32 - 1
"""The most that finalfusion counts dimensions, buckets and bytes of a word to."""
UNIT = 1e-5
"""How far from 1 a length may be that counts as 1."""
KINDS = {"fasttext": Kind.FASTTEXT, "finalfusion": Kind.BUCKETS, "listed": Kind.LISTED}

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class Out:
    """A stream, and how much was written to it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.here = stream, 0

    def write(self, data: bytes | memoryview) -> None:
        self.stream.write(data)
        self.here += len(data) if isinstance(data, bytes) else data.nbytes

    def chunk(self, kind: Kind, size: int, padded: bool = False) -> bytes:
        """Begin a chunk of so many bytes, besides those of padding, which are returned."""
        padding = bytes(4 - self.here % 4) if padded else b""  # what stands between is a multiple of 4
        self.write(parts.CHUNK.pack(kind, size + len(padding)))
        return padding

    def numbers(self, array: NDArray[np.float32]) -> None:
        """Numbers of 32 bits, some at a time."""
        flat = array.reshape(-1)
        for start in range(0, flat.size, STEP):
            self.write(np.ascontiguousarray(flat[start : start + STEP], "<f4").data)


def kind_of(ngrams: Ngrams | None) -> Kind:
    """The chunk that holds these words; ``FormatError`` for n-grams that finalfusion does not read."""
    if ngrams is None:
        return Kind.WORDS
    if ngrams.hash == "floret":
        raise FormatError(
            "the n-grams are hashed as floret does, which finalfusion for Python does not read: use the native format "
            "or floret's, or one of words alone"
        )
    if (ngrams.begin, ngrams.end) != ("<", ">") or not ngrams.own:
        raise FormatError("words are marked in another way than with < and >, which a file of finalfusion cannot hold")
    if max(ngrams.maxn, ngrams.bucket if ngrams.hash == "fasttext" else 0) > LONGEST:
        raise FormatError(f"a file of finalfusion counts buckets and characters up to {LONGEST} only")
    if not ngrams.combined and ngrams.minn < 2:
        log.warning("of words beyond the vocabulary finalfusion counts the marks < and > as n-grams too")
    return KINDS[ngrams.hash]


def encoded(words: Sequence[str]) -> list[bytes]:
    """The words as UTF-8; ``FormatError`` for one that is none."""
    found = []
    for row, word in enumerate(words):
        try:
            found.append(word.encode())
        except UnicodeEncodeError as error:
            raise FormatError(
                f"row {row}: the word {word!r} is no valid Unicode ({error.reason}), which finalfusion cannot hold: "
                "use the native format, or replace the word"
            ) from error
    return found


def write_header(out: Out, kinds: Sequence[Kind]) -> None:
    """The magic number, and the kinds of all chunks."""
    out.write(parts.HEADER.pack(parts.MAGIC, parts.VERSION, len(kinds)))
    out.write(b"".join(parts.NUMBER.pack(kind) for kind in kinds))


def write_metadata(out: Out, text: bytes) -> None:
    """A chunk of metadata, as TOML."""
    out.chunk(Kind.METADATA, len(text))
    out.write(text)


def write_vocabulary(out: Out, kind: Kind, words: list[bytes], ngrams: Ngrams | None, tail: Rows) -> None:
    """A chunk of words and of what their n-grams are. ``tail``: the rows of n-grams in the order of the file."""
    size = sum(map(len, words)) + 4 * len(words)
    if ngrams is None:
        out.chunk(kind, parts.COUNT.size + size)
        out.write(parts.COUNT.pack(len(words)))
        _write_strings(out, words)
        return
    minn = max(1, ngrams.minn)
    if ngrams.listed is not None:
        listed = _numbered(ngrams, len(words), tail)
        size += sum(12 + len(ngram) for ngram, _ in listed)
        out.chunk(kind, parts.LISTED.size + size)
        out.write(parts.LISTED.pack(len(words), len(listed), minn, ngrams.maxn))
        _write_strings(out, words)
        for some in _some([parts.NUMBER.pack(len(ngram)) + ngram + parts.COUNT.pack(row) for ngram, row in listed]):
            out.write(some)
        return
    bucket = ngrams.bucket.bit_length() - 1 if kind == Kind.BUCKETS else ngrams.bucket
    out.chunk(kind, parts.HASHED.size + size)
    out.write(parts.HASHED.pack(len(words), minn, ngrams.maxn, bucket))
    _write_strings(out, words)


def _numbered(ngrams: Ngrams, words: int, tail: Rows) -> list[tuple[bytes, int]]:
    """n-grams as they are listed, those without a row left out, and which of the rows in ``tail`` each has."""
    listed = ngrams.listed or {}
    rows = ngrams.placed(np.fromiter(listed.values(), np.uint64, len(listed)), words).tolist()
    places = {row: place for place, row in enumerate(tail.tolist())}
    named = [(ngram, places[row]) for ngram, row in zip(listed, rows, strict=True) if row >= 0]
    return list(zip(encoded([ngram for ngram, _ in named]), (place for _, place in named), strict=True))


def _write_strings(out: Out, strings: list[bytes]) -> None:
    for some in _some([parts.NUMBER.pack(len(string)) + string for string in strings]):
        out.write(some)


def _some(pieces: list[bytes]) -> Iterator[bytes]:
    for start in range(0, len(pieces), 1 << 16):
        yield b"".join(pieces[start : start + (1 << 16)])


def rows_of(table: Table, ngrams: Ngrams | None, tail: Rows) -> AsNumbers | AsCodes:
    """How the vectors are written: as codes, where they are some that finalfusion can have, else as numbers."""
    storage, dim = table.storage, table.storage.shape[1]
    if not 0 < dim <= LONGEST:
        raise FormatError(f"vectors of {dim} dimensions; finalfusion has 1 to {LONGEST}")
    product = product_of(storage)
    if product is not None:
        if as_codes(storage, ngrams, tail):
            return AsCodes(table, product, tail)
        log.warning(
            "the vectors are written as numbers: finalfusion has codes only of parts of equal size, and of words whose "
            "n-grams need not be added"
        )
    return AsNumbers(table, ngrams, tail)


def product_of(storage: Storage) -> Product | None:
    """The codes of a table of codes, with lengths or without."""
    rows = storage.rows if isinstance(storage, Scaled) else storage
    return rows if isinstance(rows, Product) else None


def as_codes(storage: Storage, ngrams: Ngrams | None, tail: Rows) -> bool:
    """Whether finalfusion can have the codes: parts of equal size, and no row of a word that is yet to be added up."""
    product, dim = product_of(storage), storage.shape[1]
    whole = product is not None and dim % product.part == 0 and dim <= parts.MOST
    return whole and (ngrams is None or ngrams.combined) and bool((tail >= 0).all())


class AsNumbers:
    """Rows of words in unit length, and those of n-grams after them."""

    kind = Kind.ARRAY

    def __init__(self, table: Table, ngrams: Ngrams | None, tail: Rows) -> None:
        self.table, self.tail, self.known = table, tail, len(table.words)
        self.bags = table.vocabulary if isinstance(table.vocabulary, NgramVocabulary) and ngrams is not None else None
        self.units: Storage | None = None
        """Where rows of words are taken from as they are."""
        self.norms: Floats = np.empty(self.known, np.float32)
        """The lengths of the words, known once all is written."""
        self.has_norms = True
        if ngrams is not None and not ngrams.combined:
            return  # rows are yet to be added up
        self.bags = None
        words = leading(table.storage, self.known)
        if (
            isinstance(words, Scaled)
            and words.turn is None
            and isinstance(words.rows, Dense)
            and _units(words.rows.norms)
        ):
            self.units, self.norms = words.rows, words.lengths
        elif _units(words.norms):
            self.units, self.has_norms = words, False

    def write(self, out: Out) -> None:
        rows, dim = self.known + len(self.tail), self.table.storage.shape[1]
        padding = out.chunk(self.kind, parts.ARRAY.size + 4 * rows * dim, padded=True)
        out.write(parts.ARRAY.pack(rows, dim, parts.FLOATS) + padding)
        for some in _blocks(np.arange(self.known), dim):
            out.numbers(self._words(some))
        for some in _blocks(self.tail, dim):
            taken = self.table.storage.take(np.maximum(some, 0))
            taken[some < 0] = 0
            out.numbers(taken)

    def _words(self, rows: Rows) -> Floats:
        """The rows of some words, in unit length."""
        if self.units is not None:
            return self.units.take(rows)
        storage = self.table.storage
        if self.bags is not None:
            found = composed(storage, self.bags.bags([self.table.words[row] for row in rows]))
        else:
            found = storage.take(rows)
        lengths = Dense(found).norms
        _check(self.table.words, rows, lengths)
        self.norms[rows] = lengths
        units: Floats = (found / np.where(lengths > 0, lengths, 1).astype(np.float64)[:, None]).astype(np.float32)
        return units


class AsCodes:
    """Rows as the codes that they are; their lengths there are such that those of words are in unit length."""

    kind = Kind.CODES

    def __init__(self, table: Table, product: Product, tail: Rows) -> None:
        storage, known = table.storage, len(table.words)
        order = np.concatenate([np.arange(known), tail])
        self.codes, self.part, self.centroids = product.codes[order], product.part, product.centroids
        self.turn = storage.turn if isinstance(storage, Scaled) else None
        factors = np.ones(len(order), np.float32)
        if product.lengths is not None:
            factors = product.lengths[1][product.lengths[0][order]]
        if isinstance(storage, Scaled):
            factors = factors * storage.lengths[order]
        self.norms = leading(storage, known).norms
        _check(table.words, np.arange(known), self.norms)
        self.has_norms = not _units(self.norms)
        if self.has_norms:
            factors = factors.astype(np.float64)
            factors[:known] /= np.where(self.norms > 0, self.norms, 1)
        self.factors = factors.astype(np.float32)

    def write(self, out: Out) -> None:
        (rows, count), dim = self.codes.shape, self.centroids.size // CENTROIDS
        turned, scaled = self.turn is not None, bool((self.factors != 1).any())
        numbers = self.centroids.size + dim * dim * turned + rows * scaled
        padding = out.chunk(self.kind, parts.CODES.size + 4 * numbers + self.codes.size, padded=True)
        out.write(parts.CODES.pack(turned, scaled, count, dim, CENTROIDS, rows, parts.BYTES, parts.FLOATS) + padding)
        if self.turn is not None:
            out.numbers(self.turn)
        out.numbers(self.centroids)
        if scaled:
            out.numbers(self.factors)
        out.write(np.ascontiguousarray(self.codes).data)


def write_norms(out: Out, norms: Floats) -> None:
    """A chunk of the lengths of words."""
    padding = out.chunk(Kind.NORMS, parts.NORMS.size + 4 * len(norms), padded=True)
    out.write(parts.NORMS.pack(len(norms), parts.FLOATS) + padding)
    out.numbers(norms)


def _blocks(rows: Rows, dim: int) -> Iterable[Rows]:
    step = max(1, STEP // dim)
    return (rows[start : start + step] for start in range(0, len(rows), step))


def _units(norms: Floats) -> bool:
    """Whether all rows have unit length, or none at all."""
    return bool(((np.abs(norms - 1) <= UNIT) | (norms == 0)).all())


def _check(words: Sequence[str], rows: Rows, lengths: Floats) -> None:
    """``FormatError`` for a vector that cannot be brought to unit length."""
    sound = np.isfinite(lengths)
    if not sound.all():
        row = int(rows[sound.argmin()])
        raise FormatError(
            f"row {row}: the vector of {words[row]!r} has the length {lengths[sound.argmin()]}, and finalfusion keeps "
            "vectors in unit length: finite numbers are needed, of a length that float32 holds"
        )
