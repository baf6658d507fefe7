"""wordfield's own format: a folder of two JSON files that people can read, and one of tensors that is mapped, not read.

``config.json``: ``{"wordfield": 1, "words": V, "dim": D, ...}`` and what the recipe remembers; ``vocabulary.json``: one
object, word -> count or null, a word a line, in the order of the rows; ``vectors.safetensors``: "vectors" (V, D)
float32, then the arrays that training goes on from. JSON holds any word: with spaces, newlines, or halves of surrogate
pairs.

A table that is mostly zeros has ``"wordfield": 2`` and a "storage" in its config.json: "sparse", with the tensors
"indptr" (V + 1,), "indices" (E,) and "data" (E,) float32 instead of "vectors", as CSR has them, columns ascending in a
row; or "identity", one-hot vectors, with none at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import tensors
from wordfield.formats.files import check_folder, replacing_folder
from wordfield.formats.table import FormatError, Table
from wordfield.storage import Dense, Sparse, Storage

VERSION = 2
CONFIG, VOCABULARY, VECTORS = "config.json", "vocabulary.json", "vectors.safetensors"
FILES = frozenset({CONFIG, VOCABULARY, VECTORS})
HOLDS = frozenset({"counts", "config", "state"})
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
    for name in VECTOR_TENSORS:
        if name in table.state:
            raise ValueError(
                f'the state cannot hold an array called "{name}": that is a name of the vectors themselves'
            )
    words, dim = table.storage.shape
    kind, arrays = _parts(table.storage)
    ours = {"wordfield": VERSION if kind else 1, "words": words, "dim": dim} | kind
    config = ours | table.config | ours
    counts = [None] * words if table.counts is None else table.counts.tolist()
    vocabulary = dict(zip(table.words, counts, strict=True))
    if len(vocabulary) != words:
        raise ValueError(f"{words - len(vocabulary)} words stand twice in the vocabulary: one row a word is needed")
    state = dict(
        sorted(table.state.items(), key=lambda item: -item[1].itemsize)
    )  # so that all stay aligned after the first
    with replacing_folder(path, FILES, CONFIG) as folder:
        (folder / CONFIG).write_bytes(_written(config))
        lines = json.dumps(vocabulary, ensure_ascii=False, separators=(",\n", ": "))
        (folder / VOCABULARY).write_bytes((lines + "\n").encode("utf-8", "surrogatepass"))
        tensors.write(folder / VECTORS, arrays | state)


def load(path: Path) -> Table:
    """Read the two JSON files and map the tensors; ``FormatError`` where a file is missing, damaged, or contradicts
    another.
    """
    config = _config(path / CONFIG)
    words, counts = _vocabulary(path / VOCABULARY)
    arrays = tensors.read(_there(path / VECTORS))
    shape = (config.pop("words"), config.pop("dim"))
    kind = config.pop("storage", "dense")
    if kind != "dense":  # nothing is allocated on the word of a number
        _agree(path, words, shape)
    storage = _storage(path / VECTORS, kind, arrays, shape)
    _agree(path, words, shape)
    return Table(words, storage, counts, config, arrays)


def _agree(path: Path, words: list[str], shape: tuple[int, int]) -> None:
    if len(words) != shape[0]:
        raise FormatError(f"{path / VOCABULARY}: {len(words)} words, but {CONFIG} says {shape[0]}")


def _parts(storage: Storage) -> tuple[dict[str, str], dict[str, NDArray[Any]]]:
    """What config.json says of the storage, nothing if it is dense, and its tensors."""
    if not isinstance(storage, Sparse):
        return {}, {"vectors": storage.matrix}
    if storage.is_identity:
        return {"storage": "identity"}, {}
    csr = storage.matrix
    wide = sorted([("indptr", csr.indptr), ("indices", csr.indices)], key=lambda part: -part[1].itemsize)
    return {"storage": "sparse"}, dict(wide) | {"data": csr.data}


def _storage(path: Path, kind: Any, arrays: dict[str, NDArray[Any]], shape: tuple[int, int]) -> Storage:
    """The vectors among the ``arrays``, which are taken out of these."""
    if kind == "identity" and shape[0] == shape[1]:
        return Sparse.identity(shape[0])
    if kind == "sparse":
        return _sparse(path, [_taken(path, arrays, name, 1) for name in ("indptr", "indices", "data")], shape)
    if kind != "dense":
        raise FormatError(
            f'{path.parent / CONFIG}: "storage" is {kind!r}: sparse or identity (of as many words) is read'
        )
    vectors = _taken(path, arrays, "vectors", 2)
    if vectors.shape != shape:
        raise FormatError(f"{path}: vectors of shape {vectors.shape}, but {CONFIG} says {shape}")
    return Dense(vectors)


def _taken(path: Path, arrays: dict[str, NDArray[Any]], name: str, axes: int) -> NDArray[Any]:
    """One of the tensors of the vectors."""
    array = arrays.pop(name, None)
    kinds: tuple[type[Any], ...] = (np.int32, np.int64) if name in ("indptr", "indices") else (np.float32,)
    if array is None or array.ndim != axes or array.dtype not in kinds:
        what = "is missing" if array is None else f"is {array.dtype} of shape {array.shape}"
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise FormatError(f'{path}: byte 8: the tensor "{name}" {what}; {wanted} with {axes} axes is needed')
    return array


def _sparse(path: Path, parts: list[NDArray[Any]], shape: tuple[int, int]) -> Sparse:
    """A table of these parts, once it is certain that no index leads elsewhere."""
    from scipy.sparse import csr_array

    indptr, indices, data = parts
    if len(indptr) != shape[0] + 1 or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
        raise FormatError(f'{path}: "indptr" does not say where {shape[0]} rows of {len(indices)} entries end')
    if len(data) != len(indices):
        raise FormatError(f'{path}: {len(indices)} "indices", but {len(data)} numbers in "data"')
    if len(indices):
        if indices.min() < 0 or indices.max() >= shape[1]:
            raise FormatError(
                f'{path}: "indices" from {indices.min()} to {indices.max()}, but there are {shape[1]} columns'
            )
        ascending = np.diff(indices) > 0
        ascending[indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < len(indices))] - 1] = True
        if not ascending.all():
            raise FormatError(f'{path}: "indices" do not ascend in each row: byte order or rows are mixed up')
    finite = np.isfinite(data)
    if not finite.all():
        here = int(finite.argmin())
        raise FormatError(f'{path}: entry {here} of "data" is {data[here]}: finite numbers are needed')
    csr = csr_array((data, indices, indptr), shape=shape)
    csr.has_canonical_format = True
    return Sparse(csr)


def _config(path: Path) -> dict[str, Any]:
    config = _json(_there(path))
    version = config.pop("wordfield", None)
    if not isinstance(version, int) or version < 1:
        raise FormatError(f'{path}: the entry "wordfield", the version of the format, is missing')
    if version > VERSION:
        raise FormatError(f"{path}: format {version} of a newer wordfield, this one reads {VERSION}: upgrade wordfield")
    for name in ("words", "dim"):
        if not isinstance(config.get(name), int) or config[name] < 0:
            raise FormatError(f'{path}: the entry "{name}", a whole number, is missing')
    return config


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
