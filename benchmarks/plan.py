"""What is measured: for each measurement its rows, and the row that the others are set beside.

A row is a program with a recipe, in wordfield's own terms: dim, window, negatives, subsample, min_count, epochs,
threads, seed are the same for all unless a row says otherwise. Learning rates are each program's own: wordfield's
defaults; gensim's default 0.025, and 0.05 for CBOW, which is word2vec.c's; fastText's default 0.05.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SKIPGRAM = {"architecture": "skipgram", "loss": "negative"}
CBOW = {"architecture": "cbow", "loss": "negative"}
HIERARCHICAL = {"architecture": "skipgram", "loss": "hierarchical"}
FINAL_RATE = 1e-4  # gensim's; wordfield's final_rate is a share of the learning rate


@dataclass(frozen=True)
class Row:
    """A program and what it does; ``variant``: what sets it apart from the program's other rows."""

    program: str
    options: dict[str, Any]
    variant: str = ""
    times: int = 1
    """The corpus so many times over."""

    @property
    def name(self) -> str:
        return f"{self.program}, {self.variant}" if self.variant else self.program


FASTTEXT = Row("fasttext", {"learning_rate": 0.05})


@dataclass(frozen=True)
class Measurement:
    """``base``: the name of the row beside which the others are set."""

    name: str
    work: str
    rows: tuple[Row, ...]
    base: str
    repeated: bool = False
    """Whether it is so short that only the median of several runs says something."""
    scored: bool = True
    """Whether the quality of the vectors is measured."""
    common: dict[str, Any] = field(default_factory=dict)
    """Options for all rows."""


def measurements(threads: int, min_count: int) -> Iterator[Measurement]:
    """All but the start-up, which is no training."""
    yield Measurement(
        "vocabulary",
        "vocabulary",
        (
            Row("wordfield", {"tokenizer": "whitespace"}, "white space"),
            Row("wordfield", {"tokenizer": "words"}, "Unicode words"),
            Row("gensim", {"learning_rate": 0.025}),
        ),
        base="gensim",
        repeated=True,
        scored=False,
        common=SKIPGRAM,
    )
    own, corrected = Row("wordfield", {}), Row("wordfield", {"gradient": "corrected"}, "corrected gradient")
    yield Measurement("skipgram", "train", (own, *peers(0.025), FASTTEXT), base="gensim", common=SKIPGRAM)
    yield Measurement("cbow", "train", (own, corrected, *peers(0.05), FASTTEXT), base="gensim", common=CBOW)
    yield Measurement("hierarchical", "train", (own, peers(0.025)[1]), base="gensim", common=HIERARCHICAL)
    one, more = (Row("wordfield", {"threads": count}, f"threads={count}") for count in (1, max(2, threads)))
    yield Measurement("threads", "train", (one, more), base=one.name, scored=False, common=SKIPGRAM)
    once = Row("wordfield", {}, "corpus once")
    same_words = Row("wordfield", {"min_count": 4 * min_count}, "corpus 4 times, same vocabulary", times=4)
    same_limit = Row("wordfield", {}, "corpus 4 times, same min_count", times=4)
    yield Measurement(
        "memory",
        "train",
        (once, same_words, same_limit),
        base=once.name,
        scored=False,
        common=SKIPGRAM | {"epochs": 1},
    )


def peers(rate: float) -> tuple[Row, Row]:
    """gensim at ``rate``, and wordfield at the same rate falling to the same end."""
    same = {"learning_rate": rate, "final_rate": FINAL_RATE / rate}
    return Row("wordfield", same, "gensim's rate"), Row("gensim", {"learning_rate": rate})
