"""Texts that wait for their vectors: handed out in order, as many at once as fit, and halved where they are refused."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from wordfield.models.service.batches import Limits


class Work:
    """Places of texts that are still to be asked for, shared by threads.

    A request that is refused for its size comes back in halves, until the one text that is at fault is alone.
    """

    def __init__(self, sizes: Sequence[int], limits: Limits) -> None:
        self._sizes = sizes
        self._limits = limits
        self._waiting = deque([range(len(sizes))] if sizes else [])
        self._out = 0
        self._changed = threading.Condition()

    @property
    def limits(self) -> Limits:
        """Those that are known by now."""
        return self._limits

    def take(self) -> range | None:
        """The places of the next request, which `done` or `refused` must follow. Where none wait, but some that are on
        their way may come back, wait for that; None when there is nothing left to do.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._out)
            if not self._waiting:
                return None
            group = self._waiting.popleft()
            first = group[: self._limits.inputs]
            batch = next(iter(self._limits.batches([self._sizes[place] for place in first])))
            if rest := group[len(batch) :]:
                self._waiting.appendleft(rest)
            self._out += 1
            return group[: len(batch)]

    def done(self) -> None:
        """A request that was taken has its answer."""
        with self._changed:
            self._out -= 1
            self._changed.notify_all()

    def refused(self, batch: range, message: str) -> None:
        """Put the places of a refused request, of two texts or more, back, to go in smaller ones."""
        with self._changed:
            self._out -= 1
            self._limits = self._limits.learnt(len(batch), message)
            if self._limits.inputs < len(batch):
                self._waiting.appendleft(batch)
            else:
                middle = len(batch) // 2
                self._waiting.extendleft([batch[middle:], batch[:middle]])
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()
