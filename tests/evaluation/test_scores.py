"""Scores: correlations on many samples at once are SciPy's on each, intervals are the bootstrap's, a difference between
models is found where there is one and not where there is none.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from wordfield.evaluation import Settings
from wordfield.evaluation.correlation import pearson, spearman
from wordfield.evaluation.scores import SEED, Mean, Score, difference, wilson
from wordfield.unknown import Unknown

SCORES = sys.modules["wordfield.evaluation.scores"]


def score(values, covered=None, metric="accuracy"):
    values = np.asarray(values)
    covered = np.ones(len(values), bool) if covered is None else np.asarray(covered, bool)
    return Score("analogy", "set", metric, covered, Mean(values), "skip")


@pytest.mark.parametrize("round_to", [0, 1, 6])
def test_correlations_of_samples_are_scipys_of_each(round_to):
    random = np.random.default_rng(0)
    ours = random.normal(size=60).round(round_to)
    theirs = (ours + random.normal(size=60)).round(round_to)
    rows = random.integers(0, 60, (40, 25))
    ranks, lines = spearman(ours, theirs)(rows), pearson(ours, theirs)(rows)
    for here, sample in enumerate(rows):
        assert ranks[here] == pytest.approx(stats.spearmanr(ours[sample], theirs[sample]).statistic, abs=1e-12)
        assert lines[here] == pytest.approx(stats.pearsonr(ours[sample], theirs[sample]).statistic, abs=1e-12)


def test_a_sample_that_does_not_vary_has_no_correlation():
    ours, theirs = np.array([0.1, 0.1, 0.1, 2]), np.array([1, 2, 3, 4])
    rows = np.array([[0, 1, 2], [1, 2, 3], [0, 0, 0]])
    for measure in (spearman, pearson):
        assert np.isnan(measure(ours, theirs)(rows)).tolist() == [True, False, True]
    assert spearman(theirs, theirs)(rows)[:2].tolist() == [1, 1]


def test_the_interval_is_the_middle_of_the_samples(monkeypatch):
    monkeypatch.setattr(SCORES, "SAMPLES", 60)
    monkeypatch.setattr(SCORES, "NUMBERS", 100)
    random = np.random.default_rng(1)
    ours, theirs = random.normal(size=(2, 30))
    covered = random.random(30) < 0.8
    made = Score("similarity", "s", "spearman", covered, spearman(ours, theirs), "skip", {"further": 1})
    items = np.flatnonzero(covered)
    draw = np.random.default_rng(SEED)
    step = 100 // len(items)
    samples = np.concatenate(
        [draw.integers(len(items), size=(step, len(items)), dtype=np.int32) for _ in range(60 // step)]
    )
    values = [stats.spearmanr(ours[items[rows]], theirs[items[rows]]).statistic for rows in samples]
    result = made.result()
    assert result["value"] == pytest.approx(stats.spearmanr(ours[covered], theirs[covered]).statistic)
    assert (result["low"], result["high"]) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    assert (result["pairs"], result["covered"], result["further"]) == (30, covered.sum(), 1)
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("covered", [[], [2]])
def test_little_has_no_interval(covered):
    result = score([True, False, True], np.isin(np.arange(3), covered)).result()
    assert result["value"] == (1 if covered else None)
    assert result["low"] is result["high"] is None


def test_intervals_hold_the_truth_in_about_95_of_100_sets(monkeypatch):
    monkeypatch.setattr(SCORES, "SAMPLES", 300)
    random = np.random.default_rng(2)
    inside = np.zeros(3, int)
    for _ in range(120):
        right = random.random(150) < 0.3
        ours = random.normal(size=150)
        theirs = 0.6 * ours + 0.8 * random.normal(size=150)
        whole = np.ones(150, bool)
        ranks = Score("similarity", "s", "spearman", whole, spearman(ours, theirs), "skip")
        kinds = random.random((12, 2)).mean(axis=1)  # a pair of two kinds is right as often as they are in the mean
        pairs = np.array([(i, j) for i in range(12) for j in range(12) if i != j])
        made = random.random(len(pairs)) < kinds[pairs].mean(axis=1)
        alike = replace(score(made), parts=pairs.astype(np.int64))
        intervals = (score(right).interval, alike.interval, ranks.interval)
        for here, ((low, high), truth) in enumerate(zip(intervals, (0.3, 0.5, 0.582), strict=True)):
            inside[here] += low <= truth <= high
    assert (inside >= 105).all(), inside
    assert (inside <= 119).all(), inside


def test_the_interval_of_a_share_is_wilsons_where_samples_tell_nothing():
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0, 0) == (None, None)
    assert score(np.ones(10, bool)).interval == wilson(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1)
    assert score(np.zeros(10, bool)).interval == wilson(0, 10) == (0, pytest.approx(0.2775, abs=1e-4))
    three = replace(score(np.ones(9, bool)), parts=np.repeat(np.arange(3), 3)[:, None])
    assert three.interval == wilson(3, 3)


@pytest.mark.parametrize("strata", [None, ["b"] * 3 + ["a"] * 7])
def test_items_are_in_a_sample_as_often_as_their_parts_are(strata, monkeypatch):
    monkeypatch.setattr(SCORES, "SAMPLES", 40)
    random = np.random.default_rng(5)
    parts = np.array([(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 6), (6, 3), (3, 5), (4, 6), (5, 3)])
    values, covered = random.random(10), np.arange(10) != 7
    groups = None if strata is None else np.array(strata)
    made = Score("analogy", "set", "share", covered, Mean(values), "skip", {}, parts, groups)
    draw, seven = np.random.default_rng(SEED), np.arange(7)
    found = made.sampled(made.items)
    if groups is None:
        drawn = draw.integers(7, size=(40, 7), dtype=np.int32)
    else:  # of strata in the order of their names
        numbers, sizes = np.array([3, 4, 5, 6, 0, 1, 2]), np.array([4] * 4 + [3] * 3)
        drawn = numbers[(np.array([0] * 4 + [4] * 3) + (draw.random((40, 7)) * sizes).astype(int))]
    for value, sample in zip(found, drawn, strict=True):
        times = [(sample == part).sum() for part in seven]
        weights = np.array([covered[item] * times[one] * times[other] for item, (one, other) in enumerate(parts)])
        expected = (weights * values).sum() / weights.sum() if weights.sum() else np.nan
        np.testing.assert_allclose(value, expected)


def test_only_means_are_weighed():
    with pytest.raises(ValueError, match="their measure is a Mean"):
        replace(score([True, False]), measure=lambda rows: rows.mean(axis=1), parts=np.zeros((2, 1), np.int64))


def test_each_stratum_is_drawn_from_by_itself():
    kinds = np.array([0, 1, 0, 1, 1])
    seen = []

    def measure(rows):
        seen.append(rows)
        return np.zeros(len(rows))

    replace(score(np.ones(5, bool)), measure=measure, strata=kinds).sampled(np.arange(5))
    drawn = np.concatenate(seen)
    assert (np.sort(kinds[drawn], axis=1) == [0, 0, 1, 1, 1]).all()
    assert set(np.unique(drawn)) == set(range(5))


def test_a_difference_is_found_on_the_items_that_both_cover():
    random = np.random.default_rng(3)
    hard = random.random(400)
    one, other = hard < 0.6, hard < 0.5
    better = score(one, np.arange(400) < 300)
    worse = score(other, np.arange(400) >= 100)
    found = difference(better, worse)
    assert found["shared"] == 200
    assert found["difference"] == pytest.approx(one[100:300].mean() - other[100:300].mean())
    assert 0 < found["low"] < found["difference"] < found["high"]
    assert found["p"] < 0.01
    mirrored = difference(worse, better)
    assert mirrored["p"] == found["p"]
    assert mirrored["difference"] == -found["difference"]


def test_the_same_model_is_no_better_than_itself():
    same = score(np.arange(50) % 3 == 0)
    assert difference(same, same) == {"difference": 0, "low": 0, "high": 0, "p": 1, "shared": 50}


def test_without_a_difference_p_is_small_as_rarely_as_it_says(monkeypatch):
    monkeypatch.setattr(SCORES, "SAMPLES", 300)
    random = np.random.default_rng(4)
    small = sum(difference(score(one), score(other))["p"] < 0.1 for one, other in random.random((200, 2, 80)) < 0.5)
    assert 6 <= small <= 36, small


def test_what_cannot_be_compared_is_said():
    one = score([True, False, True], [True, True, False])
    other = score([True, False, True], [False, True, True])
    assert difference(one, other) == {"difference": None, "low": None, "high": None, "p": None, "shared": 1}
    with pytest.raises(ValueError, match="accuracy on 3 items of set and accuracy on 2 of set cannot be compared"):
        difference(one, score([True, False]))
    with pytest.raises(ValueError, match="one metric"):
        difference(one, score([True, False, True], metric="opp"))
    constant = Score("s", "s", "spearman", np.ones(3, bool), spearman(np.ones(3), np.arange(3)), "skip")
    assert difference(constant, constant)["difference"] is None


def test_settings_are_checked():
    assert Settings().unknown == Unknown("subword", lower=True)
    with pytest.raises(ValueError, match="unknown method 'max'; known: add, mul"):
        Settings(method="max")
    with pytest.raises(ValueError, match="restrict_vocab is how many"):
        Settings(-1)
