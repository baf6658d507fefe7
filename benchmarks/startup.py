"""How long it takes to begin: Python alone, the import, the help, and a small training that compiles, then one that
does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.corpora import small_text
from benchmarks.measure import ROOT, Stopwatch


def measured(folder: Path, runs: int) -> list[dict[str, Any]]:
    """Wall seconds of each start, as rows; the median of ``runs`` where nothing is compiled, after one that warms up
    the system's memory.
    """
    script = Path(sys.executable).with_name("wordfield")
    wordfield = [str(script)] if script.exists() else [sys.executable, "-m", "wordfield"]
    starts = {
        "Python alone": [sys.executable, "-c", "pass"],
        "import wordfield": [sys.executable, "-c", "import wordfield"],
        "wordfield --help": [*wordfield, "--help"],
    }
    text, out = small_text(folder / "small.txt"), folder / "small-model"
    train = [*wordfield, "train", "word2vec", str(text), "--dim", "100", "--epochs", "1", "--out", str(out)]
    rows = [row(name, [seconds(command) for _ in range(runs + 1)][1:]) for name, command in starts.items()]
    own_cache = {"WORDFIELD_CACHE": str(folder / "cache")}
    rows.append(row("small training, first start: compiles", [seconds(train, own_cache)]))
    rows.append(row("small training, later starts", [seconds(train, own_cache) for _ in range(runs)]))
    return rows


def row(name: str, walls: list[float]) -> dict[str, Any]:
    return {"name": name, "program": name, "variant": "", "wall_seconds": median(walls), "runs": walls}


def seconds(command: list[str], more: dict[str, str] | None = None) -> float:
    """Wall seconds of a process from start to end."""
    with Stopwatch() as watch:
        subprocess.run(command, env=os.environ | (more or {}), cwd=ROOT, capture_output=True, check=True)
    return watch.wall
