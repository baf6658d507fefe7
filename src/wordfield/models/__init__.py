"""The lineage, oldest first: a line a model. The command, its options, its documentation and its contract tests follow
from the line.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

LINEAGE: dict[str, str] = {
    "one-hot": "count.one_hot:OneHot",
    "cooccurrence": "count.cooccurrence:Cooccurrence",
    "ppmi": "count.ppmi:PPMI",
    "svd": "count.svd:SVD",
    "word2vec": "predict.word2vec:Word2Vec",
    "glove": "predict.glove:GloVe",
    "fasttext": "predict.fasttext:FastText",
    "classifier": "predict.classifier:Classifier",
    "elmo": "sequence.elmo:ELMo",
    "bert": "sequence.bert:BERT",
    "bert-classifier": "sequence.bert_classifier:BERTClassifier",
    "llm": "sequence.llm:LLM",
}


def recipe(name: str) -> type[Any]:
    """The recipe class of a line of the lineage; ``ValueError`` that lists them when there is none of that name."""
    if name not in LINEAGE:
        raise ValueError(f"unknown recipe {name!r}; the lineage has: {', '.join(LINEAGE)}")
    module, _, attribute = LINEAGE[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), attribute)  # type: ignore[no-any-return]


def contextual(recipe: Any) -> bool:
    """Whether a recipe, or the class of one, trains a network that reads words in their context."""
    kind = recipe if isinstance(recipe, type) else type(recipe)
    return kind.__module__.startswith(f"{__name__}.sequence")
