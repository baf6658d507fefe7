"""How a text's vector is made of those of its words, where a model says so itself: which part of the text counts, and
what is done to the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-12
"""A mean that is shorter stays short: it is divided by this."""


@dataclass(frozen=True)
class Pooling:
    """What is done to a text before its words are looked up, and to their mean after, in the order of the fields."""

    prompt: str = ""
    """What is put before each text."""
    characters: int | None = None
    """How many of its first characters count; None: all."""
    whole: bool = False
    """Whether a text is cut into pieces as one, line feeds and all, and not line by line."""
    tokens: int | None = None
    """How many of its first words count; None: all."""
    left: bool = False
    """Whether the last words count and not the first."""
    unknown: str | None = None
    """The word for what is unknown, which is left out."""
    normalize: bool = False
    """Whether the mean is brought to unit length."""
    dim: int | None = None
    """How many of its first numbers are kept; None: all."""

    @classmethod
    def described(cls, description: Any) -> Pooling:
        """What ``describe`` described; None is the mean of all words. ``ValueError`` if it is none."""
        known = {field.name: field for field in fields(cls)}
        if description is None:
            return cls()
        if not isinstance(description, Mapping):
            raise ValueError(f"{description!r:.60} is no object of {', '.join(known)}")
        for name, value in description.items():
            kinds = {"bool": bool, "str": str, "int | None": int, "str | None": str}
            kind = kinds[str(known[name].type)] if name in known else None
            missing = value is None and name in known and known[name].default is None
            if kind is None or not (type(value) is kind or missing) or (kind is int and not missing and value < 0):
                raise ValueError(f"{name!r:.60} is {value!r:.60}, which is no part of {', '.join(known)}")
        return cls(**description)

    def describe(self) -> dict[str, Any]:
        """What differs from the mean of all words, as JSON can hold it."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default}

    def text(self, text: str) -> str:
        """The part of a text that counts."""
        return (self.prompt + text)[: self.characters]

    def kept(self, words: Sequence[str]) -> Sequence[str]:
        """The words that count."""
        if self.tokens is not None:
            words = words[max(0, len(words) - self.tokens) :] if self.left else words[: self.tokens]
        return words if self.unknown is None else [word for word in words if word != self.unknown]

    def finished(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        """The vectors that the means (n, D) become."""
        if self.normalize:
            lengths = np.linalg.norm(means, axis=1, keepdims=True)
            means = means / np.maximum(lengths, np.float32(LEAST))
        return means[:, : self.dim]
