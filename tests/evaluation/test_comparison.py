"""Models beside each other: on shared items only, the best, and who is worse than it by more than chance."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from wordfield.evaluation.comparison import Comparison, compare, distinct, holm, short
from wordfield.evaluation.scores import Mean, Score, difference


def score(
    right: Any, covered: Any = True, dataset: str = "set", metric: str = "accuracy", task: str = "analogy"
) -> Score:
    """A score whose items are right (1) or wrong (0)."""
    values = np.asarray(right, bool)
    there = np.broadcast_to(np.asarray(covered, bool), values.shape).copy()
    return Score(task, dataset, metric, there, Mean(values), "skip", {"method": "add"})


def shares(*right: int, items: int = 100) -> list[Score]:
    """Models that answer so many of the items rightly, the last ones."""
    return [score(np.arange(items) >= items - each) for each in right]


def test_the_best_and_who_is_worse_by_more_than_chance() -> None:
    (row,) = compare(["a", "b", "c"], [[each] for each in shares(60, 90, 88)])
    result = row.result()
    assert (result["task"], result["dataset"], result["metric"]) == ("analogy", "set", "accuracy")
    assert (result["pairs"], result["shared"], result["best"]) == (100, 100, "b")
    assert [value["model"] for value in result["values"]] == ["a", "b", "c"]
    assert [value["value"] for value in result["values"]] == [0.6, 0.9, 0.88]
    for value in result["values"]:
        assert value["on_shared"] == {name: value[name] for name in ("value", "low", "high")}
        assert (value["covered"], value["oov"], value["method"]) == (100, "skip", "add")
    worse, near = result["differences"]
    assert (worse["model"], worse["shared"], worse["significant"]) == ("a", 100, True)
    assert worse["difference"] == pytest.approx(0.3)
    assert worse["low"] < 0.3 < worse["high"]
    assert (near["model"], near["significant"]) == ("c", False)
    assert near["p"] <= near["adjusted"]
    assert json.loads(json.dumps(result)) == result


def test_differences_are_those_of_the_pairs_with_p_corrected_for_their_number() -> None:
    models = shares(50, 43, 44, 30)
    row = Comparison(("a", "b", "c", "d"), tuple(models))
    assert row.differences[0] is None
    found = [each for each in row.differences if each is not None]
    pairs = [difference(models[0], other) for other in models[1:]]
    for each, pair in zip(found, pairs, strict=True):
        assert {name: each[name] for name in pair} == pair
    assert [each["adjusted"] for each in found] == holm([pair["p"] for pair in pairs])


def test_the_correction_is_that_of_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    draw = np.random.default_rng(1)
    for _ in range(50):
        p = draw.uniform(0, 0.2, draw.integers(1, 6)).tolist()
        for here, adjusted in enumerate(holm(p)):
            # of a closed test: the largest p of Bonferroni over all sets of questions that hold this one
            others = [each for each in range(len(p)) if each != here]
            sets = [[here, *some] for size in range(len(p)) for some in combinations(others, size)]
            assert adjusted == pytest.approx(max(min(1.0, len(some) * min(p[each] for each in some)) for some in sets))


def test_models_are_compared_on_the_items_that_all_cover() -> None:
    right = np.arange(100) < 50
    one, other = score(right, np.arange(100) < 80), score(right, np.arange(100) >= 20)
    result = Comparison(("one", "other"), (one, other)).result()
    assert result["shared"] == 60
    assert [value["value"] for value in result["values"]] == [50 / 80, 30 / 80]
    assert [value["on_shared"]["value"] for value in result["values"]] == [0.5, 0.5]
    assert [value["covered"] for value in result["values"]] == [80, 80]
    assert result["best"] == "one"  # of equal ones the first
    (apart,) = result["differences"]
    assert (apart["difference"], apart["p"], apart["significant"], apart["shared"]) == (0, 1, False, 60)


@pytest.mark.parametrize("covered", [0, 1])
def test_a_model_that_covers_next_to_nothing_takes_no_part(covered: int) -> None:
    right = np.arange(50) % 2 == 0
    none = score(right, np.arange(50) < covered)
    result = Comparison(("a", "b", "none"), (score(right), score(~right), none)).result()
    assert result["shared"] == 50
    assert result["values"][2]["on_shared"] == {"value": None, "low": None, "high": None}
    assert result["values"][2]["covered"] == covered
    assert [each["model"] for each in result["differences"]] == ["b"]
    alone = Comparison(("a", "none"), (score(right), none)).result()
    assert (alone["best"], alone["shared"], alone["differences"]) == (None, 50, [])
    assert alone["values"][0]["on_shared"]["value"] == 0.5


def test_where_nothing_is_covered_by_all_nothing_is_compared() -> None:
    right = np.arange(10) < 5
    result = Comparison(("a", "b"), (score(right, np.arange(10) < 5), score(right, np.arange(10) >= 5))).result()
    assert (result["shared"], result["best"], result["differences"]) == (0, None, [])
    assert [value["value"] for value in result["values"]] == [1, 0]
    assert {value["on_shared"]["value"] for value in result["values"]} == {None}
    (empty,) = compare(["a", "b"], [[score(right, False)], [score(right, False)]])
    assert (empty.result()["shared"], empty.result()["best"]) == (0, None)


def test_one_shared_item_has_a_value_but_no_difference() -> None:
    right = np.arange(10) < 5
    result = Comparison(("a", "b"), (score(right, np.arange(10) < 6), score(right, np.arange(10) > 4))).result()
    assert result["shared"] == 1
    (apart,) = result["differences"]
    assert (apart["difference"], apart["p"], apart["adjusted"], apart["significant"]) == (None, None, None, False)


def test_a_handful_of_items_shows_nothing() -> None:
    for items, least, significant in ((2, 0.5, False), (5, 1 / 16, False), (6, 1 / 32, True)):
        right = np.ones(items, bool)
        (apart,) = Comparison(("a", "b"), (score(right), score(~right))).result()["differences"]
        assert (apart["difference"], apart["p"], apart["significant"]) == (1, least, significant)


def test_no_model_is_best_where_more_is_not_better() -> None:
    one, other = score(np.arange(9) < 5, task="association"), score(np.arange(9) < 2, task="association")
    assert Comparison(("a", "b"), (one, other)).result()["best"] is None


def test_models_must_be_scored_on_the_same_sets() -> None:
    one, other, short_set = score([1, 0]), score([1, 0], dataset="other"), score([1, 0, 1])
    with pytest.raises(
        ValueError, match="b was not scored on the same sets as a: analogy other, accuracy of 2 items where"
    ):
        compare(["a", "b"], [[one], [other]])
    with pytest.raises(ValueError, match=r"of 3 items where that has .* of 2 items"):
        compare(["a", "b"], [[one], [short_set]])
    with pytest.raises(ValueError, match="2 of them and not 1"):
        compare(["a", "b"], [[one], [one, other]])
    with pytest.raises(ValueError, match="1 names for the scores of 2 models"):
        compare(["a"], [[one], [one]])
    with pytest.raises(ValueError, match="at least 1"):
        compare([], [])
    assert compare(["a", "b"], [[], []]) == []


def test_names_are_made_different_and_short() -> None:
    assert distinct(["a", "b", "a", "a", "a (2)"]) == ["a", "b", "a (2)", "a (3)", "a (2) (2)"]
    (row,) = compare(["m", "m"], [[score([1, 0])], [score([1, 0])]])
    assert row.names == ("m", "m (2)")
    assert short(["x/one", "y/two/", "C:\\three"]) == ["one", "two", "three"]
    assert short(["x/model", "y/model"]) == ["x/model", "y/model"]
    assert short(["/"]) == ["/"]
