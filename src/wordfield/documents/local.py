"""A collection in a folder: texts and vectors in a database of SQLite, and above so many documents a graph by which the
nearest are found sooner.

The database is the truth, and whole after a crash. The graph (usearch, HNSW) is made from it and may be missing or old:
then the search is exact until it is made again. What it proposes is scored by the vectors of the database.

N documents, D numbers in a vector, Q queries.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from wordfield.documents import Document, Hit, answerable, check_added
from wordfield.documents.conditions import Condition
from wordfield.search import exact
from wordfield.storage.dense import lengths

FILE, GRAPH = "documents.db", "nearest.usearch"
INDEXED = 100_000
"""Documents from which a graph is kept, where usearch is installed."""
AT_ONCE = 500
"""Values in a question to the database."""
WIDER = 4
"""Times as many documents as are asked for that the graph proposes."""
KINDS = {bool: "'true', 'false'", float: "'integer', 'real'", str: "'text'"}
"""By the type of a value what the database calls it in JSON."""
TABLES = """
create table if not exists about (name text primary key, value) without rowid;
create table if not exists documents (
    row integer primary key, id text not null unique, text text not null, fields text not null, vector blob
);
"""

Floats = NDArray[np.float32]


@final
class LocalCollection:
    """The collection in a folder."""

    def __init__(self, folder: Path, new: bool = False) -> None:
        path = folder / FILE
        if not new and not path.is_file():
            raise FileNotFoundError(f"no collection in {folder}: wordfield collect makes one")
        if new and folder.exists() and not path.is_file() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} is there and no collection; it is left alone: give another name")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._base = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        self._held: tuple[int, NDArray[np.int64], Floats, Floats] | None = None
        try:
            self._base.execute("pragma journal_mode = wal")
            self._base.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise ValueError(f"{path} is no collection, or a damaged one: {error}") from None

    def __len__(self) -> int:
        return int(self._base.execute("select count(*) from documents").fetchone()[0])

    @property
    def dim(self) -> int | None:
        """Numbers in a vector; None while there are none."""
        found = self._about("dim")
        return None if found is None else int(found)

    @property
    def model(self) -> str:
        """What made the vectors, as it was named."""
        return str(self._about("model") or "")

    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        """Those of the documents that are there."""
        found: dict[str, Document] = {}
        for some in _parts(ids):
            asked = f"select id, text, fields from documents where id in ({_marks(some)})"
            for id, text, fields in self._base.execute(asked, some):
                found[id] = Document(id, text, json.loads(fields))
        return found

    def first(self) -> tuple[Document, Floats] | None:
        """A document with its vector."""
        asked = "select id, text, fields, vector from documents where vector is not null order by row limit 1"
        if (found := self._base.execute(asked).fetchone()) is None:
            return None
        return Document(found[0], found[1], json.loads(found[2])), np.frombuffer(found[3], "<f4")

    def add(self, documents: Sequence[Document], vectors: Floats, model: str) -> None:
        """Keep documents with their vectors, in the place of any with the same ids; all or none."""
        check_added(documents, vectors, self.dim, model, self.model)
        numbers = np.ascontiguousarray(vectors, "<f4")
        if not documents:
            return
        with self._changing():
            self._base.executemany("delete from documents where id = ?", [(each.id,) for each in documents])
            self._base.executemany(
                "insert into documents (id, text, fields, vector) values (?, ?, ?, ?)",
                [
                    (
                        each.id,
                        each.text,
                        json.dumps(each.fields, ensure_ascii=False),
                        row.tobytes() if row.any() else None,
                    )
                    for each, row in zip(documents, numbers, strict=True)
                ],
            )
            for name, value in (("dim", numbers.shape[1]), ("model", model)):
                self._base.execute("insert or ignore into about values (?, ?)", (name, value))

    def remove(self, ids: Iterable[str], where: Sequence[Condition] = ()) -> int:
        """Delete documents, by their ids or by conditions that all hold; how many they were."""
        gone = 0
        with self._changing():
            for some in _parts(list(ids)):
                gone += self._base.execute(f"delete from documents where id in ({_marks(some)})", some).rowcount
            if where:
                met, values = _met(where)
                gone += self._base.execute(f"delete from documents where {met}", values).rowcount
        return gone

    def search(self, queries: Floats, k: int, where: Sequence[Condition] = ()) -> list[list[Hit]]:
        """The nearest documents of each query for which all conditions hold."""
        if not answerable(queries, k, self.dim, self.folder):
            return [[] for _ in queries]
        proposed = None if where else self._proposed(queries, k)
        if proposed is not None:
            return [
                self._best(query, rows, k) if query.any() else [] for query, rows in zip(queries, proposed, strict=True)
            ]
        rows, matrix, norms = self._vectors()
        chosen = None
        if where:
            met, values = _met(where)
            asked = f"select row from documents where vector is not null and {met} order by row"
            chosen = np.searchsorted(rows, [row for (row,) in self._base.execute(asked, values)])
        if not len(rows) or (chosen is not None and not len(chosen)):
            return [[] for _ in queries]
        found, scores = exact.nearest(matrix, queries, k, norms=norms, candidates=chosen)
        scores[~queries.any(axis=1)] = -np.inf  # what has no direction is near nothing
        return [
            self._hits(rows[here[score > -np.inf]], score[score > -np.inf])
            for here, score in zip(found, scores, strict=True)
        ]

    def close(self) -> None:
        """Close the database."""
        self._base.close()

    def index(self) -> bool:
        """Make the graph anew where there are enough documents and it is not that of all; whether there is one now."""
        if len(self) < INDEXED or self._graph_version() == self._version():
            return self._graph_version() == self._version()
        try:
            from usearch.index import Index
        except ImportError:  # exact search it is
            return False
        rows, matrix, _ = self._vectors()
        graph, version = Index(ndim=matrix.shape[1], metric="cos", dtype="f16"), self._version()
        graph.add(rows.astype(np.uint64), matrix)
        beside = self.folder / f".{GRAPH}.{os.getpid()}"
        try:
            graph.save(os.fspath(beside))
            beside.replace(self.folder / GRAPH)
        finally:
            beside.unlink(missing_ok=True)
        self._base.execute("insert or replace into about values ('graph', ?)", (version,))
        return True

    def _about(self, name: str) -> Any:
        found = self._base.execute("select value from about where name = ?", (name,)).fetchone()
        return None if found is None else found[0]

    def _version(self) -> int:
        """Counts changes."""
        return int(self._about("version") or 0)

    def _graph_version(self) -> int:
        """Of which version the graph is, -1 where there is none."""
        found = self._about("graph")
        return int(found) if found is not None and (self.folder / GRAPH).is_file() else -1

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A change of documents: all of it or nothing."""
        self._base.execute("begin immediate")
        try:
            yield
            self._base.execute("insert or replace into about values ('version', ?)", (self._version() + 1,))
            self._base.execute("commit")
        except BaseException:
            self._base.execute("rollback")
            raise

    def _vectors(self) -> tuple[NDArray[np.int64], Floats, Floats]:
        """All vectors: their rows in the database (N,), the matrix (N, D), and the lengths (N,)."""
        version = self._version()
        if self._held is None or self._held[0] != version:
            found = self._base.execute(
                "select row, vector from documents where vector is not null order by row"
            ).fetchall()
            rows = np.array([row for row, _ in found], np.int64)
            matrix = np.frombuffer(b"".join(vector for _, vector in found), "<f4").reshape(len(rows), self.dim or 0)
            self._held = version, rows, matrix, lengths(matrix)
        return self._held[1:]

    def _proposed(self, queries: Floats, k: int) -> list[list[int]] | None:
        """Rows that the graph finds near each query; None where there is no graph of what there is."""
        if self._graph_version() != self._version():
            return None
        try:
            from usearch.index import Index
        except ImportError:
            return None
        graph: Any = Index.restore(os.fspath(self.folder / GRAPH), view=True)
        if graph is None or graph.ndim != self.dim:
            return None
        count = min(len(graph), max(WIDER * k, 64))
        graph.expansion_search = max(graph.expansion_search, 2 * count)
        found = graph.search(np.ascontiguousarray(queries), count, threads=1)
        keys = found.keys.reshape(len(queries), -1)
        return [[int(row) for row in some] for some in keys]

    def _best(self, query: Floats, rows: Sequence[int], k: int) -> list[Hit]:
        """The best of some rows by their vectors in the database."""
        held: list[tuple[int, bytes]] = []
        for some in _parts(sorted(set(rows))):
            held += self._base.execute(f"select row, vector from documents where row in ({_marks(some)})", some)
        matrix = np.frombuffer(b"".join(vector for _, vector in held), "<f4").reshape(len(held), -1)
        found, scores = exact.nearest(matrix, query[None], k, norms=lengths(matrix))
        kept = found[0] >= 0
        return self._hits(np.array([row for row, _ in held])[found[0][kept]], scores[0][kept])

    def _hits(self, rows: NDArray[np.int64], scores: Floats) -> list[Hit]:
        asked = "select id, text, fields from documents where row = ?"
        found = (self._base.execute(asked, (int(row),)).fetchone() for row in rows)
        return [
            Hit(Document(each[0], each[1], json.loads(each[2])), float(score))
            for each, score in zip(found, scores, strict=True)
        ]


def _met(where: Sequence[Condition]) -> tuple[str, list[Any]]:
    """The conditions in the language of the database, and their values."""
    parts: list[str] = []
    values: list[Any] = []
    for each in where:
        path = '$."' + each.field.replace('"', '""') + '"'
        kinds = KINDS[type(each.value)]
        value = int(each.value) if isinstance(each.value, bool) else each.value
        sign = "=" if each.sign == "!=" else each.sign
        met = f"coalesce(json_type(fields, ?) in ({kinds}) and json_extract(fields, ?) {sign} ?, 0)"
        parts.append(f"not {met}" if each.sign == "!=" else met)
        values += [path, path, value]
    return " and ".join(parts), values


def _parts(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Some values at a time."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))
