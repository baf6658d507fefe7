"""The file of finalfusion (De Kok and Pütz 2019; finalfusion.github.io/spec): "FiFu", a version, the kinds of the
chunks, then the chunks: metadata as TOML, words with or without n-grams, vectors as numbers or as codes, and norms.

finalfusion keeps the rows of words in unit length and, in a chunk of their own, the lengths that they had. Here the
vector of a word is its row times its length: both are what ``embedding_with_norm`` answers there, and their product is
what finalfusion writes into other files. In a file without norms it is the row, what ``embedding`` answers. A word
beyond the vocabulary has the sum of the rows of its n-grams brought to unit length, as there. Rows are mapped and stay
as they are; lengths are multiplied where a row is asked for.

Written are unit rows and norms; rows that have unit length already as they are, and no norms. n-grams of fastText get
rows of words in which they are added already. What is remembered besides goes into the metadata.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import buckets, toml
from wordfield.formats import finalfusion_parts as parts
from wordfield.formats import finalfusion_writing as writing
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, replacing
from wordfield.formats.finalfusion_parts import Kind
from wordfield.formats.source import Source
from wordfield.formats.table import Table
from wordfield.storage import Coded, Dense, Scaled, Storage
from wordfield.text.ngrams import Ngrams

HOLDS: frozenset[str] = frozenset({"config", "ngrams", "product"})
OURS = "wordfield"
"""The entry of the metadata with what only wordfield remembers, as JSON."""

check_target = check_file


def sniff(_: Path, head: bytes) -> bool:
    """The magic number."""
    return head.startswith(parts.MAGIC)


def lost(table: Table, unheld: list[str]) -> list[str]:
    """Codes too, where they are written as numbers."""
    ngrams = table.ngrams if table.ngrams is not None and table.ngrams.maxn else None
    product = writing.product_of(table.storage)
    spread = product is not None and not writing.as_codes(table.storage, ngrams, _tail(ngrams, len(table.words)))
    return unheld + (["product"] if spread else [])


def load(path: Path, faults: Faults) -> Table:
    """Read words and metadata and map the vectors; ``FormatError`` names the byte where the file is damaged or ends.

    To be repaired: words and n-grams that stand twice or lead nowhere, metadata that is no TOML, chunks of an unknown
    kind, a wrong length of a chunk, and bytes after the last one.
    """
    source = Source(path)
    chunks = parts.Chunks(source, faults)
    config: dict[str, Any] = {}
    kind = chunks.next("words", Kind.METADATA, *parts.VOCABULARIES)
    if kind == Kind.METADATA:
        config = parts.metadata(source, chunks.size, faults, OURS)
        kind = chunks.next("words", *parts.VOCABULARIES)
    found = parts.vocabulary(source, kind)
    chunks.done(found.unsaid)
    begin = source.here
    kind = chunks.next("vectors", Kind.ARRAY, Kind.CODES)
    stored = parts.array(source) if kind == Kind.ARRAY else parts.codes(source)
    chunks.done()
    ngrams = parts.ngrams(source, found, stored.rows.shape[0], begin, faults)
    norms = None
    if chunks.more:
        chunks.next("norms", Kind.NORMS)
        norms = parts.norms(source, len(found.words))
        chunks.done()
    chunks.end()
    words, kept = parts.words(path, found.words, faults)
    storage = _lengthened(stored, norms, len(found.words))
    if len(kept) < len(found.words):
        storage = _chosen(storage, np.concatenate([kept, np.arange(len(found.words), storage.shape[0])]))
    return Table(words, storage, config=config, ngrams=ngrams)


def _lengthened(stored: parts.Stored, norms: NDArray[np.float32] | None, words: int) -> Storage:
    """The vectors in the lengths that the file gives them: those of codes, and those of words."""
    lengths = np.ones(stored.rows.shape[0], np.float32) if stored.lengths is None else stored.lengths.astype(np.float32)
    if norms is not None:
        with np.errstate(over="ignore"):
            lengths[:words] *= norms
    if stored.turn is None and (lengths == 1).all():
        return stored.rows
    return Scaled(stored.rows, lengths, stored.turn)


def _chosen(storage: Storage, rows: NDArray[np.int64]) -> Storage:
    if isinstance(storage, Coded):
        return storage.chosen(rows)
    return Dense(storage.take(rows))


def save(table: Table, path: Path) -> None:
    """Write a file that finalfusion reads; ``FormatError`` for a word that is no valid Unicode, a vector that has no
    length, and n-grams that finalfusion does not have.

    Codes of product quantisation are written as codes where every part of a row is of the same size and the rows of
    words need not be added up; else as numbers.
    """
    ngrams = table.ngrams if table.ngrams is not None and table.ngrams.maxn else None
    kind = writing.kind_of(ngrams)
    words = writing.encoded(table.words)
    tail = _tail(ngrams, len(words))
    rows = writing.rows_of(table, ngrams, tail)
    if rows.kind == Kind.ARRAY:
        buckets.announce(path, ngrams, table.storage.shape[1])
    about = _metadata(table.config)
    kinds = [Kind.METADATA] * bool(about) + [kind, rows.kind] + [Kind.NORMS] * rows.has_norms
    with replacing(path) as stream:
        out = writing.Out(stream)
        writing.write_header(out, kinds)
        if about:
            writing.write_metadata(out, about)
        writing.write_vocabulary(out, kind, words, ngrams, tail)
        rows.write(out)
        if rows.has_norms:
            writing.write_norms(out, rows.norms)


def _tail(ngrams: Ngrams | None, words: int) -> NDArray[np.int64]:
    """The rows of the n-grams, in the order of the file: of each bucket, -1 for one without; where they are listed, in
    the order in which they are first needed, from which finalfusion numbers them.
    """
    if ngrams is None:
        return np.empty(0, np.int64)
    if ngrams.listed is None:
        return buckets.rows_of_all(ngrams, words)
    rows = ngrams.placed(np.fromiter(ngrams.listed.values(), np.uint64, len(ngrams.listed)), words)
    there, first = np.unique(rows[rows >= 0], return_index=True)
    return there[np.argsort(first)]


def _metadata(config: dict[str, Any]) -> bytes:
    """What a table remembers, as TOML."""
    given = config.get("metadata")
    others = {name: value for name, value in config.items() if name != "metadata" and value}
    ours = {OURS: toml.Literal(others)} if others else {}
    return toml.written(ours | (given if isinstance(given, dict) else {}))
