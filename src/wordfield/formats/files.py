"""Reading and replacing files so that nothing is lost.

A file is written beside its target under a hidden name and renamed when it is complete; a folder likewise, the old one
stepping aside for the moment of the renaming. An error, a full disk or Ctrl-C leaves the old one as it was and removes
what was written.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TypeAlias

from wordfield.formats.packed import unpacked
from wordfield.formats.table import FormatError

PathLike: TypeAlias = str | os.PathLike[str]


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """The content of a file, unpacked where it is packed (see ``packed``), and how many bytes it can have at most.
    ``FormatError`` for a pipe, which can be read only once, for damaged data, and for a file that changes meanwhile.
    """
    if path.is_fifo():
        raise FormatError(f"{path} is a pipe, and vectors are read more than once: save them as a file first")
    with path.open("rb") as raw:
        before = os.fstat(raw.fileno())
        try:
            stream, limit = unpacked(path, raw, before.st_size)
            yield stream, limit
        except FormatError as error:
            unchanged(path, raw, before, error)
            raise
        unchanged(path, raw, before)


def mapped(stream: IO[bytes]) -> bool:
    """Whether a stream is the file itself, not what was packed in it."""
    return isinstance(getattr(stream, "raw", None), io.FileIO)


def unchanged(path: Path, raw: IO[bytes], before: os.stat_result, error: Exception | None = None) -> None:
    """``FormatError`` for a file that somebody has written to since; its content is of no time."""
    now = os.fstat(raw.fileno())
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        sizes = f"{before.st_size} bytes before, {now.st_size} now"
        raise FormatError(f"{path}: changed while it was read ({sizes}): read it when it is complete") from error


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A stream whose bytes become the file ``target`` when the block ends well; otherwise nothing has happened."""
    check_file(target)
    target = Path(os.path.realpath(target))
    if target.exists() and not target.is_file():  # a device or a pipe cannot be replaced, only written to
        with _told(target), target.open("wb") as stream:
            yield stream
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(target)
    try:
        with _told(target), beside.open("xb") as stream:
            yield stream
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_folder(target: Path, ours: frozenset[str], marker: str) -> Iterator[Path]:
    """A new folder that takes the place of ``target`` when the block ends well; otherwise nothing has happened.

    ``ours`` and ``marker``: see ``check_folder``.
    """
    check_folder(target, ours, marker)
    target = Path(os.path.realpath(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside, old = _beside(target), _beside(target)
    try:
        with _told(target):
            beside.mkdir()
            yield beside
        if target.exists():
            target.rename(old)
        beside.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_file(target: Path) -> None:
    """Raise what stands against writing the file: a folder of that name, or a place that may not be written to."""
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder, and the format is a single file: give another name")
    if target.is_file() or not target.exists():  # a device or a pipe is written to where it is
        _check_place(target)


def check_folder(target: Path, ours: frozenset[str], marker: str) -> None:
    """Raise what stands against replacing the folder: it lacks our file ``marker``, or holds files that are not
    ``ours`` and would be lost.
    """
    if target.is_dir():
        names = {entry.name for entry in target.iterdir()}
        if names and marker not in names:
            raise FileExistsError(
                f"{target} is a folder that wordfield did not write; it is left alone: give another name"
            )
        if foreign := sorted(names - ours):
            shown = ", ".join(foreign[:5]) + (" ..." if len(foreign) > 5 else "")
            raise FileExistsError(
                f"replacing {target} would delete files that are not part of the model ({shown}): move them first"
            )
    elif target.exists():
        raise FileExistsError(f"{target} is a file, and the format is a folder: give another name")
    _check_place(target)


def _check_place(target: Path) -> None:
    place = Path(os.path.realpath(target)).parent
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(f"cannot write {target}: {place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"cannot write {target}: no permission to write in {place}")


def _beside(target: Path) -> Path:
    return target.parent / f".{target.name[:40]}.{secrets.token_hex(4)}.tmp"


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Say which file a write failed for: the system's "No space left on device" does not."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        with suppress(AttributeError):
            error.filename = str(target)
        raise
