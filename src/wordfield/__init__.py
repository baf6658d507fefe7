"""Words into vectors, by every method of the lineage, behind one small interface.

Names are imported on use (PEP 562), so that ``import wordfield`` and ``wordfield --help`` answer at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PLACES = {
    "BERT": "models.sequence.bert",
    "BERTClassifier": "models.sequence.bert_classifier",
    "Classifier": "models.predict.classifier",
    "Cooccurrence": "models.count.cooccurrence",
    "Corpus": "text.corpus",
    "ELMo": "models.sequence.elmo",
    "FastText": "models.predict.fasttext",
    "GloVe": "models.predict.glove",
    "LLM": "models.sequence.llm",
    "OneHot": "models.count.one_hot",
    "PPMI": "models.count.ppmi",
    "SVD": "models.count.svd",
    "Unknown": "unknown",
    "Vocabulary": "text.vocabulary",
    "Word2Vec": "models.predict.word2vec",
    "WordVectors": "vectors",
    "load": "api",
    "save": "api",
}

__all__ = [
    "BERT",
    "LLM",
    "PPMI",
    "SVD",
    "BERTClassifier",
    "Classifier",
    "Cooccurrence",
    "Corpus",
    "ELMo",
    "FastText",
    "GloVe",
    "OneHot",
    "Unknown",
    "Vocabulary",
    "Word2Vec",
    "WordVectors",
    "load",
    "save",
]

if TYPE_CHECKING:
    from wordfield.api import load, save
    from wordfield.models.count.cooccurrence import Cooccurrence
    from wordfield.models.count.one_hot import OneHot
    from wordfield.models.count.ppmi import PPMI
    from wordfield.models.count.svd import SVD
    from wordfield.models.predict.classifier import Classifier
    from wordfield.models.predict.fasttext import FastText
    from wordfield.models.predict.glove import GloVe
    from wordfield.models.predict.word2vec import Word2Vec
    from wordfield.models.sequence.bert import BERT
    from wordfield.models.sequence.bert_classifier import BERTClassifier
    from wordfield.models.sequence.elmo import ELMo
    from wordfield.models.sequence.llm import LLM
    from wordfield.text.corpus import Corpus
    from wordfield.text.vocabulary import Vocabulary
    from wordfield.unknown import Unknown
    from wordfield.vectors import WordVectors


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'wordfield' has no attribute {name!r}; it has: {', '.join(__all__)}")
    value = getattr(import_module(f"wordfield.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
