"""The benchmarks on a few thousand made-up words: what they record, and that ratios are what the figures say."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from support import JIT_OFF, ROOT

pytestmark = pytest.mark.skipif(JIT_OFF, reason="benchmarks measure compiled kernels, and the compiler is off")

WORDS = [one + other for one in ("ba", "ke", "li", "mo", "nu") for other in ("ra", "se", "ti", "vo", "zu")]
GENSIM = importlib.util.find_spec("gensim") is not None
needs_gensim = pytest.mark.skipif(not GENSIM, reason="gensim is not installed")


def benchmarks(*arguments: object, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"WORDFIELD_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )


def small_data(folder: Path) -> Path:
    """A folder of data as the benchmarks expect it, but for SimLex."""
    chosen = Random(1)
    for name in ("corpora", "similarity/en", "analogy"):
        (folder / name).mkdir(parents=True)
    lines = [" ".join(chosen.choices(WORDS, range(1, 26), k=8)) for _ in range(500)]
    (folder / "corpora" / "enwiki100m.txt").write_text("\n".join(lines) + "\n", "utf-8")
    pairs = [f"{WORDS[place]}\t{WORDS[place + 1]}\t{place % 7}" for place in range(20)]
    (folder / "similarity" / "en" / "EN-WS-353-ALL.txt").write_text("\n".join(pairs) + "\n", "utf-8")
    questions = [" ".join(WORDS[place : place + 4]) for place in range(15)]
    (folder / "analogy" / "google.txt").write_text(": made-up\n" + "\n".join(questions) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run on a part of that corpus has written, all measurements but those that train once more."""
    folder = tmp_path_factory.mktemp("benchmarks")
    options = ["--only", "vocabulary", "skipgram", "memory", "startup", "--sample", 16_000, "--epochs", 2]
    done = benchmarks(
        *options, "--dim", 16, "--runs", 1, "--out", folder / "result.json", data=small_data(folder / "data")
    )
    assert done.returncode == 0, done.stderr
    return folder / "result.json"


@pytest.fixture
def result(record: Path) -> dict[str, Any]:
    return json.loads(record.read_text("utf-8"))


def rows(result: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    measurement = next(each for each in result["measurements"] if each["name"] == name)
    return {row["name"]: row for row in measurement["rows"]}


def test_a_record_says_what_was_measured_where(result: dict[str, Any]) -> None:
    assert {"date", "commit", "changed", "machine", "settings", "measurements", "skipped"} == set(result)
    assert {"cpu", "cores", "load", "system", "python", "packages"} == set(result["machine"])
    assert all(result["machine"]["packages"][name] for name in ("numpy", "numba"))
    assert result["settings"]["corpus"] == "enwiki100m.txt"
    assert 15_000 < result["settings"]["bytes"] <= 16_000
    assert result["settings"]["epochs"] == 2


def test_a_training_has_speed_memory_and_quality(result: dict[str, Any]) -> None:
    for row in rows(result, "skipgram").values():
        assert row["vocabulary"] == len(WORDS)
        assert row["raw_words"] == 2 * row["known"]
        assert row["words_per_cpu_second"] == pytest.approx(row["raw_words"] / row["cpu_seconds"])
        assert row["words_per_second"] == pytest.approx(row["raw_words"] / row["wall_seconds"])
        assert row["peak_bytes"] > 1 << 24
        assert row["quality"]["WS-353"]["covered"] == 20
        assert 0 <= row["quality"]["Google"]["value"] <= 1
        assert row["learning_rate"] > 0
        assert row["others_cores"] is None or row["others_cores"] >= 0


@needs_gensim
def test_programs_see_the_same_words(result: dict[str, Any]) -> None:
    for name in ("skipgram", "vocabulary"):
        ours, theirs = (rows(result, name)[row] for row in (next(iter(rows(result, name))), "gensim"))
        assert [ours[key] for key in ("words", "known", "vocabulary")] == [
            theirs[key] for key in ("words", "known", "vocabulary")
        ]


@needs_gensim
def test_ratios_are_what_the_figures_say(result: dict[str, Any]) -> None:
    for measurement in result["measurements"]:
        table = {row["name"]: row for row in measurement["rows"]}
        assert {ratio["row"] for ratio in measurement["ratios"]} == (set(table) if measurement["base"] else set())
        for ratio in measurement["ratios"]:
            row, base = table[ratio["row"]], table[measurement["base"]]
            for figure in ("words_per_cpu_second", "words_per_second", "peak_bytes"):
                assert ratio[figure] * base[figure] == pytest.approx(row[figure])
            for name, above in ratio["quality"].items():
                assert above == pytest.approx(row["quality"][name]["value"] - base["quality"][name]["value"])


def test_four_times_the_corpus_can_have_the_same_vocabulary(result: dict[str, Any]) -> None:
    once, same = list(rows(result, "memory").values())[:2]
    assert same["words"] == 4 * once["words"]
    assert same["vocabulary"] == once["vocabulary"]


def test_every_start_was_timed(result: dict[str, Any]) -> None:
    starts = rows(result, "startup")
    assert len(starts) == 5
    assert all(row["wall_seconds"] > 0 for row in starts.values())


def test_what_is_missing_is_named_with_the_reason(result: dict[str, Any]) -> None:
    reasons = {each["what"]: each["reason"] for each in result["skipped"]}
    assert "data folder" in reasons["SimLex-999"]
    assert GENSIM or "not installed" in reasons["gensim"]


@pytest.mark.parametrize(("language", "title"), [([], "**Training**"), (["--zh"], "**训练**")])
def test_a_record_prints_as_markdown(record: Path, result: dict[str, Any], language: list[str], title: str) -> None:
    done = benchmarks("--table", record, *language, data=record.parent)
    assert done.returncode == 0, done.stderr
    assert title in done.stdout
    speed = rows(result, "skipgram")["wordfield"]["words_per_cpu_second"]
    assert f"{speed / 1000:,.0f} k" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(lines) >= 4 * 3


def test_a_missing_corpus_is_said_in_one_line(tmp_path: Path) -> None:
    done = benchmarks("--corpus", tmp_path / "none.txt", data=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--corpus" in done.stderr
