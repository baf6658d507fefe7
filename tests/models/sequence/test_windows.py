"""Windows over a long text: each token new in one of them, with enough before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="the networks need PyTorch: pip install 'wordfield[neural]'")

from wordfield.models.sequence.windows import windows


@given(st.integers(0, 300), st.integers(2, 60))
def test_each_token_is_new_once_with_half_a_context_before_it(length, context):
    new = []
    for window in windows(length, context):
        assert 0 <= window.first <= window.new < window.last <= length
        assert window.last - window.first <= context
        for token in range(window.new, window.last):
            assert token - window.first >= min(token, context // 2)
        new += range(window.new, window.last)
    assert new == [*range(length)]


def test_windows_overlap_by_half_and_the_last_may_be_shorter():
    assert [*windows(11, 4)] == [(0, 4, 0), (2, 6, 4), (4, 8, 6), (6, 10, 8), (8, 11, 10)]
    assert [*windows(4, 4)] == [(0, 4, 0)]
    assert [*windows(3, 4)] == [(0, 3, 0)]
    assert [*windows(0, 4)] == []


def test_a_context_of_one_token_reads_each_alone():
    assert [*windows(3, 1)] == [(0, 1, 0), (1, 2, 1), (2, 3, 2)]
