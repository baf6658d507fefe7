"""One .safetensors file of vectors and their words, which the library safetensors and all that build on it read.

Written: "vectors" (V, D) float32, float16, bfloat16, or int8 with "scales" (V,) float32 by which rows are multiplied;
"words", the UTF-8 of all words one after the other, uint8; "word_ends" (V,) int64, the byte behind each word;
"counts" (V,) int64, where they are known; and under "config" in the header what a recipe remembers, JSON. "vectors"
starts at a multiple of 64 bytes, so that it is mapped.

Read: besides these, files of others, whose tensor is called "vectors", "embeddings", "embedding.weight" or "weight", or
is the only one with two axes. Their words are a JSON list under "words", "vocab" or "tokens" in the header, or in a
list beside the file, see ``word_lists``. Files of staticvectors are of this kind: its "vectors" with a vocab.json, or,
quantised, uint8 codes "vectors" (V, P), "pq" (numbers in a part, parts) and "codewords" (P, 256, numbers in a part).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import tensors, word_lists
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_file, mapped, opened, replacing
from wordfield.formats.table import FormatError, Table
from wordfield.storage import CENTROIDS, BFloat16, Dense, Float16, Int8, Product, Storage

Arrays: TypeAlias = dict[str, NDArray[Any]]

HOLDS = frozenset({"counts", "config", "codes"})
NAMES = ("vectors", "embeddings", "embedding.weight", "weight")
HEADED = ("words", "vocab", "tokens")

check_target = check_file


def sniff(path: Path, head: bytes) -> bool:
    """The length of a header that can be, and a header that speaks of tensors."""
    length = int.from_bytes(head[:8], "little")
    if path.is_dir() or len(head) < 9 or not 2 <= length <= tensors.LONGEST_HEADER or head[8:9] != b"{":
        return False
    start = head[8 : 8 + length]
    return b'"dtype"' in start or b'"__metadata__"' in start or path.suffix == ".safetensors"


def beside(path: Path) -> list[Path]:
    """The list of words, where the file itself has none."""
    kept = tensors.metadata(path)
    inside = any(name in kept for name in HEADED) or {"word_ends", "words"} <= tensors.entries(path).keys()
    return [] if inside else word_lists.there(path)


def load(path: Path, faults: Faults) -> Table:
    """Map the vectors and read the words. ``FormatError`` where none of the tensors are vectors, or words are missing
    or of another number, and for a packed file.
    """
    with opened(path) as (stream, _):
        if not mapped(stream):
            raise FormatError(f"{path}: packed: unpack it first, because vectors of this format are mapped")
    entries, kept = tensors.entries(path), tensors.metadata(path)
    halves = {name for name, entry in entries.items() if entry.kind == tensors.BFLOAT16 and len(entry.shape) == 2}
    arrays = {name: tensors.numbers(name, entry) for name, entry in entries.items() if name not in halves}
    arrays |= {name: tensors.bits(entries[name]) for name in halves}
    name = _name(path, arrays)
    if "word_ends" in arrays and "words" in arrays:
        listed = _listed(path, arrays, faults)
        where = path
    else:
        where, listed = _elsewhere(path, kept, faults)
    storage = BFloat16(arrays[name]) if name in halves and arrays[name].size else _storage(path, name, arrays)
    word_lists.agreeing(path, where, listed, storage.shape[0])
    return Table(listed.words, listed.chosen(storage), listed.counts, _config(path, kept))


def save(table: Table, path: Path) -> None:
    """Write the file; ``FormatError`` for a word that is no valid Unicode."""
    if not table.words:
        raise FormatError("there are no words to write: use the native format, which also holds n-grams alone")
    words = [_encoded(row, word) for row, word in enumerate(table.words)]
    arrays: Arrays = {"word_ends": np.cumsum([len(word) for word in words], dtype=np.int64)}
    if table.counts is not None:
        arrays["counts"] = table.counts
    match table.storage:
        case Float16():
            arrays["vectors"] = table.storage.codes
        case BFloat16():
            arrays["vectors"] = table.storage.codes
        case Int8():
            arrays |= {"scales": table.storage.scales, "vectors": table.storage.codes}
        case Dense():
            arrays["vectors"] = table.storage.matrix
        case _:
            arrays["vectors"] = table.storage.take(np.arange(len(words)))
    arrays["words"] = np.frombuffer(b"".join(words), np.uint8)
    kept = {"config": json.dumps(table.config, default=_plain)} if table.config else None
    with replacing(path) as stream:
        halves = {"vectors"} if isinstance(table.storage, BFloat16) else set()
        tensors.write_to(stream, arrays, kept, "vectors", halves)


def _name(path: Path, arrays: Arrays) -> str:
    """What the tensor of the vectors is called."""
    for name in NAMES:
        if name in arrays:
            return name
    wide = [name for name, array in arrays.items() if array.ndim == 2]
    if len(wide) == 1:
        return wide[0]
    shown = ", ".join([*arrays][:5]) + (" ..." if len(arrays) > 5 else "")
    raise FormatError(
        f"{path}: none of the {len(arrays)} tensors ({shown}) is called {', '.join(NAMES)}, and not just one has two "
        "axes: which holds the vectors cannot be told"
    )


def _storage(path: Path, name: str, arrays: Arrays) -> Storage:
    """The vectors, whatever their numbers are."""
    array = arrays[name]
    if array.ndim != 2 or 0 in array.shape:
        raise FormatError(f"{path}: tensor {name!r} has the shape {array.shape}; words and dimensions are needed")
    if "codewords" in arrays:
        return _product(path, array, arrays["codewords"])
    if array.dtype == np.float16:
        return Float16(array)
    if array.dtype == np.int8:
        scales = arrays.get("scales", np.ones(len(array), np.float32))
        if scales.shape != (len(array),) or scales.dtype != np.float32:
            raise FormatError(f'{path}: tensor "scales" is {scales.dtype} of shape {scales.shape}; one a row is needed')
        return Int8(array, scales)
    if array.dtype not in (np.float32, np.float64):
        raise FormatError(f"{path}: tensor {name!r} is {array.dtype}; float32, float64, float16 or int8 is needed")
    with np.errstate(over="ignore", invalid="ignore"):
        return Dense(array)


def _product(path: Path, codes: NDArray[Any], codewords: NDArray[Any]) -> Product:
    """Codes as nanopq, and so staticvectors, has them."""
    parts = codes.shape[1]
    if codes.dtype != np.uint8 or codewords.dtype != np.float32 or codewords.shape[:2] != (parts, CENTROIDS):
        raise FormatError(
            f'{path}: codes are {codes.dtype} of shape {codes.shape}, "codewords" {codewords.dtype} of shape '
            f"{codewords.shape}; (V, P) uint8 and (P, {CENTROIDS}, numbers in a part) float32 go together"
        )
    if codewords.ndim != 3 or not codewords.shape[2]:
        raise FormatError(f'{path}: "codewords" has the shape {codewords.shape}; three axes are needed, none of them 0')
    return Product(codes, codewords.reshape(-1), codewords.shape[2])


def _listed(path: Path, arrays: Arrays, faults: Faults) -> word_lists.Listed:
    """The words that the file itself has."""
    ends, text, counts = arrays["word_ends"], arrays["words"], arrays.get("counts")
    sound = ends.ndim == text.ndim == 1 and ends.dtype == np.int64 and text.dtype == np.uint8
    if not sound or (np.diff(ends, prepend=0) < 0).any() or (ends[-1] if len(ends) else 0) != len(text):
        raise FormatError(
            f'{path}: "word_ends" and "words" do not go together: int64 that never fall up to the length of the uint8'
        )
    if counts is not None and (counts.shape != ends.shape or counts.dtype != np.int64):
        raise FormatError(f'{path}: "counts" is {counts.dtype} of shape {counts.shape}; one int64 a word is needed')
    data = text.tobytes()
    starts = [0, *ends.tolist()[:-1]]
    words = [data[start:end] for start, end in zip(starts, ends.tolist(), strict=True)] if len(ends) else []
    return word_lists.listed(path, enumerate(words), None if counts is None else counts.tolist(), faults, "word")


def _elsewhere(path: Path, kept: dict[str, str], faults: Faults) -> tuple[Path, word_lists.Listed]:
    """The words in the header, or in a file beside, and where they are."""
    for name in HEADED:
        if name in kept:
            return path, word_lists.from_json(path, kept[name].encode("utf-8", "surrogatepass"), faults)
    if (path.parent / "tokenizer.json").is_file():
        raise FormatError(
            f"{path}: the vectors are those of tokens, which the tokenizer.json beside them has: give the folder, "
            f"{path.parent}"
        )
    where = word_lists.find(path)
    return where, word_lists.read(where, faults)


def _config(path: Path, kept: dict[str, str]) -> dict[str, Any]:
    try:
        config = json.loads(kept.get("config", "{}"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f'{path}: byte 8: "config" in the header is no JSON ({error})') from error
    return config if isinstance(config, dict) else {}


def _encoded(row: int, word: str) -> bytes:
    try:
        if word:
            return word.encode()
        what = "is empty"
    except UnicodeEncodeError as error:
        what = f"is no valid Unicode ({error.reason})"
    raise FormatError(
        f"row {row}: the word {word!r} {what}, which a safetensors file cannot hold: use the native format"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"the configuration holds {value!r}, which JSON cannot")
