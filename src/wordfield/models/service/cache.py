"""Vectors that were paid for, kept on disk by what they are vectors of, and what was used up for them.

A file of SQLite that several processes share: what one has received the others find, and what was received before a
crash is there after it. Neither texts nor keys are in it: a text is known by its SHA-256.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Digest = bytes

PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
AT_ONCE = 500
"""Digests in a question to the database."""
TABLES = """
create table if not exists vectors (digest blob primary key, vector blob not null) without rowid;
create table if not exists ledger (
    day text not null, provider text not null, model text not null,
    requests integer not null, texts integer not null, tokens integer not null,
    primary key (day, provider, model)
) without rowid;
"""
ADDED = """
insert into ledger values (?, ?, ?, ?, ?, ?) on conflict do update set
    requests = requests + excluded.requests, texts = texts + excluded.texts, tokens = tokens + excluded.tokens
"""


def digest(text: str, *meant: str | int | None) -> Digest:
    """What a vector is known by: the text, exactly, and all that decides its vector besides: provider, address, model,
    dimensions, prompt. Each part is preceded by its length, so that no two lists of parts look alike.
    """
    made = hashlib.sha256()
    for part in (*meant, text):
        written = repr(part).encode("utf-8", "surrogatepass")
        made.update(len(written).to_bytes(8, "little") + written)
    return made.digest()


@final
@dataclass(frozen=True)
class Usage:
    """What was used up, of a model on a day."""

    day: str
    """2026-01-31, of UTC."""
    provider: str
    model: str
    requests: int
    texts: int
    tokens: int


@final
class Cache:
    """The vectors in the file ``path``, which is made if it is not there. Several threads and processes may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._base: sqlite3.Connection | None = None

    def take(self, digests: Sequence[Digest]) -> dict[Digest, Vector]:
        """Those of the vectors that are there, float32."""
        found: dict[Digest, Vector] = {}
        with self._open() as base:
            for start in range(0, len(digests), AT_ONCE):
                some = digests[start : start + AT_ONCE]
                marks = ",".join("?" * len(some))
                asked = f"select digest, vector from vectors where digest in ({marks})"
                found |= {known: np.frombuffer(blob, "<f4") for known, blob in base.execute(asked, some)}
        return found

    def keep(self, vectors: Iterable[tuple[Digest, Vector]], provider: str, model: str, tokens: int) -> None:
        """Keep what one request has brought, and note in the ledger what it took, both or neither."""
        rows = [(known, np.ascontiguousarray(vector, "<f4").tobytes()) for known, vector in vectors]
        day = time.strftime("%Y-%m-%d", time.gmtime())
        with self._open() as base:
            base.execute("begin immediate")
            base.executemany("insert or ignore into vectors values (?, ?)", rows)
            base.execute(ADDED, (day, provider, model, 1, len(rows), tokens))
            base.execute("commit")

    def count(self) -> int:
        """How many vectors there are."""
        with self._open() as base:
            return int(base.execute("select count(*) from vectors").fetchone()[0])

    def used(self) -> list[Usage]:
        """The ledger, oldest day first."""
        with self._open() as base:
            return [Usage(*row) for row in base.execute("select * from ledger order by day, provider, model")]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The database, for one thread at a time. ``OSError`` that names the file where it cannot be used."""
        with self._lock:
            try:
                if self._base is None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    base = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
                    weakref.finalize(self, base.close)
                    base.execute("pragma journal_mode = wal")
                    base.execute("pragma synchronous = normal")
                    base.executescript(TABLES)
                    self._base = base
                yield self._base
            except sqlite3.DatabaseError as error:
                raise OSError(
                    f"{self.path}: the kept vectors cannot be used ({error}); if the file is damaged, delete it: what "
                    "it had is asked for again"
                ) from error
            finally:
                if self._base is not None and self._base.in_transaction:
                    self._base.execute("rollback")
