"""How long questions to vectors take: one word, many words, the analogies of a whole set, and an index.

All in one process, the programs in turn, so that what else the machine does falls on all alike; the algebra libraries
have one thread, and so has wordfield, which keeps to what these are allowed.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.measure import Company, Stopwatch, alone, answer

Figures = dict[str, Any]
Work = Callable[[], object]

ROWS, DIM, MANY = 400_000, 300, 1000
FEWER = 20
"""One in so many of the words that are asked at once is asked of gensim, which takes them one by one."""
CLOUDS = 2000
"""Around which the rows of the second table lie, as words lie around their topics; of random rows none is near."""
SMALL = 3000
"""Rows of the tables where only a part of the corpus is measured on."""
LIMIT = 30_000
NUMPY, GENSIM, OURS = "numpy", "gensim", "wordfield"


def measured(
    corpus: Path, questions: Path, small: bool, runs: int, settings: Figures
) -> tuple[list[Figures], list[Figures]]:
    """The measurements, and what could not be measured."""
    job = {"corpus": str(corpus), "questions": str(questions), "runs": runs, "settings": settings}
    job |= {"rows": SMALL if small else ROWS, "many": FEWER if small else MANY}
    with Company() as company:
        done: Figures = alone("queries", job)
    for measurement in done["measurements"]:
        for row in measurement["rows"]:
            row["others_cores"] = company.cores
    return done["measurements"], done["skipped"]


def row(program: str, variant: str, seconds: list[Figures], queries: int, **more: Any) -> Figures:
    """The medians of several runs, each of so many queries."""
    figures: Figures = {"name": f"{program}, {variant}", "program": program, "variant": variant, "queries": queries}
    for kind in ("wall", "cpu"):
        taken = median(each[kind] for each in seconds)
        figures |= {f"{kind}_seconds": taken, f"{kind}_each": taken / queries}
    figures |= {"queries_per_second": queries / figures["wall_seconds"], "runs": [each["wall"] for each in seconds]}
    if figures["cpu_seconds"] > 0:
        figures["queries_per_cpu_second"] = queries / figures["cpu_seconds"]
    return figures | more


def in_turn(works: dict[tuple[str, str], tuple[Work, int]], runs: int) -> list[Figures]:
    """A row for each work, after one round that warms up: in each round all of them, one after the other."""
    taken: dict[tuple[str, str], list[Figures]] = {names: [] for names in works}
    for number in range(runs + 1):
        for names, (work, _) in works.items():
            with Stopwatch() as watch:
                work()
            if number:
                taken[names].append(watch.seconds)
    return [row(*names, taken[names], works[names][1]) for names in works]


def compared(name: str, rows: list[Figures], base: str) -> Figures:
    """A measurement with the ratios to its base, where that was measured."""
    first = next((each for each in rows if each["name"] == base), None)
    ratios = []
    for each in rows if first else []:
        ratio: Figures = {"row": each["name"], "base": base}
        for figure in ("queries_per_second", "queries_per_cpu_second"):
            if figure in each and figure in (first or {}):
                ratio[figure] = each[figure] / first[figure]  # type: ignore[index]
        ratios.append(ratio)
    return {"name": name, "base": base, "rows": rows, "ratios": ratios}


def tables(rows: int) -> dict[str, Any]:
    """Random numbers, and rows in clouds: (rows, DIM) float32."""
    random = np.random.default_rng(1)
    noise = random.standard_normal((rows, DIM), np.float32)
    centres = random.standard_normal((min(CLOUDS, rows), DIM), np.float32)
    return {"random": noise, "clouds": centres[random.integers(0, len(centres), rows)] + noise / 2}


def storages(matrix: Any) -> dict[str, Any]:
    """The table as wordfield can keep it. Codes of parts are random: what they say does not matter for the time."""
    from wordfield.storage import Dense, Float16, Int8, Product

    scales = np.abs(matrix).max(axis=1) / 127
    random = np.random.default_rng(2)
    kept = {"float32": Dense(matrix), "float16": Float16(matrix.astype(np.float16))}
    kept["int8"] = Int8(np.rint(matrix / scales[:, None]).astype(np.int8), scales)
    for part in (2, 10):
        codes = random.integers(0, 256, (len(matrix), DIM // part), np.uint8)
        kept[f"product, parts of {part}"] = Product(codes, random.standard_normal(256 * DIM).astype(np.float32), part)
    return kept


def one_and_many(job: Figures, there: bool) -> list[Figures]:
    """One word, and many words in one call."""
    from wordfield.text.vocabulary import Vocabulary
    from wordfield.vectors import WordVectors

    made = tables(job["rows"])
    words = [f"w{number}" for number in range(job["rows"])]
    asked, vocabulary = words[: job["many"]], Vocabulary(words)
    one: dict[tuple[str, str], tuple[Work, int]] = {}
    many: dict[tuple[str, str], tuple[Work, int]] = {}
    for name, matrix in made.items():
        vector = matrix[7].copy()
        one[NUMPY, f"matrix @ vector, {name}"] = (partial(np.matmul, matrix, vector), 1)
        if there:
            peer = gensim_vectors(words, matrix)
            one[GENSIM, name] = (partial(peer.most_similar, "w7"), 1)
            fewer = asked[::FEWER]
            many[GENSIM, name] = (partial(each_of, peer.most_similar, fewer), len(fewer))
        kept = storages(matrix)
        for kind, storage in kept.items() if name == "random" else [("float32", kept["float32"])]:
            field = WordVectors(vocabulary, storage)
            one[OURS, f"{kind}, {name}"] = (partial(field.most_similar, "w7"), 1)
            many[OURS, f"{kind}, {name}"] = (partial(field.most_similar, asked), len(asked))
    return [
        compared("queries-one", in_turn(one, 3 * job["runs"]), f"{NUMPY}, matrix @ vector, random"),
        compared("queries-many", in_turn(many, 1), f"{GENSIM}, random"),
    ]


def each_of(ask: Callable[..., object], words: list[str]) -> None:
    """One after the other."""
    for word in words:
        ask(word)


def gensim_vectors(words: list[str], matrix: Any) -> Any:
    """gensim's form of the vectors, with their lengths, which it works out the first time they are needed."""
    from gensim.models import KeyedVectors

    peer = KeyedVectors(matrix.shape[1])
    peer.add_vectors(words, matrix)
    peer.fill_norms()
    return peer


def analogies(job: Figures, there: bool) -> Figures:
    """The whole set, among the most frequent words of vectors trained on the corpus: words in lower case on both sides,
    so that gensim, told to leave case alone, and wordfield are asked the same.
    """
    from wordfield import Word2Vec
    from wordfield.evaluation import analogy
    from wordfield.text.corpus import Corpus

    settings = {name: job["settings"][name] for name in ("dim", "window", "negatives", "subsample", "seed", "threads")}
    recipe = Word2Vec(epochs=1, min_count=job["settings"]["min_count"], **settings)
    words = recipe.fit(Corpus(job["corpus"])).words
    rows = []
    with tempfile.TemporaryDirectory(prefix="wordfield-queries-") as folder:
        lower = Path(folder) / "questions.txt"
        lower.write_text(Path(job["questions"]).read_text("utf-8").lower(), "utf-8")
        questions = analogy.read(lower)
        analogy.answers(words, questions[:1], LIMIT)
        seconds = []
        for _ in range(job["runs"]):
            with Stopwatch() as watch:
                right = analogy.answers(words, questions, LIMIT)
            seconds.append(watch.seconds)
        mine = {tuple(each[1:5]) for each, good in zip(questions, right, strict=True) if good == 1}
        rows.append(row(OURS, "3CosAdd", seconds, len(questions), right=len(mine)))
        if there:
            peer = gensim_vectors(words.index_to_key, np.ascontiguousarray(words.vectors))
            with Stopwatch() as watch:
                _, sections = peer.evaluate_word_analogies(str(lower), restrict_vocab=LIMIT, case_insensitive=False)
            theirs = {tuple(word.lower() for word in each) for each in sections[-1]["correct"]}
            rows.insert(0, row(GENSIM, "3CosAdd", [watch.seconds], len(questions), right=len(theirs)))
            rows[-1]["alike"] = theirs == mine
    return compared("queries-analogies", rows, f"{GENSIM}, 3CosAdd")


def index(job: Figures) -> Figures:
    """Words one after the other and all at once, by an index and exactly."""
    from wordfield.search.approximate import Index
    from wordfield.storage import Dense
    from wordfield.text.vocabulary import Vocabulary
    from wordfield.vectors import WordVectors

    matrix = tables(job["rows"])["clouds"]
    field = WordVectors(Vocabulary([f"w{number}" for number in range(len(matrix))]), Dense(matrix))
    found, rows = Index.build(field), []
    about = found.about
    asked = field.index_to_key[:: max(1, len(field) // job["many"])][: job["many"]]
    for name, search in (("exact", None), ("index", found)):
        ask = partial(field.most_similar, index=search)
        works: dict[tuple[str, str], tuple[Work, int]] = {
            (OURS, f"{name}, one by one"): (partial(each_of, ask, asked[:FEWER]), len(asked[:FEWER])),
            (OURS, f"{name}, many at once"): (partial(ask, asked), len(asked)),
        }
        more = {"recall": about.recall, "build_seconds": about.seconds} if search else {}
        rows += [figures | more for figures in in_turn(works, job["runs"])]
    return compared("queries-index", rows, f"{OURS}, exact, one by one")


def all_of(job: Figures) -> Figures:
    """The measurements, and what is not installed."""
    skipped = [
        {"what": f"queries: {name}", "reason": f"not installed: no module {name}"}
        for name in (GENSIM, "usearch")
        if importlib.util.find_spec(name) is None
    ]
    there, indexed = (all(name not in each["what"] for each in skipped) for name in (GENSIM, "usearch"))
    done = one_and_many(job, there)
    if Path(job["questions"]).is_file():
        done.append(analogies(job, there))
    else:
        skipped.append({"what": "queries: analogies", "reason": f"{job['questions']} is not there"})
    return {"measurements": [*done, *([index(job)] if indexed else [])], "skipped": skipped}


if __name__ == "__main__":
    answer(all_of(json.load(sys.stdin)))
