"""The layout of Llama in a Hugging Face checkpoint: what its config.json says as the shape of a decoder, and what it
calls the tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wordfield.models.sequence.decoder import Decoder, Shape

Arrays = Mapping[str, NDArray[Any]]

TABLE, OUTPUT, NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"
NEEDED = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
LAYER = {
    "before_attention.weight": ("input_layernorm.weight",),
    "attention.input.weight": ("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
    "attention.output.weight": ("self_attn.o_proj.weight",),
    "before_gated.weight": ("post_attention_layernorm.weight",),
    "gated.input.weight": ("mlp.gate_proj.weight", "mlp.up_proj.weight"),
    "gated.output.weight": ("mlp.down_proj.weight",),
}
"""What a layer's parameters are there: some are several, one below the other."""


def config(shape: Shape, end: int) -> dict[str, Any]:
    """The config.json of a decoder, ``end`` being the row of the token that ends a text."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.dim,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.groups,
        "head_dim": shape.width,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.base,
        "rms_norm_eps": shape.epsilon,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": shape.tied,
        "bos_token_id": end,
        "eos_token_id": end,
        "torch_dtype": "float32",
    }


def shape(config: Mapping[str, Any]) -> Shape:
    """The shape of the decoder that a config.json of this layout describes. ``ValueError`` for what is missing."""
    for name in NEEDED:
        if type(config.get(name)) is not int or config[name] < 1:
            raise ValueError(f'config.json: the entry "{name}" is {config.get(name)!r}; a whole number is needed')
    heads, dim = config["num_attention_heads"], config["hidden_size"]
    rotary = config.get("rope_parameters") or {}
    return Shape(
        vocabulary=config["vocab_size"],
        dim=dim,
        layers=config["num_hidden_layers"],
        heads=heads,
        groups=config.get("num_key_value_heads") or heads,
        width=config.get("head_dim") or dim // heads,
        inner=config["intermediate_size"],
        context=config.get("max_position_embeddings") or 2048,
        tied=bool(config.get("tie_word_embeddings", False)),
        base=float(rotary.get("rope_theta") or config.get("rope_theta") or 10_000.0),
        epsilon=float(config.get("rms_norm_eps", 1e-6)),
    )


def tensors(decoder: Decoder) -> dict[str, NDArray[np.float32]]:
    """All parameters by the names of the layout, the memory shared where one is one there too."""
    found = {TABLE: decoder.table}
    for number, layer in enumerate(decoder.layers):
        own = dict(layer.named_parameters())
        for name, theirs in LAYER.items():
            parts = own[name].split(_heights(name, decoder.shape)) if len(theirs) > 1 else [own[name]]
            found |= {f"model.layers.{number}.{each}": part for each, part in zip(theirs, parts, strict=True)}
    found[NORM] = decoder.norm.weight
    if decoder.output is not None:
        found[OUTPUT] = decoder.output
    return {name: tensor.detach().float().cpu().numpy() for name, tensor in found.items()}


def decoder(config: Mapping[str, Any], arrays: Arrays) -> Decoder:
    """The decoder of a checkpoint. ``ValueError`` that names a tensor which is missing, or has another shape than the
    config.json says.
    """
    made = Decoder(shape(config))
    _fill("table", made.table, arrays, (TABLE,))
    for number, layer in enumerate(made.layers):
        for name, parameter in layer.named_parameters():
            theirs = tuple(f"model.layers.{number}.{each}" for each in LAYER[name])
            _fill(name, parameter, arrays, theirs)
    _fill("norm", made.norm.weight, arrays, (NORM,))
    if made.output is not None:
        _fill("output", made.output, arrays, (OUTPUT,))
    return made.eval()


def _fill(name: str, parameter: Tensor, arrays: Arrays, theirs: tuple[str, ...]) -> None:
    missing = [each for each in theirs if each not in arrays]
    if missing:
        raise ValueError(f"the checkpoint has no tensor {missing[0]!r}, which the layout of Llama needs")
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


def _heights(name: str, shape: Shape) -> list[int]:
    """How many rows each part of a parameter has that is several there."""
    if name == "gated.input.weight":
        return [shape.inner, shape.inner]
    return [shape.heads * shape.width, shape.groups * shape.width, shape.groups * shape.width]
