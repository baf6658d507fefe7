"""How every kernel is compiled: cached on disk, without the GIL, and never from a stale cache.

Numba's disk cache looks at the file that a function stands in, not at the files that it imports, and so returns old
machine code after an upgrade of an imported kernel. The cache folder therefore carries a hash of all kernel sources:
editing any one of them recompiles all.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

from wordfield.places import cache_root

P = ParamSpec("P")
R = TypeVar("R")

# Sums may be reordered and contracted, reciprocals taken; NaN and infinity keep their meaning.
FASTMATH = {"reassoc", "contract", "arcp", "nsz", "afn"}


COMPILING = threading.Lock()
"""Held while the folder of Numba's cache, which is the whole process's, is ours."""


@cache
def cache_folder() -> Path:
    """The folder that holds the machine code of exactly these kernel sources; where the user's cannot be written, one
    in the temporary folder that nobody else can write.
    """
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    folder = cache_root() / name
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    user = os.getuid() if hasattr(os, "getuid") else -1
    own = Path(tempfile.gettempdir()) / f"wordfield-{user}"
    with suppress(OSError):
        own.mkdir(mode=0o700, exist_ok=True)
        status = own.lstat()
        if stat.S_IMODE(status.st_mode) == 0o700 and status.st_uid == user:
            (own / name).mkdir(exist_ok=True)
            return own / name
    return Path(tempfile.mkdtemp(prefix=f"wordfield-{name}-"))


def _compiled(function: Callable[P, R], forceinline: bool) -> Callable[P, R]:
    settings: Any = numba.config
    with COMPILING:  # a dispatcher chooses its cache folder once, here
        before, settings.CACHE_DIR = settings.CACHE_DIR, str(cache_folder())
        try:
            options: Any = {
                "cache": True,
                "nogil": True,
                "fastmath": FASTMATH,
                "error_model": "numpy",
                "forceinline": forceinline,
            }
            return cast(Callable[P, R], numba.njit(**options)(function))
        finally:
            settings.CACHE_DIR = before


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with ``cache=True, nogil=True`` and our ``FASTMATH`` flags; plain Python when the JIT is
    off.
    """
    return _compiled(function, forceinline=False)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Like `kernel`, for the small parts of a loop: always written into the kernel that calls them."""
    return _compiled(function, forceinline=True)
