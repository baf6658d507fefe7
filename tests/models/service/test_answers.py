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
    assert answer.vectors.dtype == np.float32
    assert np.array_equal(answer.vectors, ROWS)
    assert answer.tokens == 6


def test_ollama_answers_in_its_own_shape() -> None:
    answer = read(json.dumps({"model": "m", "embeddings": ROWS.tolist(), "prompt_eval_count": 9}).encode(), 3)
    assert np.array_equal(answer.vectors, ROWS)
    assert answer.tokens == 9


def test_what_it_took_may_be_left_unsaid() -> None:
    assert read(body(), 3).tokens is None


ZERO = ROWS * np.array([[1], [0], [1]], np.float32)
NOT_FINITE = b'{"data": [{"index": 0, "embedding": [1e39, 1.0]}]}'


@pytest.mark.parametrize(
    ("given", "texts", "dim", "said"),
    [
        (body()[:-40], 3, None, "cut short"),
        (b"[]", 3, None, "no JSON object"),
        (b'{"error": "no"}', 3, None, 'no "data"'),
        (body(ROWS[:2]), 3, None, "2 vectors came for 3 texts"),
        (body(order=[0, 1, 1]), 3, None, "once each"),
        (body(order=[1, 2]), 2, None, "once each"),
        (body(), 3, 5, "has 4 numbers, not 5"),
        (body(ZERO), 3, 4, "vector 1 is all zeros"),
        (NOT_FINITE, 1, None, "not finite"),
        (b'{"data": [{"index": 0, "embedding": "AAA"}]}', 1, None, "neither"),
        (b'{"data": [{"index": 0, "embedding": [1, null]}]}', 1, None, "neither"),
        (b'{"data": [{"index": true, "embedding": [1]}]}', 1, None, "no whole number"),
        (b'{"embeddings": [[1, 2], [1]]}', 2, None, "vector 1 has 1 numbers, not 2"),
    ],
)
def test_a_wrong_answer_is_not_believed(given: bytes, texts: int, dim: int | None, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        read(given, texts, dim)
