"""How Hugging Face checkpoints describe networks: what a config.json says as the shape of a network, and what the
tensors are called. One file a family.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wordfield.models.sequence.layouts import bert, elmo, llama, modernbert
from wordfield.models.sequence.layouts.names import Names

Arrays = Mapping[str, NDArray[Any]]

LAYOUTS: dict[str, Any] = {
    "llama": llama,
    "bert": bert,
    "roberta": bert,
    "distilbert": bert,
    "modernbert": modernbert,
    "elmo": elmo,
}
"""By the model_type of a config.json."""


def read(config: Mapping[str, Any], arrays: Arrays) -> Any:
    """The network of a checkpoint. ``ValueError`` that names a tensor which is missing, or has another shape than the
    config.json says.
    """
    layout = LAYOUTS[config["model_type"]]
    names: Names = layout.names(config)
    made = layout.network(config, arrays)
    within = names.prefix if f"{names.prefix}{names.base['table']}" in arrays else ""
    for name, parameter in made.named_parameters():
        _fill(name, parameter, arrays, names.of(name, within), config["model_type"])
    return made.eval()


def tensors(network: nn.Module, config: Mapping[str, Any]) -> dict[str, NDArray[np.float32]]:
    """All parameters by the names of the layout, the memory shared where one is one there too."""
    names: Names = LAYOUTS[config["model_type"]].names(config)
    found: dict[str, Tensor] = {}
    for name, parameter in network.named_parameters():
        theirs = names.of(name, names.prefix)
        sizes = names.heights(name, network.shape) or [len(parameter) // len(theirs)] * len(theirs)
        found |= dict(zip(theirs, parameter.split(sizes), strict=True))
    return {name: tensor.detach().float().cpu().numpy() for name, tensor in found.items()}


def _fill(name: str, parameter: Tensor, arrays: Arrays, theirs: tuple[str, ...], layout: str) -> None:
    missing = [each for each in theirs if each not in arrays]
    if missing:
        raise ValueError(f"the checkpoint has no tensor {missing[0]!r}, which the layout of {layout} needs")
    parts = [np.asarray(arrays[each], np.float32) for each in theirs]
    rows = sum(len(part) for part in parts)
    if rows != len(parameter) or any(part.shape[1:] != parameter.shape[1:] for part in parts):
        shapes = ", ".join(f"{each!r} {part.shape}" for each, part in zip(theirs, parts, strict=True))
        raise ValueError(f"{shapes}: by config.json they are {tuple(parameter.shape)} together, the {name} of a layer")
    with torch.no_grad():
        at = 0
        for part in parts:
            parameter[at : at + len(part)] = torch.from_numpy(np.array(part))
            at += len(part)
