"""Hubs and overlaps of neighbours are what their definitions say, on tables of every kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import skew

from support import Ran
from wordfield import api
from wordfield.compression import float16
from wordfield.evaluation import neighbourhoods
from wordfield.evaluation.neighbourhoods import hubness, overlap
from wordfield.storage import Dense, Sparse, Storage
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors


def rows(count: int, dim: int = 6, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def field(matrix: np.ndarray | Storage, words: list[str] | None = None) -> WordVectors:
    storage = Dense(matrix) if isinstance(matrix, np.ndarray) else matrix
    return WordVectors(Vocabulary(words or [f"w{row}" for row in range(storage.shape[0])]), storage)


def naive_times(matrix: np.ndarray, k: int) -> np.ndarray:
    """N_k by every cosine of every two rows, sorted."""
    unit = matrix.astype(np.float64) / np.linalg.norm(matrix.astype(np.float64), axis=1, keepdims=True)
    times = np.zeros(len(matrix), int)
    for here in range(len(matrix)):
        others = [other for other in range(len(matrix)) if other != here]
        for near in sorted(others, key=lambda other: -(unit[here] @ unit[other]))[:k]:
            times[near] += 1
    return times


def naive_shares(one: WordVectors, other: WordVectors, k: int) -> list[float]:
    both = [word for word in one.index_to_key if word in other]
    near = [[{name for name, _ in each.most_similar(word, k, keep=both)} for word in both] for each in (one, other)]
    return [len(left & right) / k for left, right in zip(*near, strict=True)]


@pytest.mark.parametrize("kind", ["dense", "sparse", "float16"])
@pytest.mark.parametrize("k", [1, 5, 100])
def test_hubness_is_its_definition(kind: str, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbourhoods, "HELD", 40)  # several batches
    matrix = rows(50) + 0.5
    storage = {
        "dense": Dense,
        "sparse": lambda rows: Sparse(csr_array(rows)),
        "float16": lambda rows: float16(Dense(rows)),
    }
    words = field(storage[kind](matrix))
    found = hubness(words, k)
    near = min(k, 49)
    times = naive_times(words.table.take(range(50)), near)
    assert (found.times == times).all()
    assert found.k == near
    if k == 100:
        assert found.skewness is None  # all are everybody's neighbour
    else:
        assert found.skewness == pytest.approx(skew(times))
    assert found.antihubs == (times == 0).mean()
    best = sorted(range(50), key=lambda row: (-times[row], row))[:3]
    assert found.hubs(3) == [(f"w{row}", times[row]) for row in best]


def test_a_hub_is_found_and_named() -> None:
    around = rows(200, 50) + 1.5
    around[0] = around[1:].mean(axis=0)  # the middle of all
    found = hubness(field(around), 5)
    assert found.hubs(1)[0] == ("w0", 199)
    assert found.skewness > 5 > abs(hubness(field(rows(200, 50)), 5).skewness)


def test_only_words_with_a_direction_and_only_the_first_are_looked_at() -> None:
    matrix = rows(20)
    matrix[3], matrix[5], matrix[7, 2] = 0, np.nan, np.inf
    found = hubness(field(matrix), 4, restrict_vocab=10)
    sound = [row for row in range(10) if row not in (3, 5, 7)]
    assert found.words == [f"w{row}" for row in sound]
    assert found.undirected == 3
    assert (found.times == naive_times(matrix[sound], 4)).all()
    assert len(hubness(field(matrix), 4, restrict_vocab=0).words) == 17


def test_hubness_needs_two_words() -> None:
    with pytest.raises(ValueError, match="at least 2 words whose vectors have a direction, not 1"):
        hubness(field(np.eye(3, dtype=np.float32)), restrict_vocab=1)
    with pytest.raises(ValueError, match="at least 1, not 0"):
        hubness(field(rows(3)), 0)
    with pytest.raises(ValueError, match="0 for all, not -1"):
        hubness(field(rows(3)), restrict_vocab=-1)


def test_overlap_is_its_definition_over_the_shared_words() -> None:
    names = [f"w{row}" for row in range(40)]
    one = field(rows(40), names)
    other = field(rows(60)[::-1].copy() + rows(60, 6, 5) / 4, [f"w{row}" for row in range(60)][::-1])
    found = overlap(one, other, 5)
    assert found is not None
    assert found.words == names
    assert found.shared == 40
    assert found.shares.tolist() == naive_shares(one, other, 5)
    score = found.score.result()
    assert score["value"] == pytest.approx(np.mean(naive_shares(one, other, 5)))
    assert 0 < score["low"] < score["value"] < score["high"] < 1
    assert (score["metric"], score["pairs"]) == ("overlap@5", 40)


def test_among_all_words_a_neighbour_that_is_gone_is_lost() -> None:
    one = field(rows(40))
    fewer = field(rows(40)[:10], [f"w{row}" for row in range(10)])
    among, lost = overlap(one, fewer, 3), overlap(one, fewer, 3, among_shared=False)
    assert among is not None
    assert lost is not None
    assert among.score.value == 1
    expected = []
    for word in fewer.index_to_key:
        old, new = ({near for near, _ in each.most_similar(word, 3)} for each in (one, fewer))
        expected.append(len(old & new) / 3)
    assert lost.shares.tolist() == expected
    assert lost.score.value < 1


def test_overlap_of_equal_models_is_one_and_of_turned_ones_too() -> None:
    matrix = rows(80)
    turn, _ = np.linalg.qr(rows(6, 6, 3))
    same, turned = overlap(field(matrix), field(matrix)), overlap(field(matrix), field(7 * matrix @ turn))
    assert same is not None
    assert turned is not None
    assert same.score.value == turned.score.value == 1
    assert turned.similarities == pytest.approx(1)


def test_unlike_models_share_what_chance_gives() -> None:
    found = overlap(field(rows(150, 20)), field(rows(150, 20, 2)), 5, words=None)
    assert found is not None
    assert found.score.value == pytest.approx(5 / 149, abs=0.015)


def test_the_same_words_are_drawn_each_time_and_rare_or_broken_ones_are_not() -> None:
    matrix = rows(100)
    matrix[4] = 0
    one, other = field(matrix), field(rows(100, 6, 2))
    first, second = overlap(one, other, words=20), overlap(one, other, words=20)
    assert first is not None
    assert second is not None
    assert len(first.words) == 20
    assert first.words == second.words != [f"w{row}" for row in range(20)]
    every = overlap(one, other, words=None, restrict_vocab=30)
    assert every is not None
    assert every.words == [f"w{row}" for row in range(30) if row != 4]
    assert {name for line in every.here + every.there for name in line} <= set(every.words)


def test_where_there_are_no_two_shared_words_there_is_no_overlap() -> None:
    assert overlap(field(rows(1)), field(rows(1))) is None
    assert overlap(field(rows(5)), field(rows(5), list("abcde"))) is None
    assert overlap(field(rows(5)), field(rows(5), ["w0", *"abcd"])) is None
    with pytest.raises(ValueError, match="at least 1, not 0"):
        overlap(field(rows(5)), field(rows(5)), words=0)


def test_the_word_that_moved_is_the_first_of_the_drift() -> None:
    middle = 5 * rows(4, 30, seed=9)
    matrix = np.repeat(middle, 25, axis=0) + rows(100, 30)
    moved = matrix.copy()
    moved[10] = middle[3] + rows(1, 30, 4)[0]  # from the first group to the last
    found = overlap(field(matrix), field(moved), 10)
    assert found is not None
    first, second = found.drift(2)
    assert first["word"] == "w10"
    assert first["overlap"] == 0
    assert first["similarity"] < 0.5 < second["similarity"]
    assert {int(word[1:]) // 25 for word in first["here"]} == {0}
    assert {int(word[1:]) // 25 for word in first["there"]} == {3}
    assert first["here"] == [word for word, _ in field(matrix).most_similar("w10", 10)]


def test_similarity_of_cosines_is_hamiltons() -> None:
    one, other = field(rows(30)), field(rows(30, 6, 2))
    found = overlap(one, other, 3)
    assert found is not None
    for place, word in enumerate(found.words):
        around = sorted({*found.here[place], *found.there[place]})
        left, right = ([each.similarity(word, near) for near in around] for each in (one, other))
        expected = np.dot(left, right) / np.linalg.norm(left) / np.linalg.norm(right)
        assert found.similarities[place] == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    for name, seed in (("one", 1), ("other", 2)):
        field(rows(40, 6, seed)).save(tmp_path / name)
    return tmp_path / "one", tmp_path / "other"


def test_the_command_tells_hubs_of_one_model_and_the_overlap_of_two(
    run: Callable[..., Ran], models: tuple[Path, Path]
) -> None:
    one = json.loads(run("neighborhoods", models[0], "-k", 3, "--json").out)
    (told,) = one["hubness"]
    assert (told["model"], told["words"], told["k"]) == (str(models[0]), 40, 3)
    assert len(told["hubs"]) == 10
    assert one["overlap"] is None
    both = api.neighborhoods(*models, k=3)
    assert [each["model"] for each in both["hubness"]] == [str(model) for model in models]
    assert both["overlap"]["metric"] == "overlap@3"
    assert 0 < both["overlap"]["value"] < 0.5
    shown = run("neighborhoods", *models, "-k", 3)
    assert shown.status == 0
    assert "skewness" in shown.out
    assert f"{both['overlap']['value']:.1%}" in shown.out
    assert both["drift"][0]["word"] in shown.out


def test_the_command_refuses_models_without_shared_words(
    run: Callable[..., Ran], models: tuple[Path, Path], tmp_path: Path
) -> None:
    field(rows(3), list("abc")).save(tmp_path / "foreign")
    ran = run("neighborhoods", models[0], tmp_path / "foreign")
    assert ran.status == 1
    assert "fewer than 2 words" in ran.err
