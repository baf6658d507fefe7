"""Search by meaning: in the lines of a file, or in a collection that is kept, added to and deleted from."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wordfield.api.models import Answering, Model, answering
from wordfield.progress import Progress, silent

if TYPE_CHECKING:
    from wordfield.documents import Collection, Document
    from wordfield.models.service.providers import Kind
    from wordfield.protocols import Matrix

log = logging.getLogger(__name__)

AT_ONCE = 1000
"""Documents that are kept in one go."""
ALIKE = 0.99
"""The cosine that a text's vector has to the one that is kept, at least, if the model is the same."""


def search(
    model: Model,
    source: str | Path,
    queries: Sequence[str],
    k: int = 5,
    *,
    where: Sequence[str] = (),
    field: str = "text",
    progress: Progress = silent,
) -> list[dict[str, Any]]:
    """For each of ``queries`` the ``k`` documents of ``source`` that are nearest in meaning: objects of query and hits,
    these of id, score (the cosine), text and fields, best first.

    ``source``: a file of texts, see ``collect``, or a collection that it made. ``where``: conditions on fields that all
    hold, "lang=zh", "year>=2000". ``ValueError`` where another model made the collection.
    """
    from wordfield.documents import is_collection, open_collection
    from wordfield.documents.conditions import Condition

    if isinstance(queries, str):
        raise TypeError("search takes a list of questions, not one: [question]")
    conditions = [Condition.of(each) for each in where]
    read = answering(model)
    if not is_collection(source):
        with tempfile.TemporaryDirectory(prefix="wordfield-search-") as folder:
            place = Path(folder) / "collection"
            collect(read, [source], place, field=field, progress=progress)
            return search(read, place, queries, k, where=where)
    collection = open_collection(source)
    try:
        check_model(collection, read)
        vectors = embedded(read, queries, "query")
        if missing := [query for query, vector in zip(queries, vectors, strict=True) if not vector.any()]:
            log.warning("no word of %r is known: nothing is near it", missing[0])
        found = collection.search(vectors, k, conditions)
    finally:
        collection.close()
    return [
        {
            "query": query,
            "hits": [
                {"id": hit.document.id, "score": hit.score, "text": hit.document.text, "fields": hit.document.fields}
                for hit in hits
            ],
        }
        for query, hits in zip(queries, found, strict=True)
    ]


def collect(
    model: Model,
    sources: Sequence[str | Path] | Iterable[Document],
    into: str | Path,
    *,
    field: str = "text",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Keep texts with their vectors in the collection ``into``, a folder or postgresql://user@host/database#name, made
    if it is not there.

    ``sources``: files, of text a line, or tables (.jsonl .csv .tsv .parquet) with the text in ``field``, maybe an id,
    and other fields to choose by; or ``Document`` objects. A document whose id is there takes the place of the old one,
    and one that has not changed is passed over; what was kept before an interruption stays.

    Returns into, documents (read), added, unchanged, and total (in the collection now).
    """
    from wordfield.documents import open_collection

    read = answering(model)
    name = str(model) if isinstance(model, (str, Path)) else getattr(read, "name", "the model")
    collection = open_collection(into, new=True)
    count = added = 0
    try:
        check_model(collection, read)
        documents = iter(listed(sources, field))
        while some := list(islice(documents, AT_ONCE)):
            latest = {each.id: each for each in some}  # of the same id the last
            known = collection.known(list(latest))
            new = [each for each in latest.values() if known.get(each.id) != each]
            if new:
                collection.add(new, embedded(read, [each.text for each in new], "document"), name)
            count, added = count + len(some), added + len(new)
            progress(count, 0, added=added)
        collection.index()
        total = len(collection)
    finally:
        collection.close()
    return {"into": str(into), "documents": count, "added": added, "unchanged": count - added, "total": total}


def remove(collection: str | Path, ids: Sequence[str] = (), *, where: Sequence[str] = ()) -> dict[str, Any]:
    """Delete documents from a collection, by their ids, and those for which all conditions of ``where`` hold; returns
    removed and total (in the collection now).
    """
    from wordfield.documents import open_collection
    from wordfield.documents.conditions import Condition

    if not ids and not where:
        raise ValueError("nothing to delete: name documents by their ids, or conditions that hold for them")
    conditions = [Condition.of(each) for each in where]
    found = open_collection(collection)
    try:
        removed = found.remove(ids, conditions)
        found.index()
        return {"removed": removed, "total": len(found)}
    finally:
        found.close()


def listed(sources: Sequence[str | Path] | Iterable[Document], field: str) -> Iterator[Document]:
    """The documents of all sources."""
    from wordfield.documents.reading import read

    for each in sources:
        if isinstance(each, (str, Path)):
            yield from read(Path(each), field)
        else:
            yield each


def embedded(model: Answering, texts: Sequence[str], kind: Kind) -> Matrix:
    """Vectors of questions, or of what answers them."""
    from wordfield.models.service.hosted import HostedModel

    return model.embed(texts, kind) if isinstance(model, HostedModel) else model.embed(texts)


def check_model(collection: Collection, model: Answering) -> None:
    """``ValueError`` where the vectors of a collection are not those of ``model``: what it makes of a text that is
    there tells.
    """
    import numpy as np

    from wordfield.search.exact import unit

    if (first := collection.first()) is None:
        return
    document, kept = first
    made = embedded(model, [document.text], "document")
    if made.shape[1] != len(kept) or float(np.sum(unit(made) * unit(kept[None]))) < ALIKE:
        raise ValueError(
            f"the vectors of the collection are those of {collection.model}, and this is another model: use that one, "
            "or collect the texts anew"
        )
