"""How long it takes until vectors that lie in files can be asked: opening a file of word2vec, binary and text, and the
first question. A process of this module opens one file and ends; what it imports, and the machine code of kernels, is
loaded before.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Company, Stopwatch, alone, answer, peak_bytes
from benchmarks.running import LONG, tell

DIM = 300
WORDS = {"binary": 1_000_000, "text": 200_000}
FEW = 2000
"""Words of both where only a sample is measured."""
AT_ONCE = 2000
NEAREST = 10
FIGURES = ("words_per_cpu_second", "words_per_second", "ready_per_second", "peak_bytes")


def measured(folder: Path, runs: int, sample: bool) -> dict[str, Any]:
    """Both programs on the same files, just written and so in memory; the median of ``runs``, one of what is long."""
    programs = ["wordfield"] + ["gensim"] * (importlib.util.find_spec("gensim") is not None)
    rows, ratios = [], []
    for kind, many in WORDS.items():
        words = FEW if sample else many
        path = made(folder / f"vectors.{kind}", kind, words)
        for program in programs:
            tell(f"opening: {program}, {kind} ...")
            job = {"program": program, "path": str(path), "kind": kind}
            if program == "wordfield":
                alone("opening", job)  # so that the measured process loads machine code, whose making takes time
            with Company() as company:
                done = [alone("opening", job)]
                done += [alone("opening", job) for _ in range(runs - 1 if done[0]["wall"] < LONG else 0)]
            rows.append(row(program, f"{kind}, {words:,} words", words, done) | {"others_cores": company.cores})
        path.unlink()
        ours, *theirs = rows[-len(programs) :]
        ratios += [ratio(ours, each) for each in theirs]
    return {"name": "opening", "base": None, "rows": rows, "ratios": ratios}


def row(program: str, variant: str, words: int, runs: list[dict[str, float]]) -> dict[str, Any]:
    """The figures of one program and file."""
    wall, cpu, first = (median(run[name] for run in runs) for name in ("wall", "cpu", "first"))
    return {
        "name": f"{program}, {variant}",
        "program": program,
        "variant": variant,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "first_seconds": first,
        "words_per_second": words / wall,
        "words_per_cpu_second": words / cpu,
        "ready_per_second": 1 / (wall + first),
        "peak_bytes": median(run["peak_bytes"] for run in runs),
        "runs": [run["wall"] for run in runs],
    }


def ratio(one: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    return {"row": one["name"], "base": base["name"]} | {name: one[name] / base[name] for name in FIGURES}


def made(path: Path, kind: str, words: int) -> Path:
    """A file of so many words with random vectors, six digits a number in text."""
    random = np.random.default_rng(1)
    template = b"%b" + b" %.6g" * DIM + b"\n"
    with path.open("wb") as stream:
        stream.write(f"{words} {DIM}\n".encode())
        for start in range(0, words, AT_ONCE):
            block = (random.standard_normal((min(AT_ONCE, words - start), DIM)) * 0.2).astype("<f4")
            names = [b"w%x" % (word * 2654435761 % (1 << 32)) for word in range(start, start + len(block))]
            if kind == "binary":
                lines = [b"%b %b\n" % (name, line.tobytes()) for name, line in zip(names, block, strict=True)]
            else:
                lines = [template % (name, *line) for name, line in zip(names, block.tolist(), strict=True)]
            stream.write(b"".join(lines))
    return path


def loaded(path: Path, kind: str) -> None:
    """Have the machine code in memory that opening a file and asking takes: do both with a little one, as with a large
    one.
    """
    from wordfield.formats import text_rows, word2vec_binary
    from wordfield.vectors import WordVectors

    constants = [(text_rows, "SMALL"), (word2vec_binary, "SMALL"), (word2vec_binary, "FEW")]
    before = [getattr(*constant) for constant in constants]
    for constant in constants:
        setattr(*constant, 0)
    WordVectors.load(made(path, kind, AT_ONCE)).most_similar("w0")
    for constant, value in zip(constants, before, strict=True):
        setattr(*constant, value)
    path.unlink()


def opened(job: dict[str, Any]) -> dict[str, float]:
    """Open the file and ask for the neighbours of a word."""
    if job["program"] == "wordfield":
        from wordfield.vectors import WordVectors as Opened

        loaded(Path(job["path"]).with_suffix(".little"), job["kind"])

        def load() -> Any:
            return Opened.load(job["path"])
    else:
        from gensim.models import KeyedVectors

        def load() -> Any:
            return KeyedVectors.load_word2vec_format(job["path"], binary=job["kind"] == "binary")

    with Stopwatch() as opening:
        vectors = load()
    word = vectors.index_to_key[len(vectors) // 2]
    with Stopwatch() as first:
        found = vectors.most_similar(word, **({"k" if job["program"] == "wordfield" else "topn": NEAREST}))
    if len(found) != NEAREST:
        sys.exit(f"{NEAREST} neighbours were asked for, {len(found)} were found")
    return opening.seconds | {"first": first.wall, "first_cpu": first.cpu, "peak_bytes": peak_bytes()}


if __name__ == "__main__":
    answer(opened(json.load(sys.stdin)))
