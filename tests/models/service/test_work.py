"""Every text is asked for until it has its vector, and one that is refused is found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wordfield.models.service.batches import Limits
from wordfield.models.service.work import Work


@given(st.integers(0, 70), st.sets(st.integers(0, 69)), st.integers(1, 20))
def test_the_texts_at_fault_are_found_and_the_others_go_once(count: int, bad: set[int], inputs: int) -> None:
    work, sent, alone = Work([1] * count, Limits(inputs)), [], []
    while (batch := work.take()) is not None:
        assert 0 < len(batch) <= inputs
        if not bad & set(batch):
            sent += batch
        elif not work.refused(batch, "something is wrong with the input"):
            alone += batch
    assert alone == sorted(bad & set(range(count)))
    assert sent == [place for place in range(count) if place not in bad]


def test_a_limit_that_is_named_is_kept_from_then_on() -> None:
    work, sizes = Work([1] * 200, Limits(83)), []
    while (batch := work.take()) is not None:
        if len(batch) <= 64 or not work.refused(batch, "batch size 83 > maximum allowed batch size 64"):
            sizes.append(len(batch))
    assert sizes == [64, 19, 64, 53]
    assert work.limits == Limits(64)
