"""A collection in PostgreSQL with the extension pgvector: a table of documents, and an index (HNSW) of their vectors.

The address is that of the database, postgresql://user@host/database, and the name of the collection behind a #; the
password comes from PGPASSWORD or a .pgpass file. With conditions, and up to so many documents, the search is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, final

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector.psycopg import register_vector
from psycopg import sql
from psycopg.types.json import Jsonb

from wordfield.documents import Document, Hit, answerable, check_added
from wordfield.documents.conditions import Condition

NAME = "documents"
"""The collection that an address without a # means."""
INDEXED = 20_000
"""Documents from which there is an index."""
WIDEST = 2000
"""Numbers in a vector that pgvector's index takes, at most."""
WIDTH = 100
"""How many documents the index keeps in view, at least."""

KINDS = {bool: ("boolean", "::boolean"), float: ("number", "::double precision"), str: ("string", ' collate "C"')}
"""By the type of a value what JSON calls it, and how a field becomes one."""

Floats = NDArray[np.float32]


@final
class PostgresCollection:
    """The collection of some name in a database."""

    def __init__(self, address: str, new: bool = False) -> None:
        self.address, _, name = address.partition("#")
        self.name = name or NAME
        self._table, self._about = sql.Identifier(self.name), sql.Identifier(f"{self.name}_about")
        try:
            self._base = psycopg.connect(self.address, autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as error:
            raise ConnectionError(f"cannot use PostgreSQL: {_said(error)}") from None
        try:
            self._begin(new)
        except psycopg.Error as error:
            self._base.close()
            raise ConnectionError(f"cannot use PostgreSQL: {_said(error)}") from None
        except BaseException:
            self._base.close()
            raise

    def _begin(self, new: bool) -> None:
        """Find the table, or make it."""
        there = self._base.execute("select to_regclass(%s)", (self._about.as_string(self._base),)).fetchone()
        if there is None or there[0] is None:
            if not new:
                raise FileNotFoundError(f"no collection {self.name!r} in the database: wordfield collect makes one")
            self._base.execute("create extension if not exists vector")
            self._base.execute(
                sql.SQL("create table if not exists {} (name text primary key, value text not null)").format(
                    self._about
                )
            )
        register_vector(self._base)

    def __len__(self) -> int:
        return 0 if self.dim is None else int(self._one("select count(*) from {table}")[0])

    @property
    def dim(self) -> int | None:
        """Numbers in a vector; None while there are none."""
        found = self._one("select value from {about} where name = 'dim'")
        return None if found is None else int(found[0])

    @property
    def model(self) -> str:
        """What made the vectors, as it was named."""
        found = self._one("select value from {about} where name = 'model'")
        return "" if found is None else str(found[0])

    def known(self, ids: Sequence[str]) -> dict[str, Document]:
        """Those of the documents that are there."""
        if self.dim is None:
            return {}
        found = self._all("select id, text, fields from {table} where id = any(%s)", [list(ids)])
        return {each[0]: Document(*each) for each in found}

    def first(self) -> tuple[Document, Floats] | None:
        """A document with its vector."""
        if self.dim is None:
            return None
        found = self._one("select id, text, fields, vector from {table} where vector is not null order by id limit 1")
        return None if found is None else (Document(*found[:3]), _floats(found[3]))

    def add(self, documents: Sequence[Document], vectors: Floats, model: str) -> None:
        """Keep documents with their vectors, in the place of any with the same ids; all or none."""
        check_added(documents, vectors, self.dim, model, self.model)
        if not documents:
            return
        if wrong := [each.id for each in documents if "\0" in each.id + each.text]:
            raise ValueError(f"PostgreSQL keeps no text with a null byte, as document {wrong[0]!r} has")
        with self._base.transaction(), self._base.cursor() as cursor:
            cursor.execute(self._sql(
                "create table if not exists {table} (id text primary key, text text not null, "
                "fields jsonb not null, vector vector({dim}))",
                dim=sql.Literal(vectors.shape[1]),
            ))  # fmt: skip
            for name, value in (("dim", vectors.shape[1]), ("model", model)):
                cursor.execute(
                    self._sql("insert into {about} values (%s, %s) on conflict do nothing"), (name, str(value))
                )
            cursor.executemany(
                self._sql(
                    "insert into {table} values (%s, %s, %s, %s) on conflict (id) do update set "
                    "text = excluded.text, fields = excluded.fields, vector = excluded.vector"
                ),
                [
                    (each.id, each.text, Jsonb(each.fields), row if row.any() else None)
                    for each, row in zip(documents, vectors.astype(np.float32), strict=True)
                ],
            )

    def remove(self, ids: Iterable[str], where: Sequence[Condition] = ()) -> int:
        """Delete documents, by their ids or by conditions that all hold; how many they were."""
        if self.dim is None:
            return 0
        gone = self._base.execute(self._sql("delete from {table} where id = any(%s)"), [list(ids)]).rowcount
        if where:
            met, values = _met(where)
            gone += self._base.execute(self._sql("delete from {table} where {met}", met=met), values).rowcount
        return gone

    def search(self, queries: Floats, k: int, where: Sequence[Condition] = ()) -> list[list[Hit]]:
        """The nearest documents of each query for which all conditions hold."""
        if not answerable(queries, k, self.dim, self.name):
            return [[] for _ in queries]
        met, values = _met(where)
        found: list[list[Hit]] = []
        with self._base.transaction():
            if where:  # the index would find the nearest of all, and leave too few
                self._base.execute("set local enable_indexscan = off")
            else:
                self._base.execute(
                    sql.SQL("set local hnsw.ef_search = {}").format(sql.Literal(min(1000, max(WIDTH, 2 * k))))
                )
            for query in queries.astype(np.float32):
                if not query.any():
                    found.append([])
                    continue
                asked = (
                    "select id, text, fields, 1 - (vector <=> %s) from {table} where vector is not null and {met} "
                    "order by vector <=> %s limit %s"
                )
                rows = self._base.execute(self._sql(asked, met=met), [query, *values, query, k])
                found.append([Hit(Document(*row[:3]), float(row[3])) for row in rows])
        return found

    def index(self) -> bool:
        """Make the index where there are enough documents; whether there is one. It follows all changes by itself."""
        if self.dim is None or self.dim > WIDEST or len(self) < INDEXED:
            return False
        name = sql.Identifier(f"{self.name}_vector")
        self._base.execute(
            self._sql("create index if not exists {name} on {table} using hnsw (vector vector_cosine_ops)", name=name)
        )
        return True

    def close(self) -> None:
        """Close the connection."""
        self._base.close()

    def _sql(self, text: str, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(text).format(table=self._table, about=self._about, **parts)

    def _one(self, text: str) -> Any:
        return self._base.execute(self._sql(text)).fetchone()

    def _all(self, text: str, values: Sequence[Any]) -> list[Any]:
        return self._base.execute(self._sql(text), values).fetchall()


def _met(where: Sequence[Condition]) -> tuple[sql.Composable, list[Any]]:
    """The conditions in the language of the database, and their values."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    values: list[Any] = []
    for each in where:
        kind, cast = KINDS[type(each.value)]
        asked = "coalesce(case when jsonb_typeof(fields->%s) = {kind} then (fields->>%s){cast} {sign} %s end, false)"
        met = sql.SQL(asked).format(
            kind=sql.Literal(kind), cast=sql.SQL(cast), sign=sql.SQL("=" if each.sign == "!=" else each.sign)
        )
        parts.append(sql.SQL("not ") + met if each.sign == "!=" else met)
        values += [each.field, each.field, each.value]
    return sql.SQL(" and ").join(parts), values


def _floats(vector: Any) -> Floats:
    return np.asarray(vector.to_numpy() if hasattr(vector, "to_numpy") else vector, np.float32)


def _said(error: Exception) -> str:
    return " ".join(str(error).split())
