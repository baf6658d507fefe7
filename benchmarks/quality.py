"""How good results are, whoever made them, each judged in its own process: vectors by wordfield's evaluation of a
word2vec binary file, phrases and cuts of text by what they have in common with those of the base.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.corpora import data_folder, sentences
from benchmarks.measure import answer

ENGLISH = {
    "WS-353": "similarity/en/EN-WS-353-ALL.txt",
    "SimLex-999": "similarity/en/EN-SIMLEX-999.txt",
    "Google": "analogy/google.txt",
}
CHINESE = {
    "WordSim-240": "similarity/zh/wordsim-240.txt",
    "WordSim-297": "similarity/zh/wordsim-297.txt",
    "CA8": "analogy/ca8-semantic.txt",
}
SETS = {"english": ENGLISH, "chinese": CHINESE}
"""Language -> name -> file in the data folder. Pairs of words: Spearman's rank correlation with people's judgement.
Google, CA8: share of analogies answered right."""
RESTRICT_VOCAB = 30_000
KEPT = ("metric", "value", "low", "high", "pairs", "covered")
RELATIVE = ("phrases", "cuts")
"""What is judged beside the base, so that its own program is not."""

Scores = dict[str, dict[str, Any]]


def sets_there(language: str) -> dict[str, Path]:
    """The sets that can be read here."""
    files = {name: data_folder() / file for name, file in SETS[language].items()}
    return {name: file for name, file in files.items() if file.is_file()}


def vectors(job: dict[str, Any]) -> Scores:
    """Of each set: metric, value, its 95 % interval (low, high), pairs and how many of them were covered."""
    import wordfield as wf
    from wordfield.evaluation import evaluate

    words, result = wf.load(job["out"]).words, {}
    for name, file in sets_there(job["quality"]).items():
        found = evaluate(words, file, restrict_vocab=RESTRICT_VOCAB)[0]
        result[name] = {key: found[key] for key in KEPT}
    return result


def phrases(job: dict[str, Any]) -> Scores:
    """The phrases that both found, as a share of those that either did."""
    ours, theirs = (set(Path(job[out]).read_text("utf-8").split()) for out in ("out", "base"))
    return share("in common", len(ours & theirs), len(ours | theirs))


def cuts(job: dict[str, Any]) -> Scores:
    """The runs of Chinese characters that are cut as jieba cuts them, as a share of all in the text."""
    import jieba
    import regex

    from wordfield.text.chinese import HAN

    runs = Counter(regex.findall(f"[{HAN}]+", Path(job["text"]).read_text("utf-8")))
    found = zip(runs.items(), CUTTERS[job["program"]](list(runs)), strict=True)
    alike = sum(times for (run, times), words in found if words == jieba.lcut(run))
    return share("as jieba", alike, runs.total())


def share(name: str, part: int, whole: int) -> Scores:
    return {name: {"metric": "share", "value": part / whole if whole else None, "pairs": whole, "covered": part}}


def cut_by_rjieba(runs: list[str]) -> list[list[str]]:
    import rjieba

    return list(map(rjieba.cut, runs))


CUTTERS = {"wordfield": sentences, "rjieba": cut_by_rjieba}
JUDGES = {"english": vectors, "chinese": vectors, "phrases": phrases, "cuts": cuts}

if __name__ == "__main__":
    job = json.load(sys.stdin)
    answer(JUDGES[job["quality"]](job))
