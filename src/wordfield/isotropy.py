"""Vectors that point in all directions: those of networks lie in a narrow cone, so that any two of them are alike.

All-but-the-top (Mu and Viswanath 2018, arXiv 1702.01417): their mean is taken off, and what they have of the few
directions in which they vary most. Whitening (Su, Cao, Liu and Ou 2021, arXiv 2103.15316): the mean is taken off, and
they are turned and stretched until they vary alike in all directions.

N vectors, D dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Kind = Literal["all-but-the-top", "whitening"]
Floats = NDArray[np.float32]

PER_DIRECTION = 100
"""Of so many dimensions one direction is taken off, at least one: the authors' rule."""
LEAST = 1e-12
"""Share of the largest variance below which a direction is none."""


@dataclass(frozen=True, eq=False)
class Isotropy:
    """What is done to vectors: (x - mean) @ matrix."""

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]

    @classmethod
    def fit(cls, vectors: Floats, kind: Kind, dim: int | None = None) -> Isotropy:
        """What makes ``vectors`` (N, D) isotropic; those of zeros do not count. ``dim``: keep as many of the directions
        in which they vary most; whitening only. ``ValueError`` for fewer than two vectors.
        """
        if kind not in get_args(Kind):
            raise ValueError(f"isotropy must be one of {', '.join(get_args(Kind))}, not {kind!r}")
        there = vectors[np.any(vectors, axis=1)].astype(np.float64)
        if len(there) < 2:
            raise ValueError(f"{len(there)} vectors do not show in which directions they vary: at least 2 are needed")
        mean = there.mean(axis=0)
        variances, directions = np.linalg.eigh((there - mean).T @ (there - mean) / len(there))
        variances, directions = variances[::-1], directions[:, ::-1]
        if kind == "all-but-the-top":
            top = directions[:, : max(1, len(mean) // PER_DIRECTION)]
            return cls(mean, np.eye(len(mean)) - top @ top.T)
        kept = min(dim or len(mean), int((variances > LEAST * variances[0]).sum()))
        return cls(mean, directions[:, :kept] / np.sqrt(variances[:kept]))

    def apply(self, vectors: Floats) -> Floats:
        """The vectors (n, D) made so; those of zeros stay zeros."""
        found = ((vectors - self.mean) @ self.matrix).astype(np.float32)
        found[~np.any(vectors, axis=1)] = 0
        return found
