"""Folders of ELMoForManyLangs (HIT-SCIR; Che et al. 2018), in which ELMo was published for Chinese and 43 other
languages: ``config.json``, which names the file of the network's settings, ``char.dic`` and ``word.dic``, a token and
its number a line, and the tensors in ``token_embedder.pkl`` and ``encoder.pkl``, which are read without unpickling, see
``torch_tensors``.

What is read is an ELMo as ``elmo`` writes it, into which the tensors are turned: gates in another order, 1 added to one
of them when the network runs and not in the file, highways the other way round. Words are read by characters, not
bytes, and those that are known have a vector besides. As in the original, a word begins with the character that is
called its end, and ends with that which is called its beginning: it was trained so. The settings may be missing, as in
many of the folders, which name a path of the machine that they were made on: then they are those that were published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import UnsupportedOperation
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import elmo_parts as parts
from wordfield.formats import torch_tensors
from wordfield.formats.checkpoint_parts import Tensors
from wordfield.formats.faults import Faults
from wordfield.formats.table import FormatError, Network, Table
from wordfield.storage import Computed

HOLDS: frozenset[str] = frozenset()
CONFIG, CHARACTERS, WORDS = "config.json", "char.dic", "word.dic"
EMBEDDER, ENCODER = "token_embedder.pkl", "encoder.pkl"
FILES = frozenset({CHARACTERS, WORDS, EMBEDDER, ENCODER})
PUBLISHED = {"activation": "relu", "max_characters_per_token": 50, "cell_clip": 3, "proj_clip": 3}
SPACE = "\u3000"
"""What a line of a dictionary has whose token white space has eaten."""
NAMES = {"<bos>": parts.BEGIN, "<eos>": parts.END, "<oov>": parts.UNKNOWN}
"""What tokens are called here that are no words."""

Arrays = dict[str, NDArray[np.float32]]


def sniff(path: Path, head: bytes) -> bool:
    """A folder with both files of tensors, or one of them."""
    return not head and path.is_dir() and any((path / name).is_file() for name in (EMBEDDER, ENCODER))


def check_target(path: Path) -> None:
    """``UnsupportedOperation``: such folders are only read."""
    raise UnsupportedOperation(f"{path}: folders of ELMoForManyLangs are read and not written: write it as elmo")


def save(table: Table, path: Path) -> None:
    """See ``check_target``."""
    del table
    check_target(path)


def load(path: Path, faults: Faults) -> Table:  # noqa: ARG001
    """Read the dictionaries and the tensors. ``FormatError`` for files that are missing, damaged, or contradict each
    other, and for networks of another kind.
    """
    for name in (EMBEDDER, ENCODER, CHARACTERS):
        if not (path / name).is_file():
            raise FormatError(f"{path / name}: missing; a folder of ELMoForManyLangs has it")
    embedder, encoder = (Tensors(torch_tensors.entries(path / name)) for name in (EMBEDDER, ENCODER))
    if "char_lstm.weight_ih_l0" in embedder or "char_emb_layer.embedding.weight" not in embedder:
        raise FormatError(f"{path / EMBEDDER}: only words that are read by convolutions over characters are known")
    words = dictionary(path / WORDS) if "word_emb_layer.embedding.weight" in embedder else {}
    letters = dictionary(path / CHARACTERS)
    found: Arrays = {}
    characters = _characters(path, letters, embedder, found)
    listed = _words(path, words, embedder, found) if words else [parts.BEGIN, parts.END]
    filters = _convolutions(path, embedder, found)
    layers = _layers(path, encoder, found)
    projection = _of(path / EMBEDDER, embedder, "projection.weight")
    found |= {"CNN_proj/W_proj": projection.T, "CNN_proj/b_proj": _of(path / EMBEDDER, embedder, "projection.bias")}
    said = _settings(path)
    options = parts.Options(
        filters=filters,
        width=found["char_embed"].shape[1],
        highways=sum(name.endswith("W_carry") for name in found),
        longest=said["max_characters_per_token"],
        characters=characters,
        activation=said["activation"],
        dim=len(projection),
        cell=len(found[parts.CELL.format(0, 0, "W_P_0")]),
        layers=layers,
        cell_bound=float(said["cell_clip"] or 0),
        output_bound=float(said["proj_clip"] or 0),
        added=True,
        word_width=found[parts.LEXICON].shape[1] if words else 0,
    )
    config = options.config()
    parts.checked(path, parts.parsed(config), {name: array.shape for name, array in found.items()})
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in found.items()}
    return Table(
        listed,
        Computed((len(listed), options.dim), lambda: parts.uncomputed(path)),
        network=Network(config, arrays),
    )


def dictionary(path: Path) -> dict[str, int]:
    """The number of each token."""
    if not path.is_file():
        raise FormatError(f"{path}: missing; a folder of ELMoForManyLangs has it")
    found: dict[str, int] = {}
    for place, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            entry = line.decode().strip().split("\t")
        except UnicodeDecodeError as error:
            raise FormatError(f"{path}: line {place}: invalid UTF-8 ({error})") from error
        if entry == [""]:
            continue
        token, number = entry if len(entry) == 2 else (SPACE, entry[0])
        if len(entry) > 2 or not number.isdecimal():
            raise FormatError(f"{path}: line {place}: a token and its number are needed, not {line[:60]!r}")
        found[token] = int(number)
    return found


def _settings(path: Path) -> dict[str, Any]:
    """What the tensors do not tell of the network."""
    try:
        named = str(json.loads((path / CONFIG).read_bytes())["config_path"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return PUBLISHED
    for place in (path / named, path / PurePosixPath(named).name):
        if place.is_file():
            given = parts.options(place)
            both = {**(given.get("token_embedder") or {}), **(given.get("encoder") or {})}
            return PUBLISHED | {name: both[name] for name in PUBLISHED if name in both}
    return PUBLISHED


def _characters(path: Path, letters: Mapping[str, int], embedder: Tensors, found: Arrays) -> str:
    """The characters that have rows, whose table is put in the order of ``elmo``."""
    table = _of(path / EMBEDDER, embedder, "char_emb_layer.embedding.weight")
    marks = ("<oov>", "<bos>", "<eos>", "<eow>", "<bow>", "<pad>")
    for token in marks:
        if token not in letters:
            raise FormatError(f"{path / CHARACTERS}: there is no {token}")
    single = [token for token in letters if len(token) == 1]
    rows = [letters[token] for token in (*single, *marks)]
    if max(rows) >= len(table):
        raise FormatError(f"{path / CHARACTERS}: {max(rows)} is the number of a token, the table has {len(table)} rows")
    found["char_embed"] = table[rows]
    return "".join(single)


def _words(path: Path, words: Mapping[str, int], embedder: Tensors, found: Arrays) -> list[str]:
    """The words that have vectors besides their characters, in the order of their rows."""
    table = _of(path / EMBEDDER, embedder, "word_emb_layer.embedding.weight")
    if "<oov>" not in words:
        raise FormatError(f"{path / WORDS}: there is no <oov>")
    listed = sorted((number, token) for token, number in words.items())
    if listed[-1][0] >= len(table):
        raise FormatError(f"{path / WORDS}: {listed[-1]} is the number of a token, the table has {len(table)} rows")
    found[parts.LEXICON] = table[[number for number, _ in listed]]
    return [NAMES.get(token, token) for _, token in listed]


def _convolutions(path: Path, embedder: Tensors, found: Arrays) -> tuple[tuple[int, int], ...]:
    """The convolutions and highways in the shapes of TensorFlow; the widths and counts of the filters."""
    file, filters = path / EMBEDDER, list[tuple[int, int]]()
    while (name := f"convolutions.{len(filters)}.weight") in embedder:
        weight = _of(file, embedder, name)
        found[f"CNN/W_cnn_{len(filters)}"] = weight.transpose(2, 1, 0)[None]
        found[f"CNN/b_cnn_{len(filters)}"] = _of(file, embedder, f"convolutions.{len(filters)}.bias")
        filters.append((weight.shape[2], weight.shape[0]))
    number = 0
    while (name := f"highways._layers.{number}.weight") in embedder:
        weight, bias = _of(file, embedder, name), _of(file, embedder, f"highways._layers.{number}.bias")
        (new, kept), (new_bias, kept_bias) = np.split(weight, 2), np.split(bias, 2)
        at = f"CNN_high_{number}"
        found |= {f"{at}/W_carry": -kept.T, f"{at}/b_carry": -kept_bias}
        found |= {f"{at}/W_transform": new.T, f"{at}/b_transform": new_bias}
        number += 1
    return tuple(filters)


def _layers(path: Path, encoder: Tensors, found: Arrays) -> int:
    """The layers of both directions in the shapes and the order of TensorFlow; how many there are."""
    file, count = path / ENCODER, 0
    while f"forward_layer_{count}.input_linearity.weight" in encoder:
        for way, direction in enumerate(("forward", "backward")):
            given = {
                name: _of(file, encoder, f"{direction}_layer_{count}.{name}")
                for name in ("input_linearity.weight", "state_linearity.weight", "state_projection.weight")
            }
            bias = _of(file, encoder, f"{direction}_layer_{count}.state_linearity.bias")
            both = np.concatenate([given["input_linearity.weight"], given["state_linearity.weight"]], axis=1)
            into, stays, new, out = np.split(both, 4)
            into_bias, stays_bias, new_bias, out_bias = np.split(bias, 4)
            found[parts.CELL.format(way, count, "W_0")] = np.concatenate([into, new, stays, out]).T
            found[parts.CELL.format(way, count, "B")] = np.concatenate([into_bias, new_bias, stays_bias - 1, out_bias])
            found[parts.CELL.format(way, count, "W_P_0")] = given["state_projection.weight"].T
        count += 1
    if not count:
        raise FormatError(f"{file}: there is no tensor 'forward_layer_0.input_linearity.weight'")
    return count


def _of(file: Path, tensors: Tensors, name: str) -> NDArray[np.float32]:
    if name not in tensors:
        raise FormatError(f"{file}: there is no tensor {name!r}")
    return np.asarray(tensors[name], np.float32)
