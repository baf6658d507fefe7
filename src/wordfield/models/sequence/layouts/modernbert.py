"""The layout of ModernBERT (Warner et al. 2024, arXiv 2412.13663)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from wordfield.models.sequence.encoder import ACTIVATIONS, Encoder, Shape
from wordfield.models.sequence.layouts.names import Names, labels, whole
from wordfield.models.sequence.specials import Specials

NAMES = Names(
    "model.",
    {"table": "embeddings.tok_embeddings.weight", "norm": "embeddings.norm", "last_norm": "final_norm"},
    "layers.{}.",
    {
        "attention.input": ("attn.Wqkv",),
        "attention.output": ("attn.Wo",),
        "attention_norm": ("attn_norm",),
        "inner.input": ("mlp.Wi",),
        "inner.output": ("mlp.Wo",),
        "inner_norm": ("mlp_norm",),
    },
    {
        "head.dense": "head.dense",
        "head.norm": "head.norm",
        "bias": "decoder.bias",
        "output": "decoder.weight",
        "classifier.dense": "head.dense",
        "classifier.norm": "head.norm",
        "classifier.output": "classifier",
    },
)
SIZES = {
    "vocabulary": "vocab_size",
    "dim": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
}
ALL, NEAR = "full_attention", "sliding_attention"
EVERY = 3
"""Of so many layers the first sees all, where nothing is said."""


def names(config: Mapping[str, Any]) -> Names:
    """What the parameters are called."""
    del config
    return NAMES


def config(shape: Shape, specials: Specials) -> dict[str, Any]:
    """The config.json of a modern encoder."""
    local = shape.local or (False,) * shape.layers
    return {
        "architectures": ["ModernBertForMaskedLM"],
        "model_type": "modernbert",
        **{theirs: getattr(shape, ours) for ours, theirs in SIZES.items()},
        "max_position_embeddings": shape.context,
        "norm_eps": shape.epsilon,
        "norm_bias": False,
        "hidden_activation": "gelu",
        "classifier_activation": shape.activation,
        "attention_bias": False,
        "mlp_bias": False,
        "classifier_bias": False,
        "decoder_bias": shape.bias,
        "classifier_pooling": "mean",
        "layer_types": [NEAR if near else ALL for near in local],
        "local_attention": 2 * (shape.near or shape.context),
        "rope_parameters": {
            name: {"rope_type": "default", "rope_theta": base}
            for name, base in zip((ALL, NEAR), shape.bases, strict=True)
        },
        "tie_word_embeddings": shape.tied,
        "pad_token_id": specials.pad,
        "cls_token_id": specials.begin,
        "bos_token_id": specials.begin,
        "sep_token_id": specials.end,
        "eos_token_id": specials.end,
        "torch_dtype": "float32",
    }


def network(config: Mapping[str, Any], tensors: Collection[str]) -> Encoder:
    """The empty network of a checkpoint."""
    numbers = whole(config, SIZES.values())
    given: dict[str, Any] = {ours: numbers[theirs] for ours, theirs in SIZES.items()}
    every = config.get("global_attn_every_n_layers", EVERY)
    kinds = config.get("layer_types") or [NEAR if number % every else ALL for number in range(given["layers"])]
    activation = config.get("classifier_activation", "gelu")
    if activation not in ACTIVATIONS:
        raise ValueError(f"config.json: the activation {activation!r} is none of {', '.join(ACTIVATIONS)}")
    return Encoder(
        Shape(
            "modern",
            **given,
            context=config.get("max_position_embeddings") or 8192,
            epsilon=float(config.get("norm_eps", 1e-5)),
            activation=activation,
            head="head.dense.weight" in tensors and not labels(config),
            bias=NAMES.head["bias"] in tensors,
            tied=config.get("tie_word_embeddings", True) or NAMES.head["output"] not in tensors,
            near=config.get("local_attention", 128) // 2,
            labels=labels(config),
            pooled="mean" if config.get("classifier_pooling") == "mean" else "first",
            squeezed=activation,
            local=tuple(kind == NEAR for kind in kinds),
            bases=(_base(config, ALL, "global_rope_theta"), _base(config, NEAR, "local_rope_theta")),
        )
    )


def _base(config: Mapping[str, Any], kind: str, old: str) -> float:
    """The longest wave of a kind of layers, said in one of two ways."""
    said = ((config.get("rope_parameters") or {}).get(kind) or {}).get("rope_theta") or config.get(old)
    return float(said or (160_000.0 if kind == ALL else 10_000.0))
