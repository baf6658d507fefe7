"""The benchmarks on a few thousand made-up words: what they record, and that ratios are what the figures say."""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from benchmarks.kneser_ney import KneserNey

from support import JIT_OFF, ROOT

pytestmark = pytest.mark.skipif(JIT_OFF, reason="benchmarks measure compiled kernels, and the compiler is off")

WORDS = [one + other for one in ("ba", "ke", "li", "mo", "nu") for other in ("ra", "se", "ti", "vo", "zu")]
CLAUSES = ["我喜欢自然语言处理", "小明毕业于中国科学院", "北京大学生前来应聘", "今天天气很好"]
GENSIM, JIEBA, RJIEBA = (importlib.util.find_spec(name) is not None for name in ("gensim", "jieba", "rjieba"))
needs_gensim = pytest.mark.skipif(not GENSIM, reason="gensim is not installed")
needs_jieba = pytest.mark.skipif(not (JIEBA and RJIEBA), reason="jieba and rjieba are not installed")
MEASURED = ["vocabulary", "skipgram", "memory", "startup", "chinese", "segmentation", "phrases", "files", "compressed"]
MEASURED += ["opening", "language-models", "elmo"]
MEASURED += ["forecast", "counting", "glove", "svd", "parts", "labels-softmax", "queries"]


def benchmarks(*arguments: object, data: Path, module: str = "benchmarks") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"WORDFIELD_DATA": str(data)},
        capture_output=True,
        text=True,
        check=False,
    )


def small_data(folder: Path) -> Path:
    """A folder of data as the benchmarks expect it, but for SimLex and the larger WordSim."""
    chosen = Random(1)
    for name in ("corpora", "similarity/en", "similarity/zh", "analogy", "classify"):
        (folder / name).mkdir(parents=True)
    lines = [" ".join(chosen.choices(WORDS, range(1, 26), k=8)) for _ in range(500)]
    lines[::40] = [f"{line} hong kong" for line in lines[::40]]
    (folder / "corpora" / "enwiki100m.txt").write_text("\n".join(lines) + "\n", "utf-8")
    chinese = ["，".join(chosen.choices(CLAUSES, k=3)) + "。" for _ in range(300)]
    (folder / "corpora" / "zhwiki50m.txt").write_text("\n".join(chinese) + "\n", "utf-8")
    (folder / "similarity" / "zh" / "wordsim-240.txt").write_text(
        "喜欢\t自然语言\t1\n今天\t天气\t5\n很\t好\t4\n", "utf-8"
    )
    pairs = [f"{WORDS[place]}\t{WORDS[place + 1]}\t{place % 7}" for place in range(20)]
    (folder / "similarity" / "en" / "EN-WS-353-ALL.txt").write_text("\n".join(pairs) + "\n", "utf-8")
    questions = [" ".join(WORDS[place : place + 4]) for place in range(15)]
    (folder / "analogy" / "google.txt").write_text(": made-up\n" + "\n".join(questions) + "\n", "utf-8")
    for name, count in (("train", 200), ("valid", 30)):
        texts = [" ".join(chosen.choices(WORDS[place % 2 :: 2], k=6)) for place in range(count)]
        lines = [f"__label__{place % 2} {text}" for place, text in enumerate(texts)]
        (folder / "classify" / f"cooking.{name}").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run on a part of that corpus has written, all measurements but those that train once more; most of its
    jobs are forked from one process.
    """
    folder = tmp_path_factory.mktemp("benchmarks")
    options = ["--only", *MEASURED, "--sample", 16_000, "--epochs", 2]
    options += ["--dim", 16, "--runs", 1, "--out", folder / "result.json"]
    done = benchmarks(*options, data=small_data(folder / "data"), module="benchmarks.forked")
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
        assert row["vocabulary"] == len(WORDS) + 2
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
    for name in ("skipgram", "vocabulary", *(["chinese"] if RJIEBA else [])):
        ours, theirs = (rows(result, name)[row] for row in (next(iter(rows(result, name))), "gensim"))
        assert [ours[key] for key in ("words", "known", "vocabulary")] == [
            theirs[key] for key in ("words", "known", "vocabulary")
        ]


@needs_gensim
def test_ratios_are_what_the_figures_say(result: dict[str, Any]) -> None:
    for measurement in result["measurements"]:
        table = {row["name"]: row for row in measurement["rows"]}
        if measurement["name"] == "opening":  # each file has a base of its own
            rowed = {name for name in table if name.startswith("wordfield")} if GENSIM else set()
        else:
            rowed = set(table) if measurement["base"] in table else set()
        assert {ratio["row"] for ratio in measurement["ratios"]} == rowed
        for ratio in measurement["ratios"]:
            row, base = table[ratio["row"]], table[ratio["base"]]
            figures = set(ratio) - {"row", "base", "quality", "more_bytes"}
            if measurement["name"] == "opening":
                assert figures == {"words_per_cpu_second", "words_per_second", "ready_per_second", "peak_bytes"}
            elif not measurement["name"].startswith("queries"):  # which share one process, and so its memory
                assert figures >= {"peak_bytes"}
                assert ratio["more_bytes"] == row["peak_bytes"] - base["peak_bytes"]
            for figure in figures:
                assert ratio[figure] * base[figure] == pytest.approx(row[figure])
            for name, above in ratio.get("quality", {}).items():
                assert above == pytest.approx(row["quality"][name]["value"] - base["quality"][name]["value"])


def test_more_of_the_corpus_can_have_the_same_vocabulary(result: dict[str, Any]) -> None:
    once, *more = list(rows(result, "memory").values())[:3]
    for times, same in zip((4, 20), more, strict=True):
        assert same["words"] == times * once["words"]
        assert same["vocabulary"] == once["vocabulary"]


@needs_jieba
def test_counts_and_what_is_made_of_them_are_measured(result: dict[str, Any]) -> None:
    counting, glove, svd = (rows(result, name)["wordfield"] for name in ("counting", "glove", "svd"))
    assert counting["pairs"] == glove["pairs"] > 0
    assert counting["pairs_per_cpu_second"] > 0
    assert glove["loss"] > 0
    assert 0 < svd["captured"] <= 1
    assert {"WS-353", "Google"} <= set(glove["quality"])
    if "stanford" not in rows(result, "counting"):
        reasons = {each["what"]: each["reason"] for each in result["skipped"]}
        assert reasons["stanford"] == "not installed: STANFORD_GLOVE names none"


def test_chinese_is_cut_as_jieba_cuts_it(result: dict[str, Any]) -> None:
    table = rows(result, "segmentation")
    assert {row["program"] for row in table.values()} == {"wordfield", "rjieba", "jieba"}
    for row in table.values():
        assert row["bytes_per_cpu_second"] == pytest.approx(result["settings"]["chinese"]["bytes"] / row["cpu_seconds"])
        assert ("quality" in row) == (row["program"] != "jieba")
        if "quality" in row:
            assert row["quality"]["as jieba"]["value"] == 1
            assert row["quality"]["as jieba"]["pairs"] > 100


@pytest.mark.skipif(not RJIEBA, reason="rjieba is not installed")
def test_chinese_vectors_have_their_own_sets(result: dict[str, Any]) -> None:
    for row in rows(result, "chinese").values():
        assert row["read_seconds"] > 0
        assert set(row["quality"]) == {"WordSim-240"}
        assert row["quality"]["WordSim-240"]["pairs"] == 3


@needs_gensim
def test_both_find_the_same_phrases(result: dict[str, Any]) -> None:
    one, two, theirs = rows(result, "phrases").values()
    assert one["phrases"] == two["phrases"] == theirs["phrases"] == 1
    assert one["words"] == theirs["words"]
    assert one["quality"]["in common"] == {"metric": "share", "value": 1.0, "pairs": 1, "covered": 1}
    assert one["cpu_seconds"] == pytest.approx(one["reading"]["cpu"] + one["training"]["cpu"])


def test_all_forms_have_the_same_text(result: dict[str, Any]) -> None:
    files = rows(result, "files") | rows(result, "compressed")
    assert {row["form"] for row in files.values()} >= {"", "jsonl", "gzip", "8 gzip"}
    assert len({row["words"] for row in files.values() if row["program"] == "wordfield"}) == 1
    for row in files.values():
        assert row["bytes_per_second"] == pytest.approx(result["settings"]["bytes"] / row["wall_seconds"])


def test_a_forecast_stands_beside_what_came(result: dict[str, Any]) -> None:
    expected, measured = rows(result, "forecast").values()
    assert expected["vocabulary"] == measured["vocabulary"]  # the sample is all of so small a text
    for row in (expected, measured):
        assert min(row[figure] for figure in ("read_seconds", "train_seconds", "peak_bytes")) > 0


def test_queries_stand_beside_numpy_and_gensim(result: dict[str, Any]) -> None:
    one, many = rows(result, "queries-one"), rows(result, "queries-many")
    kinds = ("float32", "float16", "int8", "product, parts of 2", "product, parts of 10")
    assert {f"wordfield, {kind}, random" for kind in kinds} < one.keys()
    assert all(row["wall_seconds"] > 0 for row in (one | many).values())
    assert many["wordfield, float32, random"]["queries"] == 20
    answered = rows(result, "queries-analogies")["wordfield, 3CosAdd"]
    assert answered["queries"] == 15
    assert not GENSIM or answered["alike"] is True
    if importlib.util.find_spec("usearch"):
        assert rows(result, "queries-index")["wordfield, index, one by one"]["recall"] > 0.9


def test_every_start_was_timed(result: dict[str, Any]) -> None:
    starts = rows(result, "startup")
    assert len(starts) == 5
    assert all(row["wall_seconds"] > 0 for row in starts.values())


def test_opening_files_is_measured_beside_gensim(result: dict[str, Any]) -> None:
    opened = rows(result, "opening")
    assert len(opened) == 2 + 2 * GENSIM
    assert all(row["wall_seconds"] > 0 and row["first_seconds"] > 0 for row in opened.values())
    ratios = next(each for each in result["measurements"] if each["name"] == "opening")["ratios"]
    for ratio in ratios:
        one, base = opened[ratio["row"]], opened[ratio["base"]]
        assert (one["program"], base["program"]) == ("wordfield", "gensim")
        assert ratio["words_per_second"] == pytest.approx(base["wall_seconds"] / one["wall_seconds"])


def test_an_elmo_learns_and_reads_what_the_loop_does(result: dict[str, Any]) -> None:
    for name in ("elmo-training", "elmo-reading"):
        ours, loop = rows(result, name).values()
        assert (ours["program"], loop["program"]) == ("wordfield", "loop")
        assert ours["tokens"] == loop["tokens"] > 0
        assert max(ours["difference"], loop["difference"]) < 1e-4
        assert min(ours["wall_seconds"], loop["wall_seconds"]) > 0


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None or importlib.util.find_spec("fastapi") is None,
    reason="FastAPI and sentence-transformers are not installed",
)
def test_servers_are_measured_under_the_same_load(tmp_path: Path, data: Path) -> None:
    out = tmp_path / "result.json"
    ran = benchmarks("--only", "serving", "--sample", 200_000, "--out", out, data=data)
    assert ran.returncode == 0, ran.stderr
    measured = json.loads(out.read_text("utf-8"))
    ours, theirs = rows(measured, "serving").values()
    assert (ours["program"], theirs["program"]) == ("wordfield", "fastapi")
    assert ours["errors"] == theirs["errors"] == 0
    assert ours["requests"] > 0
    assert "× FastAPI" in ran.stdout


def test_what_counts_foresee_is_a_probability() -> None:
    sentences = [["a", "b", "c"], ["a", "b"], ["b", "c", "a", "b", "c"], ["c"], ["a", "c", "<unk>"]] * 2
    model = KneserNey(sentences)
    for before in ((), ("<s>",), ("<s>", "a"), ("a", "b"), ("<s>", "b", "c", "a"), ("c", "c", "never", "seen")):
        assert sum(model.probability(word, before) for word in model.words) == pytest.approx(1)
    assert model.words == {"a", "b", "c", "<unk>", "</s>"}
    assert model.probability("b", ("<s>", "a")) > model.probability("b", ("b",))
    loss = [
        math.log(model.probability(*each))
        for each in (("c", ("<s>",)), ("<unk>", ("<s>", "c")), ("</s>", ("<s>", "c", "<unk>")))
    ]
    assert model.perplexity([["c", "unheard"]]) == pytest.approx(math.exp(-sum(loss) / 3))


def test_what_is_missing_is_named_with_the_reason(result: dict[str, Any]) -> None:
    reasons = {each["what"]: each["reason"] for each in result["skipped"]}
    assert "data folder" in reasons["SimLex-999"]
    assert "data folder" in reasons["WordSim-297"]
    assert GENSIM or "not installed" in reasons["gensim"]


@pytest.mark.parametrize(("language", "title"), [([], "**Training**"), (["--zh"], "**训练**")])
def test_a_record_prints_as_markdown(record: Path, result: dict[str, Any], language: list[str], title: str) -> None:
    done = benchmarks("--table", record, *language, data=record.parent)
    assert done.returncode == 0, done.stderr
    assert title in done.stdout
    speed = rows(result, "skipgram")["wordfield"]["words_per_cpu_second"]
    assert f"{speed / 1000:,.0f} k" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert len(lines) >= 8 * 3
    assert f"{rows(result, 'phrases')['wordfield, threads=1']['phrases']:,} |" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what other processes have")
def test_the_memory_of_processes_that_were_started_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    measure = importlib.import_module("benchmarks.measure")
    with measure.Helpers() as helpers, measure.Stopwatch() as watch:
        subprocess.run([sys.executable, "-c", "while __import__('time').process_time() < 0.4: pass"], check=True)
    assert helpers.bytes > 1 << 20
    assert watch.cpu >= 0.4


def test_too_little_disk_leaves_a_row_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(ROOT)
    forms = importlib.import_module("benchmarks.forms")
    text = tmp_path / "text.txt"
    text.write_text("a b\n" * 5)
    (twice,) = forms.repeated(text, tmp_path, 2)
    assert twice.read_text() == "a b\n" * 10
    monkeypatch.setattr(forms, "ROOM", 1 << 62)
    with pytest.raises(SystemExit, match="GB of disk are needed in"):
        forms.repeated(text, tmp_path, 2)


def test_a_record_of_before_prints(record: Path, result: dict[str, Any]) -> None:
    """Records lack what was not measured when they were made."""
    for measurement in result["measurements"]:
        for ratio in measurement["ratios"]:
            ratio.pop("more_bytes", None)
        for row in measurement["rows"]:
            row.pop("helpers_bytes", None)
    del result["settings"]["chinese"]
    older = record.with_name("older.json")
    older.write_text(json.dumps(result), "utf-8")
    done = benchmarks("--table", older, data=record.parent)
    assert done.returncode == 0, done.stderr
    assert "| wordfield, corpus once | 27 |" in done.stdout


def test_a_missing_corpus_is_said_in_one_line(tmp_path: Path) -> None:
    done = benchmarks("--corpus", tmp_path / "none.txt", data=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--corpus" in done.stderr


def test_parts_of_words_and_labels_are_measured_with_their_quality(result: dict[str, Any]) -> None:
    parts, labels = (rows(result, name)["wordfield"] for name in ("parts", "labels-softmax"))
    assert parts["words_per_cpu_second"] > 0
    assert set(parts["quality"]) >= {"WS-353", "Google", "doubled", "swapped"}
    assert labels["quality"]["P@1"]["value"] > 0.9
    assert labels["raw_words"] == 25 * 200 * 7  # six words and the end of the line
    if "fasttext" not in rows(result, "parts"):
        assert {"what": "fasttext", "reason": "not installed: FASTTEXT names none"} in result["skipped"]
