"""Texts longer than what a network reads at once: windows that overlap by half, so that every token but those of the
first window is read with at least half a window before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Window(NamedTuple):
    """Tokens ``first:last``, of which those from ``new`` on were in no window before."""

    first: int
    last: int
    new: int


def windows(length: int, context: int) -> Iterator[Window]:
    """The windows of ``context`` tokens over a text of ``length``; the last may be shorter."""
    step, new = max(1, context // 2), 0
    for first in range(0, max(length - context, 0) + step, step):
        last = min(first + context, length)
        if last > new:
            yield Window(first, last, new)
            new = last
