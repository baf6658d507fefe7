"""How many texts go together, and what is learnt from being refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordfield.models.service.batches import Limits, estimated, said


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 9), st.integers(0, 120))
def test_every_text_goes_once_in_order_and_within_limits(sizes: list[int], inputs: int, tokens: int) -> None:
    batches = list(Limits(inputs, tokens).batches(sizes))
    assert [here for batch in batches for here in batch] == list(range(len(sizes)))
    for place, batch in enumerate(batches, 1):
        held = sum(sizes[here] for here in batch)
        assert len(batch) <= inputs
        assert not tokens or held <= tokens or len(batch) == 1
        if place < len(batches):  # no batch is smaller than it need be
            assert len(batch) == inputs or held + sizes[batches[place][0]] > tokens > 0


@pytest.mark.parametrize(
    ("message", "most"),
    [
        ("input batch size 83 > maximum allowed batch size 64", 64),
        ("batch size 33 > maximum allowed batch size 32", 32),
        ("batch size is invalid, it should not be larger than 10.: input.contents", 10),
        ("Too many inputs in request: at most 2048 inputs are allowed", 2048),
        ("'input' array length must be <= 2048", 2048),
        ("The parameter is invalid. Please check again.", None),
        ("maximum context length is 8192 tokens, however you requested 9000 tokens", None),
    ],
)
def test_the_number_in_a_refusal_is_read(message: str, most: int | None) -> None:
    assert said(message) == most


def test_limits_only_shrink_and_only_below_what_was_refused() -> None:
    limits = Limits(100, 1000)
    assert limits.learnt(83, "maximum allowed batch size 64") == Limits(64, 1000)
    assert Limits(32).learnt(83, "maximum allowed batch size 64") == Limits(32)
    assert limits.learnt(5, "maximum allowed batch size 64") is limits
    assert limits.learnt(5, "maximum allowed batch size 0") is limits


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("", 2, 2), ("the cat sat", 5, 6), ("internationalization", 6, 9), ("向量很重要。", 8, 8), ("a, b; c!", 8, 8)],
)
def test_tokens_are_estimated(text: str, least: int, most: int) -> None:
    assert least <= estimated(text) <= most
