"""The text to measure on: the corpus, its first part for a quick run, and a small text to warm up with."""

from __future__ import annotations

import os
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT


def data_folder() -> Path:
    """The folder of corpora and evaluation sets: what WORDFIELD_DATA names, or the one beside the checkout."""
    return Path(os.environ.get("WORDFIELD_DATA") or ROOT / ".." / "shared" / "data").resolve()


def default_corpus() -> Path:
    return data_folder() / "corpora" / "enwiki100m.txt"


def default_chinese() -> Path:
    return data_folder() / "corpora" / "zhwiki50m.txt"


def labelled() -> Path:
    """The texts with labels, those of fastText's tutorial."""
    return data_folder() / "classify" / "cooking.train"


def head(path: Path, size: int, target: Path) -> Path:
    """``target``, made of the first ``size`` bytes of ``path``, up to the last line that fits whole."""
    with path.open("rb") as stream:
        text = stream.read(size)
    target.write_bytes(text[: text.rfind(b"\n") + 1] or text)
    return target


def sentences(source: Any) -> list[list[str]]:
    """What a scan finds in Chinese text, a file or a list of lines: its sentences, each a list of words."""
    from wordfield import Corpus
    from wordfield.text.vocabulary import Vocabulary

    with Corpus(source, tokenizer="chinese").scan() as scan:
        words = list(scan.words_seen)
        ids = scan.encode(Vocabulary(words))
        found = [words[row] for row in ids.window(0, ids.tokens).tolist()]
        return [found[begin:end] for begin, end in pairwise(ids.starts.tolist())]


def small_text(target: Path, words: int = 4000) -> Path:
    """``target``, a text of a few hundred different made-up words in lines of ten, each with one of two labels, the
    same every time.
    """
    chosen, syllables = random.Random(1), ("ba", "ke", "li", "mo", "nu", "é")
    known = ["".join(chosen.choices(syllables, k=chosen.randint(2, 3))) for _ in range(300)]
    lines = (" ".join([f"__label__{number % 2}", *chosen.choices(known, k=10)]) for number in range(words // 10))
    target.write_text("\n".join(lines) + "\n", "utf-8")
    return target


def read_through(paths: list[str]) -> None:
    """Read the files once, so that every program finds them in the system's memory."""
    for path in paths:
        with Path(path).open("rb") as stream:
            while stream.read(1 << 20):
                pass
