"""Words in a file of their own, for vectors whose file has none: a word a line, JSON, or the metadata of TensorFlow's
embedding projector.

Which file it is follows from the names: for vectors in ``x.npy`` the first that is there of ``x.words.txt``,
``x.words``, ``x.vocab``, ``x.vocab.txt``, ``x.txt``, ``x.words.json``, ``x.vocab.json``, ``x.json``,
``x_metadata.tsv``, ``x.tsv``, and then ``words.txt``, ``vocab.txt``, ``words.json``, ``vocab.json`` and
``metadata.tsv`` in the same folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordfield.formats.faults import Faults
from wordfield.formats.files import opened
from wordfield.formats.table import FormatError
from wordfield.storage import Coded, Dense, Storage

OURS = ".words.txt"
"""What follows the name of vectors in the name of the list that is written for them."""
NAMED = (OURS, ".words", ".vocab", ".vocab.txt", ".txt", ".words.json", ".vocab.json", ".json", "_metadata.tsv", ".tsv")
ALONE = ("words.txt", "vocab.txt", "words.json", "vocab.json", "metadata.tsv")
COUNTED = re.compile(rb"([^\t]+?)[ \t](\d{1,18})")
WORD_COLUMNS, COUNT_COLUMNS = ("word", "token", "label", "name"), ("count", "frequency", "freq")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar")
ENDS = {"\t": "a tab", "\n": "a line feed", "\r": "a carriage return"}
"""At what readers would cut a word."""
MARK = b"\xef\xbb\xbf"


class Listed(NamedTuple):
    """The words of a list."""

    words: list[str]
    """Each word once, in the order of the rows (V)."""
    counts: NDArray[np.int64] | None
    """How often each word occurred, where the list tells (V)."""
    rows: NDArray[np.int64]
    """The row of each word among those of the vectors (V)."""
    length: int
    """For how many rows the list has a line."""

    def chosen(self, storage: Storage) -> Storage:
        """The rows of the words: all but those at fault."""
        if len(self.rows) == storage.shape[0]:
            return storage
        return storage.chosen(self.rows) if isinstance(storage, Coded) else Dense(storage.matrix[self.rows])


def beside(path: Path) -> Path:
    """The name of the list that is written for the vectors in ``path``."""
    return path.with_name(stem(path) + OURS)


def stem(path: Path) -> str:
    """The name without the suffix of a format, and of what it is packed with: king-v1.5 has none."""
    name = PurePath(path.name)
    while name.suffix.lower() in PACKED:
        name = name.with_suffix("")
    return name.stem if name.suffix.lower() in (".npy", ".npz", ".safetensors", ".tsv") else name.name


def there(path: Path) -> list[Path]:
    """The list for the vectors in ``path``; none where there is none."""
    places = [path.parent / name for name in _names(path) if name != path.name]
    return [place for place in places if place.is_file()][:1]


def _names(path: Path) -> list[str]:
    return [stem(path) + suffix for suffix in NAMED] + list(ALONE)


def find(path: Path) -> Path:
    """The list for the vectors in ``path``. ``FormatError`` that names all that was tried."""
    if found := there(path):
        return found[0]
    names = _names(path)
    raise FormatError(
        f"{path}: the file has vectors without words, and no list of words lies beside it (tried: {', '.join(names)}): "
        f"put a file {names[0]} there, a word a line in the order of the rows"
    )


def read(path: Path, faults: Faults) -> Listed:
    """The words of a list. ``FormatError`` for a file that is none; lines without a word, with one that stands twice,
    or with other columns than the first are faults.
    """
    with opened(path) as (stream, _):
        data = stream.read().removeprefix(MARK)
    if path.suffix == ".json":
        return from_json(path, data, faults)
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    lines = [line.removesuffix(b"\r") for line in lines]
    if path.suffix == ".tsv":
        return _metadata(path, lines, faults)
    pairs = None if path.name.endswith(OURS) else _counted(lines)
    if pairs is None:
        return listed(path, enumerate(lines, 1), None, faults)
    words, counts = pairs
    return listed(path, enumerate(words, 1), counts, faults)


def agreeing(path: Path, where: Path, listed: Listed, rows: int) -> None:
    """``FormatError`` where there is not a line for each of the ``rows`` of the vectors in ``path``."""
    if listed.length != rows:
        raise FormatError(
            f"{path}: {rows} rows of vectors, but {where} has {listed.length} words: one word a row is needed; one of "
            "the two files is truncated or belongs to other vectors"
        )


def encoded(words: Sequence[str], unsafe: str, format: str) -> list[bytes]:
    """The words as lines; ``FormatError`` for one that is empty or holds a character of ``unsafe``, at which readers
    would cut it.
    """
    if not words:
        raise FormatError("there are no words to write: use the native format, which also holds n-grams alone")
    bad, lines = re.compile(f"[{re.escape(unsafe)}]"), []
    for row, word in enumerate(words):
        cut = bad.search(word)
        what = "is empty" if not word else f"holds {ENDS[cut[0]]}" if cut else ""
        if not what:
            try:
                lines.append(word.encode())
                continue
            except UnicodeEncodeError as error:
                what = f"is no valid Unicode ({error.reason})"
        raise FormatError(
            f"row {row}: the word {word!r} {what}, which {format} cannot hold: "
            "use the native format, or replace the word"
        )
    return lines


def _counted(lines: Sequence[bytes]) -> tuple[list[bytes], list[int]] | None:
    """Words and counts, as GloVe's vocab.txt has them, where each line ends in a number."""
    found = []
    for line in lines:
        match = COUNTED.fullmatch(line)
        if match is None:
            return None
        found.append(match)
    return ([each[1] for each in found], [int(each[2]) for each in found]) if found else None


def _metadata(path: Path, lines: Sequence[bytes], faults: Faults) -> Listed:
    """The words of a projector's metadata, whose first line names the columns only where there are more than one."""
    if not lines or b"\t" not in lines[0]:
        return listed(path, enumerate(lines, 1), None, faults)
    names = [name.strip().lower() for name in lines[0].decode(errors="replace").split("\t")]
    here = next((names.index(name) for name in WORD_COLUMNS if name in names), 0)
    there = next((names.index(name) for name in COUNT_COLUMNS if name in names), None)
    words: list[bytes] = []
    counts: list[int] = []
    for number, line in enumerate(lines[1:], 2):
        fields = line.split(b"\t")
        if len(fields) != len(names):
            faults.found(f"{path.name}, line {number}", f"{len(fields)} columns; line 1 names {len(names)}")
            fields = [b""] * len(names)
        words.append(fields[here])
        if there is not None and re.fullmatch(rb"\d{1,18}", fields[there]):
            counts.append(int(fields[there]))
    return listed(path, enumerate(words, 2), counts if len(counts) == len(words) else None, faults)


def from_json(path: Path, data: bytes, faults: Faults) -> Listed:
    """The words of a list, of an object of words and their rows, or of either under "words" or "tokens"."""
    try:
        given: Any = json.loads(data.decode("utf-8", "surrogatepass"), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path}: damaged or truncated JSON, or not UTF-8 ({error})") from error
    if isinstance(given, _Pairs):
        inner = next((value for key, value in given if key in ("words", "tokens") and isinstance(value, list)), None)
        given = given if inner is None else inner
    if isinstance(given, _Pairs):
        rows = [row for _, row in given]
        if all(type(row) is int for row in rows) and sorted(rows) == list(range(len(rows))):
            given = [word for word, _ in sorted(given, key=lambda pair: pair[1])]
    if isinstance(given, _Pairs) or not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        raise FormatError(
            f"{path}: a list of words is needed, or an object of words and their rows, 0 and up, each once"
        )
    return listed(path, enumerate(given), None, faults, "entry")


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, those that stand twice included."""


def listed(
    path: Path, lines: Iterable[tuple[int, bytes | str]], counts: list[int] | None, faults: Faults, unit: str = "line"
) -> Listed:
    """Words with their numbers, each of which must be there and stand once: others are faults."""
    words: list[str] = []
    rows: list[int] = []
    seen: dict[str, int] = {}
    length = 0
    for number, line in lines:
        length += 1
        word, where = line if isinstance(line, str) else decoded(line, seen), f"{path.name}, {unit} {number}"
        if not word:
            faults.found(where, "no word stands there; one is needed for each row of the vectors")
        elif word in seen:
            faults.found(where, f"the word {word!r} stands there a second time, first in {unit} {seen[word]}")
        else:
            seen[word] = number
            words.append(word)
            rows.append(length - 1)
    kept = np.array(rows, np.int64)
    return Listed(words, None if counts is None else np.array(counts, np.int64)[kept], kept, length)


def decoded(raw: bytes, seen: dict[str, int]) -> str:
    """A word; what is no UTF-8 in it is replaced, or written in digits where the word would be like another then."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        word = raw.decode(errors="replace")
        return raw.decode(errors="backslashreplace") if word in seen else word
