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
        self._lock = threading.Lock()

    @property
    def limits(self) -> Limits:
        """Those that are known by now."""
        return self._limits

    def take(self) -> range | None:
        """The places of the next request; None if none wait at the moment."""
        with self._lock:
            if not self._waiting:
                return None
            group = self._waiting.popleft()
            batch = next(iter(self._limits.batches([self._sizes[place] for place in group])))
            if rest := group[len(batch) :]:
                self._waiting.appendleft(rest)
            return group[: len(batch)]

    def refused(self, batch: range, message: str) -> bool:
        """Put the places of a refused request back, to go in smaller ones; False for one text, which cannot."""
        if len(batch) < 2:
            return False
        with self._lock:
            self._limits = self._limits.learnt(len(batch), message)
            if self._limits.inputs < len(batch):
                self._waiting.appendleft(batch)
            else:
                middle = len(batch) // 2
                self._waiting.extendleft([batch[middle:], batch[:middle]])
            return True
