"""Requests keep to the rate that was agreed, and waiting is as long as a service asks."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from wordfield.models.service.pacing import Bucket, retry_after


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def passed(a_minute: float, draws: list[float]) -> list[float]:
    time = Time()
    bucket = Bucket(a_minute, lambda: time.now, time.sleep)
    moments = []
    for units in draws:
        bucket.draw(units)
        moments.append(time.now - 1000.0)
    return moments


def test_a_tenth_of_a_minutes_share_passes_at_once_and_the_rest_at_the_rate() -> None:
    moments = passed(60, [1] * 16)
    assert moments[:6] == [0.0] * 6
    assert moments[6:] == pytest.approx([float(second) for second in range(1, 11)])


def test_no_more_than_agreed_passes_in_any_minute_but_for_the_first_burst() -> None:
    moments = passed(600, [7] * 400)
    for start in range(0, 400, 13):
        inside = sum(7 for moment in moments if moments[start] <= moment < moments[start] + 60)
        assert inside <= 600 * 1.1 + 7


def test_who_draws_more_than_the_bucket_holds_is_served_and_the_next_wait() -> None:
    moments = passed(60, [30, 1])
    assert moments[0] == pytest.approx(0.0)
    assert moments[1] == pytest.approx(25.0)


def test_without_a_rate_nobody_waits() -> None:
    assert passed(0, [1e9] * 3) == [0.0] * 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": formatdate(1_700_000_030, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(1_600_000_000, usegmt=True)}, 0.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({}, None),
    ],
)
def test_what_a_service_asks_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, lambda: 1_700_000_000.0) == seconds
