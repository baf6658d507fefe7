"""The chunks of a file of finalfusion, as they are read: each only once it is certain that the file has it.

V words, D dimensions, B rows of n-grams, P parts of a row that is kept as codes, C centroids of a part.
"""

from __future__ import annotations

import json
import logging
import struct
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import toml
from wordfield.formats.faults import Faults
from wordfield.formats.source import Source
from wordfield.storage import CENTROIDS, Dense, Product
from wordfield.text.ngrams import Ngrams

log = logging.getLogger(__name__)

MAGIC, VERSION = b"FiFu", 0
HEADER, NUMBER, CHUNK, COUNT, HASHED, LISTED, FLORET, ARRAY, CODES, NORMS = (
    struct.Struct(kind) for kind in ("<4s2I", "<I", "<IQ", "<Q", "<Q3I", "<2Q2I", "<2IQ2I", "<Q2I", "<5IQ2I", "<QI")
)
BYTES, FLOATS = 1, 10
"""Kinds of numbers: of 8 bits, and float32."""
MOST = 1 << 16
"""Dimensions of rows that are kept as codes; the 256 centroids of each take memory whether the file has them or not."""

Numbers = NDArray[np.float32]


class Kind(IntEnum):
    """What a chunk holds."""

    WORDS = 1
    ARRAY = 2
    BUCKETS = 3
    CODES = 4
    METADATA = 5
    NORMS = 6
    FASTTEXT = 7
    LISTED = 8
    FLORET = 9


VOCABULARIES = (Kind.WORDS, Kind.BUCKETS, Kind.FASTTEXT, Kind.LISTED, Kind.FLORET)
NAMES = {
    Kind.WORDS: "words",
    Kind.ARRAY: "vectors",
    Kind.BUCKETS: "words with n-grams in buckets",
    Kind.CODES: "vectors as codes",
    Kind.METADATA: "metadata",
    Kind.NORMS: "norms",
    Kind.FASTTEXT: "words with n-grams of fastText",
    Kind.LISTED: "words with listed n-grams",
    Kind.FLORET: "n-grams of floret",
}


class Chunks:
    """The chunks of a file, one after the other, in the order in which finalfusion reads them."""

    def __init__(self, source: Source, faults: Faults) -> None:
        self.source, self.faults = source, faults
        magic, version, count = source.numbers(HEADER, "magic number, version and number of chunks")
        if magic != MAGIC or version != VERSION:
            raise source.wrong(f"the file begins with {magic!r} and version {version}; b'FiFu' and 0 are read", 0)
        self.promised = source.array("<u4", (count,), "the kinds of the chunks").tolist()
        self.seen: list[int] = []
        self.begin = self.size = 0
        """Of the present chunk, without its kind and size."""

    @property
    def more(self) -> bool:
        """Whether another chunk may follow."""
        return len(self.source.data) - self.source.here >= CHUNK.size

    def next(self, what: str, *kinds: Kind) -> Kind:
        """The kind of the next chunk, one of these, which hold ``what``."""
        while True:
            here = self.source.here
            kind, self.size = self.source.numbers(CHUNK, f"kind and size of the chunk of {what}")
            self.begin = self.source.here
            if self.size > len(self.source.data) - self.begin:
                left = len(self.source.data) - self.begin
                raise self.source.wrong(f"truncated or damaged: a chunk of {self.size} bytes, {left} are left", here)
            self.seen.append(kind)
            if kind in kinds:
                return Kind(kind)
            if kind in NAMES:
                raise self.source.wrong(f"{NAMES[Kind(kind)]} stand where {what} are needed: damaged", here)
            self.faults.found(
                f"byte {here}", f"a chunk of kind {kind}; of a newer finalfusion, or damaged: 1 to 9 are read"
            )
            self.source.step(self.size, "a chunk of unknown kind")

    def done(self, unsaid: int = 0) -> None:
        """Note a size that is not that of what was read. ``unsaid``: bytes that finalfusion for Python forgets."""
        size = self.source.here - self.begin
        if self.size not in (size, size - unsaid):
            what = NAMES[Kind(self.seen[-1])]
            self.faults.found(f"byte {self.begin - 8}", f"a chunk of {what} of {self.size} bytes has {size}: damaged")

    def end(self) -> None:
        """Note what follows, and chunks that are not those of the header, in which old files leave out the norms."""
        left = len(self.source.data) - self.source.here
        if left:
            self.faults.found(f"byte {self.source.here}", f"{left} bytes follow the last chunk: damaged")
        if self.promised not in (self.seen, [kind for kind in self.seen if kind != Kind.NORMS]):
            self.faults.found(
                "byte 12", f"chunks of the kinds {self.promised} are promised, {self.seen} follow: damaged"
            )


class Vocabulary(NamedTuple):
    """Words, and what their n-grams are."""

    words: list[bytes]
    """The word of each of the first rows (V)."""
    ngrams: dict[str, Any] | None = None
    """The settings of n-grams; without buckets where these are listed."""
    listed: tuple[list[bytes], list[int]] = ([], [])
    """n-grams with their buckets."""
    begin: int = 0
    """The byte of the settings."""
    unsaid: int = 0
    """Bytes that the size of the chunk may leave out."""


def vocabulary(source: Source, kind: Kind) -> Vocabulary:
    """A chunk of words, of any of the kinds."""
    begin = source.here
    if kind == Kind.WORDS:
        (count,) = source.numbers(COUNT, "the number of words")
        return Vocabulary(strings(source, count, "word")[0])
    if kind == Kind.FLORET:
        return _floret(source)
    if kind == Kind.LISTED:
        count, several, minn, maxn = source.numbers(LISTED, "the number of words and n-grams")
        words = strings(source, count, "word")[0]
        listed = strings(source, several, "n-gram", numbered=True)
        settings: dict[str, Any] = {"minn": minn, "maxn": maxn, "hash": "listed"}
        return Vocabulary(words, settings, listed, begin, COUNT.size * several)
    count, minn, maxn, bucket = source.numbers(HASHED, "the number of words and buckets")
    if kind == Kind.BUCKETS and bucket >= 63:
        raise source.wrong(f"2 to the power of {bucket} buckets of n-grams; at most 62 is read: damaged", begin + 16)
    settings = {"minn": minn, "maxn": maxn, "bucket": bucket}
    if kind == Kind.BUCKETS:
        settings |= {"bucket": 1 << bucket, "hash": "finalfusion"}
    return Vocabulary(strings(source, count, "word")[0], settings, begin=begin)


def _floret(source: Source) -> Vocabulary:
    """Settings of floret, which has no words."""
    begin = source.here
    minn, maxn, bucket, count, seed = source.numbers(FLORET, "the settings of floret")
    marks = [mark.decode(errors="surrogateescape") for mark in strings(source, 2, "mark")[0]]
    settings = {"minn": minn, "maxn": maxn, "bucket": bucket, "hash": "floret", "hash_count": count, "seed": seed}
    return Vocabulary([], settings | {"own": False, "begin": marks[0], "end": marks[1]}, begin=begin)


def strings(source: Source, count: int, what: str, numbered: bool = False) -> tuple[list[bytes], list[int]]:
    """The next texts, each after its size, perhaps with a number after each."""
    data, here, size, behind = source.data, source.here, len(source.data), COUNT.size * numbered
    if count * (NUMBER.size + behind) > size - here:
        raise source.wrong(f"truncated or damaged: {count} times a {what} do not fit into the {size - here} bytes left")
    found, numbers = [], []
    for number in range(count):
        begin = here + NUMBER.size
        end = begin + NUMBER.unpack_from(data, here)[0] if begin <= size else begin
        if end + behind > size:
            raise source.wrong(f"truncated: {what} {number + 1} of {count} begins there and does not end", here)
        found.append(data[begin:end])
        if numbered:
            numbers.append(COUNT.unpack_from(data, end)[0])
        here = end + behind
    source.here = here
    return found, numbers


def words(path: Path, raw: list[bytes], faults: Faults) -> tuple[list[str], NDArray[np.int64]]:
    """The words, broken UTF-8 in them replaced, and the rows of those that do not stand for a second time."""
    found: dict[str, int] = {}
    broken = 0
    for row, each in enumerate(raw):
        try:
            word = each.decode()
        except UnicodeDecodeError:
            broken += 1
            word = each.decode(errors="replace")
            if word in found:  # two broken words may look alike once replaced
                word = each.decode(errors="backslashreplace")
        if word in found:
            first = found[word] + 1
            faults.found(f"word {row + 1}", f"{word!r} stands there a second time, first as word {first}")
        else:
            found[word] = row
    if broken:
        log.warning("%s: %d words are not valid UTF-8; what is broken in them was replaced", path, broken)
    return list(found), np.fromiter(found.values(), np.int64, len(found))


def ngrams(source: Source, found: Vocabulary, rows: int, begin: int, faults: Faults) -> Ngrams | None:
    """The n-grams of a vocabulary that has so many rows of vectors, which begin at byte ``begin``."""
    settings, known = found.ngrams, len(found.words)
    if settings is None:
        if rows != known:
            raise source.wrong(f"{rows} rows of vectors for {known} words: damaged", begin)
        return None
    if settings.get("hash") == "listed":
        settings = settings | {"bucket": rows - known, "listed": _listed(found.listed, rows - known, faults)}
    try:
        ngrams = Ngrams(**settings, combined=True)
    except ValueError as error:
        raise source.wrong(f"{error}: damaged", found.begin) from error
    if not ngrams.maxn or known + ngrams.bucket != rows:
        raise source.wrong(
            f"{rows} rows of vectors for {known} words and {ngrams.bucket} buckets of n-grams of up to {ngrams.maxn} "
            "characters: damaged",
            begin,
        )
    return ngrams


def _listed(pairs: tuple[list[bytes], list[int]], buckets: int, faults: Faults) -> dict[str, int]:
    """n-grams and their buckets; those that cannot be are noted and left out."""
    listed: dict[str, int] = {}
    for number, (raw, bucket) in enumerate(zip(*pairs, strict=True), 1):
        ngram = raw.decode(errors="backslashreplace")
        if ngram in listed or ngram.encode() != raw:
            faults.found(f"n-gram {number}", f"{ngram!r} stands there a second time, or is no valid UTF-8")
        elif bucket >= buckets:
            faults.found(f"n-gram {number}", f"{ngram!r} has row {bucket} of the {buckets} rows of n-grams")
        else:
            listed[ngram] = bucket
    return listed


class Stored(NamedTuple):
    """Rows, and what makes vectors of them."""

    rows: Dense | Product
    """V + B rows of D numbers."""
    lengths: Numbers | None = None
    """By which each is multiplied (V + B)."""
    turn: Numbers | None = None
    """By which each is turned (D, D)."""


def array(source: Source) -> Stored:
    """A chunk of vectors as numbers, mapped."""
    begin = source.here
    rows, dim, kind = source.numbers(ARRAY, "the size of the vectors")
    _check_kind(source, kind, FLOATS, "the vectors", begin + 12)
    if not dim:
        raise source.wrong("vectors of 0 dimensions: damaged", begin + 8)
    _pad(source)
    return Stored(Dense(source.array("<f4", (rows, dim), "the vectors")))


def codes(source: Source) -> Stored:
    """A chunk of vectors as codes, the codes mapped."""
    begin = source.here
    turned, scaled, parts, dim, count, rows, *kinds = source.numbers(CODES, "the size of the vectors as codes")
    if max(turned, scaled) > 1 or not 0 < parts <= dim <= MOST or dim % parts or not count:
        raise source.wrong(
            f"flags {turned} and {scaled}, {parts} parts of {dim} numbers with {count} centroids; flags of 0 or 1, "
            f"equal parts of 1 to {MOST} numbers and 1 or more centroids are needed: damaged",
            begin,
        )
    _check_kind(source, kinds[0], BYTES, "the codes", begin + CODES.size - 8)
    _check_kind(source, kinds[1], FLOATS, "the centroids", begin + CODES.size - 4)
    _pad(source)
    turn = _sound(source, (dim, dim), "the turn of the rows") if turned else None
    part = dim // parts
    given = _sound(source, (parts, count, part), "the centroids")
    lengths = _sound(source, (rows,), "the lengths of the rows") if scaled else None
    begin = source.here
    found = source.array("u1", (rows, parts), "the codes")
    if count < CENTROIDS and found.size and found.max() >= count:
        raise source.wrong(f"there is a code {found.max()} among them, and {count} centroids: damaged", begin)
    centroids = np.zeros((parts, CENTROIDS, part), np.float32)
    centroids[:, :count] = given[:, :CENTROIDS]
    return Stored(Product(found, centroids.reshape(-1), part), lengths, turn)


def norms(source: Source, words: int) -> Numbers:
    """A chunk of the lengths of words (V)."""
    begin = source.here
    count, kind = source.numbers(NORMS, "the number of norms")
    _check_kind(source, kind, FLOATS, "the norms", begin + 8)
    if count != words:
        raise source.wrong(f"{count} norms for {words} words: damaged", begin)
    _pad(source)
    return _sound(source, (count,), "the norms")


def metadata(source: Source, size: int, faults: Faults, ours: str) -> dict[str, Any]:
    """What a chunk of metadata says, as the configuration of a table: what wordfield wrote, which is the entry
    ``ours``, and the rest as "metadata".
    """
    begin = source.step(size, "the metadata")
    try:
        entries = toml.read(bytes(source.data[begin : source.here]))
    except ValueError as error:
        faults.found(f"byte {begin}", f"the metadata is no TOML ({error})")
        return {}
    try:
        config = json.loads(entries[ours])
    except (KeyError, TypeError, ValueError, RecursionError):  # none, or someone else's
        config = None
    if isinstance(config, dict):
        del entries[ours]
    else:
        config = {}
    return config | ({"metadata": entries} if entries else {})


def _check_kind(source: Source, kind: int, wanted: int, what: str, byte: int) -> None:
    if kind != wanted:
        names = {BYTES: "bytes", FLOATS: "float32"}
        raise source.wrong(f"{what} are numbers of kind {kind}; {names[wanted]} ({wanted}) are read, as there", byte)


def _pad(source: Source) -> None:
    """1 to 4 bytes, after which float32 are aligned."""
    source.step(4 - source.here % 4, "padding")


def _sound(source: Source, shape: tuple[int, ...], what: str) -> NDArray[np.float32]:
    """The next numbers, few enough to be looked at."""
    begin = source.here
    found = source.array("<f4", shape, what)
    finite = np.isfinite(found).reshape(-1)
    if not finite.all():
        here = int(finite.argmin())
        raise source.wrong(f"{what} have {found.reshape(-1)[here]}: finite numbers are needed", begin + 4 * here)
    return found
