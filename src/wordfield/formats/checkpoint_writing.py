"""A checkpoint is written: what transformers needs, and beside it what only we remember."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import architecture, tensors, tokenizer_json
from wordfield.formats import checkpoint_parts as parts
from wordfield.formats.faults import Faults
from wordfield.formats.files import replacing_folder
from wordfield.formats.table import FormatError, Network, Table
from wordfield.storage import BFloat16, Shared
from wordfield.text import subwords
from wordfield.text.subwords import UNKNOWN
from wordfield.text.tokenizers import Tokenizer
from wordfield.text.vocabulary import Distinct

OURS, STATE = "wordfield.json", "training.safetensors"
VERSION = 1
SPECIAL = {
    "unk_token": (UNKNOWN, "[UNK]"),
    "bos_token": ("<bos>", "<s>", "<|begin_of_text|>"),
    "eos_token": ("<eos>", "</s>", "<|endoftext|>", "<|end_of_text|>"),
    "pad_token": ("<pad>", "[PAD]"),
}
"""What transformers calls special tokens, and what they are called in vocabularies."""
SAMPLE = 16


def write(table: Table, path: Path, ours: frozenset[str]) -> None:
    """Write the folder in place of an older one."""
    network: Any = table.network
    tokenizer = _tokenizer(table)
    made = _made(table, tokenizer)
    arrays, halves = _tensors(table, network)
    ours_alone = kept(table)
    text = json.dumps(made, ensure_ascii=False)
    if tokenizer.name == "subwords":
        before = str(tokenizer.subwords)
        same = made == {"normalizer": None} | json.loads(before)
        ours_alone["tokenizer"] = tokenizer.describe() | ({"subwords": None} if same else {})
        text = before if same else text
    with replacing_folder(path, ours, OURS) as folder:
        put(folder / parts.CONFIG, network.config)
        (folder / parts.TOKENIZER).write_bytes(text.encode())
        put(folder / parts.PIECES, _special(network, made))
        put(folder / OURS, ours_alone)
        if table.state:
            tensors.write(folder / STATE, dict(sorted(table.state.items(), key=lambda item: -item[1].itemsize)))
        with (folder / parts.TENSORS).open("xb") as stream:
            tensors.write_to(stream, arrays, {"format": "pt"}, bfloat16=halves)


def kept(table: Table) -> dict[str, Any]:
    """What wordfield.json has of a table."""
    counts = {} if table.counts is None else {"counts": table.counts.tolist()}
    return {"wordfield": VERSION} | table.config | counts


def remembered(path: Path, table: Table) -> Table:
    """The table with what wordfield.json has of it, where that is there: words as they were, counts, recipe, history
    and tokenizer, and what training goes on from.
    """
    file = path / OURS
    if not file.is_file():
        return table
    try:
        kept = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{file}: damaged or truncated JSON ({error})") from error
    version = kept.pop("wordfield", None) if isinstance(kept, dict) else None
    if type(version) is not int or version < 1:
        raise FormatError(f'{file}: the entry "wordfield", the version of the format, is missing')
    if version > VERSION:
        raise FormatError(f"{file}: format {version} of a newer wordfield, this one reads {VERSION}: upgrade wordfield")
    table.counts = _counts(file, kept.pop("counts", None), len(table.words))
    described = kept.get("tokenizer")
    if isinstance(described, dict):
        if described.get("name") != "subwords":
            table.words = _unmarked(table.words)
        elif described.get("subwords") is None:
            kept["tokenizer"] = described | {"subwords": table.config["tokenizer"]["subwords"]}
    table.config = kept
    if (path / STATE).is_file():
        table.state = tensors.read(path / STATE)
    return table


def _counts(file: Path, counts: Any, words: int) -> NDArray[np.int64] | None:
    if counts is None:
        return None
    sound = isinstance(counts, list) and all(type(each) is int and 0 <= each < 1 << 63 for each in counts)
    if not sound or len(counts) != words:
        raise FormatError(f'{file}: "counts" are not {words} whole numbers, one a word')
    return np.array(counts, np.int64)


def _unmarked(words: list[str]) -> list[str]:
    """Whole words as they were before ``tokenizer_json.of_words`` marked them."""
    if not all(word.startswith(tokenizer_json.MARK) for word in words):
        return words
    return Distinct(word.removeprefix(tokenizer_json.MARK) for word in words)


def _tokenizer(table: Table) -> Tokenizer:
    named = table.config.get("tokenizer")
    try:
        return Tokenizer.for_words(table.words) if named is None else Tokenizer.described(named)
    except (TypeError, ValueError) as error:
        raise FormatError(f'what the model says of its "tokenizer" cannot be: {error}') from error


def _made(table: Table, tokenizer: Tokenizer) -> dict[str, Any]:
    """The tokenizer.json whose ids are the rows of the words."""
    if tokenizer.name != "subwords":
        words = set(table.words)
        special = [word for usual in SPECIAL.values() for word in usual if word in words]
        if UNKNOWN in words:
            return tokenizer_json.of_spaced(tokenizer, table.words, UNKNOWN, special)
        return tokenizer_json.of_words(tokenizer, table.words)
    made = tokenizer_json.of_pieces(tokenizer)
    found = tokenizer_json.tokens(Path(parts.TOKENIZER), made, Faults(Path(parts.TOKENIZER), True))
    names = subwords.names([*found], tokenizer_json.added(made), made)
    if names != table.words:
        _renumber(made, dict(zip(found, names, strict=True)), {word: row for row, word in enumerate(table.words)})
    return made


def _renumber(made: dict[str, Any], names: dict[str, str], rows: dict[str, int]) -> None:
    """Give the tokens of a tokenizer.json the rows of the words as ids; words in brackets that it lacks are added, to
    stand for themselves. ``FormatError`` for a token that has no row, and for another word that it lacks.
    """
    for token, name in names.items():
        if name not in rows:
            raise FormatError(
                f"the tokenizer makes the token {token!r}, which is none of the {len(rows)} words: in a checkpoint "
                "each token needs a row"
            )
    known, ids = set(names.values()), {token: rows[name] for token, name in names.items()}
    others = {word: row for word, row in rows.items() if word not in known}
    for word in others:
        if word[:1] + word[-1:] not in ("<>", "[]"):
            raise FormatError(f"the word {word!r} is no token of the tokenizer, which so never makes it")
    model = made["model"]
    if isinstance(model["vocab"], dict):
        model["vocab"] = dict(sorted(((token, ids[token]) for token in model["vocab"]), key=lambda pair: pair[1]))
    elif any(ids[token] != place for place, (token, _) in enumerate(model["vocab"])):
        raise FormatError("the words are not in the order of the tokens of a unigram vocabulary: use the native format")
    listed = [entry | {"id": ids[entry["content"]]} for entry in made.get("added_tokens") or []]
    listed += [tokenizer_json.special_token(word, row) for word, row in others.items()]
    made["added_tokens"] = sorted(listed, key=lambda entry: int(entry["id"]))


def _special(network: Network, made: dict[str, Any]) -> dict[str, Any]:
    """What tokenizer_config.json says: the class that takes a tokenizer.json as it is, and the special tokens."""
    found = tokenizer_json.tokens(Path(parts.TOKENIZER), made, Faults(Path(parts.TOKENIZER), True))
    added = tokenizer_json.added(made)
    by_id = {found[token]: token for token in added if token in found}
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    most = architecture.said(network.config, ["max_position_embeddings", "n_positions"])
    told |= {"model_max_length": most[0]} if most else {}
    for name, usual in SPECIAL.items():
        row = network.config.get(f"{name}_id")
        row = row[0] if isinstance(row, list) and row else row
        token = by_id.get(row) if type(row) is int else None
        token = token or next((each for each in usual if each in found), None)
        told |= {} if token is None else {name: token}
    return told


def _tensors(table: Table, network: Network) -> tuple[dict[str, Any], set[str]]:
    """The tensors as they are written, the widest numbers first, and which of them are the bits of bfloat16. An output
    table that is the input table is left out.
    """
    shapes = architecture.shapes_of(network)
    size = architecture.said(network.config, architecture.ROWS)
    name = architecture.input_name(shapes, size[0] if size else None)
    if name is None:
        raise FormatError(f"the network has no table of tokens: none of its {len(shapes)} tensors is called as one")
    _agree(table, name, shapes[name])
    second = architecture.output_name(shapes, shapes[name][0])
    if network.output is not None and second is None:
        raise FormatError(f"the network has an output table, but none of its {len(shapes)} tensors is called as one")
    if network.output is None and second is not None and architecture.said_tied(network.config):
        del shapes[second]
    entries: dict[str, tensors.Entry] = getattr(network.tensors, "entries", {})
    halves = {each for each in shapes if each in entries and entries[each].kind == tensors.BFLOAT16}
    arrays = {each: tensors.bits(entries[each]) if each in halves else network.tensors[each] for each in shapes}
    first = arrays[name][: len(table.words)]
    some = np.unique(np.linspace(0, len(first) - 1, SAMPLE).astype(np.int64))
    kept = BFloat16(first[some]).decoded() if name in halves else np.asarray(first[some], np.float32)
    if not isinstance(table.storage, Shared) and not np.array_equal(table.storage.take(some), kept, equal_nan=True):
        raise FormatError("the vectors are not those of the network any more: use the native format")
    return dict(sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)), halves


def _agree(table: Table, name: str, shape: tuple[int, ...]) -> None:
    """Refuse vectors that cannot be those of the network."""
    count, dim = table.storage.shape
    if len(table.words) != count or table.ngrams is not None or shape[0] < count or shape[1] != dim:
        raise FormatError(
            f"{count} vectors of {dim} numbers for {len(table.words)} words do not belong to the network, whose table "
            f"{name!r} has the shape {shape}: use the native format"
        )


def put(file: Path, content: Any) -> None:
    """Write JSON."""
    file.write_bytes((json.dumps(content, indent=1, ensure_ascii=False, default=_plain) + "\n").encode())


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"the configuration holds {value!r}, which JSON cannot")
