"""What stands between a file and the library: plain words, counts, vectors, and what a recipe remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.storage import Storage


class FormatError(ValueError):
    """A file is not what it should be, or cannot hold what it was given."""


@dataclass
class Table:
    """The content of a file of vectors. V words, D dimensions."""

    words: list[str]
    """The word of each row (V)."""
    storage: Storage
    """The vectors (V, D)."""
    counts: NDArray[np.int64] | None = None
    """How often each word occurred (V), where the file tells."""
    config: dict[str, Any] = field(default_factory=dict)
    """What a result remembers besides: recipe, tokenizer, history. JSON."""
    state: dict[str, NDArray[Any]] = field(default_factory=dict)
    """Arrays needed to go on training."""

    def __post_init__(self) -> None:
        rows = self.storage.shape[0]
        if len(self.words) != rows:
            raise ValueError(f"{len(self.words)} words for {rows} rows of vectors: one word a row is needed")
        if self.counts is not None and len(self.counts) != rows:
            raise ValueError(f"{len(self.counts)} counts for {rows} words: one count a word is needed, or None")
