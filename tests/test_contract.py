"""What every line of the lineage promises, whatever it does inside."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wordfield as wf
from wordfield.models import LINEAGE, contextual, recipe
from wordfield.protocols import Embedder, Recipe, Static

SMALL = {"dim": 8, "min_count": 1, "max_vocab": None, "epochs": 2, "threads": 1, "seed": 1, "subsample": 0.0}
NETWORK = {"layers": 1, "heads": 2, "cell": 8, "context": 8, "batch": 4}
SENTENCES = ["the king rules the land", "the queen rules the land", "a cat drinks milk", "a dog drinks water"] * 5


def small(kind: type[Any], **others: Any) -> Any:
    """A recipe of this kind that is quick on the sentences above."""
    names = {field.name for field in dataclasses.fields(kind)}
    given = SMALL | (NETWORK if contextual(kind) else {}) | others
    return kind(**{name: value for name, value in given.items() if name in names})


def corpus(kind: type[Any]) -> wf.Corpus:
    """The sentences above, with labels where the recipe is a classifier; a network, too, is to read whole words."""
    labels = ["__label__people ", "__label__people ", "__label__animals ", "__label__animals "] * 5
    supervised = "label_prefix" in {field.name for field in dataclasses.fields(kind)}
    texts = [label * supervised + text for label, text in zip(labels, SENTENCES, strict=True)]
    return wf.Corpus(texts, tokenizer="words")


@pytest.fixture(params=list(LINEAGE))
def kind(request: pytest.FixtureRequest) -> type[Any]:
    return recipe(request.param)


def test_a_recipe_is_a_frozen_dataclass_with_defaults(kind: type[Any]) -> None:
    made = kind()
    assert isinstance(made, Recipe)
    assert kind.__doc__
    name = dataclasses.fields(kind)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, name, getattr(made, name))


def test_a_string_stands_under_each_field(kind: type[Any]) -> None:
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    for field, below in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign):
            said = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            assert isinstance(said, str), f"{ast.unparse(field)} has no string under it"
            assert said.strip().endswith("."), said


def test_every_recipe_has_the_limits_of_the_vocabulary(kind: type[Any]) -> None:
    assert {"min_count", "max_vocab"} <= {field.name for field in dataclasses.fields(kind)}


def test_fit_gives_an_embedder(kind: type[Any]) -> None:
    result = small(kind).fit(corpus(kind))
    assert isinstance(result, Embedder)
    vectors = result.embed(["the king", "unknown words alone", ""])
    assert vectors.shape == (3, result.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert vectors[0].any()


def test_one_thread_and_one_seed_repeat_bit_for_bit(kind: type[Any]) -> None:
    first, second = (small(kind).fit(corpus(kind)).embed(SENTENCES[:4]) for _ in range(2))
    assert first.tobytes() == second.tobytes()


def test_saved_and_loaded_is_the_same(kind: type[Any], tmp_path: Path) -> None:
    result = small(kind).fit(corpus(kind))
    result.save(tmp_path / "model")
    again = wf.load(tmp_path / "model")
    assert again.embed(SENTENCES).tobytes() == result.embed(SENTENCES).tobytes()
    assert again.recipe == result.recipe
    assert again.recipe["model"] in LINEAGE
    if isinstance(result, Static):
        assert again.words.index_to_key == result.words.index_to_key


def test_what_is_saved_makes_the_recipe_again(kind: type[Any]) -> None:
    made = small(kind)
    remembered = dict(made.fit(corpus(kind)).recipe)
    assert recipe(remembered.pop("model"))(**remembered) == made


def test_progress_is_told_and_ends_complete(kind: type[Any]) -> None:
    told: list[tuple[int, int]] = []
    small(kind).fit(corpus(kind), lambda done, total, **measures: told.append((done, total)))
    assert told
    assert told[-1][0] == told[-1][1]
    assert all(0 <= done <= total or total == 0 for done, total in told)


def test_what_progress_raises_stops_the_work(kind: type[Any]) -> None:
    def stop(done: int, total: int, **measures: Any) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        small(kind).fit(corpus(kind), stop)


def test_an_empty_corpus_is_refused(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match=r"empty|no word|no text"):
        small(kind).fit(wf.Corpus(["", "  "]))


def test_a_word_count_that_nothing_reaches_is_refused(kind: type[Any]) -> None:
    with pytest.raises(ValueError, match="1000"):
        small(kind, min_count=1000).fit(corpus(kind))
