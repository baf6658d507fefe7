"""Texts longer than what a network reads at once: windows that overlap by half.

N tokens of a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple


class Window(NamedTuple):
    """Tokens ``first:last`` of a text, of which ``new:end`` are taken from this window."""

    first: int
    last: int
    new: int
    end: int


def windows(length: int, context: int) -> Iterator[Window]:
    """The windows of ``context`` tokens over a text of N = ``length``, for a network that reads forwards: every token
    is taken from the first window that has it, and so read with at least half a window before it, but for the first.
    The last window may be shorter.
    """
    step, new = max(1, context // 2), 0
    for first in range(0, max(length - context, 0) + step, step):
        last = min(first + context, length)
        if last > new:
            yield Window(first, last, new, last)
            new = last


def centred(length: int, context: int) -> Iterator[Window]:
    """The same windows for a network that reads in both directions: every token is taken from the window in whose
    middle it stands most, and so read with a quarter of a window on either side.
    """
    found = [*windows(length, context)]
    borders = [0, *((right.first + left.last) // 2 for left, right in pairwise(found)), length]
    for window, (new, end) in zip(found, pairwise(borders), strict=False):
        yield Window(window.first, window.last, new, end)
