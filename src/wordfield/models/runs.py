"""What recipes that train for long have in common: threads, trials, and runs that go on after an interruption."""

from __future__ import annotations

import logging
import time
from typing import Any

from wordfield.text.corpus import cores

log = logging.getLogger(__name__)

INTERRUPTED = "interrupted"
"""Why a training stopped that may go on."""


def thread_count(asked: int | None) -> int:
    """The threads to use: as asked, or one a processor that this process may use."""
    available = cores()
    if asked is not None and asked > available:
        log.warning(
            "%d threads for %d processors: they will take turns, which is slower than %d threads",
            asked,
            available,
            available,
        )
    return asked or available


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two recipes make the same model: all fields but the number of threads."""
    return {**one, "threads": None} == {**other, "threads": None}


class Enough(Exception):
    """A trial has run for as long as it should."""


class Trial:
    """Progress that measures how fast a loop is, without its first step, and stops it after ``SECONDS``."""

    SECONDS = 1.5

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._first = self._last = (0, 0.0)

    def __call__(self, done: int, total: int, **measures: Any) -> None:
        """Note the time. ``Enough`` when there were enough steps."""
        del total, measures
        self._last = (done, time.perf_counter() - self._begun)
        if not self._first[0]:
            self._first = self._last
        if self._last[1] - self._first[1] > self.SECONDS:
            raise Enough

    @property
    def rate(self) -> float:
        """Tokens a second."""
        first = self._first if self._last[0] > self._first[0] else (0, 0.0)
        return (self._last[0] - first[0]) / max(self._last[1] - first[1], 1e-9)
