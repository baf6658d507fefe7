"""How good results are, whoever made them, each judged in its own process: vectors by wordfield's evaluation of a
word2vec binary file, phrases and cuts of text by what they have in common with those of the base.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
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


def parts(job: dict[str, Any]) -> Scores:
    """As of vectors, and: pairs of which one word is rare or unknown in all sets together, grammatical analogies, and
    misspelt words whose ten neighbours have the right one, by what was done to them.
    """
    import numpy as np

    import wordfield as wf
    from wordfield.evaluation import Settings, scores, similarity

    words, result = wf.load(job["out"]).words, vectors({**job, "quality": "english"})
    there = sets_there("english")
    settings = Settings(RESTRICT_VOCAB)
    if "Google" in there and (grammar := scores(words, there["Google"], settings=settings)[0].more.get("syntactic")):
        result["grammar"] = grammar | {"metric": "accuracy"}
    counts = dict(zip(words.vocabulary.words, occurrences(words), strict=True))
    for name in ("WS-353", "SimLex-999"):
        if name in there:
            pairs = similarity.read(there[name])
            (all_pairs,) = scores(words, there[name])
            rare = [min(counts.get(word.lower(), 0) for word in pair[:2]) < RARE for pair in pairs]
            some = replace(all_pairs, covered=all_pairs.covered & np.array(rare))
            count = len(some.items)
            result[f"{name}, rare"] = {"metric": "spearman", "value": some.value, "pairs": count, "covered": count}
    for name, change in TYPOS.items():
        wrong = list(misspelt(words.vocabulary.words, change))
        found = words.most_similar([typo for _, typo in wrong], 10)
        right = sum(word in dict(near) for (word, _), near in zip(wrong, found, strict=True))
        result[name] = share(name, right, len(wrong))[name]
    return result


def occurrences(words: Any) -> list[int]:
    counts = words.vocabulary.counts
    return [0] * len(words) if counts is None else counts.tolist()


def misspelt(words: list[str], change: Callable[[str, int], str], count: int = 100) -> Iterator[tuple[str, str]]:
    """Frequent words of eight letters or more, drawn at random, and what becomes of them by one change after the first
    letter, where that is no word.
    """
    known, chosen = set(words), random.Random(1)
    long = [word for word in words[:FREQUENT] if len(word) >= LETTERS]
    while count and long:
        word = long.pop(chosen.randrange(len(long)))
        typo = change(word, chosen.randrange(1, len(word) - 1))
        if typo not in known:
            count -= 1
            yield word, typo


TYPOS: dict[str, Callable[[str, int], str]] = {
    "doubled": lambda word, here: word[: here + 1] + word[here:],
    "dropped": lambda word, here: word[:here] + word[here + 1 :],
    "replaced": lambda word, here: word[:here] + NEXT[word[here] == "e"] + word[here + 1 :],
    "swapped": lambda word, here: word[:here] + word[here + 1] + word[here] + word[here + 2 :],
}
"""What is done to a letter of a word."""
NEXT = ("e", "a")
RARE, FREQUENT, LETTERS = 100, 10_000, 8


def cooking(job: dict[str, Any]) -> Scores:
    """Precision of the first label on the texts kept aside."""
    from wordfield import api

    results = api.evaluate(job["out"], [data_folder() / "classify" / "cooking.valid"])["results"]
    return {"P@1": {key: found[key] for found in results if found["metric"] == "P@1" for key in KEPT}}


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
JUDGES = {"english": vectors, "chinese": vectors, "parts": parts, "cooking": cooking, "phrases": phrases, "cuts": cuts}

if __name__ == "__main__":
    job = json.load(sys.stdin)
    answer(JUDGES[job["quality"]](job))
