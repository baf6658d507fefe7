"""The effect size and p of WEAT are those of a slow twin, and of a test whose result is known."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from wordfield import evaluation
from wordfield.evaluation import association
from wordfield.evaluation.association import effect, permuted
from wordfield.storage import Dense
from wordfield.text.vocabulary import Vocabulary
from wordfield.tuning.judging import judge_data
from wordfield.vectors import WordVectors

X, Y, A, B = (["x1", "x2", "x3", "x4"], ["y1", "y2", "y3", "y4"], ["a1", "a2"], ["b1", "b2", "b3"])


def field(seed=0, shift=0.0):
    random = np.random.default_rng(seed)
    words = [*X, *Y, *A, *B]
    vectors = random.normal(size=(len(words), 5)).astype(np.float32)
    vectors[[words.index(word) for word in X + A], 0] += shift
    return WordVectors(Vocabulary(words), Dense(vectors))


def write(folder: Path, x=X, y=Y, a=A, b=B, name="weat.json") -> Path:
    sets = zip(("targ1", "targ2", "attr1", "attr2"), (x, y, a, b), strict=True)
    path = folder / name
    path.write_text(json.dumps({key: {"category": key.upper(), "examples": words} for key, words in sets}))
    return path


def slow(words, x, y, a, b):
    """d and p as the paper writes them, over all ways to part the targets."""

    def associated(word):
        return np.mean([words.similarity(word, each) for each in a]) - np.mean(
            [words.similarity(word, each) for each in b]
        )

    values = {word: associated(word) for word in x + y}
    d = (np.mean([values[word] for word in x]) - np.mean([values[word] for word in y])) / np.std(
        list(values.values()), ddof=1
    )

    def statistic(some):
        return sum(values[word] if word in some else -values[word] for word in values)

    ways = [statistic(some) for some in combinations(x + y, len(x))]
    return d, sum(way >= statistic(x) - 1e-9 for way in ways) / len(ways)


@pytest.mark.parametrize("shift", [0.0, 1.0, 4.0])
def test_effect_and_p_are_those_of_a_slow_twin(tmp_path: Path, shift: float) -> None:
    words = field(shift=shift)
    (result,) = evaluation.evaluate(words, write(tmp_path))
    d, p = slow(words, X, Y, A, B)
    assert (result["task"], result["dataset"], result["metric"]) == ("association", "weat", "effect size")
    assert result["value"] == pytest.approx(d)
    assert result["p"] == pytest.approx(p)
    assert (result["partitions"], result["exact"]) == (70, True)
    assert result["low"] <= d <= result["high"]
    assert result["targets"] == [{"name": "TARG1", "words": 4}, {"name": "TARG2", "words": 4}]
    assert result["attributes"] == [{"name": "ATTR1", "words": 2}, {"name": "ATTR2", "words": 3}]
    json.dumps(result, allow_nan=False)


def test_unknown_words_are_left_out_and_the_targets_made_equally_many(tmp_path: Path) -> None:
    words = field(shift=1)
    path = write(tmp_path, x=["none", *X], y=[*Y[:2], "no"], a=[*A, "nil"])
    (result,) = evaluation.evaluate(words, path)
    d, p = slow(words, X[:2], Y[:2], A, B)
    assert (result["value"], result["p"]) == (pytest.approx(d), pytest.approx(p))
    assert (result["pairs"], result["covered"], result["oov"]) == (8, 4, "skip")
    assert result["attributes"][0]["words"] == 2
    (zero,) = evaluation.evaluate(words, path, unknown="zero")
    assert (zero["covered"], zero["attributes"][0]["words"]) == (6, 3)
    with pytest.raises(KeyError, match="none"):
        evaluation.evaluate(words, path, unknown="raise")


@pytest.mark.parametrize("missing", [{"a": ["nil"]}, {"x": ["nil"]}])
def test_without_known_words_there_is_no_result(tmp_path: Path, missing: dict[str, list[str]]) -> None:
    (result,) = evaluation.evaluate(field(), write(tmp_path, **missing))
    assert (result["value"], result["p"], result["covered"], result["partitions"]) == (None, None, 0, 0)


def test_many_partitions_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).normal(size=12)
    whole, count, exact = permuted(values)
    assert (count, exact) == (924, True)
    monkeypatch.setattr(association, "PARTITIONS", 900)
    monkeypatch.setattr(association, "NUMBERS", 1000)
    sampled, count, exact = permuted(values)
    assert (count, exact) == (900, False)
    assert sampled == pytest.approx(whole, abs=0.06)
    assert permuted(values) == (sampled, count, exact)
    assert permuted(np.array([1.0] * 6 + [0.0] * 6))[0] <= 4 / 901


def test_the_clearest_association_is_as_unlikely_as_can_be() -> None:
    p, count, _ = permuted(np.array([0.5] * 8 + [-0.5] * 8) + np.linspace(0, 0.1, 16))
    assert (p, count) == (1 / 12870, 12870)
    assert permuted(np.zeros(6))[0] == 1


def test_samples_without_one_of_the_targets_say_nothing() -> None:
    measure = effect(np.array([1.0, 2.0, 3.0]), np.array([True, True, False]))
    values = measure(np.array([[0, 1, 1], [0, 1, 2], [2, 2, 2]]))
    assert np.isnan(values).tolist() == [True, False, True]
    assert values[1] == pytest.approx((1.5 - 3) / 1)


def test_a_file_of_several_tests_has_a_result_for_each(tmp_path: Path) -> None:
    path = tmp_path / "tests.txt"
    lines = "".join(f"{name}: {', '.join(some)}\n" for name, some in zip("XYAB", (X, Y, A, B), strict=True))
    path.write_text(lines * 2)
    assert [each["dataset"] for each in evaluation.evaluate(field(), path)] == ["tests/1", "tests/2"]


def test_associations_are_not_what_is_tuned_for(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ValueError, match=r"no set for association in .*: it has nothing that is known"):
        judge_data("text", [tmp_path], "association")
    (tmp_path / "pairs.txt").write_text("x1 x2 3\nx1 y1 1\nx2 y2 2\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("x1\nx2\nx3\n\ny1\ny2\n")
    judge = judge_data("text", [tmp_path])
    assert judge.scored_on == f"{tmp_path.name}, pairs"
    words = field()
    outliers, _, pairs = evaluation.evaluate(words, [tmp_path], "outliers") + evaluation.evaluate(
        words, tmp_path, "similarity"
    )
    assert judge.score(SimpleNamespace(words=words)) == pytest.approx((outliers["value"] + pairs["value"]) / 2)
