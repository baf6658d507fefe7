"""A small text for networks: sentences of two worlds that never meet, each with its words in a fixed order."""

from __future__ import annotations

import numpy as np

WORLDS = (("the", "cat", "drinks", "milk"), ("a", "ship", "sails", "west"))


def sentences(count: int, seed: int = 0) -> list[str]:
    """So many of them, each of a world drawn by itself."""
    random = np.random.default_rng(seed)
    return [" ".join(WORLDS[number]) for number in random.integers(0, len(WORLDS), count)]
