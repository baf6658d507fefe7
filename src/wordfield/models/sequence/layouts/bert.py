"""The layouts of BERT, RoBERTa (Liu et al. 2019, arXiv 1907.11692) and DistilBERT (Sanh et al. 2019, arXiv 1910.01108):
one architecture, the classic one, under three sets of names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from wordfield.models.sequence.encoder import ACTIVATIONS, Encoder, Shape
from wordfield.models.sequence.layouts.names import Names, labels, whole
from wordfield.models.sequence.specials import Specials

EMBEDDINGS = {
    "table": "embeddings.word_embeddings.weight",
    "place_table": "embeddings.position_embeddings.weight",
    "type_table": "embeddings.token_type_embeddings.weight",
    "norm": "embeddings.LayerNorm",
}
LAYER = {
    "attention.input": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention.output": ("attention.output.dense",),
    "attention_norm": ("attention.output.LayerNorm",),
    "inner.input": ("intermediate.dense",),
    "inner.output": ("output.dense",),
    "inner_norm": ("output.LayerNorm",),
}
NAMES = {
    "bert": Names(
        "bert.",
        EMBEDDINGS,
        "encoder.layer.{}.",
        LAYER,
        {
            "head.dense": "cls.predictions.transform.dense",
            "head.norm": "cls.predictions.transform.LayerNorm",
            "bias": "cls.predictions.bias",
            "output": "cls.predictions.decoder.weight",
            "classifier.dense": "bert.pooler.dense",
            "classifier.output": "classifier",
        },
    ),
    "roberta": Names(
        "roberta.",
        EMBEDDINGS,
        "encoder.layer.{}.",
        LAYER,
        {
            "head.dense": "lm_head.dense",
            "head.norm": "lm_head.layer_norm",
            "bias": "lm_head.bias",
            "output": "lm_head.decoder.weight",
            "classifier.dense": "classifier.dense",
            "classifier.output": "classifier.out_proj",
        },
    ),
    "distilbert": Names(
        "distilbert.",
        EMBEDDINGS,
        "transformer.layer.{}.",
        {
            "attention.input": ("attention.q_lin", "attention.k_lin", "attention.v_lin"),
            "attention.output": ("attention.out_lin",),
            "attention_norm": ("sa_layer_norm",),
            "inner.input": ("ffn.lin1",),
            "inner.output": ("ffn.lin2",),
            "inner_norm": ("output_layer_norm",),
        },
        {
            "head.dense": "vocab_transform",
            "head.norm": "vocab_layer_norm",
            "bias": "vocab_projector.bias",
            "output": "vocab_projector.weight",
            "classifier.dense": "pre_classifier",
            "classifier.output": "classifier",
        },
    ),
}
USUAL = {
    "vocabulary": "vocab_size",
    "dim": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "context": "max_position_embeddings",
}
SIZES = {
    "bert": USUAL,
    "roberta": USUAL,
    "distilbert": USUAL | {"dim": "dim", "layers": "n_layers", "heads": "n_heads", "inner": "hidden_dim"},
}
"""What a config.json calls the numbers of a shape."""


def names(config: Mapping[str, Any]) -> Names:
    """What the parameters are called."""
    return NAMES[config["model_type"]]


def config(shape: Shape, specials: Specials) -> dict[str, Any]:
    """The config.json of a classic encoder, as that of a BERT."""
    return {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        **{theirs: getattr(shape, ours) for ours, theirs in USUAL.items()},
        "type_vocab_size": shape.types,
        "layer_norm_eps": shape.epsilon,
        "hidden_act": shape.activation,
        "position_embedding_type": "absolute",
        "tie_word_embeddings": shape.tied,
        "pad_token_id": specials.pad,
        "torch_dtype": "float32",
    }


def network(config: Mapping[str, Any], tensors: Collection[str]) -> Encoder:
    """The empty network of a checkpoint."""
    kind = config["model_type"]
    sizes = SIZES[kind]
    numbers = whole(config, sizes.values())
    given: dict[str, Any] = {ours: numbers[theirs] for ours, theirs in sizes.items()}
    # Positions begin behind that of padding: the first rows of their table are never used.
    skipped = config.get("pad_token_id", 1) + 1 if kind == "roberta" else 0
    given["context"] -= skipped
    activation = config.get("activation" if kind == "distilbert" else "hidden_act", "gelu")
    if activation not in ACTIVATIONS:
        raise ValueError(f"config.json: the activation {activation!r} is none of {', '.join(ACTIVATIONS)}")
    head = names(config).head
    return Encoder(
        Shape(
            "classic",
            **given,
            epsilon=float(config.get("layer_norm_eps", 1e-12)),
            skipped=skipped,
            types=0 if kind == "distilbert" else config.get("type_vocab_size", 2),
            activation=activation,
            head=f"{head['head.dense']}.weight" in tensors,
            bias=head["bias"] in tensors,
            tied=config.get("tie_word_embeddings", True) or head["output"] not in tensors,
            labels=labels(config),
            squeezed="relu" if kind == "distilbert" else "tanh",
        )
    )
