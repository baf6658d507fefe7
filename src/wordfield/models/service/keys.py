"""The secret that a service knows its customer by: read from the environment, or from a file that nobody else may read.

It is never printed: its repr shows stars, and it cannot be copied into a file by accident, see `Key`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NoReturn, final

FILE = "_FILE"
"""The variable of this ending names a file with the key: OPENAI_API_KEY_FILE."""
PRIVATE = stat.S_IRWXG | stat.S_IRWXO
"""What a file with a key must not permit: anything to the group and to others."""


@final
class Key:
    """A secret. Only ``revealed`` tells it; str, repr and format show stars, and it refuses to be pickled."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def revealed(self) -> str:
        """The secret itself, for the header of a request and for nothing else."""
        return self._secret

    def __repr__(self) -> str:
        return "Key(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not written anywhere: name the variable that holds it")


def key_given(variable: str) -> bool:
    """Whether the variable, or the one with ``_FILE`` after it, is set."""
    return bool(os.environ.get(variable, "").strip() or os.environ.get(variable + FILE))


def key_of(variable: str, where: str = "") -> Key:
    """The key that the environment variable holds, or the file that the one with ``_FILE`` after it names.

    ``PermissionError`` where others may read that file; ``ValueError`` that names the variable, and ``where`` keys are
    to be had, where there is none, or where it holds what a header cannot.
    """
    secret, source = os.environ.get(variable, ""), variable
    if not secret.strip() and (named := os.environ.get(variable + FILE)):
        source = f"the file of {variable}{FILE}"
        secret = _private(Path(named))
    if not (secret := secret.strip()):
        hint = f"; keys are made at {where}" if where else ""
        raise ValueError(f"no key: set {variable}, or {variable}{FILE} to a file of mode 0600 that holds it{hint}")
    if not (secret.isascii() and secret.isprintable()) or " " in secret:
        raise ValueError(f"the key in {source} has spaces, line breaks or characters that no key has: copy it again")
    return Key(secret)


def _private(path: Path) -> str:
    """The text of a file that only its owner may read."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        if os.name == "posix" and mode & PRIVATE:
            raise PermissionError(
                f"{path} holds a key and has the mode {mode:04o}, others may read it: chmod 600 {path}"
            )
        return stream.read()
