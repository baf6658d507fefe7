"""Models that read words in context, and so give each occurrence a vector of its own. PyTorch lives here alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NEEDS = {"model_type": "llama", "hidden_act": "silu", "attention_bias": False, "mlp_bias": False}
"""What the config.json of a checkpoint says that can be run here; what is not said there is so."""


def runnable(config: Mapping[str, Any]) -> bool:
    """Whether there is a network here for the architecture that a config.json describes; of others the tables can be
    read.
    """
    scaled = config.get("rope_scaling") or config.get("rope_parameters") or {}
    plain = scaled.get("rope_type", scaled.get("type", "default")) == "default"
    alike = all(config.get(name, value) == value for name, value in NEEDS.items())
    return "model_type" in config and alike and plain


def missing(error: ImportError) -> ImportError:
    """What to say where PyTorch is not installed."""
    return ImportError(f"networks need PyTorch, which is not installed ({error}): pip install 'wordfield[neural]'")
