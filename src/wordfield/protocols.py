"""What the parts of wordfield agree on: four small contracts and the shape of a progress callback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from wordfield.progress import Progress, silent
from wordfield.text.corpus import Corpus
from wordfield.text.labelled import Marks
from wordfield.vectors import WordVectors

Matrix = NDArray[np.float32]


@runtime_checkable
class Embedder(Protocol):
    """All that the server, search and the evaluation of texts need."""

    @property
    def dim(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Vectors of texts, shape (len(texts), dim), float32."""
        ...


@runtime_checkable
class Static(Embedder, Protocol):
    """One vector a word."""

    words: WordVectors


@runtime_checkable
class Contextual(Embedder, Protocol):
    """One vector an occurrence."""

    def embed_words(self, text: str) -> tuple[list[str], Matrix]:
        """The words of ``text`` as given and one vector for each, shape (words, dim)."""
        ...

    def embed_words_of(self, texts: Sequence[str | Sequence[str]]) -> list[tuple[list[str], Matrix]]:
        """The same of many texts, or lists of words."""
        ...


@runtime_checkable
class Labeller(Embedder, Protocol):
    """Labels of texts."""

    recipe: dict[str, Any]

    @property
    def labels(self) -> list[str]: ...
    @property
    def label_prefix(self) -> str: ...
    @property
    def marks(self) -> Marks: ...

    def predict(self, texts: Sequence[str], k: int | None = 1, threshold: float = 0.0) -> list[list[tuple[str, float]]]:
        """For each text its ``k`` most probable labels (None: all) with their probabilities."""
        ...


@runtime_checkable
class Recipe(Protocol):
    """A frozen dataclass of hyperparameters that makes a result of a corpus."""

    def fit(self, corpus: Corpus, progress: Progress = silent, **start: Any) -> Embedder: ...
