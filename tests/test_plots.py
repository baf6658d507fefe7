"""Pictures, in the format that the name asks for: what stands between words, and scores beside each other."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support import Ran
from wordfield import Word2Vec, api

matplotlib = pytest.importorskip("matplotlib")

from wordfield.plots import course, heat_map, score_plot  # noqa: E402 - needs matplotlib

Run = Callable[..., Ran]
WORDS = ["king", "queen", "apple"]
VALUES = np.array([[1.0, 0.5, -0.25], [0.5, 1.0, 0.0], [-0.25, 0.0, 1.0]])


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("SVG", b"<?xml"), ("pdf", b"%PDF")])
@pytest.mark.parametrize("values", [VALUES, np.abs(VALUES), np.zeros((3, 3))])
def test_a_picture_is_written(tmp_path: Path, ending: str, magic: bytes, values: np.ndarray) -> None:
    path = tmp_path / f"heat.{ending}"
    heat_map(values, WORDS, path, "cosine")
    assert path.read_bytes().startswith(magic)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_its_words_and_numbers_are_text(tmp_path: Path) -> None:
    heat_map(VALUES, ["king", "女王", "apple"], tmp_path / "heat.svg", "cosine")
    drawn = (tmp_path / "heat.svg").read_text("utf-8")
    for text in ("king", "女王", "apple", "cosine", "0.5", "-0.25"):
        assert f">{text}</text>" in drawn
    many = np.eye(40)
    heat_map(many, [f"word{number}" for number in range(40)], tmp_path / "many.svg")
    assert ">word39</text>" in (tmp_path / "many.svg").read_text("utf-8")


def test_characters_that_no_font_has_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    heat_map(VALUES, ["king", "\U00016800", "apple"], tmp_path / "heat.png")  # a Bamum letter
    assert "no font here has all the characters" in caplog.text


def test_what_cannot_be_drawn_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"cannot draw .*heat.gif: give a name that ends in .png, .svg, .pdf"):
        heat_map(VALUES, WORDS, tmp_path / "heat.gif")
    with pytest.raises(ValueError, match=r"2 words, but values of shape \(3, 3\)"):
        heat_map(VALUES, WORDS[:2], tmp_path / "heat.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'wordfield\[plots\]'"):
        heat_map(VALUES, WORDS, tmp_path / "heat.png")


def test_the_course_of_a_training_is_drawn(tmp_path: Path) -> None:
    course({"loss": [7.0, 6.0], "heldout": [6.5, 6.2], "checked": [1000, 2000]}, tmp_path / "network.svg")
    course({"loss": [0.5, 0.4]}, tmp_path / "words.svg")
    network, words = ((tmp_path / f"{name}.svg").read_text("utf-8") for name in ("network", "words"))
    for text in ("perplexity", "tokens read", "kept aside", "1k"):
        assert f">{text}</text>" in network
    assert ">loss, nats a prediction</text>" in words
    assert ">kept aside</text>" not in words
    course({"loss": [7.0, 6.0], "accuracy": [0.1, 0.3], "checked": [1000, 2000]}, tmp_path / "masked.svg")
    assert "masked tokens guessed right" in (tmp_path / "masked.svg").read_text("utf-8")
    assert "guessed right" not in network
    with pytest.raises(ValueError, match="the model remembers no losses"):
        course({}, tmp_path / "none.svg")


def test_info_draws_it(run: Run, tmp_path: Path) -> None:
    Word2Vec(dim=4, epochs=2, min_count=1, threads=1).fit([["a", "b", "c"]] * 20).save(tmp_path / "model")
    ran = run("info", str(tmp_path / "model"), "--plot", str(tmp_path / "course.png"))
    assert ran.status == 0, ran.err
    assert (tmp_path / "course.png").read_bytes().startswith(b"\x89PNG")
    refused = run("info", "builtin:python-docs", "--plot", str(tmp_path / "text.png"))
    assert refused.status == 1
    assert "give a model" in refused.err


def test_the_matrix_of_trained_vectors_has_cosines(run: Run, vectors: Path, tmp_path: Path) -> None:
    told = json.loads(run("matrix", vectors, "king", "queen", "king", "--json").out)
    assert told["words"] == ["king", "queen"]
    assert told["kind"] == "cosine"
    assert np.allclose(told["values"], [[1, 0.5], [0.5, 1]])
    table = run("matrix", vectors, "--out", tmp_path / "heat.png").out
    assert table.splitlines()[0].split() == ["king", "queen", "man", "woman", "apple", "苹果"]
    assert "heat.png" in table
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")


def test_too_many_words_for_a_matrix_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vectors: Path
) -> None:
    monkeypatch.setattr(api.asking, "MATRIX", 5)
    with pytest.raises(ValueError, match="the model has 6 words; name those to show"):
        api.matrix(vectors)
    with pytest.raises(KeyError, match="'kong' is not among the 6 words"):
        api.matrix(vectors, ["kong"])


def scored(dataset: str, metric: str, *values: float | None, task: str = "similarity") -> dict[str, Any]:
    """A set as ``api.evaluate`` returns it of several models."""
    return {
        "task": task,
        "dataset": dataset,
        "metric": metric,
        "values": [
            {"on_shared": {"value": each, "low": each and each - 0.1, "high": each and each + 0.05}} for each in values
        ],
    }


@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("PDF", b"%PDF")])
def test_scores_are_drawn(tmp_path: Path, ending: str, magic: bytes) -> None:
    path = tmp_path / f"scores.{ending}"
    score_plot([scored("a", "spearman", 0.5, None), scored("b", "accuracy", 0.25, 0.3)], ["one", "two"], path)
    assert path.read_bytes().startswith(magic)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_each_metric_has_a_panel_and_each_set_a_row(tmp_path: Path) -> None:
    results = [scored(f"set-{number}", "spearman", 0.5, 0.4, 0.3) for number in range(12)]
    results += [
        scored("google", "accuracy", 0.25, 0.3, 0.2, task="analogy"),
        scored("8-8-8", "accuracy", 0.1, 0.2, 0.3),
    ]
    results += [scored("uncovered", "purity", None, None, None)]
    score_plot(results, ["模型", "two", "three"], tmp_path / "scores.svg")
    drawn = (tmp_path / "scores.svg").read_text("utf-8")
    for text in ("spearman", "accuracy", "set-0", "set-11", "google (analogy)", "模型", "two", "three"):
        assert f">{text}</text>" in drawn
    assert "uncovered" not in drawn
    assert "purity" not in drawn
    alone = {"task": "analogy", "dataset": "google", "metric": "accuracy", "value": 0.25, "low": None, "high": None}
    score_plot([alone], ["one"], tmp_path / "alone.svg")
    drawn = (tmp_path / "alone.svg").read_text("utf-8")
    assert ">google</text>" in drawn
    assert ">one</text>" not in drawn  # one model needs no legend


def test_every_dot_and_interval_is_where_it_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []
    monkeypatch.setattr("wordfield.plots._drawn", lambda figure, kind: figures.append(figure) or b"")
    results = [scored("a", "spearman", 0.5, 0.2), scored("b", "spearman", None, 0.3)]
    score_plot(results, ["one", "two"], tmp_path / "scores.png")
    (axis,) = figures[0].axes
    one, two = axis.lines
    np.testing.assert_allclose(one.get_xdata(), [0.5, np.nan])
    np.testing.assert_allclose(two.get_xdata(), [0.2, 0.3])
    assert (one.get_ydata() < two.get_ydata()).all()  # the first model on top, as the axis grows downwards
    assert axis.get_ylim() == (1.5, -0.5)
    drawn = [[segment[:, 0] for segment in lines.get_segments() if len(segment)] for lines in axis.collections[:2]]
    np.testing.assert_allclose(drawn[0], [[0.4, 0.55]])
    np.testing.assert_allclose(drawn[1], [[0.1, 0.25], [0.2, 0.35]])


def test_scores_that_cannot_be_drawn_are_said(tmp_path: Path, vectors: Path) -> None:
    with pytest.raises(ValueError, match="there are no scores to draw"):
        score_plot([scored("a", "spearman", None)], ["one"], tmp_path / "scores.png")
    with pytest.raises(ValueError, match=r"cannot draw .*gif"):
        score_plot([scored("a", "spearman", 0.5)], ["one"], tmp_path / "scores.gif")
    with pytest.raises(ValueError, match=r"cannot draw .*gif"):  # before anything is scored
        api.evaluate(vectors, [tmp_path / "nothing"], plot=tmp_path / "scores.gif")


def test_evaluate_draws_what_it_prints(run: Run, vectors: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("king queen 9\nman woman 8\nking apple 1\nman apple 2\n")
    for models in ([vectors], [vectors, vectors]):
        ran = run("evaluate", *models, "--data", pairs, "--plot", tmp_path / "scores.svg")
        assert (ran.status, ran.err) == (0, "")
        drawn = (tmp_path / "scores.svg").read_text("utf-8")
        assert ">pairs</text>" in drawn
    assert ">vectors.txt (2)</text>" in drawn
