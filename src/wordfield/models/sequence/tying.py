"""What it changes that a language model reads and writes with one table: the same recipe trained with input and output
table tied, and with each its own, from the same seed on the same text, and what became of the tables.

After Press and Wolf (2017, arXiv 1608.05859), who found the tied table to be more like the output table of an untied
model than like its input table. How alike two tables are is asked of what they say about words, not of their numbers:
Spearman's correlation of the cosines of all pairs of words, each table's mean taken off.

V rows of a table, D dimension, W words of a band.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordfield.models.sequence import missing
from wordfield.models.sequence.language_model import LanguageModel
from wordfield.models.sequence.llm import LLM
from wordfield.models.sequence.tokens import CAUSAL, chosen
from wordfield.progress import Progress, silent
from wordfield.text.corpus import Corpus
from wordfield.vectors import WordVectors

Floats = NDArray[np.floating[Any]]
Rows = NDArray[np.int64]
Tables = Mapping[str, Floats]

MOST = 500
"""Words of a band, at most: all pairs of them are compared."""
LEADERS = 20
"""The most frequent words, which are in no band: they are too few and too unlike the others."""
SHOWN = 3
"""Words of a band that are named as examples."""
PAIRS = {"tied_input": ("tied", "input"), "tied_output": ("tied", "output"), "input_output": ("input", "output")}
"""The tables that are compared: the tied one, and the two of the untied model."""


@dataclass(frozen=True)
class Band:
    """Words of like frequency."""

    name: str
    first: int
    """The place of its most frequent word among all, 1 the most frequent."""
    last: int
    rows: Rows
    """Its words' rows of the tables, the most frequent first (W,)."""


def compare(
    recipe: LLM,
    corpus: Corpus | Any,
    *,
    validation: Corpus | Any | None = None,
    seeds: int = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train ``recipe`` with tied=True and tied=False, and as it is if it says "until:" a share, on ``corpus`` cut by
    one tokenizer; and so again from ``seeds`` seeds, the recipe's and those after it. What they have to foresee is
    ``validation``, or the share of the corpus that each seed keeps aside.

    What is measured of each seed is told as ``each``, with ``mean`` and ``spread``: their standard deviation, None for
    one seed. Under ``ways``, of each: parameters, all and those of the tables; the perplexity at the end (of the
    best check if the recipe has patience), the lowest, and the curve (tokens read, perplexity) of each seed; seconds.
    ``saved``: parameters that tying does without, and their share of the untied model's. ``difference``: tied less
    untied, of one seed each, and ``ratio``: tied over untied less 1. ``bands``: of the frequent, middle, rare and never
    seen words, at most 500 each, ``alignment`` of the tables (-1 to 1), ``changes``: that of what training
    added to the tables, which is the better figure where rows have hardly moved, since tied and input table begin as
    one; ``norm``: the mean length of rows, and ``moved``: the mean length of what training added to them.
    ``start_norm``: about how long rows are before training.

    ``ValueError`` where there is nothing to foresee, and what ``LLM.fit`` raises; it and Ctrl-C pass through.
    """
    try:
        from wordfield.models.sequence.decoder import SPREAD
    except ImportError as error:
        raise missing(error) from error
    _check(recipe, validation, seeds)
    text = chosen(Corpus.of(corpus), recipe.pieces, CAUSAL)
    aside = None if validation is None else Corpus.of(validation)
    ways = {"tied": True, "untied": False} | ({recipe.tied: recipe.tied} if isinstance(recipe.tied, str) else {})
    numbers = [recipe.seed + number for number in range(seeds)]
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    bands, measured = list[Band](), list[list[dict[str, Any]]]()
    for seed in numbers:
        models = dict[str, LanguageModel]()
        for name, tied in ways.items():
            one = replace(recipe, seed=seed, tied=tied)
            done = sum(map(len, runs.values()))
            report = _Share(progress, done, seeds * len(ways), name if seeds == 1 else f"{name}, seed {seed}")
            models[name] = one.fit(text, report, validation=aside)
            runs[name].append(_ran(models[name], bool(recipe.patience)))
        words = models["tied"].words
        bands = bands or [*bands_of(words, {models["tied"].tokens.end, models["tied"].tokens.unknown})]
        starts = _starts(replace(recipe, seed=seed, tied=False), len(words))
        measured.append([_measured(models, starts, band.rows) for band in bands])
    return {
        "recipe": {name: value for name, value in asdict(recipe).items() if name not in ("tied", "seed")},
        "corpus": text.name,
        "tokenizer": text.cutter.name,
        "vocabulary": len(words),
        "seeds": numbers,
        "ways": {name: _way(some) for name, some in runs.items()},
        **_differences(runs["tied"], runs["untied"]),
        "start_norm": SPREAD * math.sqrt(recipe.dim),
        "bands": [
            _described(band, words) | _summaries([some[number] for some in measured])
            for number, band in enumerate(bands)
        ],
    }


def bands_of(words: WordVectors, without: Iterable[int | None]) -> Iterator[Band]:
    """The frequent, the middle and the rare words of a vocabulary, and those that no text had; rows ``without`` any
    frequency of their own, such as the one for what is unknown, are in none. Of few words each band has a third, of
    very few there is no band.
    """
    counts = np.zeros(len(words), np.int64) if words.vocabulary.counts is None else words.vocabulary.counts
    own = np.setdiff1d(np.arange(len(words)), [row for row in without if row is not None])
    order = own[np.argsort(-counts[own], kind="stable")]
    seen = int((counts[own] > 0).sum())
    skipped = min(LEADERS, seen // LEADERS)
    size = min(MOST, (seen - skipped) // 3)
    middle = (skipped + seen - size) // 2
    for name, first in {"frequent": skipped, "middle": middle, "rare": seen - size}.items():
        if size:
            yield Band(name, first + 1, first + size, order[first : first + size])
    if seen < len(order):
        never = np.linspace(seen, len(order) - 1, min(MOST, len(order) - seen)).astype(np.int64)
        yield Band("never seen", seen + 1, len(order), order[never])


def alignment(one: Floats, other: Floats) -> float | None:
    """How alike two tables (W, D) see the same words: Spearman's correlation of the cosines of all pairs, each table's
    mean taken off. The tables may have other dimensions, or be turned. None for fewer than three words, or a table that
    has the same to say about all pairs.
    """
    from scipy.stats import rankdata

    if len(one) < 3:
        return None
    above = np.triu_indices(len(one), 1)
    ranks = [rankdata(_cosines(table)[above]) for table in (one, other)]
    if min(np.ptp(each) for each in ranks) == 0:
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _cosines(table: Floats) -> NDArray[np.float64]:
    """The cosines of all pairs of rows (W, D) from the mean of all; (W, W). Of a row that is the mean they are 0. They
    are rounded, so that rows that are the same have the same cosines, whatever the order of the sums.
    """
    centred = table.astype(np.float64)
    centred -= centred.mean(axis=0)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    directions = np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 1e-12)
    return np.round(directions @ directions.T, 9)


class _Share:
    """Progress of one of several runs, told as that of all."""

    def __init__(self, progress: Progress, before: int, runs: int, name: str) -> None:
        self._progress, self._before, self._runs, self._name = progress, before, runs, name

    def __call__(self, done: int, total: int, **measures: Any) -> None:
        """While the text is read the run has not begun."""
        if "loss" in measures or "heldout" in measures:
            self._progress(self._before * total + done, self._runs * total, run=self._name, **measures)
        else:
            self._progress(self._before, self._runs, run=self._name)


def _check(recipe: LLM, validation: Any, seeds: int) -> None:
    if not isinstance(recipe, LLM):
        raise TypeError(f"what is compared is the recipe llm with its table tied and untied, not {recipe!r:.60}")
    if seeds < 1:
        raise ValueError(f"seeds must be 1 or more, not {seeds}: each trains every way once")
    if validation is None and not recipe.heldout:
        raise ValueError("heldout=0 leaves nothing to foresee: give a text to validate on, or a share to keep aside")


def _ran(model: LanguageModel, patient: bool) -> dict[str, Any]:
    """What one run measured; with patience the model is the one of its best check."""
    history, tables = model.history, 1 if model.tied else 2
    surprises = [math.exp(min(loss, 700)) for loss in history["heldout"]]
    return {
        "parameters": sum(tensor.size for tensor in model.network.tensors.values()),
        "of_tables": tables * len(model.words) * model.dim,
        "perplexity": min(surprises) if patient else surprises[-1],
        "lowest": min(surprises),
        "curve": [[tokens, value] for tokens, value in zip(history["checked"], surprises, strict=True)],
        "seconds": history["spent"],
    }


def _way(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What the runs of one way measured, over the seeds."""
    first = runs[0]
    return {
        "parameters": {"all": first["parameters"], "tables": first["of_tables"]},
        **{name: summary([run[name] for run in runs]) for name in ("perplexity", "lowest", "seconds")},
        "curves": [run["curve"] for run in runs],
    }


def _differences(tied: list[dict[str, Any]], untied: list[dict[str, Any]]) -> dict[str, Any]:
    """What tying saves and changes, each seed against itself."""
    fewer = untied[0]["parameters"] - tied[0]["parameters"]
    pairs = [(one["perplexity"], other["perplexity"]) for one, other in zip(tied, untied, strict=True)]
    return {
        "saved": {"parameters": fewer, "share": fewer / untied[0]["parameters"]},
        "difference": summary([one - other for one, other in pairs]),
        "ratio": summary([one / other - 1 for one, other in pairs]),
    }


def _starts(untied: LLM, vocabulary: int) -> Tables:
    """The tables before training, (V, D) each: drawn from one seed, the tied one and the input table begin as one."""
    decoder = untied.decoder(vocabulary)
    assert decoder.output is not None  # noqa: S101 - an untied decoder has one
    table, output = decoder.table.detach().numpy(), decoder.output.detach().numpy()
    return {"tied": table, "input": table, "output": output}


def _measured(models: Mapping[str, LanguageModel], starts: Tables, rows: Rows) -> dict[str, dict[str, float | None]]:
    """How alike the table of the tied model and the two of the untied one are for some words, and how far they have
    moved.
    """
    ends = {"tied": models["tied"].words, "input": models["untied"].words, "output": models["untied"].output}
    after: Tables = {name: words.storage.take(rows) for name, words in ends.items()}
    added = {name: after[name] - table[rows] for name, table in starts.items()}
    return {
        "alignment": {name: alignment(after[one], after[other]) for name, (one, other) in PAIRS.items()},
        "changes": {name: alignment(added[one], added[other]) for name, (one, other) in PAIRS.items()},
        "norm": {name: float(np.linalg.norm(table, axis=1).mean()) for name, table in after.items()},
        "moved": {name: float(np.linalg.norm(table, axis=1).mean()) for name, table in added.items()},
    }


def _described(band: Band, words: WordVectors) -> dict[str, Any]:
    counts = words.vocabulary.counts
    kept = np.zeros(len(words), np.int64) if counts is None else counts
    return {
        "name": band.name,
        "ranks": [band.first, band.last],
        "words": len(band.rows),
        "counts": [int(kept[band.rows].min()), int(kept[band.rows].max())],
        "examples": [words.vocabulary.words[row] for row in band.rows[:SHOWN].tolist()],
    }


def _summaries(seeds: list[dict[str, dict[str, float | None]]]) -> dict[str, Any]:
    """The figures of one band over the seeds."""
    first = seeds[0]
    return {kind: {name: summary([one[kind][name] for one in seeds]) for name in first[kind]} for kind in first}


def summary(values: list[Any]) -> dict[str, Any]:
    """Figures of several seeds (``each``), their mean, and their spread: the standard deviation of a sample. None for
    the mean of nothing, and the spread of one.
    """
    known = [value for value in values if value is not None]
    mean = float(np.mean(known)) if known else None
    return {"mean": mean, "spread": float(np.std(known, ddof=1)) if len(known) > 1 else None, "each": values}
