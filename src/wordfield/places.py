"""Where wordfield keeps what it can make again: machine code, and corpora as numbers."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """The folder that WORDFIELD_CACHE names, or the user's own for such things. It need not be there yet."""
    return Path(os.environ.get("WORDFIELD_CACHE") or platformdirs.user_cache_path("wordfield"))
