"""What is measured: for each measurement its rows, and the row that the others are set beside.

A row is a program with a recipe, in wordfield's own terms: dim, window, negatives, subsample, min_count, epochs,
threads, seed are the same for all unless a row says otherwise. Learning rates are each program's own: wordfield's
defaults; gensim's default 0.025, and 0.05 for CBOW, which is word2vec.c's; fastText's default 0.05.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

SKIPGRAM = {"architecture": "skipgram", "loss": "negative"}
CBOW = {"architecture": "cbow", "loss": "negative"}
HIERARCHICAL = {"architecture": "skipgram", "loss": "hierarchical"}
WORDS, CHINESE = {"tokenizer": "words"}, {"tokenizer": "chinese"}
FINAL_RATE = 1e-4  # gensim's; wordfield's final_rate is a share of the learning rate


@dataclass(frozen=True)
class Row:
    """A program and what it does; ``variant``: what sets it apart from the program's other rows."""

    program: str
    options: dict[str, Any]
    variant: str = ""
    form: str = ""
    """How the text is stored: a name in `forms.FORMS`; empty: as it is."""
    work: str = ""
    """Where it is not that of the measurement."""
    again: bool = False
    """Whether the same has been done before, and what was read was kept."""
    needs: str = ""
    """A module that must be there besides the program."""

    @property
    def name(self) -> str:
        return f"{self.program}, {self.variant}" if self.variant else self.program


FASTTEXT = Row("fasttext", {"learning_rate": 0.05}, "without parts of words")


@dataclass(frozen=True)
class Measurement:
    """``base``: the name of the row beside which the others are set."""

    name: str
    work: str
    rows: tuple[Row, ...]
    base: str
    repeated: bool = False
    """Whether rows are so short that only the median of several runs says something; one that is not is run once."""
    quality: str = ""
    """What is judged: a name in `quality.JUDGES`."""
    common: dict[str, Any] = field(default_factory=dict)
    """Options for all rows."""
    language: str = "english"
    """That of the corpus."""
    first: int | None = None
    """So many bytes of the corpus at most."""


def measurements(threads: int, min_count: int) -> Iterator[Measurement]:
    """All but the start-up, which is a program's and not a corpus's."""
    yield from trainings(threads, min_count)
    yield from parts()
    yield from counts()
    yield from texts(max(2, threads))


def trainings(threads: int, min_count: int) -> Iterator[Measurement]:
    """Vectors: of English and Chinese, on threads, of more text."""
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
        common=SKIPGRAM,
    )
    own, corrected = Row("wordfield", {}), Row("wordfield", {"gradient": "corrected"}, "corrected gradient")
    for name, rows, common in (
        ("skipgram", (own, *peers(0.025), FASTTEXT), SKIPGRAM),
        ("cbow", (own, corrected, *peers(0.05), FASTTEXT), CBOW),
        ("hierarchical", (own, peers(0.025)[1]), HIERARCHICAL),
    ):
        yield Measurement(name, "train", rows, base="gensim", quality="english", common=common)
    same_rate, gensim = peers(0.025)
    yield Measurement(
        "chinese",
        "train",
        (
            replace(own, needs="rjieba"),
            replace(same_rate, needs="rjieba"),
            replace(gensim, form="segmented", needs="rjieba"),
        ),
        base="gensim",
        quality="chinese",
        common=SKIPGRAM | CHINESE,
        language="chinese",
    )
    one, more = (Row("wordfield", {"threads": count}, f"threads={count}") for count in (1, max(2, threads)))
    yield Measurement("threads", "train", (one, more), base=one.name, common=SKIPGRAM)
    once = Row("wordfield", {}, "corpus once")
    same_words, more_words = (
        Row("wordfield", {"min_count": many * min_count}, f"corpus {many} times, same vocabulary", f"{many} times")
        for many in (4, 20)
    )
    same_limit = Row("wordfield", {}, "corpus 4 times, same min_count", "4 times")
    yield Measurement(
        "memory",
        "train",
        (once, same_words, more_words, same_limit),
        base=once.name,
        common=SKIPGRAM | {"epochs": 1},
    )


def parts() -> Iterator[Measurement]:
    """Words with their parts, and labels of texts, as fastText's tutorial learns them: one against all at half its
    rate, where fastText would end in no number.
    """
    own, theirs = Row("wordfield", {}), Row("fasttext", {})
    yield Measurement(
        "parts", "parts", (own, theirs), base="fasttext", quality="parts", common=SKIPGRAM | {"learning_rate": 0.05}
    )
    tutorial = {"dim": 100, "epochs": 25, "word_ngrams": 2}
    for loss in ("softmax", "hierarchical", "negative", "one-vs-all"):
        yield Measurement(
            f"labels-{loss}",
            "labels",
            (own, theirs),
            base="fasttext",
            repeated=True,
            quality="cooking",
            common=tutorial | {"loss": loss, "learning_rate": 0.5 if loss == "one-vs-all" else 1.0},
            language="cooking",
        )


def counts() -> Iterator[Measurement]:
    """Neighbours counted, and vectors made of the counts."""
    common = {"tokenizer": "whitespace", "window": 10}
    rows = Row("wordfield", {}), Row("stanford", {})
    yield Measurement("counting", "count", rows, base="stanford", common=common)
    yield Measurement(
        "glove", "glove", rows, base="stanford", quality="english", common=common | {"x_max": 10.0, "epochs": 5}
    )
    rows = Row("wordfield", {}), Row("sklearn", {})
    yield Measurement("svd", "svd", rows, base="sklearn", quality="english", common=common | {"window": 5, "dim": 300})


def texts(threads: int) -> Iterator[Measurement]:
    """What comes before vectors: words, phrases, files; and what is said of all beforehand."""
    alone = {"threads": 1}
    both = ((alone, "threads=1"), ({"threads": threads}, f"threads={threads}"))
    yield Measurement(
        "segmentation",
        "cut",
        (
            *(Row("wordfield", options, variant, needs="rjieba") for options, variant in both),
            Row("rjieba", alone),
            Row("jieba", alone),
            Row("jieba", {"threads": threads}, f"processes={threads}"),
        ),
        base="jieba",
        repeated=True,
        quality="cuts",
        common=CHINESE,
        language="chinese",
        first=10_000_000,
    )
    yield Measurement(
        "phrases",
        "phrases",
        (*(Row("wordfield", *each) for each in both), Row("gensim", alone)),
        base="gensim",
        repeated=True,
        quality="phrases",
        common={"threshold": 100.0},
    )
    one, more = (Row("wordfield", *each) for each in both)
    stored = (("JSON lines", "jsonl", ""), ("Parquet", "parquet", "pyarrow"))
    yield Measurement(
        "files",
        "read",
        (
            one,
            more,
            *(replace(more, variant=name, form=form, needs=needs) for name, form, needs in stored),
            replace(more, variant="again, from the cache", again=True),
        ),
        base=one.name,
        repeated=True,
        common=WORDS,
    )
    yield Measurement(
        "compressed",
        "read",
        (
            *(replace(each, form="gzip") for each in (one, more)),
            replace(more, variant="8 files", form="8 gzip"),
            Row("gzip", alone, "decompresses only", "gzip"),
        ),
        base="gzip, decompresses only",
        repeated=True,
        common=WORDS,
    )
    for name, language, options, needs in (
        ("forecast", "english", WORDS, ""),
        ("forecast-chinese", "chinese", CHINESE, "rjieba"),
    ):
        measured = Row("wordfield", {}, "measured", needs=needs)
        rows = (replace(measured, variant="expected", work="plan"), measured)
        yield Measurement(name, "train", rows, measured.name, common=SKIPGRAM | options, language=language)


def peers(rate: float) -> tuple[Row, Row]:
    """gensim at ``rate``, and wordfield at the same rate falling to the same end."""
    same = {"learning_rate": rate, "final_rate": FINAL_RATE / rate}
    return Row("wordfield", same, "gensim's rate"), Row("gensim", {"learning_rate": rate})
