"""What is kept beside an index: of which table it is, how it was made, how good and how fast it is.

V rows of the table, D dimensions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wordfield.search.blocks import Floats

GRAPH, ABOUT = "index.usearch", "index.json"
FILES = frozenset({GRAPH, ABOUT})
VERSION = 1
LOOKED_AT = 1000
"""Rows whose numbers tell one table from another."""
READ = 1 << 22
"""Bytes of a file read at once."""


class Table(Protocol):
    """Rows (V, D) and their norms (V,)."""

    @property
    def matrix(self) -> Any: ...
    @property
    def norms(self) -> Floats: ...


class Field(Protocol):
    """Words and their table."""

    @property
    def index_to_key(self) -> Sequence[str]: ...
    @property
    def table(self) -> Table: ...


@dataclass(frozen=True)
class Speed:
    """Queries per second, one after the other and all at once."""

    alone: float
    together: float


@dataclass(frozen=True)
class About:
    """What an index is."""

    library: str
    """The version of usearch that made the graph."""
    kind: str
    """How the graph keeps numbers: float16, int8 or float32."""
    dim: int
    words: int
    rows: int
    """Of the words those in the graph, all that have a direction."""
    table: str
    """Checksum of the words and of some of their vectors."""
    bytes: int
    """Of the graph's file."""
    seconds: float
    """That the graph took."""
    threads: int
    connectivity: int
    """Rows that a row is joined with."""
    expansion: int
    """Rows kept in view while these were chosen."""
    graph: str = ""
    """Checksum of the graph's file."""
    width: int = 64
    """Rows kept in view on the way to a query."""
    recall: float | None = None
    """The share of the 10 nearest words that it finds, on words that had no part in the choice of the width; None where
    there are no two words.
    """
    sample: int = 0
    """How many words that were."""
    speed: Speed | None = None
    exact_speed: Speed | None = None
    metric: str = "cosine"
    normalised: bool = True
    """Whether rows were brought to unit length."""
    version: int = VERSION


def checksum(field: Field) -> str:
    """What tells words and vectors from others: made of all words, and of the numbers of rows here and there."""
    count, dim = field.table.matrix.shape
    digest = hashlib.blake2b(f"{count} {dim}".encode(), digest_size=16)
    for start in range(0, count, READ >> 4):
        words = "\n".join(field.index_to_key[start : start + (READ >> 4)])
        digest.update(words.encode("utf-8", "surrogatepass") + b"\n")
    rows = np.unique(np.linspace(0, max(0, count - 1), min(count, LOOKED_AT)).astype(np.int64))
    digest.update(np.ascontiguousarray(field.table.matrix[rows], "<f4").tobytes())
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    """Checksum of a file."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while block := stream.read(READ):
            digest.update(block)
    return digest.hexdigest()


def dumped(about: About) -> bytes:
    """As JSON."""
    from msgspec import json

    return json.format(json.encode(about)) + b"\n"


def read(folder: Path) -> About:
    """What stands in a folder's description; ``ValueError`` for one that is no index, or of another version."""
    import msgspec

    path = folder / ABOUT
    if not path.is_file():
        raise FileNotFoundError(f"{folder} holds no index: make one with wordfield index MODEL --out {folder}")
    try:
        about = msgspec.json.decode(path.read_bytes(), type=About)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} does not describe an index: {error}") from error
    if about.version != VERSION:
        raise ValueError(f"{path} is of version {about.version}, this wordfield reads {VERSION}: make the index anew")
    return about
