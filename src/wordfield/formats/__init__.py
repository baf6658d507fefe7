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
from wordfield.formats.files import PathLike, mapped, opened
from wordfield.formats.table import FormatError, Table, composed
from wordfield.storage import BFloat16, Dense, Float16, Int8, Product, Scaled, Shared, Sparse, Storage
from wordfield.text.subwords import Stored

__all__ = [
    "FORMATS",
    "FormatError",
    "Table",
    "check_target",
    "chosen",
    "files_of",
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
    "checkpoint": "checkpoint",
    "elmo": "elmo",
    "elmo-many-langs": "elmo_many_langs",
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

REMEMBERED = "wordfield.json"
"""The file of a checkpoint that only we write."""
HEAD = 1 << 16
"""Bytes that recognition looks at."""

ADVICE = (
    "; if it is one all the same, name its format: wf.load(path, format=...), or wordfield convert IN OUT "
    "--source-format NAME"
)
ARRAYS = (
    "; of an .npz, save the vectors alone with numpy.save, as x.npy, and their words, a line each, in x.words.txt "
    "beside it"
)
HINTS: dict[bytes, str] = {
    b"\x80": "it looks like a Python pickle, which is never read because reading one runs code; of gensim's the "
    "vectors are taken without that",
    b"PK\x03\x04": "it looks like a zip archive: unpack it first",
    b"\xff\xfe": "it looks like UTF-16 text: save it as UTF-8",
    b"\xef\xbb\xbf": "it starts with a byte order mark: save it as UTF-8 without",
}


class Format(Protocol):
    """What a module of this package answers. One whose models are folders has the names of their files, FILES. Two
    functions it may have besides: ``lost(table, unheld)``, what a file does not keep of this table, where that is not
    just what HOLDS leaves (``unheld``); and ``beside(path)``, the files that belong to the one at ``path``.
    """

    HOLDS: frozenset[str]
    """The parts of a ``Table`` besides words and vectors that a file keeps."""

    def sniff(self, path: Path, head: bytes) -> bool: ...
    def load(self, path: Path, faults: Faults, /) -> Table: ...
    def save(self, table: Table, path: Path) -> None: ...
    def check_target(self, path: Path) -> None: ...


def load(path: PathLike, format: str | None = None, repair: bool = False) -> Table:
    """Read a file or folder of vectors, of the named format or the one its content shows.

    ``FileNotFoundError`` where there is none; ``FormatError`` where no format fits or the file is damaged, with the
    place, and where it has no words. ``repair``: what is damaged is left out instead, where what remains is still sure,
    and told in ``Table.repaired``.
    """
    if not Path(path).exists():
        link = ": it is a link that leads nowhere, or in a circle" if Path(path).is_symlink() else ""
        raise FileNotFoundError(f"no model at {os.fspath(path)}{link}")
    faults = Faults(Path(path), repair)
    try:
        module = _module(name := format or recognise(path))
        if Path(path).is_dir() and not hasattr(module, "FILES"):
            raise FormatError(f"{os.fspath(path)} is a folder, and {name} is a single file: give the file")
        table = module.load(Path(path), faults)
    except FormatError as error:
        if (folder := _folder_of(Path(path))) is not None:
            raise FormatError(f"{path}: a part of the model in {folder}: give the folder") from error
        raise
    table.repaired = faults.told()
    if not table.words and table.ngrams is None:
        why = f" once what is at fault is left out ({'; '.join(table.repaired[:3])})" if table.repaired else ""
        raise FormatError(f"{path}: there are no words in it{why}: at least one is needed")
    return table


def save(table: Table, path: PathLike, format: str | None = None) -> None:
    """Write ``table`` in the named format or the one the suffix stands for; what was there is replaced only when all is
    written.

    ``FormatError`` where the format cannot hold a word, and where there are none; ``FileExistsError`` where the target
    is something not to be replaced.
    """
    name = format or chosen(table, path)
    if not table.words and table.ngrams is None:
        raise FormatError(f"{path}: there are no words to write, and no n-grams: at least one word is needed")
    if table.ngrams is not None and name != "static-embedding" and "ngrams" not in _module(name).HOLDS:
        rows = composed(table.storage, table.vocabulary.bags(table.words))
        table = replace(table, storage=Dense(rows), ngrams=None)
    if name not in ("native", "sparse-text") and isinstance(table.storage, Sparse):
        table = replace(table, storage=_dense(table.storage, name))
    if name not in ("spacy", "checkpoint") and isinstance(table.storage, Shared):
        table = replace(table, storage=Dense(table.storage[:]))
    tokenizer = table.config.get("tokenizer")
    if isinstance(tokenizer, dict) and isinstance(tokenizer.get("subwords"), Stored):
        described = tokenizer | {"subwords": str(tokenizer["subwords"])}
        table = replace(table, config=table.config | {"tokenizer": described})
    _module(name).save(table, Path(path))


def recognise(path: PathLike) -> str:
    """The name of the format that the file's content shows; ``FormatError`` that lists what was tried."""
    path = Path(path)
    head, packed = b"", False
    if path.is_dir():
        if not os.access(path, os.R_OK | os.X_OK):
            raise PermissionError(f"{path}: no permission to look into the folder")
    else:
        try:
            with opened(path) as (stream, _):
                head, packed = stream.read(HEAD), not mapped(stream)
        except FormatError as error:
            if path.suffix.lower() != ".npz":
                raise
            raise FormatError(f"{error}{ARRAYS}") from error
    for name in FORMATS:
        if _module(name).sniff(path, head):
            return name
    raise FormatError(f"{path}: no format recognised (tried: {', '.join(FORMATS)}){_hint(path, head, packed)}")


def format_of(path: PathLike) -> str:
    """The format that a target's name stands for: a folder or no suffix is native, a checkpoint of ours stays one;
    ``ValueError`` for a suffix that means nothing here.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if (path / REMEMBERED).is_file():
        return "elmo" if _module("elmo").sniff(path, b"") else "checkpoint"
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
    fastText's .bin does, where there is more than a vector a word, and a folder is a checkpoint where there is a
    network, or that of an ELMo.
    """
    name = format_of(path)
    if name in ("native", "checkpoint", "elmo"):
        kind = None if table.network is None else table.network.config.get("model_type")
        return "native" if table.network is None else "elmo" if kind == "elmo" else "checkpoint"
    whole = table.ngrams is None and table.classes is None
    return "fasttext" if name == "word2vec-binary" and not whole else name


def check_target(path: PathLike, format: str | None = None) -> None:
    """Raise now what ``save`` would raise about the target, before hours of work: unknown suffix, a folder that is not
    ours, no permission.
    """
    _module(format or format_of(path)).check_target(Path(path))


def losses(table: Table, format: str) -> list[str]:
    """The parts of ``table`` that a file of this format does not keep, to be told to the user: of "counts", "config",
    "state", "ngrams", "classes", "network", "codes" and "product", and what the ``lost`` of the format names.
    """
    module: Any = _module(format)
    present = {
        "counts": table.counts is not None,
        "config": bool(table.config),
        "state": bool(table.state),
        "ngrams": table.ngrams is not None,
        "classes": table.classes is not None,
        "network": table.network is not None,
        "codes": isinstance(table.storage, Float16 | BFloat16 | Int8),
        "product": isinstance(table.storage.rows if isinstance(table.storage, Scaled) else table.storage, Product),
    }
    unheld = [part for part, there in present.items() if there and part not in module.HOLDS]
    return module.lost(table, unheld) if hasattr(module, "lost") else unheld


def files_of(path: PathLike, format: str | None = None) -> list[Path]:
    """The files of the model at ``path``: all in its folder, or the file and those that belong to it."""
    path = Path(path)
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file())
    module: Any = _module(format or recognise(path))
    return [path, *(module.beside(path) if hasattr(module, "beside") else [])]


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


def _folder_of(path: Path) -> Path | None:
    """The folder of a model that the file is a part of."""
    path = path.absolute()
    for name in FORMATS:
        module: Any = _module(name)
        if path.name in getattr(module, "FILES", ()) and module.sniff(path.parent, b""):
            return path.parent
    return None


def _hint(path: Path, head: bytes, packed: bool) -> str:
    if path.is_dir():
        return (
            ": a folder of vectors has a config.json written by wordfield, a key2row of spaCy (or vocab with one in "
            "it), the model.safetensors and tokenizer.json of model2vec or sentence-transformers, or these and the "
            "config.json of a language model"
        )
    if not head:
        return ": the file is empty"
    projector: Any = _module("projector")
    if (numbers := projector.numbers_of(path)) is not None:
        return f": it has the words of the vectors in {numbers}: give that file"
    for start, hint in HINTS.items():
        if head.startswith(start):
            return f": {hint}"
    unpack = "; what has a file beside it must be unpacked first" if packed else ""
    return (
        ": a file of word2vec starts with the line 'words dimensions', such as '67773 100'; one of GloVe has a word "
        f"and equally many numbers on every line{unpack}{ADVICE}"
    )
