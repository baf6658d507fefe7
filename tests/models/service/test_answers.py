"""Answers are read in every shape that services give them, and none that is wrong is believed."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from wordfield.models.service.answers import AnswerError, read

ROWS = np.arange(1, 13, dtype=np.float32).reshape(3, 4) / 7


def body(rows: Any = ROWS, order: Any = None, encoded: bool = False, **usage: int) -> bytes:
    places = range(len(rows)) if order is None else order
    told = [base64.b64encode(row.tobytes()).decode() if encoded else row.tolist() for row in np.asarray(rows)]
    data = [{"object": "embedding", "embedding": told[place], "index": place} for place in places]
    return json.dumps({"object": "list", "data": data, "model": "m", "usage": usage}).encode()


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("order", [None, [2, 0, 1]])
def test_vectors_stand_in_the_order_of_the_texts(encoded: bool, order: list[int] | None) -> None:
    answer = read(body(order=order, encoded=encoded, prompt_tokens=5, total_tokens=6), 3, 4)
    assert answer.vectors[0].dtype == np.float32
    assert np.array_equal([answer.vectors[place] for place in range(3)], ROWS)
    assert answer.faults == {}
    assert answer.tokens == 6


def test_ollama_answers_in_its_own_shape() -> None:
    answer = read(json.dumps({"model": "m", "embeddings": ROWS.tolist(), "prompt_eval_count": 9}).encode(), 3)
    assert np.array_equal([answer.vectors[place] for place in range(3)], ROWS)
    assert answer.tokens == 9


def test_what_it_took_may_be_left_unsaid() -> None:
    assert read(body(), 3).tokens is None


def test_without_any_index_the_order_counts() -> None:
    answer = read(json.dumps({"data": [{"embedding": row.tolist()} for row in ROWS]}).encode(), 3)
    assert np.array_equal([answer.vectors[place] for place in range(3)], ROWS)


ZERO = ROWS * np.array([[1], [0], [1]], np.float32)


@pytest.mark.parametrize(
    ("given", "texts", "dim", "at", "said"),
    [
        (body(ROWS[:2]), 3, None, [2], "no vector came"),
        (body(order=[2, 0]), 3, None, [1], "no vector came"),
        (body(), 3, 5, [0, 1, 2], "has 4 numbers, not 5"),
        (body(ZERO), 3, 4, [1], "all zeros"),
        (b'{"data": [{"index": 0, "embedding": [1e39, 1.0]}]}', 1, None, [0], "not finite"),
        (b'{"data": [{"index": 0, "embedding": "AAA"}]}', 1, None, [0], "neither"),
        (b'{"data": [{"index": 0, "embedding": []}]}', 1, None, [0], "neither"),
        (b'{"data": [{"index": 0, "embedding": [1, null]}]}', 1, None, [0], "neither"),
        (b'{"embeddings": [[1, 2], [1]]}', 2, None, [1], "has 1 numbers, not 2"),
    ],
)
def test_what_is_right_in_an_answer_is_kept_and_the_rest_named(
    given: bytes, texts: int, dim: int | None, at: list[int], said: str
) -> None:
    answer = read(given, texts, dim)
    assert sorted(answer.faults) == at
    assert sorted(answer.vectors) == [place for place in range(texts) if place not in at]
    assert all(said in fault for fault in answer.faults.values())


@pytest.mark.parametrize(
    ("given", "texts", "said"),
    [
        (body()[:-40], 3, "cut short"),
        (b"[]", 3, "no JSON object"),
        (b'{"error": "no"}', 3, 'no "data"'),
        (body(order=[0, 1, 1]), 3, "each once"),
        (body(), 2, "each once"),
        (b'{"data": [{"index": true, "embedding": [1]}]}', 1, "no whole number"),
        (b'{"data": [{"embedding": [1]}]}', 2, "no whole number"),
        (b'{"embeddings": [[1, 2]]}', 2, "1 vectors came for 2 texts"),
    ],
)
def test_an_answer_that_cannot_be_told_apart_is_not_believed(given: bytes, texts: int, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        read(given, texts)
