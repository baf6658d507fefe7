"""One function a verb: each command of the command line is one of these, with the same name.

``load`` and ``save`` complete them. A ``model`` is a path, or a result that is already in memory. Heavy imports happen
inside the functions.
"""

from __future__ import annotations

from wordfield.api.asking import analogy, embed, index, matrix, neighbors, predict, similarity, tokens
from wordfield.api.converting import convert
from wordfield.api.corpora import cache, phrases, subwords
from wordfield.api.documents import collect, remove, search
from wordfield.api.learning import demo, plan, train, tune
from wordfield.api.measuring import align, datasets, evaluate, neighborhoods
from wordfield.api.models import info, load, save, undertrained
from wordfield.api.sequences import average, compare_tying, distil, fill, generate, masked_accuracy, perplexity, senses
from wordfield.api.services import usage

__all__ = [
    "align",
    "analogy",
    "average",
    "cache",
    "collect",
    "compare_tying",
    "convert",
    "datasets",
    "demo",
    "distil",
    "embed",
    "evaluate",
    "fill",
    "generate",
    "index",
    "info",
    "load",
    "masked_accuracy",
    "matrix",
    "neighborhoods",
    "neighbors",
    "perplexity",
    "phrases",
    "plan",
    "predict",
    "remove",
    "save",
    "search",
    "senses",
    "similarity",
    "subwords",
    "tokens",
    "train",
    "tune",
    "undertrained",
    "usage",
]
