"""Folders of ELMo as allenai published them: ``options.json`` and ``weights.hdf5``, before whose names something may
stand; a vocabulary, a word a line, may be beside them.

The datasets of weights.hdf5 are float32, in the shapes of TensorFlow: ``char_embed`` (261, width), a row for each byte
and for five marks, ``CNN/W_cnn_N`` (1, width, in, out), ``CNN_high_N/...``, ``CNN_proj/...``, and of both directions,
forwards first, for each layer ``RNN_D/RNN/MultiRNNCell/CellL/LSTMCell/{W_0, B, W_P_0}``, the gates in the order i, j,
f, o; 1 is added to f when the network runs. What foresees words is not in the files that were published. Ours have it
as ``softmax``, and as ``embedding`` what the network makes of each word of the vocabulary: others take no notice.

The words of the table are those of the vocabulary; where there is none, only the beginning and the end of a sentence,
which each ELMo knows. ``wordfield.json`` has what else is remembered, and ``training.safetensors`` the arrays from
which training goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import checkpoint_writing as writing
from wordfield.formats import elmo_parts as parts
from wordfield.formats import tensors
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_folder, replacing_folder
from wordfield.formats.table import FormatError, Network, Table
from wordfield.storage import Computed, Dense

HOLDS = frozenset({"counts", "config", "state", "network"})
FILES = frozenset({parts.OPTIONS, parts.WEIGHTS, parts.VOCABULARY, writing.OURS, writing.STATE})
ENTRIES = ("lstm", "char_cnn", "word_embedding")
"""What options.json has."""


def sniff(path: Path, head: bytes) -> bool:
    """A folder with the options of an ELMo."""
    return not head and path.is_dir() and parts.recognised(path)


def check_target(path: Path) -> None:
    """``FileExistsError`` where the target is no model of ours, or holds files that replacing it would delete."""
    check_folder(path, FILES, writing.OURS)


def load(path: Path, faults: Faults) -> Table:
    """Read the options, and what the weights are. ``FormatError`` for files that are missing, damaged, or contradict
    each other; ``ImportError`` without h5py.
    """
    options, weights = parts.places(path)
    for name, found in ((parts.OPTIONS, options), (parts.WEIGHTS, weights)):
        if len(found) != 1:
            several = f"several of it ({', '.join(each.name for each in found)})" if found else "missing"
            raise FormatError(f"{path / name}: {several}; an ELMo has one file of options and one of weights")
    given, datasets = parts.options(options[0]), parts.Datasets(weights[0])
    said = parts.parsed(given)
    shapes = {name: entry.shape for name, entry in datasets.entries.items()}
    parts.checked(weights[0], said, shapes)
    lists = sorted(path.glob("*vocab*.txt"))
    words = parts.words(lists[0], faults) if len(lists) == 1 else [parts.BEGIN, parts.END]
    network = Network(said.config(), datasets)
    if parts.OUTPUT in shapes and shapes[parts.OUTPUT][0] != len(words):
        rows = shapes[parts.OUTPUT][0]
        raise FormatError(
            f"{weights[0]}: dataset {parts.OUTPUT!r} has {rows} rows for {len(words)} words of the vocabulary"
        )
    if said.word_width and shapes.get(parts.LEXICON) != (len(words), said.word_width):
        raise FormatError(
            f"{weights[0]}: dataset {parts.LEXICON!r} is to have the shape {(len(words), said.word_width)}"
        )
    network.output = Dense(datasets[parts.OUTPUT]) if parts.OUTPUT in datasets else None
    return writing.remembered(path, Table(words, _storage(weights[0], datasets, len(words), said.dim), network=network))


def save(table: Table, path: Path) -> None:
    """Write the folder, in place of an older one of ours. ``FormatError`` for what is no ELMo."""
    check_target(path)
    network = table.network
    if network is None or network.config.get("model_type") != "elmo":
        kind = "no network" if network is None else f"a {network.config.get('model_type')}"
        raise FormatError(f"{path}: {kind} is no ELMo, which alone can be written as one")
    if any(len(word.splitlines()) > 1 or not word for word in table.words):
        raise FormatError(f"{path}: a word with a line feed in it cannot be in a vocabulary of a word a line")
    config = {name: network.config[name] for name in ENTRIES if name in network.config}
    parts.checked(path, parts.parsed(config), {name: network.tensors[name].shape for name in network.tensors})
    h5py = parts.library()
    with replacing_folder(path, FILES, writing.OURS) as folder:
        (folder / parts.OPTIONS).write_text(json.dumps(config, ensure_ascii=False) + "\n", "utf-8")
        (folder / parts.VOCABULARY).write_bytes("".join(f"{word}\n" for word in table.words).encode())
        with h5py.File(folder / parts.WEIGHTS, "x") as file:
            for name in network.tensors:
                file.create_dataset(name, data=np.asarray(network.tensors[name], np.float32))
            file.create_dataset(parts.EMBEDDING, data=_all(table))
        writing.put(folder / writing.OURS, writing.kept(table))
        if table.state:
            tensors.write(folder / writing.STATE, table.state)


def _all(table: Table) -> NDArray[np.float32]:
    return table.storage.take(range(len(table.words)))


def _storage(path: Path, datasets: parts.Datasets, words: int, dim: int) -> Any:
    """The vectors of the words by themselves; where the file has none, what computes them is yet to come."""
    if datasets.embedding is None:
        return Computed((words, dim), lambda: parts.uncomputed(path))
    vectors = datasets.read(parts.EMBEDDING)
    if vectors.shape != (words, dim):
        raise FormatError(
            f"{path}: dataset {parts.EMBEDDING!r} has the shape {vectors.shape}, for {words} words of the vocabulary "
            f"and vectors of {dim} numbers"
        )
    return Dense(vectors)
