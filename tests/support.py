"""What tests import by name: where the repository is, whether the compiler is off, and what a command line did."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordfield.formats import FORMATS

JIT_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
ROOT = Path(__file__).parent.parent
WITH_WORDS = [name for name in FORMATS if name not in ("floret", "checkpoint", "elmo", "elmo-many-langs")]
"""The formats of words and vectors alone; the others are without words, or a network's."""
PLAIN = ("loss", "heldout", "checked", "checks", "steps", "tokens", "planned", "stopped", "unfinished")
"""What the history of a network's training says that does not depend on the clock."""


@dataclass
class Ran:
    """What one command line did."""

    status: int
    out: str
    err: str


class Stop:
    """Progress of a network that interrupts as Ctrl-C would: after so many steps, or, ``check``, in the check after
    them.
    """

    def __init__(self, steps: int, check: bool = False) -> None:
        self.left, self.check = steps, check

    def __call__(self, done: int, total: int, **measures: Any) -> None:
        self.left -= "loss" in measures
        if self.left <= 0 and ("heldout" if self.check else "loss") in measures:
            raise KeyboardInterrupt
