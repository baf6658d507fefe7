"""Rows of all buckets of n-grams, for the formats that know none without: those that no n-gram of the text fell into
become rows of zeros.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wordfield.text.ngrams import Ngrams

log = logging.getLogger(__name__)

LARGE = 100_000_000
"""Bytes of rows of which it is said that most are zeros."""


def rows_of_all(ngrams: Ngrams, words: int) -> NDArray[np.int64]:
    """The row of each bucket in a table of so many words, (B,): for those without one that of zeros, -1 where there is
    none of zeros.
    """
    return ngrams.placed(np.arange(ngrams.bucket, dtype=np.uint64), words)


def announce(path: Path, ngrams: Ngrams | None, dim: int) -> None:
    """Say in the log how large a file becomes, and why, of whose rows of float32 most are zeros."""
    if ngrams is None or ngrams.kept is None or ngrams.listed is not None:
        return
    size, learnt = 4 * ngrams.bucket * dim, len(ngrams.kept)
    if size >= LARGE and 2 * learnt < ngrams.bucket:
        log.warning(
            "%s: takes more than %s MB: this format has a row for each of the %s buckets of n-grams, of which %s were "
            "learnt and the others are zeros; the native format keeps the learnt ones alone",
            path,
            f"{size / 1e6:,.0f}",
            f"{ngrams.bucket:,}",
            f"{learnt:,}",
        )
