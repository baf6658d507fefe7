"""The files of a checkpoint: its configuration, its tensors in one file or in several, and the tokens of its tables.

V tokens, R rows of a table, D dimensions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple, final

import msgspec
import numpy as np
from numpy.typing import NDArray

from wordfield.formats import tensors, tokenizer_json, torch_tensors
from wordfield.formats.architecture import INPUTS
from wordfield.formats.faults import Faults
from wordfield.formats.table import FormatError
from wordfield.storage import BFloat16, Dense, Float16, Shared, Storage
from wordfield.text import subwords
from wordfield.text.vocabulary import Distinct

CONFIG, TENSORS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
TOKENIZER, PIECES, VOCABULARY = "tokenizer.json", "tokenizer_config.json", "vocab.txt"
JOINED, MERGES = "vocab.json", "merges.txt"
ADAPTER = "adapter_config.json"
PICKLED, PICKLED_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
OLD, NEW = re.compile(r"LayerNorm\.(gamma|beta)$"), {"gamma": "weight", "beta": "bias"}
HEAD = 1 << 16
LARGEST = 1 << 22
"""Bytes of a config.json that recognition looks at, at most."""
ADVICE = (
    'load it with transformers and save it again: model.save_pretrained("FOLDER"), tokenizer.save_pretrained("FOLDER")'
)


class Added(msgspec.Struct):
    """A token that was added to a vocabulary."""

    content: str
    id: int


class Model(msgspec.Struct):
    """The part of a tokenizer.json that has the vocabulary; what joins pieces stays unread."""

    vocab: Any
    unk_token: Any = None
    unk_id: Any = None


class Given(msgspec.Struct):
    """A tokenizer.json, as far as its tokens are told by it."""

    model: Model
    added_tokens: list[Added] | None = None
    pre_tokenizer: Any = None
    decoder: Any = None


class Index(msgspec.Struct):
    """Which file has which tensor."""

    weight_map: dict[str, str]


@final
class Tensors(Mapping[str, NDArray[Any]]):
    """All tensors of a checkpoint by their names, mapped when they are asked for; those of bfloat16 made float32.
    ``entries``: what each is and where it lies.
    """

    def __init__(self, entries: dict[str, tensors.Entry]) -> None:
        self.entries = entries

    def __getitem__(self, name: str) -> NDArray[Any]:
        return tensors.numbers(name, self.entries[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __repr__(self) -> str:
        return f"Tensors({len(self)})"

    def table(self, name: str) -> Storage:
        """A tensor of two axes as a table (R, D), in the form in which the file has it."""
        entry = self.entries[name]
        if entry.kind == tensors.BFLOAT16:
            return BFloat16(tensors.bits(entry))
        array = self[name]
        if array.dtype.kind != "f" or 0 in array.shape:
            raise FormatError(
                f"{entry.path}: tensor {name!r} is {array.dtype} of shape {array.shape}; rows of float32, float16, "
                "bfloat16 or float64 are needed"
            )
        if array.dtype == np.float16:
            return Float16(array)
        with np.errstate(over="ignore", invalid="ignore"):
            return Dense(array)


class Tokens(NamedTuple):
    """The tokens of a checkpoint."""

    words: Distinct
    """What they are called here (V)."""
    rows: NDArray[np.int64]
    """The row of each (V), ascending."""
    text: str | subwords.Stored
    """The tokenizer.json."""


def recognised(path: Path) -> bool:
    """Whether a folder looks like a checkpoint, though it may be damaged."""
    if any((path / name).is_file() for name in (INDEX, ADAPTER)):
        return True
    config = path / CONFIG
    try:
        if config.is_file() and config.stat().st_size <= LARGEST:
            given = json.loads(config.read_bytes())
            if isinstance(given, dict) and isinstance(given.get("model_type"), str):
                return True
        with (path / TENSORS).open("rb") as stream:
            head = stream.read(HEAD)
    except (OSError, ValueError, RecursionError):
        return (path / TENSORS).is_file() and (path / TOKENIZER).is_file()
    return any(f'{name}.weight"'.encode() in head for name in INPUTS)


def config(path: Path) -> dict[str, Any]:
    """What config.json says. ``FormatError`` for an adapter, and where there is none."""
    file = path / CONFIG
    if (path / ADAPTER).is_file() and not file.is_file():
        raise FormatError(
            f"{path / ADAPTER}: an adapter is no model of its own, it changes another that has the tables: merge it "
            "into that with peft, merge_and_unload(), and save the result"
        )
    if not file.is_file():
        raise FormatError(f"{file}: missing; it says which architecture the tensors are of, and has to be beside them")
    try:
        given = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file}: damaged or truncated JSON ({error})") from error
    if not isinstance(given, dict) or not isinstance(given.get("model_type"), str):
        raise FormatError(f'{file}: the entry "model_type", the name of an architecture, is missing')
    return given


def opened(path: Path) -> Tensors:
    """The tensors of the folder; of several files those that the index names. Where there is no safetensors file, those
    of PyTorch's. ``FormatError`` for files that are missing, with how many tensors each has, and for what they lack.
    """
    for single, index, read in (
        (TENSORS, INDEX, tensors.entries),
        (PICKLED, PICKLED_INDEX, torch_tensors.entries),
    ):
        if (path / single).is_file():
            return Tensors(_renamed(read(path / single)))
        if (path / index).is_file():
            return Tensors(_renamed(_sharded(path, index, read)))
    raise FormatError(f"{path / TENSORS}: missing, and there is no {INDEX} of several files, nor {PICKLED}")


def _sharded(path: Path, index: str, read: Callable[[Path], dict[str, tensors.Entry]]) -> dict[str, tensors.Entry]:
    """The tensors of several files."""
    shards = _shards(path / index)
    missing = [f"{shard} ({len(names)} tensors)" for shard, names in shards.items() if not (path / shard).is_file()]
    if missing:
        raise FormatError(
            f"{path}: {len(missing)} of the {len(shards)} files that {index} names are missing: {', '.join(missing)}"
        )
    found: dict[str, tensors.Entry] = {}
    for shard, names in shards.items():
        there = read(path / shard)
        for name in names:
            if name not in there:
                raise FormatError(f"{path / shard}: tensor {name!r} is missing, which {index} says is in it")
            found[name] = there[name]
    return found


def _renamed(found: dict[str, tensors.Entry]) -> dict[str, tensors.Entry]:
    """What old checkpoints call gamma and beta of a LayerNorm, which are weight and bias."""
    return {OLD.sub(lambda match: f"LayerNorm.{NEW[match[1]]}", name): entry for name, entry in found.items()}


def _shards(file: Path) -> dict[str, list[str]]:
    """The files that an index names, and the tensors of each."""
    try:
        weights = msgspec.json.decode(file.read_bytes(), type=Index).weight_map
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(
            f'{file}: no index of tensors, an object "weight_map" of names and files ({error})'
        ) from error
    shards: dict[str, list[str]] = {}
    for name, shard in weights.items():
        shards.setdefault(shard, []).append(name)
    for shard in shards:
        if not shard.strip(".") or PurePath(shard).name != shard:
            raise FormatError(f"{file}: {shard!r:.80} is no name of a file in the folder")
    if not shards:
        raise FormatError(f"{file}: it names no tensors")
    return shards


def tokens(path: Path, faults: Faults) -> Tokens:
    """The tokens that tokenizer.json lists, or the vocab.json of a RoBERTa, or the vocab.txt of a BERT."""
    file = path / TOKENIZER
    if not file.is_file():
        pairs = all((path / name).is_file() for name in (JOINED, MERGES))
        return _of_merges(path, faults) if pairs else _of_list(path, faults)
    try:
        given = msgspec.json.decode(file.read_bytes(), type=Given)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{file}: no tokenizer.json, or a damaged one ({error})") from error
    return _named(file, given, subwords.Stored(file), faults)


def _named(file: Path, given: Given, text: str | subwords.Stored, faults: Faults) -> Tokens:
    added = {each.content: each.id for each in given.added_tokens or ()}
    found, rows = _sound(given.model.vocab, added)
    if rows is None:
        entries = [{"content": content, "id": row} for content, row in added.items()]
        listed = {"model": {"vocab": given.model.vocab}, "added_tokens": entries}
        pairs = tokenizer_json.tokens(file, listed, faults)
        found, rows = [*pairs], np.fromiter(pairs.values(), np.int64, len(pairs))
    if not found:
        raise FormatError(f"{file}: no tokens")
    parts = {"pre_tokenizer": given.pre_tokenizer, "decoder": given.decoder}
    return Tokens(Distinct(subwords.names(found, added, parts)), rows, text)


def _sound(vocabulary: Any, added: Mapping[str, int]) -> tuple[list[str], NDArray[np.int64] | None]:
    """The tokens in the order of their rows, and these; None where anything about them is in doubt."""
    if not isinstance(vocabulary, dict):
        return [], None
    found = [*vocabulary, *(token for token in added if token not in vocabulary)]
    ids = [*vocabulary.values(), *(row for token, row in added.items() if token not in vocabulary)]
    if set(map(type, ids)) != {int} or min(ids) < 0 or max(ids) >= 1 << 32:
        return [], None
    rows = np.array(ids, np.int64)
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    if (np.diff(rows) == 0).any():
        return [], None
    if (order == np.arange(len(order))).all():
        return found, rows
    return [found[place] for place in order.tolist()], rows


def _of_merges(path: Path, faults: Faults) -> Tokens:
    """The tokens of a vocab.json, and the tokenizer.json of a RoBERTa that joins them as merges.txt says."""
    file = path / JOINED
    try:
        rows = msgspec.json.decode(file.read_bytes(), type=dict[str, int])
        lines = (path / MERGES).read_text("utf-8").split("\n")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{file}: no vocabulary of tokens and their numbers, or no {MERGES} ({error})") from error
    merges: list[tuple[str, str]] = []
    for number, line in enumerate(lines, 1):
        pair = line.split(" ")
        if line and not line.startswith("#version") and len(pair) != 2:
            faults.found(f"{MERGES}, line {number}", f"two tokens are needed, not {line:.60}")
        elif line and not line.startswith("#version"):
            merges.append((pair[0], pair[1].removesuffix("\r")))
    made = tokenizer_json.of_merges(rows, merges)
    return _named(file, msgspec.convert(made, Given), json.dumps(made, ensure_ascii=False), faults)


def _of_list(path: Path, faults: Faults) -> Tokens:
    """The tokens of a vocab.txt, one a line, and the tokenizer.json of a BERT that has them."""
    file = path / VOCABULARY
    if not file.is_file():
        raise FormatError(
            f"{path / TOKENIZER}: missing; the tokens are needed, in a tokenizer.json, the vocab.txt of a BERT, or the "
            f"{JOINED} and {MERGES} of a RoBERTa: "
            f"{ADVICE}"
        )
    found: dict[str, int] = {}
    for row, line in enumerate(file.read_bytes().decode("utf-8", "surrogateescape").split("\n")):
        token = line.removesuffix("\r")
        if not token.isprintable() and any("\udc80" <= character <= "\udcff" for character in token):
            faults.found(f"{VOCABULARY}, line {row + 1}", "not UTF-8")
        elif token and token in found:
            faults.found(f"{VOCABULARY}, line {row + 1}", f"the token {token!r} stands there a second time")
        elif token:
            found[token] = row
    settings = _settings(path / PIECES)
    made = tokenizer_json.of_wordpieces(found, settings.get("do_lower_case") is not False)
    text = json.dumps(made, ensure_ascii=False)
    return _named(file, msgspec.convert(made, Given), text, faults)


def _settings(file: Path) -> dict[str, Any]:
    try:
        given = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return given if isinstance(given, dict) else {}


def of_rows(storage: Storage, rows: NDArray[np.int64]) -> Storage:
    """The rows of a table that have words: the first ones as they lie in the file, others looked up."""
    count = len(rows)
    if count == storage.shape[0]:
        return storage
    if not count or rows[-1] == count - 1:
        if isinstance(storage, BFloat16 | Float16):
            return storage.chosen(slice(0, count))
        return Dense(storage.matrix[:count])
    return Shared(storage, rows)
