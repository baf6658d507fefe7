"""The binary file of fastText (Bojanowski, Grave, Joulin and Mikolov 2017; Joulin and others 2016), ``.bin`` and
``.ftz``, little-endian: words and n-grams, or a classifier.

int32 magic, int32 version 12 or 11; settings, 12 int32 and a float64; the dictionary: entries, words, labels int32,
tokens, pairs int64, of each entry its bytes, NUL, int64 count, a byte 0 for a word or 1 for a label, then as many pairs
of int32, a bucket and its row, if only some were kept; a byte whether the table of input vectors is kept as codes, the
table; the same for the output vectors. As numbers: int64 rows, int64 columns, float32; as codes: see
``fasttext_parts``. The oldest files have no magic, no version, no number of pairs, and none of the two bytes.

Tables of numbers are mapped, not read. floret's ``.bin`` has the same magic and version and, before the last of the
int32, mode and hash count; it is read too, and known by what its dictionary says of itself.

A label's prefix and the learning rate are in no file. Version 12 is written, for a classifier or vectors of words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from struct import Struct
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import buckets
from wordfield.formats import fasttext_parts as parts
from wordfield.formats.fasttext_parts import Args, Rows, Sizes
from wordfield.formats.fasttext_settings import (
    CLASSIFIER,
    LARGEST,
    LOSSES,
    MODELS,
    TOKENIZER,
    args_of,
    lost,
    recipe_of,
    whole,
)
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, replacing
from wordfield.formats.source import Source
from wordfield.formats.table import Classes, FormatError, Table
from wordfield.storage import Dense, Product, Storage
from wordfield.text.ngrams import Ngrams, encoded

HOLDS: frozenset[str] = frozenset({"counts", "state", "ngrams", "classes", "product"})
MAGIC, VERSION, OLDEST = 793712314, 12, 11
START, FLORETS = Struct("<2i"), Struct("<14id")
FLORET, TREE = 2, 1
PREFIX = "__label__"
UNSAFE = (b" ", b"\n", b"\r", b"\t", b"\v", b"\f", b"\0")
UNMADE = 10**15
"""What fastText takes for the count of a node of the tree that is not made yet."""
RUN, FEW = 100, 1 << 26
"""The longest run of words that is read, and the most buckets of which only some were kept: each has a place."""

__all__ = ["HOLDS", "check_target", "load", "lost", "save", "sniff"]

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """The magic number, or, without it, settings and sizes that can only be those of the oldest files."""
    if path.is_dir():
        return False
    if head[:4] == MAGIC.to_bytes(4, "little"):
        return True
    if len(head) < parts.ARGS.size + parts.WHOLE.size + parts.TOTALS.size:
        return False
    args = Args(*parts.ARGS.unpack_from(head))
    entries, words, labels = parts.WHOLE.unpack_from(head, parts.ARGS.size)
    (tokens,) = parts.TOTALS.unpack_from(head, parts.ARGS.size + parts.WHOLE.size)
    return not _impossible(args) and Sizes(entries, words, labels, tokens, -1).consistent and entries > 0


def load(path: Path, _: Faults) -> Table:
    """Read the dictionary and map the tables; ``FormatError`` names the byte where the file is damaged or ends, and a
    version or a kind of model that is not read.
    """
    source = Source(path)
    head = _head(source)
    words, counts = parts.entries(source, head.sizes)
    pairs = source.array("<i4", (max(0, head.sizes.pairs), 2), "the buckets that were kept")
    codes = not head.oldest and source.flag("whether the input vectors are kept as codes")
    args, known = head.args, head.sizes.words
    if head.sizes.pairs >= 0 and not codes:
        raise source.wrong("only some buckets were kept, of vectors that are no codes, which fastText does not read")
    rows = known + args.bucket if head.sizes.pairs < 0 else None
    storage = parts.table(source, codes, rows, args.dim, "the table of input vectors")
    ngrams = head.ngrams
    if rows is None:
        ngrams, storage = _narrowed(source, ngrams, pairs.astype(np.int64), storage, known)
    codes = not head.oldest and source.flag("whether the output vectors are kept as codes") and codes
    answers = head.sizes.labels if args.model == CLASSIFIER else known
    output = parts.table(source, codes, answers, args.dim, "the table of output vectors")
    source.end()
    if not ngrams.own:  # floret has rows of the words, of which it uses the first alone
        storage = Dense(storage.matrix[known:])
    config = {
        "recipe": recipe_of(head.args, head.floret),
        "tokenizer": TOKENIZER,
        "history": {"corpus_tokens": head.sizes.tokens},
    }
    table = Table(words[:known], storage, counts[:known], config, ngrams=ngrams)
    if args.model == CLASSIFIER:
        if args.loss == TREE and counts[known:].max() >= UNMADE:
            raise source.wrong(f"a label seen {counts[known:].max()} times, of which fastText makes no tree: damaged")
        return replace(table, classes=_classes(words[known:], counts[known:], output, LOSSES[args.loss]))
    return replace(table, state={"output": output.matrix} if isinstance(output, Dense) else {})


@dataclass(frozen=True)
class _Head:
    """What stands before the words."""

    args: Args
    sizes: Sizes
    oldest: bool
    """Whether the file is of the time before the magic number."""
    floret: int = 0
    """Rows of each n-gram in a file of floret; 0: fastText hashed it."""

    @property
    def ngrams(self) -> Ngrams:
        """The n-grams as the settings give them: none where the longest is shorter than the shortest."""
        args = self.args
        minn, maxn = (max(0, args.minn), args.maxn) if args.maxn >= max(1, args.minn) else (0, 0)
        ngrams = Ngrams(minn, maxn, args.bucket, max(1, args.word_ngrams))
        return replace(ngrams, hash="floret", hash_count=self.floret, own=False) if self.floret else ngrams


def _head(source: Source) -> _Head:
    """Settings and sizes; what cannot be true is refused."""
    oldest, version = (source.peek(START) or (None,))[0] != MAGIC, VERSION
    if not oldest:
        _, version = source.numbers(START, "magic number and version")
        if not OLDEST <= version <= VERSION:
            what = "of a newer fastText" if version > VERSION else "never used by fastText"
            raise source.wrong(f"version {version}, {what}; {OLDEST} and {VERSION} are read", 4)
    begin = source.here
    args, mode, count = _settings(source)
    if args.model == CLASSIFIER and (version == OLDEST or oldest):  # fastText reads no n-grams of characters from these
        args = args._replace(maxn=0)
    wrong = _impossible(args)
    if wrong:
        what = "neither the magic number of fastText nor the settings of its oldest files: " if oldest else ""
        raise source.wrong(what + wrong, begin)
    begin = source.here
    entries, words, labels = source.numbers(parts.WHOLE, "the size of the dictionary")
    (tokens,) = source.numbers(parts.TOTALS, "the number of tokens")
    (pairs,) = (-1,) if oldest else source.numbers(parts.TOTALS, "the number of buckets that were kept")
    sizes = Sizes(entries, words, labels, tokens, pairs)
    if not sizes.consistent or sizes.pairs < -1 or not sizes.entries:
        raise source.wrong(
            f"a dictionary of {sizes.entries}, {sizes.words} words and {sizes.labels} labels, of {sizes.tokens} tokens "
            f"and with {sizes.pairs} buckets kept (-1: all): damaged",
            begin,
        )
    if args.model == CLASSIFIER and (not sizes.labels or mode == FLORET):
        what = "one of floret" if sizes.labels else "without labels"
        raise source.wrong(f"a classifier, but {what}, which is not read", begin)
    if pairs >= 0 and args.bucket > FEW:
        what = f"{pairs} buckets kept of {args.bucket}: damaged, or more than the {FEW} that are read"
        raise source.wrong(what, begin)
    bucketed = args.maxn >= max(1, args.minn) or args.word_ngrams > 1 or mode == FLORET
    if bucketed and not args.bucket and sizes.pairs:
        raise source.wrong(
            f"n-grams of up to {args.maxn} characters or {args.word_ngrams} words in 0 buckets: fastText could not "
            "have computed a vector with it"
        )
    return _Head(args, sizes, oldest, count if mode == FLORET else 0)


def _impossible(args: Args) -> str:
    """What cannot be true of the settings."""
    if args.model not in MODELS or args.loss not in LOSSES:
        return (
            f"model {args.model} and loss {args.loss}; models 1 to {len(MODELS)}, losses 1 to {len(LOSSES)} are known"
        )
    if args.dim < 1 or args.bucket < 0 or not 0 <= args.subsample < math.inf:
        return f"{args.dim} dimensions, {args.bucket} buckets, subsampling from {args.subsample}: damaged"
    if args.word_ngrams > RUN:
        return f"runs of up to {args.word_ngrams} words: damaged, or more than the {RUN} that are read"
    return ""


def _settings(source: Source) -> tuple[Args, int, int]:
    """The settings, with mode and hash count if the file is one of floret, else 0."""
    ours, theirs = source.peek(parts.WHOLE, parts.ARGS.size), source.peek(parts.WHOLE, FLORETS.size)
    if _dictionary(theirs) and not _dictionary(ours):
        given = source.numbers(FLORETS, "the settings of floret")
        mode, count = given[11:13]
        if mode in (1, FLORET) and 1 <= count <= 4:
            return Args._make(given[:11] + given[13:]), mode, count
        raise source.wrong(f"mode {mode} and hash count {count} of floret; 1 or 2, and 1 to 4 are known", 52)
    return Args(*source.numbers(parts.ARGS, "the settings")), 0, 0


def _dictionary(sizes: tuple[Any, ...] | None) -> bool:
    """Whether these may be entries, words and labels of a dictionary."""
    return sizes is not None and Sizes(sizes[0], sizes[1], sizes[2], 0, 0).consistent


def _narrowed(source: Source, ngrams: Ngrams, pairs: Rows, storage: Storage, words: int) -> tuple[Ngrams, Storage]:
    """The n-grams that were kept, by ascending bucket, and the rows in that order."""
    buckets, rows = pairs[np.argsort(pairs[:, 0])].T
    wrong = (buckets < 0) | (buckets >= ngrams.bucket) | (rows < 0) | (rows >= storage.shape[0] - words)
    if wrong.any() or (np.diff(buckets) == 0).any():
        raise source.wrong(
            f"buckets that were kept, or their rows, beyond {ngrams.bucket} buckets and {storage.shape[0]} rows "
            f"({words} of words), or twice the same: damaged"
        )
    sharing = np.bincount(rows) if len(rows) else np.empty(0, np.int64)
    shared = np.flatnonzero(sharing > 1)
    alone = sharing[rows] == 1 if len(rows) else np.empty(0, bool)
    if len(shared) > 1 or (len(shared) and len(buckets) != ngrams.bucket):
        raise source.wrong(f"{len(shared)} rows stand for several buckets each: damaged")
    order = np.concatenate([np.arange(words), words + rows[alone], words + shared])
    narrow = ngrams.narrowed(buckets[alone], zeros=len(shared) > 0)
    if not isinstance(storage, Product):  # only codes come here
        return narrow, Dense(storage.take(order))
    lengths = None if storage.lengths is None else (storage.lengths[0][order], storage.lengths[1])
    return narrow, Product(storage.codes[order], storage.centroids, storage.part, lengths)


def _classes(labels: list[str], counts: NDArray[np.int64], output: Storage, loss: str) -> Classes:
    prefix = PREFIX if all(label.startswith(PREFIX) for label in labels) else ""
    return Classes([label.removeprefix(prefix) for label in labels], output, loss, counts, prefix)


def save(table: Table, path: Path) -> None:
    """Write version 12, which fastText reads; ``FormatError`` for a word with white space, n-grams that fastText does
    not have, and pruned ones that are no codes.

    n-grams that have rows only where they occurred get zeros for all others. Without n-grams none are written. Codes
    are written as they are.
    """
    ngrams = table.ngrams or Ngrams(0, 0, 0)
    words, labels = _checked(table, ngrams)
    storage, classes = table.storage, table.classes
    dim, known = storage.shape[1], len(words)
    counts = [1] * known if table.counts is None else table.counts.tolist()
    tokens = whole(table.config.get("history"), "corpus_tokens", sum(counts), 2**63 - 1)
    codes = isinstance(storage, Product)
    pairs = _pairs(ngrams) if codes else None
    if not codes:
        buckets.announce(path, ngrams, dim)
    with replacing(path) as stream:
        stream.write(START.pack(MAGIC, VERSION) + parts.ARGS.pack(*args_of(table, ngrams)))
        stream.write(parts.WHOLE.pack(known + len(labels), known, len(labels)))
        stream.write(parts.SHAPE.pack(tokens, -1 if pairs is None else len(pairs)))
        parts.write_entries(stream, words, counts, 0)
        if classes is not None:
            given = [1] * len(labels) if classes.counts is None else classes.counts.tolist()
            parts.write_entries(stream, labels, given, 1)
        if pairs is not None:
            stream.write(np.ascontiguousarray(pairs, "<i4").data)
        stream.write(bytes([codes]))
        if isinstance(storage, Product):
            parts.write_product(stream, storage)
        else:
            parts.write_dense(stream, storage, _rows(ngrams, known))
        _write_output(stream, table, codes, dim)


def _write_output(stream: IO[bytes], table: Table, codes: bool, dim: int) -> None:
    """The output vectors: codes only beside codes; zeros where there are none any more."""
    output, known = None if table.classes is None else table.classes.storage, len(table.words)
    if isinstance(output, Product) and codes:
        stream.write(b"\1")
        parts.write_product(stream, output)
        return
    stream.write(b"\0")
    given = table.state.get("output")
    if output is None and given is not None and given.shape == (known, dim):
        output = Dense(given)
    if output is None:
        parts.write_zeros(stream, known, dim)
    else:
        parts.write_dense(stream, output, range(output.shape[0]))


def _checked(table: Table, ngrams: Ngrams) -> tuple[list[bytes], list[bytes]]:
    """Words and labels as bytes, once it is certain that a file can hold them and the n-grams."""
    if not ngrams.plain:
        raise FormatError(
            "the n-grams are hashed as floret does, or finalfusion, marked in another way, or added to the rows "
            "of words, which a file of fastText cannot hold: use the native format, or floret's or finalfusion's"
        )
    if ngrams.kept is not None and not ngrams.zeros and not isinstance(table.storage, Product):
        raise FormatError(
            f"of the {ngrams.bucket} buckets of n-grams only {len(ngrams.kept)} are left, which fastText reads of "
            "vectors that are kept as codes alone: quantize them (product), or use the native format"
        )
    if not table.words:
        raise FormatError("there are no words, without which fastText does not read a file")
    words = [encoded(word) for word in table.words]
    classes = table.classes
    labels = [] if classes is None else [encoded(classes.prefix + label) for label in classes.labels]
    for what, names in (("word", words), ("label", labels)):
        for row, name in enumerate(names):
            if not name or any(mark in name for mark in UNSAFE):
                raise FormatError(
                    f"{what} {row}, {name.decode(errors='replace')!r}, is empty or holds white space, at which "
                    "fastText cuts: use the native format, or replace it"
                )
    if both := set(words) & set(labels):
        raise FormatError(
            f"{min(both).decode(errors='replace')!r} is both a word and a label: fastText takes one of both"
        )
    if classes is not None and classes.storage.shape[0] != len(labels):
        raise FormatError(f"{classes.storage.shape[0]} output vectors for {len(labels)} labels: as many are needed")
    if max(len(words) + len(labels), ngrams.bucket, table.storage.shape[1], ngrams.maxn, ngrams.word_ngrams) > LARGEST:
        raise FormatError(f"a file of fastText counts words, buckets and dimensions up to {LARGEST} only")
    return words, labels


def _rows(ngrams: Ngrams, words: int) -> Rows | range:
    """The row of each word and each bucket."""
    if ngrams.kept is None:
        return range(words + ngrams.bucket)
    return np.concatenate([np.arange(words), buckets.rows_of_all(ngrams, words)])


def _pairs(ngrams: Ngrams) -> NDArray[Any] | None:
    """The buckets that have rows, each with its own: all of them, if the others share one of zeros."""
    if ngrams.kept is None:
        return None
    if ngrams.zeros:
        places = ngrams.places[: ngrams.bucket]
        return np.stack([np.arange(len(places)), places], axis=1)
    return np.stack([ngrams.kept, np.arange(len(ngrams.kept))], axis=1)
