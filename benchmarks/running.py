"""Does the measurements, one process after another, and turns their figures into rows."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.corpora import head, small_text
from benchmarks.forms import Stored
from benchmarks.measure import Company, Failed, alone
from benchmarks.peers import LITTLE
from benchmarks.plan import Measurement, Row
from benchmarks.quality import RELATIVE

OURS = "wordfield"
LONG = 10.0  # seconds from which one run says enough
COMPARED = (
    "words_per_cpu_second",
    "words_per_second",
    "learnt_per_cpu_second",
    "bytes_per_cpu_second",
    "bytes_per_second",
    "pairs_per_cpu_second",
    "tokens_per_cpu_second",
    "tokens_per_second",
    "vocabulary",
    "read_seconds",
    "train_seconds",
    "peak_bytes",
)
"""Figures of which the ratio to the base's is taken, where both have them."""
NO_MODULES = {"stanford": "STANFORD_GLOVE", "fasttext": "FASTTEXT"}
"""Programs that are not Python's, and the variable that names the folder where they are, or the program."""
TRAINED = ("train", "parts", "labels")
"""Works that go over the text once an epoch."""
SIZED = ("cut", "read")
"""Works whose speed is one of bytes too."""


@dataclass
class Run:
    """One run of the benchmark. ``corpora``: a text for each language; ``settings``: options of all rows; ``runs``: of
    what is repeated; ``skipped``: what could not be done, and why; ``missing``: modules that are not installed;
    ``warmed``: what has its machine code.
    """

    corpora: dict[str, Path]
    settings: dict[str, Any]
    folder: Path
    runs: int
    skipped: list[dict[str, str]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    warmed: set[str] = field(default_factory=set)

    def measure(self, measurement: Measurement) -> dict[str, Any]:
        """All rows of a measurement, and how they compare."""
        rows: list[dict[str, Any]] = []
        if measurement.language in self.corpora:
            with tempfile.TemporaryDirectory(dir=self.folder) as name:  # what is large goes before the next
                rows = self._rows(measurement, Path(name))
        else:
            self._skip(measurement.name, f"no corpus for {measurement.language}")
        base = next((row for row in rows if row["name"] == measurement.base), None)
        return {
            "name": measurement.name,
            "base": measurement.base,
            "rows": rows,
            "ratios": [] if base is None else [compared(row, base) for row in rows],
        }

    def _rows(self, measurement: Measurement, folder: Path) -> list[dict[str, Any]]:
        text = self.corpora[measurement.language]
        if measurement.first is not None and measurement.first < text.stat().st_size:
            text = head(text, measurement.first, folder / "first.txt")
        stored, done, results = Stored(text, small_text(folder / "small.txt"), folder), [], {}
        for number, row in enumerate(measurement.rows):
            out = folder / f"result-{number}.bin"
            if all(map(self._available, filter(None, (row.program, row.needs)))):
                figures = self._row(measurement, row, stored, out)
                if figures is not None:
                    done.append(figures)
                    results[row.name] = str(out) if out.exists() else None
        if measurement.quality:
            self._judge(measurement, text, done, results)
        return done

    def _available(self, needed: str) -> bool:
        variable = NO_MODULES.get(needed)
        there = os.environ.get(variable) if variable else importlib.util.find_spec(needed)
        if not there and needed not in self.missing:
            reason = f"{variable} names none" if variable else f"no module {needed}"
            self._skip(needed, f"not installed: {reason}")
            self.missing.add(needed)
        return needed not in self.missing

    def _skip(self, what: str, reason: str) -> None:
        self.skipped.append({"what": what, "reason": reason})
        tell(f"skipped {what}: {reason}")

    def _row(self, measurement: Measurement, row: Row, stored: Stored, out: Path) -> dict[str, Any] | None:
        """A row's figures; None where a peer failed or the text cannot be stored as asked for. wordfield must not fail:
        `Failed` passes through.
        """
        options = {"tokenizer": "whitespace"} | self.settings | measurement.common | row.options
        work = row.work or measurement.work
        tell(f"{measurement.name}: {row.name} ...")
        try:
            files, small = stored.files(row.form)
        except Failed as failure:
            self._skip(f"{measurement.name}: {row.name}", str(failure))
            return None
        job = {
            "program": row.program,
            "work": work,
            "files": files,
            "small": small,
            "out": str(out),
            "options": options,
            "environment": own_cache(stored.folder) if row.again else {},
        }
        try:
            if row.program == OURS:  # so that the measured process loads machine code, whose making takes memory
                self._warm(job, row)
            with Company() as company:
                runs = [alone("peers", job)]
                if measurement.repeated and wall(runs[0]) < LONG:
                    runs += [alone("peers", job) for _ in range(self.runs - 1)]
                runs.sort(key=wall)
        except Failed as failure:
            if row.program == OURS:
                raise
            self._skip(f"{measurement.name}: {row.name}", str(failure))
            return None
        figures = {"name": row.name, "program": row.program, "variant": row.variant, "form": row.form}
        figures |= {"options": options} | speeds(runs[len(runs) // 2], work, options["epochs"], stored.text)
        figures["others_cores"] = company.cores
        if measurement.repeated:
            figures["runs"] = [wall(each) for each in runs]
        return figures

    def _warm(self, job: dict[str, Any], row: Row) -> None:
        """Have all machine code made that the job needs, once for all jobs that need the same; and what it reads kept,
        if it is to be read again.
        """
        same = json.dumps([job["work"], row.form, job["options"] | LITTLE])
        if row.again:
            alone("peers", job)
        elif same not in self.warmed:
            alone("peers", job | {"files": []})
            self.warmed.add(same)

    def _judge(
        self, measurement: Measurement, text: Path, rows: list[dict[str, Any]], results: dict[str, str | None]
    ) -> None:
        """Give each row its ``quality``; where that is relative to the base, rows of its program have none. What is the
        same is judged once.
        """
        judged: dict[str, Any] = {}
        programs = {row["name"]: row["program"] for row in rows}
        for row in rows:
            job = {"quality": measurement.quality, "program": row["program"], "text": str(text)}
            job |= {"out": results[row["name"]], "base": results.get(measurement.base)}
            if measurement.quality in RELATIVE and programs.get(measurement.base) in (None, row["program"]):
                continue
            key = json.dumps(job)
            row["quality"] = judged[key] = judged.get(key) or alone("quality", job)


def own_cache(folder: Path) -> dict[str, str]:
    """What lets wordfield keep corpora for the next time, in a folder that nobody else uses."""
    return {"WORDFIELD_CACHE": str(folder / "cache"), "WORDFIELD_CACHE_LIMIT": "10GB"}


def wall(figures: dict[str, Any]) -> float:
    """Seconds of what is measured: training, or reading where nothing is trained."""
    seconds: float = (figures.get("training") or figures["reading"])["wall"]
    return seconds


def speeds(figures: dict[str, Any], work: str, epochs: int, text: Path) -> dict[str, Any]:
    """The figures with ``raw_words``, those worked on, and their number per second of wall and CPU.

    In training raw words are tokens of the corpus in the vocabulary times epochs, as word2vec.c counts them; all else
    is made of all tokens. Phrases take reading and learning; ``learnt`` are words per second of learning alone.
    """
    read, trained = figures.get("reading"), figures.get("training")
    spent = trained if work in (*TRAINED, "glove", "svd") else read
    raw = figures["known"] * epochs if work in TRAINED else figures["words"]
    if work == "count":
        spent = {key: read[key] + trained[key] for key in read}
        raw = figures["known"]
    if work == "phrases":
        spent = {key: read[key] + trained[key] for key in read}
        figures |= {"learnt_per_cpu_second": raw / trained["cpu"]}
    figures |= {"raw_words": raw, "wall_seconds": spent["wall"], "cpu_seconds": spent["cpu"]}
    amounts = {"words": raw} | ({"bytes": text.stat().st_size} if work in SIZED else {})
    if "pairs" in figures:
        amounts["pairs"] = figures["pairs"] * (epochs if work == "glove" else 1)
    for name, amount in amounts.items():
        if amount is not None:
            figures[f"{name}_per_second"] = amount / spent["wall"]
            figures[f"{name}_per_cpu_second"] = amount / spent["cpu"]
    return figures


def compared(row: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """How many times the speed and the memory of ``base``, and how much above it in memory and quality."""
    ratios: dict[str, Any] = {"row": row["name"], "base": base["name"]}
    for figure in COMPARED:
        if row.get(figure) is not None and base.get(figure):
            ratios[figure] = row[figure] / base[figure]
    ratios["more_bytes"] = row["peak_bytes"] - base["peak_bytes"]
    scores, beside = row.get("quality") or {}, base.get("quality") or {}
    ratios["quality"] = {name: difference(scores[name], beside[name]) for name in scores if name in beside}
    return ratios


def of_tokens(program: str, runs: list[dict[str, Any]], variant: str = "") -> dict[str, Any]:
    """The row of a program that has read the same tokens in each of some runs: the median of what they took."""
    wall, cpu = (median(run[name] for run in runs) for name in ("wall", "cpu"))
    tokens = runs[0]["tokens"]
    return {
        "name": f"{program}, {variant}" if variant else program,
        "program": program,
        "variant": variant,
        "tokens": tokens,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "tokens_per_second": tokens / wall,
        "tokens_per_cpu_second": tokens / cpu,
        "peak_bytes": median(run["peak_bytes"] for run in runs),
        "runs": [run["wall"] for run in runs],
    }


def difference(one: dict[str, Any], other: dict[str, Any]) -> float | None:
    if one["value"] is None or other["value"] is None:
        return None
    above: float = one["value"] - other["value"]
    return above


def tell(message: str) -> None:
    """Say what happens, beside the results."""
    print(message, file=sys.stderr, flush=True)
