"""What tests import by name: where the repository is, whether the compiler is off, and what a command line did."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

JIT_OFF = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
ROOT = Path(__file__).parent.parent


@dataclass
class Ran:
    """What one command line did."""

    status: int
    out: str
    err: str
