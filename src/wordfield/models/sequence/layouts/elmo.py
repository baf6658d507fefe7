"""The layout of ELMo as allenai published it: the datasets of ``weights.hdf5`` have the shapes and the gates' order of
TensorFlow, which the network here has too. What foresees words is not in the original's files; ours have it beside the
rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wordfield.formats.elmo_parts import BIAS, CELL, LEXICON, OUTPUT, Options, parsed
from wordfield.models.sequence.bilm import BiLM, Shape
from wordfield.models.sequence.layouts.names import Names
from wordfield.models.sequence.projected_lstm import Bounds

HEAD, TAIL = "softmax/head", "softmax/tail_{}/{}"
"""What an adaptive output is called."""
HIGHWAY = ("W_carry", "b_carry", "W_transform", "b_transform")
LSTM = ("W_0", "B", "W_P_0")


def names(config: Mapping[str, Any]) -> Names:
    """What the parameters are called."""
    said = parsed(config)
    found = {"table": "char_embed", "projection": "CNN_proj/W_proj", "projection_bias": "CNN_proj/b_proj"}
    found |= {"lexicon": LEXICON} if said.word_width else {}
    for number in range(len(said.filters)):
        found |= {f"convolutions.{2 * number + at}": f"CNN/{kind}_cnn_{number}" for at, kind in enumerate("Wb")}
    for number in range(said.highways):
        found |= {f"highways.{4 * number + at}": f"CNN_high_{number}/{part}" for at, part in enumerate(HIGHWAY)}
    for way, direction in enumerate(("forwards", "backwards")):
        for layer in range(said.layers):
            found |= {f"{direction}.{3 * layer + at}": CELL.format(way, layer, part) for at, part in enumerate(LSTM)}
    head = {"output": OUTPUT, "bias": BIAS, "adaptive.head": HEAD}
    head |= {f"adaptive.tail.{number}.{part}": TAIL.format(number, part) for number in range(9) for part in (0, 1)}
    return Names("", found, "", {}, head)


def options(shape: Shape, longest: int, characters: str | None = None) -> Options:
    """What an options.json says of a network."""
    return Options(
        filters=shape.filters,
        width=shape.width,
        highways=shape.highways,
        longest=longest,
        characters=characters,
        activation=shape.activation,
        dim=shape.dim,
        cell=shape.cell,
        layers=shape.layers,
        cell_bound=shape.bounds.cell,
        output_bound=shape.bounds.output,
        added=shape.added,
        word_width=shape.lexicon[1],
    )


def network(config: Mapping[str, Any], tensors: Mapping[str, Any]) -> BiLM:
    """The empty network of a folder."""
    said = parsed(config)
    return BiLM(
        Shape(
            characters=said.size,
            width=said.width,
            filters=said.filters,
            highways=said.highways,
            dim=said.dim,
            cell=said.cell,
            layers=said.layers,
            bounds=Bounds(said.cell_bound, said.output_bound),
            added=said.added,
            activation=said.activation,
            lexicon=(len(tensors[LEXICON]) if said.word_width else 0, said.word_width),
            **_output(tensors),
        )
    )


def _output(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """How many words can be foreseen, and in which groups, by the shapes of what foresees them."""
    if OUTPUT in tensors:
        return {"outputs": len(tensors[OUTPUT])}
    last = f"{TAIL.format('{}', 1)}.weight"
    sizes = [len(tensors[last.format(number)]) for number in range(9) if last.format(number) in tensors]
    if not sizes:
        return {}
    groups = [len(tensors[f"{HEAD}.weight"]) - len(sizes)]
    for size in sizes[:-1]:
        groups.append(groups[-1] + size)
    return {"groups": tuple(groups), "outputs": groups[-1] + sizes[-1]}
