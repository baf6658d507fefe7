"""Texts with their vectors, where they can be searched, added to and deleted from: in a folder, or in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from wordfield.documents.conditions import Condition

SCHEMES = ("postgresql://", "postgres://")
"""Addresses that begin so are those of a PostgreSQL with pgvector."""


@dataclass(frozen=True)
class Document:
    """A text, what it is known by, and what else is known of it."""

    id: str
    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    """Text, numbers and truth values by name, to choose by."""


class Hit(NamedTuple):
    """A document that was found, and its cosine to the question."""

    document: Document
    score: float


class Collection(Protocol):
    """Documents with vectors of one model."""

    @property
    def dim(self) -> int | None:
        """Numbers in a vector; None while there are none."""
        ...

    @property
    def model(self) -> str:
        """What made them, as it was named; empty while there are none."""
        ...

    def __len__(self) -> int: ...
    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        """Those of the documents that are there."""
        ...

    def first(self) -> tuple[Document, NDArray[np.float32]] | None:
        """A document with its vector, by which it is seen whether a model is the same."""
        ...

    def add(self, documents: Sequence[Document], vectors: NDArray[np.float32], model: str) -> None:
        """Keep documents with their vectors (len(documents), dim), in the place of any with the same ids. All or none.
        A vector of zeros has no direction, and its document is never found.
        """
        ...

    def remove(self, ids: Iterable[str], where: Sequence[Condition] = ()) -> int:
        """Delete documents, by their ids or by conditions that all hold; how many they were."""
        ...

    def search(self, queries: NDArray[np.float32], k: int, where: Sequence[Condition] = ()) -> list[list[Hit]]:
        """For each query (Q, dim) the ``k`` documents with the highest cosine for which all conditions hold, best
        first.
        """
        ...

    def index(self) -> bool:
        """Make what finds the nearest of very many sooner, where there are so many; whether there is such a thing."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


def open_collection(place: str | Path, *, new: bool = False) -> Collection:
    """The collection in a folder, or at postgresql://user@host/database#name; ``new``: made where there is none.

    ``FileNotFoundError`` where there is none; ``ImportError`` that names the extra without the library for PostgreSQL.
    """
    if str(place).startswith(SCHEMES):
        try:
            from wordfield.documents.postgres import PostgresCollection
        except ImportError as error:
            raise ImportError(f"{error.name} is needed for PostgreSQL: pip install 'wordfield[pg]'") from error
        return PostgresCollection(str(place), new)
    from wordfield.documents.local import LocalCollection

    return LocalCollection(Path(place), new)


def is_collection(place: str | Path) -> bool:
    """Whether there is a collection, or would be at such an address."""
    from wordfield.documents.local import FILE

    return str(place).startswith(SCHEMES) or (Path(place) / FILE).is_file()


def check_added(
    documents: Sequence[Document], vectors: NDArray[np.float32], dim: int | None, model: str, made: str
) -> None:
    """``ValueError`` where what is to be added does not go with what there is."""
    if len(documents) != len(vectors):
        raise ValueError(f"{len(vectors)} vectors for {len(documents)} documents")
    if dim is not None and vectors.shape[1] != dim:
        raise ValueError(
            f"vectors of {model} have {vectors.shape[1]} numbers, those that are there {dim}, of {made}: use the same "
            "model, or another collection"
        )


def answerable(queries: NDArray[np.float32], k: int, dim: int | None, name: object) -> bool:
    """Whether there are vectors to search among; ``ValueError`` where the questions do not go with them."""
    if k < 1:
        raise ValueError(f"k must be 1 or more, not {k}")
    if dim is not None and queries.shape[1] != dim:
        raise ValueError(f"a query has {queries.shape[1]} numbers, the vectors of {name} have {dim}")
    return dim is not None
