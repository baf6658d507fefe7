"""How fast to ask, and how long to wait after a refusal: token buckets for requests and tokens, and Retry-After."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import final

MINUTE = 60.0


@final
@dataclass
class Bucket:
    """Lets ``a_minute`` units pass in a minute, as many at once as that in a tenth of it; 0: any number. Several
    threads may draw from it: who comes first is served first.
    """

    a_minute: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _ready: float = field(default=float("-inf"), init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def draw(self, units: float = 1) -> None:
        """Wait until so many units may pass. More than the bucket holds wait for no more than their own share, and
        those that come after wait for the rest.
        """
        if self.a_minute <= 0:
            return
        with self._lock:
            now = self.clock()
            start = max(self._ready, now - MINUTE / 10)
            self._ready = start + units * MINUTE / self.a_minute
            pause = min(self._ready, start + MINUTE / 10) - now
        if pause > 0:
            self.sleep(pause)


def retry_after(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """The seconds that a service asks to wait: retry-after-ms, or Retry-After as seconds or as a date (RFC 9110,
    10.2.3), at least 0; None where it says nothing that can be read. Names of headers in small letters.
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        said = headers.get(name, "").strip()
        try:
            seconds = float(said) * unit
        except ValueError:
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now())
    except (ValueError, TypeError, IndexError):
        return None
