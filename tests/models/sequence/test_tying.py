"""The tying laboratory: both ways trained alike, what is measured of them, and how it is told and drawn."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import Ran
from wordfield import Corpus, api
from wordfield.storage import Dense
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence.language_model import LanguageModel
from wordfield.models.sequence.llm import LLM
from wordfield.models.sequence.tying import PAIRS, alignment, bands_of, compare, summary

Run = Callable[..., Ran]
FIELDS = {"dim": 8, "layers": 1, "heads": 2, "context": 8, "batch": 8, "epochs": 1, "checks": 3, "threads": 1}
TINY = LLM(**FIELDS, min_count=1, heldout=0.1)
OPTIONS = [f"--{name}={value}" for name, value in FIELDS.items()] + ["--heldout=0.1"]


def sentences(seed: int, count: int) -> list[list[str]]:
    """Sentences of 60 words, some often and some seldom, each of which foretells the next a little."""
    random = np.random.default_rng(seed)
    rows = [np.minimum(random.geometric(0.08, 7), 60) for _ in range(count)]
    return [[f"w{row}" for row in np.sort(some)] for some in rows]


LINES = sentences(1, 100)


@pytest.fixture(scope="module")
def reports() -> list[tuple[float, str]]:
    """The share that was done at each call of progress, and the name of the run."""
    return []


@pytest.fixture(scope="module")
def told(reports: list[tuple[float, str]]) -> dict[str, Any]:
    def report(done: int, total: int, **more: Any) -> None:
        reports.append((done / total, more["run"]))

    return compare(TINY, LINES, seeds=2, progress=report)


@pytest.fixture(scope="module")
def models() -> dict[tuple[int, str], LanguageModel]:
    """What the recipe gives from each seed, trained alone."""
    ways = {"tied": True, "untied": False}
    recipes = {(seed, name): replace(TINY, tied=tied, seed=seed) for seed in (1, 2) for name, tied in ways.items()}
    return {key: recipe.fit(LINES) for key, recipe in recipes.items()}


def test_both_ways_are_what_the_recipe_gives_from_each_seed(
    told: dict[str, Any], models: dict[tuple[int, str], LanguageModel]
) -> None:
    for name, tables in {"tied": 1, "untied": 2}.items():
        way, losses = told["ways"][name], []
        for number, seed in enumerate(told["seeds"]):
            model = models[seed, name]
            losses.append(np.exp(model.history["heldout"][-1]))
            assert [value for _, value in way["curves"][number]] == pytest.approx(np.exp(model.history["heldout"]))
            assert [tokens for tokens, _ in way["curves"][number]] == model.history["checked"]
            network = sum(parameter.numel() for parameter in model.decoder.parameters())
            assert way["parameters"] == {"all": network, "tables": tables * told["vocabulary"] * TINY.dim}
        assert way["perplexity"]["each"] == pytest.approx(losses)
        assert way["perplexity"]["mean"] == pytest.approx(np.mean(losses))
        assert way["perplexity"]["spread"] == pytest.approx(np.std(losses, ddof=1))
        assert all(value > 0 for value in way["seconds"]["each"])
    assert told["seeds"] == [TINY.seed, TINY.seed + 1]
    assert json.loads(json.dumps(told)) == told


def test_what_tying_saves_and_changes_is_the_difference(told: dict[str, Any]) -> None:
    tied, untied = told["ways"]["tied"], told["ways"]["untied"]
    table = told["vocabulary"] * TINY.dim
    assert told["saved"]["parameters"] == table == untied["parameters"]["all"] - tied["parameters"]["all"]
    assert told["saved"]["share"] == table / untied["parameters"]["all"]
    pairs = [*zip(tied["perplexity"]["each"], untied["perplexity"]["each"], strict=True)]
    assert told["difference"]["each"] == [one - other for one, other in pairs]
    assert told["ratio"]["each"] == [one / other - 1 for one, other in pairs]


def test_the_bands_are_measured_on_the_tables_of_these_models(
    told: dict[str, Any], models: dict[tuple[int, str], LanguageModel]
) -> None:
    for number, seed in enumerate(told["seeds"]):
        one = replace(TINY, seed=seed)
        tied, untied = models[seed, "tied"], models[seed, "untied"]
        start = replace(one, tied=False).decoder(told["vocabulary"])
        ends = {"tied": tied.words, "input": untied.words, "output": untied.output}
        starts = {"tied": start.table, "input": start.table, "output": start.output}
        assert np.array_equal(start.table.detach(), one.decoder(told["vocabulary"]).table.detach())
        bands = [*bands_of(tied.words, {0, 1})]
        assert [band["name"] for band in told["bands"]] == ["frequent", "middle", "rare"]
        for band, found in zip(bands, told["bands"], strict=True):
            tables = {name: words.storage.take(band.rows) for name, words in ends.items()}
            added = {name: tables[name] - starts[name].detach().numpy()[band.rows] for name in tables}
            for pair, (first, second) in PAIRS.items():
                assert found["alignment"][pair]["each"][number] == pytest.approx(naive(tables[first], tables[second]))
                assert found["changes"][pair]["each"][number] == pytest.approx(naive(added[first], added[second]))
            for name, table in tables.items():
                lengths, moved = np.sqrt((table**2).sum(1)), np.sqrt((added[name] ** 2).sum(1))
                assert found["norm"][name]["each"][number] == pytest.approx(lengths.mean())
                assert found["moved"][name]["each"][number] == pytest.approx(moved.mean())
    assert told["start_norm"] == pytest.approx(0.02 * 8**0.5)


def naive(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman of the cosines of all pairs, pair by pair; equal ones share the middle of their ranks."""
    lists = []
    for table in (one, other):
        rows = table.astype(float) - table.astype(float).mean(axis=0)
        pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
        some = [rows[i] @ rows[j] / np.sqrt((rows[i] @ rows[i]) * (rows[j] @ rows[j])) for i, j in pairs]
        cosines = np.round(some, 9)
        ranks = [(cosines < each).sum() + ((cosines == each).sum() - 1) / 2 for each in cosines]
        lists.append(np.array(ranks) - np.mean(ranks))
    first, second = lists
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def test_tables_that_are_turned_moved_and_stretched_say_the_same() -> None:
    random = np.random.default_rng(3)
    table = random.normal(size=(40, 6))
    turn = np.linalg.qr(random.normal(size=(9, 9)))[0][:6]
    assert alignment(table, 3 * table @ turn + 7) == pytest.approx(1, abs=1e-9)
    assert abs(alignment(table, random.normal(size=(40, 6))) or 1) < 0.2
    other = table + random.normal(size=(40, 6))
    assert alignment(table, other) == alignment(other, table) == pytest.approx(naive(table, other))
    assert 0.3 < naive(table, other) < 0.9


def test_tables_of_which_nothing_can_be_said_have_no_alignment() -> None:
    table = np.random.default_rng(3).normal(size=(40, 6))
    assert alignment(table[:2], table[:2]) is None
    assert alignment(table, np.zeros((40, 6))) is None
    assert alignment(table[:3], table[:3]) == pytest.approx(1)
    assert summary([None, None]) == {"mean": None, "spread": None, "each": [None, None]}
    assert summary([None, 2.0]) == {"mean": 2.0, "spread": None, "each": [None, 2.0]}


def test_bands_are_words_by_frequency() -> None:
    bands = [*bands_of(vectors(np.arange(3000, 0, -1)), {0, 7, None})]
    assert [(band.name, band.first, band.last) for band in bands] == [
        ("frequent", 21, 520),
        ("middle", 1260, 1759),
        ("rare", 2499, 2998),
    ]
    assert bands[0].rows.tolist() == [*range(22, 522)]  # two rows before it are in no band
    assert bands[2].rows.tolist() == [*range(2500, 3000)]


def test_bands_of_pieces_in_any_order_with_some_never_seen() -> None:
    counts = np.concatenate([np.zeros(1200, int), np.arange(1, 31)])
    bands = {band.name: band for band in bands_of(vectors(counts), {1229})}
    assert bands["frequent"].rows.tolist() == [*range(1227, 1218, -1)]
    assert bands["rare"].rows.tolist() == [*range(1208, 1199, -1)]
    never = bands["never seen"]
    assert (never.first, never.last, len(never.rows)) == (30, 1229, 500)
    assert never.rows.min() == 0
    assert never.rows.max() == 1199
    assert len(set(never.rows.tolist())) == 500


def test_few_words_have_smaller_bands_or_none() -> None:
    assert [band.rows.tolist() for band in bands_of(vectors(np.array([9, 5, 4, 1])), {})] == [[0], [1], [3]]
    assert [*bands_of(vectors(np.array([9, 5])), {})] == []
    unknown = WordVectors(Vocabulary(["a", "b"]), Dense(np.ones((2, 2), np.float32)))
    assert [band.name for band in bands_of(unknown, {})] == ["never seen"]


def vectors(counts: np.ndarray) -> WordVectors:
    words = Vocabulary([f"w{row}" for row in range(len(counts))], counts)
    return WordVectors(words, Dense(np.ones((len(counts), 2), np.float32)))


def test_rows_that_no_text_has_stay_where_they_began_in_the_input_table(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\n".join(" ".join(f"{word}ing" for word in line) for line in LINES), "utf-8")
    told = compare(replace(TINY, pieces=120), Corpus(text, cache=False))
    assert told["tokenizer"] == "subwords"
    never = told["bands"][-1]
    assert never["name"] == "never seen"
    assert never["counts"] == [0, 0]
    assert never["moved"]["input"]["mean"] == 0
    assert never["norm"]["input"]["mean"] == pytest.approx(told["start_norm"], rel=0.3)
    assert never["moved"]["output"]["mean"] > 0.1 * told["start_norm"]
    assert never["moved"]["tied"]["mean"] > 0.1 * told["start_norm"]


def test_a_recipe_that_unties_on_the_way_is_a_third_way() -> None:
    told = compare(replace(TINY, tied="until:0.5"), LINES, validation=sentences(2, 20))
    assert [*told["ways"]] == ["tied", "untied", "until:0.5"]
    assert told["ways"]["until:0.5"]["parameters"] == told["ways"]["untied"]["parameters"]
    model = replace(TINY, tied="until:0.5").fit(LINES, validation=sentences(2, 20))
    assert told["ways"]["until:0.5"]["perplexity"]["mean"] == pytest.approx(np.exp(model.history["heldout"][-1]))


def test_with_patience_the_best_check_counts() -> None:
    recipe = replace(TINY, learning_rate=0.5, warmup=0.0, epochs=2, checks=8, patience=2)
    told = compare(recipe, LINES)
    for way in told["ways"].values():
        values = [value for _, value in way["curves"][0]]
        assert way["perplexity"]["mean"] == way["lowest"]["mean"] == min(values)
    assert any(way["curves"][0][-1][1] > way["lowest"]["mean"] for way in told["ways"].values())


def test_progress_is_that_of_all_runs(told: dict[str, Any], reports: list[tuple[float, str]]) -> None:
    assert told["seeds"] == [1, 2]
    shares = [share for share, _ in reports]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert [*dict.fromkeys(name for _, name in reports)] == [
        "tied, seed 1",
        "untied, seed 1",
        "tied, seed 2",
        "untied, seed 2",
    ]


def test_ctrl_c_passes_through() -> None:
    def stop(done: int, total: int, **more: Any) -> None:
        if done / total > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(TINY, LINES, progress=stop)


def test_what_cannot_be_compared_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="seeds must be 1 or more, not 0"):
        compare(TINY, LINES, seeds=0)
    with pytest.raises(ValueError, match="heldout=0 leaves nothing to foresee"):
        compare(replace(TINY, heldout=0.0), LINES)
    with pytest.raises(TypeError, match=r"the recipe llm .* not 'llm'"):
        compare("llm", LINES)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give more text, or a smaller context"):
        compare(TINY, LINES[:2])
    monkeypatch.setitem(sys.modules, "wordfield.models.sequence.decoder", None)
    with pytest.raises(ImportError, match=r"pip install 'wordfield\[neural\]'"):
        compare(TINY, LINES)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(line) for line in LINES), "utf-8")
    return path


def test_the_command_prints_the_ways_and_the_bands(run: Run, corpus: Path, told: dict[str, Any]) -> None:
    ran = run("compare-tying", corpus, *OPTIONS, "--tokenizer", "whitespace", "--min-count", "1", "--seeds", "2")
    assert ran.status == 0, ran.err
    tables = [part.splitlines() for part in ran.out.strip().split("\n\n")]
    assert len(tables) == 6
    assert tables[0][0].split() == ["tied", "untied"]
    assert f"{told['ways']['untied']['parameters']['all']:,}" in tables[0][1]
    assert f"{told['ways']['tied']['perplexity']['mean']:.2f} ± " in tables[0][3]
    assert f"{told['saved']['share']:.1%}" in tables[1][0]
    assert f"{told['difference']['mean']:+.2f} ± " in tables[1][1]
    for table, kind in zip(tables[2:], ("alignment", "changes", "norm", "moved"), strict=True):
        assert len(table) == 4
        for line, band in zip(table[1:], told["bands"], strict=True):
            assert line.startswith(band["name"])
            assert all(f"{each['mean']:.2f}" in line or f"{each['mean']:.3f}" in line for each in band[kind].values())


def test_the_command_draws_and_prints_one_object(run: Run, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "tying.svg"
    ran = run("compare-tying", corpus, *OPTIONS, "--pieces", "90", "--validation", corpus, "--plot", picture, "--json")
    assert ran.status == 0, ran.err
    told = json.loads(ran.out)
    drawn = picture.read_text("utf-8")
    low, high = told["bands"][0]["counts"]
    names = ("tied", "untied", "tied, input", "what training added", "before training", "held-out perplexity")
    for text in (*names, f"{low:,}-{high:,} times", *(band["name"] for band in told["bands"])):
        assert f">{text}</text>" in drawn, text


def test_words_too_few_for_bands_are_drawn_without(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    told = api.compare_tying([["a", "b"]] * 60, TINY, plot=tmp_path / "few.png")
    assert told["bands"] == []
    assert (tmp_path / "few.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    def never(done: int, total: int, **more: Any) -> None:
        raise AssertionError("it has begun")

    with pytest.raises(ValueError, match="give a name that ends in"):
        api.compare_tying(LINES, TINY, plot=tmp_path / "a.gif", progress=never)
