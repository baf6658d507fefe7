"""What is served: models by name, how each reads texts, and how tokens become text again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from wordfield.protocols import Embedder, Matrix
from wordfield.server.faults import Fault

PIECE = 4
"""Characters that count as a token, of a model that does not tell its tokens."""


@final
@dataclass(frozen=True, eq=False)
class Served:
    """A model, and the name that it is asked for by."""

    name: str
    model: Embedder
    created: int
    """Seconds since 1970."""

    def read(self, texts: Sequence[str]) -> tuple[Matrix, Sequence[int]]:
        """The vectors of texts, and how many tokens each has: words or pieces, as the model reads it."""
        model: Any = self.model
        if hasattr(model, "embedded"):  # it counts while it reads
            found = model.embedded(texts)
            return found.vectors, found.sizes
        cut = getattr(getattr(model, "tokenizer", None), "tokenize", None)
        return model.embed(texts), [len(cut(text)) if cut else -(-len(text) // PIECE) for text in texts]

    def texts(self, given: Any) -> Sequence[str]:
        """The texts that are meant, from the ids of the model's own tokens where it has such; ``Fault`` where it does
        not: those of another tokenizer would be read as something else.
        """
        if isinstance(given[0], str):
            texts: Sequence[str] = given
            return texts
        tokenizer = getattr(self.model, "tokenizer", None)
        if tokenizer is None or tokenizer.name != "subwords":
            said = f"input has ids of tokens, and {self.name} has none to read them by: send texts; LangChain does "
            raise Fault(400, f"{said}with OpenAIEmbeddings(check_embedding_ctx_length=False)", "input")
        pieces, listed = tokenizer.pieces, tokenizer.pieces.listed()
        if wrong := [token for ids in given for token in ids if not 0 <= token < len(listed)]:
            raise Fault(400, f"input has the token {wrong[0]}, and {self.name} has {len(listed):,} tokens", "input")
        return [pieces.text([listed[token] for token in ids]) for ids in given]


def shortened(vectors: Matrix, dimensions: int | None, name: str) -> Matrix:
    """The first so many numbers of each vector; ``Fault`` where there are fewer."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    if dimensions > vectors.shape[1]:
        raise Fault(400, f"dimensions is {dimensions}, and vectors of {name} have {vectors.shape[1]}", "dimensions")
    return np.ascontiguousarray(vectors[:, :dimensions])
