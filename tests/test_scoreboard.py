"""Scores as people read them: tables, CSV and Markdown of what ``api.evaluate`` returns."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

from wordfield.evaluation.comparison import compare
from wordfield.evaluation.scores import Mean, Score
from wordfield.scoreboard import Marks, alone, as_csv, as_markdown, before_and_after, legend, tables
from wordfield.terminal import shown

PLAIN = Marks()


def score(dataset: str, right: int, covered: int = 100, oov: str = "skip", task: str = "analogy") -> Score:
    """So many of 100 items right, the first ones, and so many covered."""
    items = np.arange(100)
    return Score(task, dataset, "accuracy", items < covered, Mean(items < right), oov)


def compared(*models: list[Score]) -> dict[str, Any]:
    """Models a, b and so on, as ``api.evaluate`` returns them."""
    names = [f"models/{'abcdef'[number]}" for number in range(len(models))]
    rows = compare(names, models)
    return {"models": names, "results": [row.result() for row in rows]}


def test_the_best_is_marked_and_who_is_surely_worse() -> None:
    result = compared([score("one", 90), score("two", 40)], [score("one", 50), score("two", 40)])
    ((title, rows, best),) = tables(result, PLAIN)
    assert title == ""
    assert rows == [
        ("task", "dataset", "metric", "items", "a", "b"),
        ("analogy", "one", "accuracy", "100 of 100", "0.900*", "0.500†"),
        ("analogy", "two", "accuracy", "100 of 100", "0.400*", "0.400*"),
    ]
    assert best == {(1, 4), (2, 4), (2, 5)}
    assert next(tables(result, Marks("", "~")))[1][1][4:] == ("0.900", "0.500~")
    assert legend(result, PLAIN)[1:] == ["compared over all items of each set", "unknown words: skip"]
    assert legend(result, Marks("", "~"))[0].startswith("bold best; ~ worse than the best at 5 %")


def test_where_coverage_differs_that_is_shown() -> None:
    result = compared([score("one", 60, 80), score("two", 9)], [score("one", 30), score("two", 9)])
    (_, rows, _), (title, more, best) = tables(result, PLAIN)
    assert rows[1] == ("analogy", "one", "accuracy", "80 of 100", "0.750*", "0.375†")
    assert title == "Each model on all that it covers, where that is not the same"
    assert more[1:] == [("analogy", "one", "accuracy", "100", "0.750 (80)", "0.300 (100)")]
    assert best == set()
    assert "compared over the items of a set that all models of its row cover" in legend(result, PLAIN)


def test_who_takes_no_part_is_said() -> None:
    few = [score("one", 1, 1), score("two", 0, 0)]
    result = compared([score("one", 60), score("two", 9)], [score("one", 50), score("two", 9)], few)
    rows = next(tables(result, PLAIN))[1]
    assert rows[1] == ("analogy", "one", "accuracy", "100 of 100", "0.600*", "0.500†", "-")
    assert "c takes no part in one, two: it covers nothing there, or one item" in legend(result, PLAIN)
    apart = compared([score("one", 9, 0)], [score("one", 9, 0)])
    assert "no item is covered by all in one" in legend(apart, PLAIN)
    assert next(tables(apart, PLAIN))[1][1][3:] == ("0 of 100", "-", "-")


def test_different_policies_are_said_of_each_model() -> None:
    result = compared([score("one", 9)], [score("one", 9, oov="subword")])
    assert legend(result, PLAIN)[-1] == "unknown words: skip in a, subword in b"
    rows = alone([score("one", 9).result(), score("two", 9, 0, oov="zero").result()])
    assert rows[0][-1] == "covered; unknown words: skip or zero"
    assert rows[2] == ("analogy", "two", "accuracy", "-", "-", "0 of 100")


def test_no_mark_where_more_is_not_better() -> None:
    result = compared([score("bias", 90, task="association")], [score("bias", 20, task="association")])
    assert next(tables(result, PLAIN))[1][1][4:] == ("0.900", "0.200")


def test_csv_has_a_line_a_set_and_model_with_all_that_was_measured() -> None:
    result = compared([score("one, two", 90)], [score("one, two", 50)], [score("one, two", 0, 0)])
    first, second, third = csv.DictReader(as_csv(result).splitlines())
    assert (first["dataset"], first["model"], first["value"], first["best"]) == ("one, two", "models/a", "0.9", "True")
    assert (first["difference"], first["p"]) == ("", "")
    (apart,) = result["results"][0]["differences"]
    assert [float(second[name]) for name in ("difference", "difference_low", "difference_high", "p", "p_holm")] == [
        apart[name] for name in ("difference", "low", "high", "p", "adjusted")
    ]
    assert (second["significant"], second["shared"], second["shared_value"]) == ("True", "100", "0.5")
    assert (third["value"], third["covered"], third["shared_value"], third["significant"]) == ("", "0", "", "")
    (line,) = csv.DictReader(as_csv({"model": "m", "results": [score("one", 9).result()]}).splitlines())
    assert (line["model"], line["value"], line["pairs"], line["oov"]) == ("m", "0.09", "100", "skip")
    assert "best" not in line


def test_markdown_has_the_best_in_bold_and_nothing_that_would_be_read_as_markup() -> None:
    text = as_markdown(compared([score("a|b_*", 90)], [score("a|b_*", 50)]), PLAIN)
    title, ruler, row, *rest = text.splitlines()
    assert title == "| task | dataset | metric | items | a | b |"
    assert ruler == "| --- | --- | --- | --- | --- | --- |"
    assert row == "| analogy | a\\|b\\_\\* | accuracy | 100 of 100 | **0.900** | 0.500† |"
    assert rest[0] == ""
    assert rest[1].startswith("- bold best; † worse")
    single = as_markdown({"model": "m", "results": [score("one", 9).result()]}, PLAIN)
    assert single.splitlines()[2].startswith("| analogy | one | accuracy | 0.090 | ")
    assert len(single.splitlines()) == 3


def test_labels_of_a_classifier_have_a_table_of_their_own() -> None:
    labels = [{"label": f"l{n}", "precision": 0.5, "recall": None, "f1": 1.0, "texts": 2000 - n} for n in range(21)]
    result = {"model": "m", "results": [score("one", 9).result() | {"labels": labels}]}
    _, (title, rows, _) = tables(result, PLAIN)
    assert title == "one: 21 labels; the 20 of most texts"
    assert rows[:2] == [("label", "precision", "recall", "F1", "texts"), ("l0", "0.500", "-", "1.000", "2,000")]
    assert len(rows) == 21
    result["results"][0]["labels"] = labels[:2]
    assert list(tables(result, PLAIN))[1][0] == "one: 2 labels; all of them"


def test_scores_before_and_after() -> None:
    result = {"task": "t", "dataset": "d", "metric": "m", "before": 0.5, "after": 0.25, "change": -0.25}
    same, other = {"before": 1000, "after": 1000}, {"before": 2, "after": 1}
    assert before_and_after(result | {"covered": same}) == ("t", "d", "m", "0.500", "0.250", "-0.250", "1,000")
    none = {"after": None, "change": None, "covered": other}
    assert before_and_after(result | none) == ("t", "d", "m", "0.500", "-", "-", "2 and 1")


@pytest.mark.parametrize(("encoding", "character"), [("utf-8", "†"), ("ascii", "~"), (None, "~")])
def test_a_character_that_stdout_cannot_show_has_another_instead(
    monkeypatch: pytest.MonkeyPatch, encoding: str | None, character: str
) -> None:
    class Stream:
        pass

    stream = Stream()
    stream.encoding = encoding  # type: ignore[attr-defined]
    monkeypatch.setattr("sys.stdout", stream)
    assert shown("†", "~") == character
