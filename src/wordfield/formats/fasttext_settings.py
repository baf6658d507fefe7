"""The settings in a file of fastText, under their names there and here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wordfield.formats.fasttext_parts import Args
from wordfield.formats.table import FormatError, Table
from wordfield.text.ngrams import Ngrams

LOSSES = {1: "hierarchical", 2: "negative", 3: "softmax", 4: "one-vs-all"}
MODELS = {1: "cbow", 2: "skipgram", 3: "classifier"}
CLASSIFIER = 3
TOKENIZER = {"name": "ascii-whitespace", "lowercase": False}
LARGEST = 2**31 - 1
SETTINGS = frozenset(
    [
        "model",
        "architecture",
        "loss",
        "word_ngrams",
        "subsample",
        "dim",
        "window",
        "epochs",
        "min_count",
        "negatives",
        "bucket",
        "minn",
        "maxn",
    ]
)
"""What a recipe has that is kept."""


def recipe_of(args: Args, floret: int) -> dict[str, Any]:
    """The settings under our names."""
    told: dict[str, Any] = {"model": "classifier"} if args.model == CLASSIFIER else {"model": "fasttext"}
    if args.model != CLASSIFIER:
        told["architecture"] = MODELS[args.model]
    told |= {"loss": LOSSES[args.loss], "word_ngrams": args.word_ngrams, "subsample": args.subsample}
    for name in ("dim", "window", "epochs", "min_count", "negatives", "bucket", "minn", "maxn"):
        told[name] = getattr(args, name)
    return told | ({"hash": "floret", "hash_count": floret} if floret else {})


def args_of(table: Table, ngrams: Ngrams) -> Args:
    """The settings of the model, as far as its recipe has them."""
    recipe, usual = table.config.get("recipe") or {}, Args(table.storage.shape[1])
    losses = {name: number for number, name in LOSSES.items()}
    share = recipe.get("subsample")
    architecture = 1 if recipe.get("architecture") == "cbow" else usual.model
    loss = recipe.get("loss") if table.classes is None else table.classes.loss
    if table.classes is not None and loss not in losses:
        raise FormatError(f"the loss {loss!r} is not one of fastText's: {', '.join(losses)}")
    return usual._replace(
        **{name: whole(recipe, name, getattr(usual, name)) for name in ("window", "epochs", "min_count", "negatives")},
        word_ngrams=ngrams.word_ngrams,
        loss=losses.get(str(loss), usual.loss),
        model=architecture if table.classes is None else CLASSIFIER,
        bucket=ngrams.bucket,
        minn=ngrams.minn,
        maxn=ngrams.maxn,
        subsample=share if isinstance(share, float) and 0 <= share < math.inf else usual.subsample,
    )


def whole(given: Any, name: str, usual: int, most: int = LARGEST) -> int:
    """A whole number among what is remembered, or the usual one."""
    value = given.get(name) if isinstance(given, dict) else None
    return value if type(value) is int and 0 <= value <= most else usual


def lost(table: Table, unheld: list[str]) -> list[str]:
    """Of what is remembered only what is no setting of fastText's, called "settings"; the state where there is more
    than output vectors in it.
    """
    config = table.config
    others = (config.get("recipe") or {}).keys() - SETTINGS, (config.get("history") or {}).keys() - {"corpus_tokens"}
    kept = config.keys() <= {"recipe", "history", "tokenizer"} and not any(others)
    kept = kept and config.get("tokenizer", TOKENIZER) == TOKENIZER
    output = table.state.get("output", np.empty(0))
    beyond = table.state.keys() != {"output"} or output.shape != (len(table.words), table.storage.shape[1])
    told = ["settings" if part == "config" else part for part in unheld if part != "config" or not kept]
    return told + (["state"] if table.state and (beyond or table.classes is not None) else [])
