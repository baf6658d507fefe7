"""Which tensors of a network are its tables, and what its configuration says of it.

V words, R rows, D dimensions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import prod
from typing import Any, Literal, TypeAlias

from wordfield.formats.table import Network, Table
from wordfield.storage import BFloat16, Computed, Dense, Float16, Shared, Storage

Side: TypeAlias = Literal["input", "output"]
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]

INPUTS = (
    "shared",
    "embed_tokens",
    "wte",
    "embed_in",
    "tok_embeddings",
    "word_embeddings",
    "word_embedding",
    "tokens_embed",
    "embeddings",
)
"""What the module of the input table is called, the last part of its name before "weight": the names of the 464 heads
of transformers 5 that tie one; where several are there the first is taken."""
OUTPUTS = (
    "lm_head",
    "embed_out",
    "lm_head.decoder",
    "lm_head.out_proj",
    "predictions.decoder",
    "generator_lm_head",
    "lm_loss",
    "pred_layer.proj",
    "output_projection",
)
"""The same of the output table."""
WHOLE_OUTPUTS = ("output.weight", "decoder.weight", "head.weight")
"""Output tables that have such a name and no more, which within a longer one would be something else."""
OTHERS = ("vision", "visual", "audio", "image", "codec", "speech", "depth_decoder")
"""Parts of a network whose tables are not those of words."""
NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where the configuration of the part that reads text stands in that of a network that also sees or hears."""
ROWS = ("vocab_size",)
WIDTHS = ("hidden_size", "n_embd", "d_model", "n_embed", "embedding_size", "dim", "word_embed_proj_dim", "hidden_dim")
LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
FLOATS = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def said(config: Mapping[str, Any], names: Collection[str]) -> list[Any]:
    """What a configuration says under these names, that of the part that reads text first; nothing where it is null."""
    inner = [config[name] for name in NESTED if isinstance(config.get(name), Mapping)]
    found = [place[name] for place in [*inner, config] for name in names if place.get(name) is not None]
    return [value for value in found if not isinstance(value, Mapping | list)]


def said_tied(config: Mapping[str, Any]) -> bool | None:
    """Whether the configuration says that one table is both input and output; None where it says nothing."""
    found = [value for value in said(config, ["tie_word_embeddings"]) if isinstance(value, bool)]
    return found[0] if found else None


def input_name(shapes: Shapes, rows: int | None = None) -> str | None:
    """The name of the input table, preferably one of so many rows; None where there is none."""
    found = [
        (INPUTS.index(parts[-2]), shapes[name][0] != rows, len(name), name)
        for name in shapes
        if len(parts := name.split(".")) > 1
        and parts[-1] == "weight"
        and parts[-2] in INPUTS
        and len(shapes[name]) == 2
        and not any(other in part for other in OTHERS for part in parts)
    ]
    return min(found)[-1] if found else None


def output_name(shapes: Shapes, rows: int) -> str | None:
    """The name of the output table, which has as many rows as the input table; None where there is none."""
    endings = [f"{name}.weight" for name in OUTPUTS]
    found = [
        (len(name), name)
        for name, shape in shapes.items()
        if len(shape) == 2
        and shape[0] == rows
        and (name in WHOLE_OUTPUTS or any(name == end or name.endswith(f".{end}") for end in endings))
    ]
    return min(found)[1] if found else None


def shapes_of(network: Network) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor; of those that stay in files none is read."""
    entries = getattr(network.tensors, "entries", None)
    if entries is not None:
        return {name: entry.shape for name, entry in entries.items()}
    return {name: array.shape for name, array in network.tensors.items()}


def chosen(table: Table, side: Side) -> Table:
    """A table of the same words with the vectors that go in, or those by which the next word is found. ``ValueError``
    for one without a network, or without an output table.
    """
    if side not in ("input", "output"):
        raise ValueError(f"table is input or output, not {side!r}")
    if side == "input":
        return table
    network = table.network
    if network is None:
        raise ValueError(
            "an output table is a part of a network, and this model has none: its vectors are all there is"
        )
    if network.output is None and not is_tied(network):
        raise ValueError("the network has no output table: it was saved without what turns vectors back into words")
    if network.output is None:
        return table
    return Table(table.words, network.output, table.counts, table.config)


def is_tied(network: Network) -> bool:
    """Whether one table is both input and output: there is no other, and the configuration does not deny it."""
    return network.output is None and said_tied(network.config) is not False


def about(network: Network, words: int, storage: Storage) -> dict[str, Any]:
    """What a network is, of its configuration and of the shapes of its tensors: architecture, layers, tied, dtype,
    table_rows (R), padding_rows (those without a word), parameters, table_parameters and share (of the parameters that
    are in the tables). ``scaled``: by what the vectors are multiplied when the network runs, where it does so.
    """
    shapes = shapes_of(network)
    rows = said(network.config, ROWS)
    name = input_name(shapes, rows[0] if rows else None)
    shape = shapes[name] if name is not None else storage.shape
    parameters, own = sum(map(prod, shapes.values())), 0 if name is None else prod(shape)
    output = (
        0 if network.output is None else prod(shapes.get(output_name(shapes, shape[0]) or "", network.output.shape))
    )
    kind = str(network.config.get("model_type"))
    told: dict[str, Any] = {
        "architecture": kind,
        "layers": next(iter(said(network.config, LAYERS)), None),
        "tied": is_tied(network),
        "dtype": numbers(storage),
        "table_rows": shape[0],
        "padding_rows": max(0, shape[0] - words),
        "parameters": parameters,
        "table_parameters": own + output,
        "share": (own + output) / max(1, parameters),
    }
    return told | ({"scaled": f"by the root of {shape[1]} when it runs"} if kind.startswith("gemma") else {})


def numbers(storage: Storage) -> str:
    """What the numbers of a table are."""
    if isinstance(storage, Shared):
        return numbers(storage.table)
    named = {BFloat16: "bfloat16", Float16: "float16", Dense: "float32", Computed: "float32"}
    return named.get(type(storage), type(storage).__name__)
