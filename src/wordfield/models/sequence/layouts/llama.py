"""The layout of Llama: what its config.json says as the shape of a decoder, and what it calls the tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from wordfield.models.sequence.decoder import Decoder, Shape
from wordfield.models.sequence.layouts.names import Names, whole

NAMES = Names(
    "model.",
    {"table": "embed_tokens.weight", "norm": "norm"},
    "layers.{}.",
    {
        "before_attention": ("input_layernorm",),
        "attention.input": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "attention.output": ("self_attn.o_proj",),
        "before_gated": ("post_attention_layernorm",),
        "gated.input": ("mlp.gate_proj", "mlp.up_proj"),
        "gated.output": ("mlp.down_proj",),
    },
    {"output": "lm_head.weight"},
    {"attention.input": lambda shape: [shape.heads * shape.width, *2 * [shape.groups * shape.width]]},
)
NEEDED = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")


def names(config: Mapping[str, Any]) -> Names:
    """What the parameters are called."""
    del config
    return NAMES


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


def network(config: Mapping[str, Any], tensors: Collection[str]) -> Decoder:
    """The empty network of a checkpoint."""
    del tensors
    whole(config, NEEDED)
    heads, dim = config["num_attention_heads"], config["hidden_size"]
    rotary = config.get("rope_parameters") or {}
    shape = Shape(
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
    return Decoder(shape)
