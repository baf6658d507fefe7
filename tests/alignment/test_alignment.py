"""A rotation that was applied is found again; what is written is the same model, turned; nonsense is refused."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.sparse import csr_array

import naive_csls
from support import JIT_OFF, Ran
from wordfield import Classifier, Corpus, Word2Vec, alignment, api, formats
from wordfield.alignment import Settings, align, procrustes, read_pairs, retrieval
from wordfield.compression import int8
from wordfield.formats import FormatError, Table
from wordfield.storage import Dense, Sparse
from wordfield.text.ngrams import Ngrams
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors


def rows(count: int, dim: int = 8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def names(count: int, letter: str = "w") -> list[str]:
    return [f"{letter}{row}" for row in range(count)]


def field(matrix: np.ndarray, words: list[str] | None = None) -> WordVectors:
    return WordVectors(Vocabulary(words or names(len(matrix))), Dense(matrix))


def a_turn(dim: int = 8, seed: int = 5) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]


def value(scores: list, retrieval: str, metric: str = "precision@1") -> float:
    (score,) = [each for each in scores if each.metric == metric and each.more["retrieval"] == retrieval]
    return score.value


@pytest.mark.parametrize("settings", [Settings(), Settings(center=True), Settings(unit=False), Settings(rounds=2)])
def test_a_rotation_that_was_applied_is_found_again(settings: Settings) -> None:
    matrix, turn = rows(100), a_turn()
    found = align(field(matrix), field((matrix @ turn).astype(np.float32)), settings=settings)
    assert np.abs(found.rotation - turn).max() < 1e-5
    assert np.abs(found.words.storage.take(range(100)) - matrix @ turn).max() < 1e-5
    assert value(found.after, "cosine") == value(found.after, "csls") == 1
    assert value(found.before, "cosine") < 0.2
    assert found.fitted == 90
    assert len(found.pairs) == 100
    assert found.cosines == pytest.approx(1)


def test_the_rotation_is_that_of_scipy_and_orthogonal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procrustes, "HELD", 100)  # several blocks
    one, other = rows(200), rows(200, seed=2)
    pairs = np.stack([np.arange(200), np.arange(200)[::-1]], axis=1)
    plain = procrustes.rotation(field(one), field(other), pairs, unit=False)
    expected, _ = orthogonal_procrustes(one.astype(float), other[::-1].astype(float))
    assert plain == pytest.approx(expected, abs=1e-10)
    units = [
        each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one.astype(float), other[::-1].astype(float))
    ]
    centred = [each - each.mean(axis=0) for each in units]
    again = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in centred]
    found = procrustes.rotation(field(one), field(other), pairs, center=True)
    assert found == pytest.approx(orthogonal_procrustes(*again)[0], abs=1e-10)
    assert found @ found.T == pytest.approx(np.eye(8), abs=1e-12)


def naive_precision(one: np.ndarray, other: np.ndarray, right: dict[int, set[int]], most: int, k: int | None) -> float:
    scores = naive_csls.cosines(one, other) if k is None else naive_csls.csls(one, other, k)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :most]
    return float(np.mean([bool(right[row] & set(best[row].tolist())) for row in right]))


def test_precision_is_its_definition_by_cosine_and_by_csls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "HELD", 64)
    matrix, turn = rows(120) + 0.4, a_turn()
    noisy = ((matrix + 1.2 * rows(120, seed=3)) @ turn).astype(np.float32)
    a, b = field(matrix), field(noisy, names(120, "x"))
    pairs = [(f"w{row}", f"x{row}") for row in range(60)]
    test = [(f"w{row}", f"x{row}") for row in range(60, 120)] + [("w60", "x3"), ("w61", "x5")]
    found = align(a, b, pairs, test=test, settings=Settings(k=5))
    turned = (matrix @ found.rotation).astype(np.float32)
    right = {row: {row} for row in range(60, 120)}
    right[60], right[61] = {60, 3}, {61, 5}
    for by, k in (("cosine", None), ("csls", 5)):
        for most in (1, 5, 10):
            expected = naive_precision(turned, noisy, right, most, k)
            assert value(found.after, by, f"precision@{most}") == pytest.approx(expected)
    assert 0.1 < value(found.after, "csls") < 1
    result = found.after[0].result()
    assert result["low"] < result["value"] < result["high"]


def test_mutual_neighbours_are_each_others_best() -> None:
    matrix, turn = rows(80), a_turn()
    noisy = ((matrix + 0.8 * rows(80, seed=3)) @ turn).astype(np.float32)
    found = retrieval.mutual(field(matrix), field(noisy), turn, 5)
    scores = naive_csls.csls((matrix @ turn).astype(np.float32), noisy, 5)
    there, back = scores.argmax(axis=1), scores.argmax(axis=0)
    expected = [[row, there[row]] for row in range(80) if back[there[row]] == row]
    assert found.tolist() == expected
    assert 10 < len(expected) < 80


def test_rounds_make_a_rotation_from_few_pairs_better() -> None:
    matrix, turn = rows(150, 10), a_turn(10)
    noisy = ((matrix + 0.6 * rows(150, 10, seed=3)) @ turn).astype(np.float32)
    a, b = field(matrix), field(noisy)
    few, test = [(f"w{row}", f"w{row}") for row in range(14)], [(f"w{row}", f"w{row}") for row in range(30, 150)]
    once = align(a, b, few, test=test)
    again = align(a, b, few, test=test, settings=Settings(rounds=2))
    assert value(again.after, "csls") > value(once.after, "csls")
    assert len(again.rounds) == 2
    assert again.rounds[-1]["pairs"] > 14
    assert again.rounds[-1]["cosine"] > 0.8
    assert np.abs(again.rotation - turn).max() < np.abs(once.rotation - turn).max()


def test_the_test_has_no_part_in_the_rotation() -> None:
    a, b = field(rows(100)), field(rows(100, seed=2))
    pairs = [(f"w{row}", f"w{row}") for row in range(100)]
    found = align(a, b, pairs, test=[("w3", "w9"), ("W4", "w4"), ("unknown", "w5"), ("w6", "unknown")])
    assert found.fitted == 97  # of w3, w4 and w6 no pair
    assert found.after[0].covered.tolist() == [True, True, False, False]
    alone = align(a, b, [pair for row, pair in enumerate(pairs) if row not in (3, 4, 6)], test=[("w3", "w3")])
    assert (found.rotation == alone.rotation).all()


def test_the_pairs_set_apart_depend_on_the_seed_alone() -> None:
    a, b = field(rows(100)), field(rows(100, seed=2))
    first, second, third = (align(a, b, settings=Settings(seed=seed)) for seed in (1, 1, 2))
    assert (first.rotation == second.rotation).all()
    assert (first.rotation != third.rotation).any()
    whole = align(a, b, settings=Settings(held_out=0))
    assert whole.fitted == 100
    assert len(whole.after[0].covered) == 0
    assert whole.after[0].result()["value"] is None


def test_words_that_moved_come_first() -> None:
    matrix, turn = rows(100), a_turn()
    other = (matrix @ turn).astype(np.float32)
    other[7] = -other[7]
    found = align(field(matrix), field(other))
    (one, two, cosine), (_, _, next_) = found.moved(2)
    assert (one, two) == ("w7", "w7")
    assert cosine == pytest.approx(-1, abs=0.05)
    assert next_ > 0.9


def test_pairs_are_the_most_frequent_shared_words_that_have_a_direction() -> None:
    one, other = rows(50), rows(60, seed=2)
    one[2], other[4], other[5, 1] = 0, np.nan, np.inf
    a, b = field(one), field(other[::-1].copy(), names(60)[::-1])
    found = align(a, b, settings=Settings(pairs=20, held_out=0))
    assert found.pairs == [(f"w{row}", f"w{row}") for row in range(20) if row not in (2, 4, 5)]
    assert np.isfinite(found.rotation).all()
    back = align(b, a, settings=Settings(pairs=20, held_out=0))
    broken = ~np.isfinite(back.words.storage.take(range(60))).all(axis=1)
    assert np.flatnonzero(broken).tolist() == [54, 55]  # w5 and w4


def test_too_few_pairs_are_warned_of_and_none_refused(caplog: pytest.LogCaptureFixture) -> None:
    a, b = field(rows(100)), field(rows(100, seed=2))
    with caplog.at_level(logging.WARNING, "wordfield"):
        found = align(a, b, [("w1", "w1"), ("w2", "w2")], test=[("w3", "w3")])
    assert "2 pairs leave open how some of the 8 dimensions are turned" in caplog.text
    assert found.rotation @ found.rotation.T == pytest.approx(np.eye(8), abs=1e-12)
    caplog.clear()
    align(a, b)
    assert caplog.text == ""
    zeros = np.zeros((3, 8), np.float32)
    with pytest.raises(ValueError, match="none of 0 pairs is left"):
        align(a, field(rows(9), names(9, "x")))
    with pytest.raises(ValueError, match=r"none of 3 pairs is left .* neither zeros nor NaN"):
        align(a, field(zeros))
    with pytest.raises(ValueError, match=r"none of 1 pairs is left .* not in the test"):
        align(a, b, [("w1", "w1")], test=[("w1", "w1")])


def test_what_cannot_be_turned_is_refused() -> None:
    with pytest.raises(ValueError, match="8 and 9 dimensions"):
        align(field(rows(10)), field(rows(10, 9)))
    sparse = WordVectors(Vocabulary(names(10)), Sparse(csr_array(rows(10))))
    for pair in ((sparse, field(rows(10))), (field(rows(10)), sparse)):
        with pytest.raises(ValueError, match="sparse vectors cannot be turned"):
            align(*pair)
    with pytest.raises(ValueError, match="sparse"):
        alignment.turned(sparse.storage, np.eye(8))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"held_out": 1.0}, "from 0 to less than 1, not 1.0"),
        ({"pairs": 0}, "at least 1, not 0"),
        ({"rounds": -1}, "not -1, 30000 and 10"),
        ({"k": 0}, "not 0, 30000 and 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings(**wrong)


def test_dictionaries_are_read_with_tabs_or_spaces(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_bytes("\ufeffthe\t该\r\nnew york\t纽约\r\n\r\ncat 猫\r\n".encode())
    assert read_pairs(path) == [("the", "该"), ("new york", "纽约"), ("cat", "猫")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"the a\ncat\n", "line 2: a word, a tab and its translation are needed, not 'cat'"),
        (b"the a b\n", "line 1"),
        (b"the\t\n", "line 1"),
        (b"the\tone\ttwo\n", "line 1"),
        (b"the a\n\xff b\n", "line 2: not UTF-8"),
        (b"\n\n", "no pairs of words in it"),
    ],
)
def test_a_dictionary_that_is_none_is_refused_with_its_line(text: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_bytes(text)
    with pytest.raises(ValueError, match=said):
        read_pairs(tmp_path / "pairs.txt")


def test_format_error_is_what_a_broken_dictionary_raises(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("one\n")
    with pytest.raises(FormatError):
        read_pairs(tmp_path / "pairs.txt")


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    """A model with all that one can have, as codes, and the same one turned."""
    matrix, turn = rows(200), a_turn()
    state = {"output": rows(200)}
    config = {"recipe": {"model": "word2vec"}, "history": {"loss": [1.0]}}
    counts = np.arange(200, 0, -1)
    formats.save(Table(names(200), int8(Dense(matrix)), counts, config, state), tmp_path / "a")
    formats.save(Table(names(200), Dense((matrix @ turn).astype(np.float32)), counts), tmp_path / "b.txt")
    return tmp_path / "a", tmp_path / "b.txt"


def test_the_command_writes_the_turned_model_and_tells_how_well_it_fits(
    run: Callable[..., Ran], models: tuple[Path, Path], tmp_path: Path
) -> None:
    ran = run("align", *models, "--out", tmp_path / "c", "-k", 3, "--json")
    assert (ran.status, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert (told["pairs"], told["test"], told["dim"]) == (180, {"pairs": 20, "covered": 20}, 8)
    assert [(each["retrieval"], each["metric"]) for each in told["after"]] == [
        (by, f"precision@{most}") for by in ("cosine", "csls") for most in (1, 5, 10)
    ]
    assert all(each["value"] == 1 for each in told["after"])
    assert told["before"][0]["value"] < 0.5
    assert len(told["moved"]) == 3
    assert told["lost"] == ["what training goes on from", "codes: all numbers are written in full"]
    written, b = api.load(tmp_path / "c"), api.load(models[1])
    assert isinstance(written.words.storage, Dense)
    assert written.recipe == {"model": "word2vec"}
    assert written.history["loss"] == [1.0]
    assert written.history["aligned"] == [{"onto": str(models[1]), "pairs": 180}]
    assert written.words.vocabulary.counts[0] == 200
    assert np.abs(written.words.storage.matrix - b.words.storage.matrix).max() < 0.05
    assert written.words.similarity("w1", "w2") == pytest.approx(
        api.load(models[0]).words.similarity("w1", "w2"), abs=1e-6
    )
    shown = run("align", *models)
    assert shown.status == 0
    assert "CSLS" in shown.out
    assert "20 of 20 words" in shown.out


def test_the_command_takes_dictionaries_and_refuses_a_foreign_target(
    run: Callable[..., Ran], models: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "pairs.txt").write_text("".join(f"w{row}\tw{row}\n" for row in range(100)))
    (tmp_path / "test.txt").write_text("w150\tw150\nnone\tw3\n")
    options = ["--pairs", tmp_path / "pairs.txt", "--test", tmp_path / "test.txt", "--json"]
    told = json.loads(run("align", *models, *options).out)
    assert (told["pairs"], told["test"]) == (100, {"pairs": 2, "covered": 1})
    assert told["out"] is None
    (tmp_path / "notes.txt").write_text("my notes\n")
    ran = run("align", *models, "--out", tmp_path / "notes.txt")
    assert ran.status == 1
    assert "is no model; it is left alone" in ran.err
    (tmp_path / "pairs.txt").write_text("w1\n")
    ran = run("align", *models, *options)
    assert ran.status == 1
    assert "pairs.txt: line 1" in ran.err


def test_ngrams_go_along_so_that_unknown_words_do_too(tmp_path: Path) -> None:
    ngrams, turn = Ngrams(bucket=40), a_turn()
    table = Table(names(20), Dense(rows(60)), ngrams=ngrams)
    one = WordVectors.of(table)
    formats.save(alignment.turned_table(table, turn, {"onto": None}), tmp_path / "model")
    other = WordVectors.load(tmp_path / "model")
    for word in ("w3", "unknown"):
        assert other[word] == pytest.approx(one[word] @ turn, abs=1e-5)
    found = align(one, other, settings=Settings(held_out=0))
    assert np.abs(found.rotation - turn).max() < 1e-5
    assert found.words["unknown"] == pytest.approx(other["unknown"], abs=1e-5)
    assert found.cosines == pytest.approx(1, abs=1e-5)


def test_a_classifier_that_is_turned_gives_the_same_labels(tmp_path: Path) -> None:
    lines = ["__label__a the king rules the land", "__label__b a cat drinks milk", "__label__a queens rule too"] * 20
    (tmp_path / "text.txt").write_text("\n".join(lines))
    api.train(Classifier(dim=6, epochs=3, threads=1), tmp_path / "text.txt", tmp_path / "one")
    one = api.models.classifier(tmp_path / "one")
    formats.save(alignment.turned_table(one.table(), a_turn(6), {"onto": None}), tmp_path / "two")
    texts = ["the king", "a cat drinks", "queens"]
    for before, after in zip(one.predict(texts, None), api.predict(tmp_path / "two", texts, None), strict=True):
        assert [label for label, _ in before] == [label for label, _ in after]
        assert [chance for _, chance in before] == pytest.approx([chance for _, chance in after], abs=1e-5)


@pytest.mark.data
@pytest.mark.skipif(JIT_OFF, reason="real training takes too long with the compiler off")
def test_models_of_two_halves_of_a_corpus_come_together(data: Path, tmp_path: Path) -> None:
    corpus = (data / "corpora" / "enwiki100m.txt").open("rb")
    with corpus:
        halves = [corpus.read(3_000_000), corpus.read(3_000_000)]
    fields = []
    for number, half in enumerate(halves):
        (tmp_path / f"{number}.txt").write_bytes(half)
        recipe = Word2Vec(dim=40, threads=2, seed=number + 1)
        fields.append(recipe.fit(Corpus(tmp_path / f"{number}.txt")).words)
    found = align(*fields, settings=Settings(pairs=1000))
    chance = 10 / len(fields[1])
    assert chance < 0.002
    assert value(found.before, "csls", "precision@10") < 0.05
    assert value(found.after, "csls", "precision@10") > 0.2
