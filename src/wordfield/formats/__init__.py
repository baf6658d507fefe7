"""Files of vectors, a format a module: ``sniff``, ``load``, ``save``. A file is recognised by what it holds, not by its
name.

Whatever interrupts a save, the old file stays whole: see ``wordfield.formats.files``. Nothing is ever unpickled.
"""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from wordfield.formats.faults import Faults
from wordfield.formats.files import PathLike, opened
from wordfield.formats.table import FormatError, Table, composed
from wordfield.storage import Dense, Float16, Int8, Product, Scaled, Shared, Sparse, Storage

__all__ = [
    "FORMATS",
    "FormatError",
    "Table",
    "check_target",
    "chosen",
    "format_of",
    "load",
    "losses",
    "recognise",
    "save",
]

FORMATS: dict[str, str] = {
    "native": "native",
    "finalfusion": "finalfusion",
    "static-embedding": "static_embedding",
    "numpy": "numpy_words",
    "safetensors": "safetensors_words",
    "projector": "projector",
    "fasttext": "fasttext_binary",
    "floret": "floret",
    "gensim": "gensim_native",
    "spacy": "spacy_vectors",
    "sparse-text": "sparse_text",
    "word2vec-text": "word2vec_text",
    "word2vec-binary": "word2vec_binary",
    "glove-text": "glove_text",
    "glove-binary": "glove_binary",
}
"""Name of a format -> module in this package, in the order in which they are tried. Where two would take a file, the
first has it: a line "V D" and entries ``column:number`` are sparse-text and not word2vec-text; a first line of two
numbers is word2vec's and not a word of GloVe's.
"""

SUFFIXES: dict[str, str] = {
    "": "native",
    ".txt": "word2vec-text",
    ".vec": "word2vec-text",
    ".bin": "word2vec-binary",
    ".ftz": "fasttext",
    ".floret": "floret",
    ".fifu": "finalfusion",
    ".kv": "gensim",
    ".npy": "numpy",
    ".safetensors": "safetensors",
    ".tsv": "projector",
}
"""What a new file is written as, by its suffix."""

LARGEST = 100_000_000
"""Bytes of a sparse table that may be made dense."""

HEAD = 1 << 16
"""Bytes that recognition looks at."""

HINTS: dict[bytes, str] = {
    b"\x80": "it looks like a Python pickle, which is never read because reading one runs code; of gensim's the "
    "vectors are taken without that",
    b"PK\x03\x04": "it looks like a zip archive: unpack it first",
    b"\xff\xfe": "it looks like UTF-16 text: save it as UTF-8",
    b"\xef\xbb\xbf": "it starts with a byte order mark: save it as UTF-8 without",
}


class Format(Protocol):
    """What a module of this package answers."""

    HOLDS: frozenset[str]
    """The parts of a ``Table`` besides words and vectors that a file keeps."""

    def sniff(self, path: Path, head: bytes) -> bool: ...
    def load(self, path: Path, faults: Faults, /) -> Table: ...
    def save(self, table: Table, path: Path) -> None: ...
    def check_target(self, path: Path) -> None: ...


def load(path: PathLike, format: str | None = None, repair: bool = False) -> Table:
    """Read a file or folder of vectors, of the named format or the one its content shows.

    ``FileNotFoundError`` where there is none; ``FormatError`` where no format fits or the file is damaged, with the
    place. ``repair``: what is damaged is left out instead, where what remains is still sure, and told in
    ``Table.repaired``.
    """
    if not Path(path).exists():
        link = ": it is a link that leads nowhere, or in a circle" if Path(path).is_symlink() else ""
        raise FileNotFoundError(f"no model at {os.fspath(path)}{link}")
    faults = Faults(Path(path), repair)
    table = _module(format or recognise(path)).load(Path(path), faults)
    table.repaired = faults.told()
    return table


def save(table: Table, path: PathLike, format: str | None = None) -> None:
    """Write ``table`` in the named format or the one the suffix stands for; what was there is replaced only when all is
    written.

    ``FormatError`` where the format cannot hold a word; ``FileExistsError`` where the target is something not to be
    replaced.
    """
    name = format or chosen(table, path)
    if table.ngrams is not None and name != "static-embedding" and "ngrams" not in _module(name).HOLDS:
        rows = composed(table.storage, table.vocabulary.bags(table.words))
        table = replace(table, storage=Dense(rows), ngrams=None)
    if name not in ("native", "sparse-text") and isinstance(table.storage, Sparse):
        table = replace(table, storage=_dense(table.storage, name))
    if name != "spacy" and isinstance(table.storage, Shared):
        table = replace(table, storage=Dense(table.storage[:]))
    _module(name).save(table, Path(path))


def recognise(path: PathLike) -> str:
    """The name of the format that the file's content shows; ``FormatError`` that lists what was tried."""
    path = Path(path)
    head = b""
    if not path.is_dir():
        with opened(path) as (stream, _):
            head = stream.read(HEAD)
    for name in FORMATS:
        if _module(name).sniff(path, head):
            return name
    raise FormatError(f"{path}: no format recognised (tried: {', '.join(FORMATS)}){_hint(path, head)}")


def format_of(path: PathLike) -> str:
    """The format that a target's name stands for: a folder or no suffix is native; ``ValueError`` for a suffix that
    means nothing here.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if path.is_dir() or suffix[1:2].isdigit():  # king-v1.5 has no suffix
        return "native"
    if suffix not in SUFFIXES:
        known = ", ".join(f"{key or 'none'} ({name})" for key, name in SUFFIXES.items())
        raise ValueError(
            f"cannot tell the format of {path} from the suffix {suffix!r}; known: {known}; or name the format"
        )
    return SUFFIXES[suffix]


def chosen(table: Table, path: PathLike) -> str:
    """The format of ``table`` where only the target's name is known: as `format_of`, but .bin holds what
    fastText's .bin does, where there is more than a vector a word.
    """
    name = format_of(path)
    whole = table.ngrams is None and table.classes is None
    return "fasttext" if name == "word2vec-binary" and not whole else name


def check_target(path: PathLike, format: str | None = None) -> None:
    """Raise now what ``save`` would raise about the target, before hours of work: unknown suffix, a folder that is not
    ours, no permission.
    """
    _module(format or format_of(path)).check_target(Path(path))


def losses(table: Table, format: str) -> list[str]:
    """The parts of ``table`` that a file of this format does not keep: of "counts", "config", "state", "ngrams",
    "classes", "codes" and "product", and of ``static_embedding.TOLD``; to be told to the user.
    """
    holds = _module(format).HOLDS
    present = {
        "counts": table.counts is not None,
        "config": bool(table.config),
        "state": bool(table.state),
        "ngrams": table.ngrams is not None,
        "classes": table.classes is not None,
        "codes": isinstance(table.storage, Float16 | Int8),
        "product": isinstance(table.storage.rows if isinstance(table.storage, Scaled) else table.storage, Product),
    }
    lost = [part for part, there in present.items() if there and part not in holds]
    if format == "static-embedding":
        from wordfield.formats import static_embedding

        lost += static_embedding.lost(table)
    return lost


def _dense(storage: Storage, name: str) -> Dense:
    """A small sparse table with all its zeros; ``FormatError`` for one that would be large."""
    words, dim = storage.shape
    if 4 * words * dim > LARGEST:
        raise FormatError(
            f"{words} sparse vectors of {dim} dimensions would take {4e-9 * words * dim:,.1f} GB with all their zeros "
            f"as {name}: keep them in the native format, or train narrow ones (wordfield train svd)"
        )
    return Dense(storage.take(range(words)))


def _module(name: str) -> Format:
    if name not in FORMATS:
        raise ValueError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
    module: Any = import_module(f"{__name__}.{FORMATS[name]}")
    return module  # type: ignore[no-any-return]


def _hint(path: Path, head: bytes) -> str:
    if path.is_dir():
        return ": the folder has no config.json written by wordfield"
    if not head:
        return ": the file is empty"
    for start, hint in HINTS.items():
        if head.startswith(start):
            return f": {hint}"
    return (
        ": a file of word2vec starts with the line 'words dimensions', such as '67773 100'; one of GloVe has a word "
        "and equally many numbers on every line"
    )
