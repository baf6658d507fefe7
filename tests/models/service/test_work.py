"""Every text is asked for until it has its vector, and one that is refused is found."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from wordfield.models.service.batches import Limits
from wordfield.models.service.work import Work


@given(st.integers(0, 70), st.sets(st.integers(0, 69)), st.integers(1, 20))
def test_the_texts_at_fault_are_found_and_the_others_go_once(count: int, bad: set[int], inputs: int) -> None:
    work, sent, alone = Work([1] * count, Limits(inputs)), [], []
    while (batch := work.take()) is not None:
        assert 0 < len(batch) <= inputs
        if bad & set(batch) and len(batch) > 1:
            work.refused(batch, "something is wrong with the input")
        else:
            (alone if bad & set(batch) else sent).extend(batch)
            work.done()
    assert alone == sorted(bad & set(range(count)))
    assert sent == [place for place in range(count) if place not in bad]


def test_a_limit_that_is_named_is_kept_from_then_on() -> None:
    work, sizes = Work([1] * 200, Limits(83)), []
    while (batch := work.take()) is not None:
        if len(batch) > 64:
            work.refused(batch, "batch size 83 > maximum allowed batch size 64")
        else:
            sizes.append(len(batch))
            work.done()
    assert sizes == [64, 19, 64, 53]
    assert work.limits == Limits(64)


def test_who_finds_nothing_waits_for_what_may_come_back() -> None:
    work, taken = Work([1, 1], Limits(2)), []
    batch = work.take()
    assert batch is not None
    other = threading.Thread(target=lambda: taken.append(work.take()))
    other.start()
    other.join(0.05)
    assert other.is_alive()
    work.refused(batch, "")
    other.join(10)
    assert taken == [range(1)]


def test_nothing_is_handed_out_after_a_stop() -> None:
    work = Work([1] * 9, Limits(2))
    assert work.take() == range(2)
    work.stop()
    work.done()
    assert work.take() is None
