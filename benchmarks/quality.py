"""How good vectors are, whoever made them: wordfield's evaluation of a word2vec binary file, in its own process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.corpora import data_folder
from benchmarks.measure import answer

SETS = {
    "WS-353": "similarity/en/EN-WS-353-ALL.txt",
    "SimLex-999": "similarity/en/EN-SIMLEX-999.txt",
    "Google": "analogy/google.txt",
}
"""Name -> file in the data folder. The first two: Spearman's rank correlation with people's judgement. Google: share of
analogies answered right."""
RESTRICT_VOCAB = 30_000
KEPT = ("metric", "value", "low", "high", "pairs", "covered")


def sets_there() -> dict[str, Path]:
    """The sets that can be read here."""
    return {name: data_folder() / file for name, file in SETS.items() if (data_folder() / file).is_file()}


def scores(path: str) -> dict[str, Any]:
    """Of each set: metric, value, its 95 % interval (low, high), pairs and how many of them were covered."""
    import wordfield as wf
    from wordfield.evaluation import evaluate

    words, result = wf.load(path).words, {}
    for name, file in sets_there().items():
        found = evaluate(words, file, restrict_vocab=RESTRICT_VOCAB)[0]
        result[name] = {key: found[key] for key in KEPT}
    return result


if __name__ == "__main__":
    answer(scores(json.load(sys.stdin)["vectors"]))
