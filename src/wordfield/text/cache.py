"""Corpora as numbers, kept from one run to the next: what a scan found, by the identities of the files and how they
were cut into words.

A folder an entry. Its files are written first, its description last, into a folder that is then renamed: what stands
under an entry's name is whole, whoever built it. ``WORDFIELD_CACHE_LIMIT`` bounds all entries together, 10 GB if unset;
the least recently used go first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from wordfield.places import cache_root
from wordfield.text.ids import Scan, Spool, Unwritable
from wordfield.text.sources import Part
from wordfield.text.tokenizers import Tokenizer

LIMIT = "10GB"
UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
DESCRIPTION = "scan.json"
BEGUN = "unfinished-"  # no digit of a key begins so
STALE = 86_400.0  # seconds after which a folder that was begun and not finished belongs to nobody any more

log = logging.getLogger(__name__)


def folder() -> Path:
    """Where the entries are."""
    return cache_root() / "corpora"


def limit() -> int:
    """Bytes that all entries together may have: ``WORDFIELD_CACHE_LIMIT``, a number, perhaps with KB, MB, GB or TB; 0
    keeps none. ``ValueError`` for anything else.
    """
    given = os.environ.get("WORDFIELD_CACHE_LIMIT") or LIMIT
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([KMGT]?B?)", given.strip().upper())
    if not found:
        raise ValueError(
            f"WORDFIELD_CACHE_LIMIT is {given!r}: give a number of bytes such as 500MB or 10GB; 0 for none"
        )
    unit = found[2] if found[2] in UNITS else found[2] + "B"
    return int(float(found[1]) * UNITS.get(unit, 1))


def entries() -> list[dict[str, Any]]:
    """What is kept: ``corpus``, ``tokenizer``, ``tokens``, ``bytes`` and ``used`` (seconds since 1970), last used
    first; ``key`` names the entry, ``stale`` says that its files or our way with text have changed since.
    """
    found = []
    for description in folder().glob(f"[!{BEGUN[0]}]*/{DESCRIPTION}"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(description.read_text("utf-8"))
            size = sum(file.stat().st_size for file in description.parent.iterdir())
            used = description.stat().st_mtime
            told = {name: said[name] for name in ("corpus", "tokenizer", "tokens")}
            stale = said["software"] != software() or not _same(said["files"])
            found.append({"key": description.parent.name, **told, "bytes": size, "used": used, "stale": stale})
    return sorted(found, key=lambda entry: -entry["used"])


def clear() -> int:
    """Delete all entries, and what was begun and not finished; how many bytes that frees."""
    freed = 0
    for place in folder().glob("*"):
        freed += sum(file.stat().st_size for file in place.glob("*"))
        shutil.rmtree(place, ignore_errors=True)
    return freed


class Entry:
    """The place in the cache of ``parts`` cut by ``tokenizer``, filled or not."""

    def __init__(self, parts: Sequence[Part], tokenizer: Tokenizer) -> None:
        self._parts = parts
        self._told = {"tokenizer": tokenizer.describe(), "software": software()}
        self._files = identities(parts)
        key = hashlib.sha256(json.dumps([self._files, self._told], sort_keys=True).encode()).hexdigest()[:32]
        self._tokenizer, self._place = tokenizer, folder() / key
        self._begun: Path | None = None
        self._spools = 0

    @property
    def there(self) -> bool:
        """Whether it is filled."""
        return (self._place / DESCRIPTION).is_file()

    def scan(self, name: str, threads: int, temporary: str | os.PathLike[str] | None) -> Scan | None:
        """What was kept, None if nothing; an entry that is damaged is deleted, with a warning."""
        description = self._place / DESCRIPTION
        try:
            said = json.loads(description.read_text("utf-8"))
            found = self._opened(said, name, threads, temporary)
            os.utime(description)
        except FileNotFoundError:
            if not self._place.exists():
                return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.debug("%s: %s", self._place, error)
        else:
            return found
        log.warning("the cache of %s was cut short or damaged; it is built again", name)
        shutil.rmtree(self._place, ignore_errors=True)
        return None

    def spool(self) -> Spool:
        """A new file of numbers for this entry. ``Unwritable`` where there can be none."""
        try:
            if self._begun is None:
                folder().mkdir(parents=True, exist_ok=True)
                self._begun = Path(tempfile.mkdtemp(prefix=BEGUN, dir=folder()))
            self._spools += 1
            return Spool(self._begun, (self._begun / f"numbers-{self._spools - 1}").open("x+b"))
        except OSError as error:
            raise Unwritable(error.errno, f"{error.strerror} in {folder()}") from error

    def keep(self, scan: Scan) -> None:
        """Keep a scan whose numbers are in files that ``spool`` gave; not if the text has changed since it was begun,
        and not if it is larger than the whole cache may be. Never an error: a cache is a convenience.
        """
        if self._begun is None or self._files != identities(self._parts):
            return self.discard()
        try:
            described = scan.described(self._begun)
            said = {"corpus": scan.name, **self._told, "files": self._files, **described}
            said["sizes"] = {file.name: file.stat().st_size for file in sorted(self._begun.iterdir())}
            (self._begun / DESCRIPTION).write_text(json.dumps(said), "utf-8")
            room = limit() - sum(file.stat().st_size for file in self._begun.iterdir())
            if room < 0:
                return self.discard()
            shrink(room)
            self._begun.rename(self._place)
        except (OSError, ValueError) as error:  # another process was first, or the disk is full
            log.debug("%s: %s", self._place, error)
            return self.discard()
        return None

    def discard(self) -> None:
        """Delete what was begun."""
        if self._begun is not None:
            shutil.rmtree(self._begun, ignore_errors=True)
            self._begun = None

    def _opened(self, said: dict[str, Any], name: str, threads: int, temporary: str | os.PathLike[str] | None) -> Scan:
        for file, size in said["sizes"].items():
            if (self._place / file).stat().st_size != size:
                raise ValueError(f"{file} has not its {size} bytes")
        return Scan.of_description(said, self._place, name, self._tokenizer, threads, temporary)


def shrink(room: int) -> None:
    """Delete what is stale, then the entries not used for longest until the others have no more than ``room`` bytes,
    and what nobody will finish.
    """
    for entry in entries():
        room -= 0 if entry["stale"] else entry["bytes"]
        if entry["stale"] or room < 0:
            shutil.rmtree(folder() / entry["key"], ignore_errors=True)
    for begun in folder().glob(f"{BEGUN}*"):
        with suppress(OSError):
            if time.time() - begun.stat().st_mtime > STALE:
                shutil.rmtree(begun, ignore_errors=True)


def identities(parts: Sequence[Part]) -> list[list[Any]]:
    """What tells whether files are the same as before, place, size and times of change, and what is read of them."""
    found = []
    for part in parts:
        path = Path(part.name if part.path is None else part.path).absolute()
        found.append([str(path), *_state(path), part.table, part.field])
    return found


def _state(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_dev, status.st_mtime_ns, status.st_ctime_ns]


def _same(files: list[list[Any]]) -> bool:
    try:
        return all(_state(Path(path)) == state for path, *state, _, _ in files)
    except OSError:
        return False


@cache
def software() -> str:
    """A digest of all that has a part in cutting text into words: our own sources, and the Unicode tables at work."""
    import regex

    here = Path(__file__).parent
    digest = hashlib.sha256(f"{regex.__version__} {unicodedata.unidata_version} {sys.byteorder}".encode())
    for source in [*sorted(here.glob("*.py")), here.parent / "kernels" / "scan.py"]:
        digest.update(source.read_bytes())
    return digest.hexdigest()
