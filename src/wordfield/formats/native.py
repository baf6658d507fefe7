"""wordfield's own format: a folder of two JSON files that people can read, and one of tensors that is mapped, not read.

``config.json``: ``{"wordfield": 1, "words": V, "dim": D, ...}`` and what the recipe remembers; ``vocabulary.json``: one
object, word -> count or null, a word a line, in the order of the rows; ``vectors.safetensors``: "vectors" (V, D)
float32, then the arrays that training goes on from. JSON holds any word: with spaces, newlines, or halves of surrogate
pairs.

A table that is mostly zeros has ``"wordfield": 2`` and a "storage" in its config.json: "sparse", with the tensors
"indptr" (V + 1,), "indices" (E,) and "data" (E,) float32 instead of "vectors", as CSR has them, columns ascending in a
row; or "identity", one-hot vectors, with none at all.

What is younger has ``"wordfield": 3``. Rows that are codes: "storage" is "float16", with the tensor "halves" (V, D);
"bfloat16", with "bits" (V, D) uint16; "int8", with "bytes" (V, D) and "scales" (V,) float32; or "product", with "part",
numbers in a part of a row, and "codes" (V, P) uint8, "centroids" (256 D,) float32 and, where lengths are apart,
"lengths" (V,) uint8 and "length_of" (256,) float32; or "scaled", with "rows", "dense" or "product", that are multiplied
by "row_lengths" (V,) float32 and, if there is a "turn" (D, D) float32, turned by it before. Words with n-grams have
"ngrams", its settings, rows for these after those of the words and, unless all buckets have rows, which those are:
"buckets" (K,). A classifier has "classes": labels (L), counts or null, loss, prefix, and a storage as above of L rows,
whose tensors' names begin with "classes.".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import native_parts as parts
from wordfield.formats import tensors
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_folder, replacing_folder
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Coded, Records, Sparse

VERSION = 3
CONFIG, VOCABULARY, VECTORS = "config.json", "vocabulary.json", "vectors.safetensors"
FILES = frozenset({CONFIG, VOCABULARY, VECTORS})
HOLDS = frozenset({"counts", "config", "state", "ngrams", "classes", "codes", "product"})
VECTOR_TENSORS = ("vectors", "indptr", "indices", "data")


def sniff(path: Path, head: bytes) -> bool:
    """A folder whose config.json names wordfield."""
    if head or not (path / CONFIG).is_file():
        return False
    try:
        return "wordfield" in _json(path / CONFIG)
    except FormatError:
        return (path / VECTORS).is_file()  # ours, but damaged: load tells where


def check_target(path: Path) -> None:
    """``FileExistsError`` where the target is no model of ours, or holds files that replacing it would delete."""
    if path.is_dir() and any(path.iterdir()) and not sniff(path, b""):
        raise FileExistsError(f"{path} is a folder that wordfield did not write; it is left alone: give another name")
    check_folder(path, FILES, CONFIG)


def save(table: Table, path: Path) -> None:
    """Write the folder, in place of an older one; refuses what ``check_target`` refuses."""
    check_target(path)
    entries, arrays = _parts(table)
    for name in (*VECTOR_TENSORS, *arrays):
        if name in table.state:
            raise ValueError(
                f'the state cannot hold an array called "{name}": that is a name of the vectors themselves'
            )
    words = len(table.words)
    ours = {"wordfield": 1, "words": words, "dim": table.storage.shape[1]} | entries
    config = ours | table.config | ours
    counts = [None] * words if table.counts is None else table.counts.tolist()
    vocabulary = dict(zip(table.words, counts, strict=True))
    if len(vocabulary) != words:
        raise ValueError(f"{words - len(vocabulary)} words stand twice in the vocabulary: one row a word is needed")
    held = arrays | _widest_first(table.state)
    if ours["wordfield"] == VERSION:
        held = _widest_first(held)
    with replacing_folder(path, FILES, CONFIG) as folder:
        (folder / CONFIG).write_bytes(_written(config))
        lines = json.dumps(vocabulary, ensure_ascii=False, separators=(",\n", ": "))
        (folder / VOCABULARY).write_bytes((lines + "\n").encode("utf-8", "surrogatepass"))
        tensors.write(folder / VECTORS, held)


def _widest_first(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """In an order in which all stay aligned."""
    return dict(sorted(arrays.items(), key=lambda item: -item[1].itemsize))


def load(path: Path, _: Faults) -> Table:
    """Read the two JSON files and map the tensors; ``FormatError`` where a file is missing, damaged, or contradicts
    another.
    """
    config, version = _config(path / CONFIG)
    words, counts = _vocabulary(path / VOCABULARY)
    file = _there(path / VECTORS)
    arrays = tensors.read(file)
    known, dim = config.pop("words"), config.pop("dim")
    if version < 3 and config.get("storage", "dense") == "dense":
        config.pop("storage", None)
        storage = parts.storage(file, {}, arrays, (known, dim))
        _agree(path, words, known)
        return Table(words, storage, counts, config, arrays)
    _agree(path, words, known)  # nothing is allocated on the word of a number
    if config.get("storage") == "identity" and known == dim and version < 3:
        del config["storage"]
        return Table(words, Sparse.identity(known), counts, config, arrays)
    younger = (config.pop("ngrams", None), config.pop("classes", None)) if version >= 3 else (None, None)
    ngrams = parts.ngrams(file, younger[0], arrays)
    rows = known if ngrams is None else known * ngrams.own + ngrams.rows
    storage = parts.storage(file, config, arrays, (rows, dim))
    classes = parts.classes(file, younger[1], arrays, dim)
    return Table(words, storage, counts, config, arrays, ngrams, classes)


def _parts(table: Table) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What config.json says of the vectors, n-grams and labels, nothing of plain vectors, and their tensors."""
    storage = table.storage
    coded = isinstance(storage, Coded) and not isinstance(storage, Records)  # which are all numbers
    if table.ngrams is None and table.classes is None and not coded:
        if isinstance(storage, Sparse) and storage.is_identity:
            return {"wordfield": 2, "storage": "identity"}, {}
        entries, arrays = parts.stored(storage)
        return ({"wordfield": 2} if entries else {}) | entries, arrays
    entries, arrays = parts.stored(storage)
    entries = {"wordfield": VERSION, "storage": "dense"} | entries | {"ngrams": None, "classes": None}
    if table.ngrams is not None:
        entries["ngrams"], more = parts.stored_ngrams(table.ngrams)
        arrays |= more
    if table.classes is not None:
        entries["classes"], more = parts.stored_classes(table.classes)
        arrays |= more
    return entries, arrays


def _agree(path: Path, words: list[str], known: int) -> None:
    if len(words) != known:
        raise FormatError(f"{path / VOCABULARY}: {len(words)} words, but {CONFIG} says {known}")


def _config(path: Path) -> tuple[dict[str, Any], int]:
    config = _json(_there(path))
    version = config.pop("wordfield", None)
    if not isinstance(version, int) or version < 1:
        raise FormatError(f'{path}: the entry "wordfield", the version of the format, is missing')
    if version > VERSION:
        raise FormatError(f"{path}: format {version} of a newer wordfield, this one reads {VERSION}: upgrade wordfield")
    for name in ("words", "dim"):
        if not isinstance(config.get(name), int) or config[name] < 0:
            raise FormatError(f'{path}: the entry "{name}", a whole number, is missing')
    return config, version


def _vocabulary(path: Path) -> tuple[list[str], NDArray[np.int64] | None]:
    pairs = _parsed(_there(path), pairs=True)
    if not isinstance(pairs, tuple):
        raise FormatError(f"{path}: not an object of words and counts")
    words = [word for word, _ in pairs]
    if len(set(words)) != len(words):
        seen: set[str] = set()
        twice = next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]
        raise FormatError(f"{path}: the word {twice!r} stands twice")
    counts = [count for _, count in pairs]
    kinds = set(map(type, counts))
    if kinds <= {type(None)}:
        return words, None
    if kinds != {int} or min(counts) < 0 or max(counts) > np.iinfo(np.int64).max:
        word, count = next(
            pair for pair in pairs if type(pair[1]) is not int or not 0 <= pair[1] <= np.iinfo(np.int64).max
        )
        raise FormatError(
            f"{path}: the count of {word!r} is {count!r}, not a whole number: all words have one, or all null"
        )
    return words, np.array(counts, dtype=np.int64)


def _there(path: Path) -> Path:
    if not path.is_file():
        raise FormatError(f"{path}: missing; a model is {CONFIG}, {VOCABULARY} and {VECTORS} together")
    return path


def _json(path: Path) -> dict[str, Any]:
    parsed = _parsed(path)
    if not isinstance(parsed, dict):
        raise FormatError(f"{path}: not a JSON object")
    return parsed


def _parsed(path: Path, pairs: bool = False) -> Any:
    """The JSON of a file; with ``pairs`` an object becomes a tuple of (key, value), so that nothing written twice is
    lost.
    """
    try:
        text = path.read_bytes().decode("utf-8", "surrogatepass")
        return json.loads(text, object_pairs_hook=tuple) if pairs else json.loads(text)
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: byte {error.start}: not UTF-8") from error
    except json.JSONDecodeError as error:
        byte = len(error.doc[: error.pos].encode("utf-8", "surrogatepass"))
        raise FormatError(f"{path}: byte {byte}: damaged or truncated JSON ({error.msg})") from error
    except RecursionError as error:
        raise FormatError(f"{path}: JSON nested too deeply to be a model") from error


def _written(config: dict[str, Any]) -> bytes:
    """The configuration as JSON in UTF-8; as ASCII where a file name in it is no valid Unicode."""
    try:
        return (json.dumps(config, indent=2, ensure_ascii=False, default=_plain) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(config, indent=2, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"the configuration holds {value!r}, which JSON cannot")
