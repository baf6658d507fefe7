"""Windows over a long text: each token new in one of them, with enough before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence.windows import centred, windows


@given(st.integers(0, 300), st.integers(2, 60))
def test_each_token_is_new_once_with_half_a_context_before_it(length, context):
    new = []
    for window in windows(length, context):
        assert 0 <= window.first <= window.new < window.last == window.end <= length
        assert window.last - window.first <= context
        for token in range(window.new, window.last):
            assert token - window.first >= min(token, context // 2)
        new += range(window.new, window.last)
    assert new == [*range(length)]


@given(st.integers(0, 300), st.integers(2, 60))
def test_each_token_is_taken_once_from_the_middle(length, context):
    taken = []
    for window in centred(length, context):
        assert 0 <= window.first <= window.new < window.end <= window.last <= length
        assert window.last - window.first <= context
        for token in range(window.new, window.end):
            assert token - window.first >= min(token, context // 4)
            # The last window may be shorter: the one before it overlaps with less than half of it.
            assert window.last - token >= min(length - token, context // 4)
        taken += range(window.new, window.end)
    assert taken == [*range(length)]


def test_windows_overlap_by_half_and_the_last_may_be_shorter():
    places = [(0, 4, 0, 4), (2, 6, 4, 6), (4, 8, 6, 8), (6, 10, 8, 10), (8, 11, 10, 11)]
    assert [*windows(11, 4)] == places
    assert [*windows(4, 4)] == [(0, 4, 0, 4)]
    assert [*windows(3, 4)] == [(0, 3, 0, 3)]
    assert [*windows(0, 4)] == []


def test_the_middle_of_a_window_counts():
    places = [(0, 4, 0, 3), (2, 6, 3, 5), (4, 8, 5, 7), (6, 10, 7, 9), (8, 11, 9, 11)]
    assert [*centred(11, 4)] == places
    assert [*centred(4, 4)] == [(0, 4, 0, 4)]
    assert [*centred(0, 4)] == []


def test_a_context_of_one_token_reads_each_alone():
    alone = [(0, 1, 0, 1), (1, 2, 1, 2), (2, 3, 2, 3)]
    assert [*windows(3, 1)] == [*centred(3, 1)] == alone
