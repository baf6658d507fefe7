"""How long work reports: a callable that is told what is done, and may stop it by raising."""

from __future__ import annotations

from typing import Any, Protocol


class Progress(Protocol):
    """Called as ``progress(done, total, **measures)``; ``total`` is 0 while unknown. What it raises stops the work."""

    def __call__(self, done: int, total: int, **measures: Any) -> None: ...


def silent(done: int, total: int, **measures: Any) -> None:
    """Report nothing."""
