"""Models that read words in context, and so give each occurrence a vector of its own. PyTorch lives here alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wordfield.formats.table import Table
    from wordfield.models.sequence.contextual import ContextualModel

MODELS = {
    "llama": "language_model:LanguageModel",
    "bert": "masked_language_model:MaskedLanguageModel",
    "roberta": "masked_language_model:MaskedLanguageModel",
    "distilbert": "masked_language_model:MaskedLanguageModel",
    "modernbert": "masked_language_model:MaskedLanguageModel",
    "elmo": "bidirectional_language_model:BidirectionalLanguageModel",
}
"""By the model_type of a config.json, what is made of a checkpoint."""
NEEDS: dict[str, dict[str, Any]] = {
    "llama": {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    "bert": {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False},
    "roberta": {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False},
    "distilbert": {},
    "elmo": {},
    "modernbert": {
        "hidden_activation": "gelu",
        "attention_bias": False,
        "mlp_bias": False,
        "norm_bias": False,
        "classifier_bias": False,
    },
}
"""What a config.json says of a network that can be run here; what is not said there is so."""


def runnable(config: Mapping[str, Any]) -> bool:
    """Whether there is a network here for the architecture that a config.json describes; of others the tables can be
    read.
    """
    kind = config.get("model_type")
    if kind not in MODELS:
        return False
    alike = all(config.get(name, value) == value for name, value in NEEDS[kind].items())
    rotary = config.get("rope_scaling") or config.get("rope_parameters") or {}
    several = [rotary, *(each for each in rotary.values() if isinstance(each, Mapping))]
    return alike and all(each.get("rope_type", each.get("type", "default")) == "default" for each in several)


def model_of(table: Table) -> ContextualModel:
    """What a format has read whose network can be run, as a model of its kind."""
    if table.network is None:
        raise ValueError("there is no network in it: only vectors")
    kinds = table.network.config.get("architectures") or [""]
    labels = str(kinds[0]).endswith("ForSequenceClassification") and table.network.config["model_type"] != "llama"
    named = "sequence_classifier:SequenceClassifier" if labels else MODELS[table.network.config["model_type"]]
    module, _, name = named.partition(":")
    made: ContextualModel = getattr(import_module(f"{__name__}.{module}"), name).of(table)
    return made


def missing(error: ImportError) -> ImportError:
    """What to say where PyTorch is not installed."""
    return ImportError(f"networks need PyTorch, which is not installed ({error}): pip install 'wordfield[neural]'")
