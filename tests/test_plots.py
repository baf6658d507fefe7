"""Heat maps: a picture of what stands between words, in the format that the name asks for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support import Ran
from wordfield import api

matplotlib = pytest.importorskip("matplotlib")

from wordfield.plots import heat_map  # noqa: E402 - needs matplotlib

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
    monkeypatch.setattr(api, "MATRIX", 5)
    with pytest.raises(ValueError, match="the model has 6 words; name those to show"):
        api.matrix(vectors)
    with pytest.raises(KeyError, match="'kong' is not among the 6 words"):
        api.matrix(vectors, ["kong"])
