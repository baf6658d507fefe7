"""Does the measurements, one process after another, and turns their figures into rows."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.corpora import small_text
from benchmarks.measure import Company, Failed, alone
from benchmarks.plan import Measurement, Row

OURS = "wordfield"


@dataclass
class Run:
    """One run of the benchmark. ``settings``: options of all rows; ``runs``: of what is repeated; ``skipped``: what
    could not be done, and why; ``missing``: programs that are not installed.
    """

    corpus: Path
    settings: dict[str, Any]
    folder: Path
    runs: int
    skipped: list[dict[str, str]] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def measure(self, measurement: Measurement) -> dict[str, Any]:
        """All rows of a measurement, and how they compare."""
        rows = [self._row(measurement, row) for row in measurement.rows if self._available(row.program)]
        done = [row for row in rows if row is not None]
        base = next((row for row in done if row["name"] == measurement.base), None)
        return {
            "name": measurement.name,
            "base": measurement.base,
            "rows": done,
            "ratios": [] if base is None else [compared(row, base) for row in done],
        }

    def _available(self, program: str) -> bool:
        if importlib.util.find_spec(program) is None:
            if program not in self.missing:
                self._skip(program, f"not installed: no module {program}")
            self.missing.add(program)
        return program not in self.missing

    def _skip(self, what: str, reason: str) -> None:
        self.skipped.append({"what": what, "reason": reason})
        tell(f"skipped {what}: {reason}")

    def _row(self, measurement: Measurement, row: Row) -> dict[str, Any] | None:
        """A row's figures; None where a peer failed. wordfield must not fail: `Failed` passes through."""
        options = {"tokenizer": "whitespace"} | self.settings | measurement.common | row.options
        job = {
            "program": row.program,
            "work": measurement.work,
            "files": [str(self.corpus)] * row.times,
            "small": str(small_text(self.folder / "small.txt")),
            "out": str(self.folder / "vectors.bin"),
            "options": options,
        }
        tell(f"{measurement.name}: {row.name} ...")
        try:
            if row.program == OURS:  # so that the measured process loads machine code, whose making takes memory
                alone("peers", job | {"work": "warm", "files": []})
            times = self.runs if measurement.repeated else 1
            with Company() as company:
                runs = sorted((alone("peers", job) for _ in range(times)), key=wall)
        except Failed as failure:
            if row.program == OURS:
                raise
            self._skip(f"{measurement.name}: {row.name}", str(failure))
            return None
        figures = {"name": row.name, "program": row.program, "variant": row.variant, "times": row.times}
        figures |= {"options": options} | speeds(runs[len(runs) // 2], measurement.work, options["epochs"])
        figures["others_cores"] = company.cores
        if measurement.repeated:
            figures["runs"] = [wall(each) for each in runs]
        if measurement.scored:
            figures["quality"] = alone("quality", {"vectors": job["out"]})
        return figures


def wall(figures: dict[str, Any]) -> float:
    """Seconds of what is measured: training, or reading where nothing is trained."""
    seconds: float = (figures.get("training") or figures["reading"])["wall"]
    return seconds


def speeds(figures: dict[str, Any], work: str, epochs: int) -> dict[str, Any]:
    """The figures with ``raw_words``, those worked on, and their number per second of wall and CPU.

    In training raw words are tokens of the corpus in the vocabulary times epochs, as word2vec.c counts them; a
    vocabulary is made of all tokens.
    """
    raw = figures["words"] if work == "vocabulary" else figures["known"] * epochs
    spent = figures["reading"] if work == "vocabulary" else figures["training"]
    return figures | {
        "raw_words": raw,
        "wall_seconds": spent["wall"],
        "cpu_seconds": spent["cpu"],
        "words_per_second": raw / spent["wall"],
        "words_per_cpu_second": raw / spent["cpu"],
    }


def compared(row: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """How many times the speed and the memory of ``base``, and how much above it in quality."""
    ratios: dict[str, Any] = {"row": row["name"], "base": base["name"]}
    for figure in ("words_per_cpu_second", "words_per_second", "peak_bytes"):
        ratios[figure] = row[figure] / base[figure]
    scores, beside = row.get("quality") or {}, base.get("quality") or {}
    ratios["quality"] = {name: difference(scores[name], beside[name]) for name in scores if name in beside}
    return ratios


def difference(one: dict[str, Any], other: dict[str, Any]) -> float | None:
    if one["value"] is None or other["value"] is None:
        return None
    above: float = one["value"] - other["value"]
    return above


def tell(message: str) -> None:
    """Say what happens, beside the results."""
    print(message, file=sys.stderr, flush=True)
