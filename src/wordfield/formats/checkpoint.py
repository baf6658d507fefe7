"""Folders of language models as Hugging Face transformers has them: ``config.json``, which names an architecture;
``model.safetensors``, or several files and ``model.safetensors.index.json``, which says where each tensor is; and
``tokenizer.json``, or the ``vocab.txt`` of a BERT, or the ``vocab.json`` and ``merges.txt`` of a RoBERTa. Instead of
safetensors also ``pytorch_model.bin``, see ``torch_tensors``.

The tokens become words, those of byte-level vocabularies as readable text (see ``text.subwords``); the input table
their vectors. It is found by its name and stays in the file, in the form that it has there: float32, float16 or
bfloat16. Rows of it beyond the tokens have no word. What the configuration multiplies vectors by at run time, as
Gemma's does, is not in them. The whole network is in ``Table.network``, none of it read before it is asked for; the
output table there where it is another. One table is both where the file has no other, or an equal one.

Written is a folder that transformers loads: the tensors in one file, the tokenizer, and the names of its special tokens
in ``tokenizer_config.json``. ``wordfield.json`` has what else is remembered, counts among it, and
``training.safetensors`` the arrays from which training goes on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.formats import architecture
from wordfield.formats import checkpoint_parts as parts
from wordfield.formats import checkpoint_writing as writing
from wordfield.formats.faults import Faults
from wordfield.formats.files import check_folder
from wordfield.formats.table import FormatError, Network, Table
from wordfield.storage import Storage
from wordfield.text.vocabulary import Distinct

HOLDS = frozenset({"counts", "config", "state", "codes", "network"})
FILES = frozenset({parts.CONFIG, parts.TENSORS, parts.TOKENIZER, parts.PIECES, writing.OURS, writing.STATE})
SAMPLE = 64
"""Rows in which two tables are compared."""


def sniff(path: Path, head: bytes) -> bool:
    """A folder whose config.json names an architecture, or that has the index, the tensors or the adapter of a
    model.
    """
    return not head and path.is_dir() and parts.recognised(path)


def check_target(path: Path) -> None:
    """``FileExistsError`` where the target is no checkpoint of ours, or holds files that replacing it would delete."""
    check_folder(path, FILES, writing.OURS)


def load(path: Path, faults: Faults) -> Table:
    """Find the tables and read the tokens. ``FormatError`` for files that are missing, damaged, or contradict each
    other.
    """
    config, all_tensors = parts.config(path), parts.opened(path)
    tokens = parts.tokens(path, faults)
    name = _input(path, config, all_tensors, faults)
    table = all_tensors.table(name)
    words, rows = _with_rows(name, table, tokens, faults)
    network = Network(config, all_tensors)
    network.output = _output(network, name, table, rows, faults)
    kept: dict[str, Any] = {"tokenizer": {"name": "subwords", "lowercase": False, "subwords": tokens.text}}
    kept["pooling"] = {"whole": True}
    found = Table(words, parts.of_rows(table, rows), config=kept, network=network)
    return writing.remembered(path, found)


def save(table: Table, path: Path) -> None:
    """Write the folder, in place of an older one of ours. ``FormatError`` for a table without a network, or whose
    vectors are not the network's any more, and for words that the tokenizer does not make.
    """
    check_target(path)
    if table.network is None:
        raise FormatError(
            f"{path}: there is no network to write, only words and vectors: use the native format, or another"
        )
    writing.write(table, path, FILES)


def _input(path: Path, config: dict[str, Any], found: parts.Tensors, faults: Faults) -> str:
    """The name of the input table, of which the configuration says how large it is."""
    shapes = {name: entry.shape for name, entry in found.entries.items()}
    rows, widths = architecture.said(config, architecture.ROWS), architecture.said(config, architecture.WIDTHS)
    name = architecture.input_name(shapes, rows[0] if rows else None)
    if name is None:
        shown = ", ".join([*shapes][:5]) + (" ..." if len(shapes) > 5 else "")
        kind = "an adapter" if any("lora_" in each for each in shapes) else "no model with a table of tokens"
        raise FormatError(
            f"{path}: {kind}: none of the {len(shapes)} tensors ({shown}) is called as one, "
            f"{', '.join(f'{each}.weight' for each in architecture.INPUTS[:5])} and so on"
        )
    shape = shapes[name]
    if rows and shape[0] not in rows:
        faults.found(parts.CONFIG, f"vocab_size is {rows[0]!r:.40}, but tensor {name!r} has {shape[0]} rows")
    if widths and shape[1] not in widths:
        faults.found(
            parts.CONFIG, f"hidden_size is {widths[0]!r:.40}, but rows of tensor {name!r} have {shape[1]} numbers"
        )
    return name


def _with_rows(name: str, table: Storage, tokens: parts.Tokens, faults: Faults) -> tuple[Distinct, NDArray[np.int64]]:
    """The tokens that have rows."""
    words, rows, count = tokens.words, tokens.rows, table.shape[0]
    if not len(rows) or rows[-1] < count:
        return words, rows
    first = int(np.searchsorted(rows, count))
    faults.found(
        parts.TOKENIZER,
        f"it has {len(words)} tokens, but tensor {name!r} has {count} rows: the token {words[first]!r} with the id "
        f"{rows[first]} is the first without a row; tables and tokenizer do not go together",
    )
    return Distinct(words[:first]), rows[:first]


def _output(network: Network, name: str, table: Storage, rows: NDArray[np.int64], faults: Faults) -> Storage | None:
    """The output table, of the rows that have words; None where there is none, or it is the input table."""
    found: Any = network.tensors
    shapes = {each: entry.shape for each, entry in found.entries.items()}
    other = architecture.output_name(shapes, table.shape[0])
    if other is None:
        return None
    storage = found.table(other)
    same = storage.shape == table.shape and _alike(storage, table)
    said = architecture.said_tied(network.config)
    if said and not same:
        faults.found(
            parts.CONFIG,
            f'"tie_word_embeddings" says that one table is both input and output, but there are {name!r} and '
            f"{other!r}, and they differ: set it to false if both are meant (transformers takes {name!r} for both)",
        )
    return None if said or (said is None and same) else parts.of_rows(storage, rows)


def _alike(one: Storage, other: Storage) -> bool:
    """Whether two tables have the same rows, as far as some of them tell."""
    some = np.unique(np.linspace(0, one.shape[0] - 1, SAMPLE).astype(np.int64))
    return np.array_equal(one.take(some), other.take(some), equal_nan=True)
