"""Commands that search by meaning."""

from __future__ import annotations

from typing import Any

from wordfield import api
from wordfield.options import (
    Collection,
    DocumentIds,
    Field,
    Into,
    Json,
    Questions,
    Reports,
    Searched,
    TextFiles,
    TextModel,
    TopTexts,
    Where,
)
from wordfield.terminal import print_json, print_table, reporting


def search(
    model: TextModel,
    source: Searched,
    queries: Questions,
    /,
    *,
    k: TopTexts = 5,
    where: Where = None,
    field: Field = None,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """The texts nearest in meaning to a question: of the lines of a file, or of a collection that `collect` made."""
    with reporting(progress) as report:
        found = api.search(model, source, queries, k, where=where or (), field=field or "text", progress=report)
    if json:
        return print_json({"results": found})
    rows = [
        ((each["query"],) if len(found) > 1 else ()) + (f"{hit['score']:.4f}", hit["id"], hit["text"])
        for each in found
        for hit in each["hits"]
    ]
    return print_table(rows)


def collect(
    model: TextModel,
    sources: TextFiles,
    /,
    *,
    into: Into,
    field: Field = None,
    progress: Reports = None,
    json: Json = False,
) -> None:
    """Keep texts with their vectors, to be searched later: in a folder, or in PostgreSQL with pgvector. What is there
    already is passed over, what has changed takes its place.
    """
    with reporting(progress) as report:
        result = api.collect(model, sources, into, field=field or "text", progress=report)
    return print_json(result) if json else print_table(counted(result))


def remove(collection: Collection, ids: DocumentIds = None, /, *, where: Where = None, json: Json = False) -> None:
    """Delete texts from a collection, by their ids or by conditions."""
    result = api.remove(collection, ids or (), where=where or ())
    return print_json(result) if json else print_table(counted(result))


def counted(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Numbers as people read them."""
    return [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in result.items()]
