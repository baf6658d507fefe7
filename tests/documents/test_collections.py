"""A collection keeps what it is given, finds what is nearest, and is the same in a folder and in a real PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wordfield.documents import Collection, Document, is_collection, local, open_collection
from wordfield.documents.conditions import Condition

LANGUAGES = ("en", "zh", "de")
DOCUMENTS = [
    Document(f"d{n}", f"text {n} 文", {"lang": LANGUAGES[n % 3], "year": 2000 + n, "draft": n % 4 == 0, "odd name": n})
    for n in range(60)
]
VECTORS = np.random.default_rng(7).standard_normal((60, 12)).astype(np.float32)
MODEL = "some-model"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL with pgvector that runs for these tests."""
    pgserver = pytest.importorskip("pgserver", reason="no pgserver: it has wheels for Python 3.11 and 3.12 alone")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pgserver.get_server(tmp_path_factory.mktemp("pg"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["folder", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "collection")
    return f"{request.getfixturevalue('postgres')}#{tmp_path.name}"


@pytest.fixture
def collection(place: str) -> Iterator[Collection]:
    made = open_collection(place, new=True)
    made.add(DOCUMENTS, VECTORS, MODEL)
    yield made
    made.close()


def nearest(query: np.ndarray, k: int, keep: Callable[[Document], Any] = lambda _: True) -> list[str]:
    """The slow, obvious twin."""
    cosines = VECTORS @ query / np.linalg.norm(VECTORS, axis=1) / np.linalg.norm(query)
    return [DOCUMENTS[row].id for row in np.argsort(-cosines) if keep(DOCUMENTS[row])][:k]


def found(collection: Collection, query: np.ndarray, k: int, *where: str) -> list[str]:
    (hits,) = collection.search(query[None], k, [Condition.of(each) for each in where])
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    return [hit.document.id for hit in hits]


def test_the_nearest_are_found_with_all_that_is_known_of_them(collection: Collection) -> None:
    query = VECTORS[17] + 0.1
    assert found(collection, query, 10) == nearest(query, 10)
    ((hit, *_), _) = collection.search(np.stack([VECTORS[17], VECTORS[3]]), 2)
    assert hit.document == DOCUMENTS[17]
    assert hit.score == pytest.approx(1, abs=1e-6)
    assert len(collection) == 60
    assert (collection.dim, collection.model) == (12, MODEL)


@pytest.mark.parametrize(
    ("where", "keep"),
    [
        (["lang=zh"], lambda fields: fields["lang"] == "zh"),
        (["lang!=zh"], lambda fields: fields["lang"] != "zh"),
        (["year>=2040"], lambda fields: fields["year"] >= 2040),
        (["year<2009", "lang=en"], lambda fields: fields["year"] < 2009 and fields["lang"] == "en"),
        (["draft=true"], lambda fields: fields["draft"]),
        (["draft!=true"], lambda fields: not fields["draft"]),
        (["odd name=7"], lambda fields: fields["odd name"] == 7),
        (["lang>=e", "lang<z"], lambda fields: "e" <= fields["lang"] < "z"),
        (["lang=5"], lambda fields: False),
        (["year=abc"], lambda fields: False),
        (["nothing=1"], lambda fields: False),
        (["nothing!=1", "year=2005"], lambda fields: fields["year"] == 2005),
        (["""q'"uote=1"""], lambda fields: False),
    ],
)
def test_conditions_choose(collection: Collection, where: list[str], keep: Callable[[dict[str, Any]], bool]) -> None:
    query = VECTORS[0] - VECTORS[1]
    assert found(collection, query, 60, *where) == nearest(query, 60, lambda each: keep(each.fields))


def test_what_is_added_again_takes_the_place_of_the_old(collection: Collection, place: str) -> None:
    collection.add([Document("d3", "another", {"lang": "fr"})], VECTORS[5:6], MODEL)
    assert len(collection) == 60
    assert collection.known(["d3", "d4", "nobody"]) == {
        "d3": Document("d3", "another", {"lang": "fr"}),
        "d4": DOCUMENTS[4],
    }
    again = open_collection(place)
    assert set(found(again, VECTORS[5], 2)) == {"d3", "d5"}
    again.close()


def test_what_is_deleted_is_not_found(collection: Collection) -> None:
    assert collection.remove(["d1", "d2", "nobody"]) == 2
    assert collection.remove([], [Condition.of("lang=de")]) == 19
    query = VECTORS[1]
    kept = [each for each in nearest(query, 60, lambda each: each.fields["lang"] != "de") if each not in ("d1", "d2")]
    assert found(collection, query, 60) == kept


def test_a_vector_of_zeros_is_never_found(collection: Collection) -> None:
    collection.add([Document("zero", "nothing")], np.zeros((1, 12), np.float32), MODEL)
    assert "zero" not in found(collection, VECTORS[0], 61)
    assert "zero" in collection.known(["zero"])


def test_a_question_without_direction_is_near_nothing(collection: Collection) -> None:
    (nothing, one) = collection.search(np.stack([np.zeros(12, np.float32), VECTORS[0]]), 1)
    assert (nothing, [hit.document.id for hit in one]) == ([], ["d0"])


def test_what_does_not_fit_is_refused_and_nothing_changes(collection: Collection) -> None:
    with pytest.raises(ValueError, match="of some-model"):
        collection.add([Document("new", "text")], np.ones((1, 5), np.float32), "other-model")
    with pytest.raises(ValueError, match="1 vectors for 2"):
        collection.add(DOCUMENTS[:2], VECTORS[:1], MODEL)
    with pytest.raises(ValueError, match="k must be 1"):
        collection.search(VECTORS[:1], 0)
    with pytest.raises(ValueError, match="a query has 5 numbers"):
        collection.search(VECTORS[:1, :5], 3)
    assert len(collection) == 60


def test_an_empty_collection_finds_nothing(place: str) -> None:
    made = open_collection(place, new=True)
    assert made.search(VECTORS[:2], 3) == [[], []]
    assert (len(made), made.dim, made.model, made.first(), made.remove(["x"])) == (0, None, "", None, 0)
    made.close()
    made = open_collection(place)
    made.add(DOCUMENTS, VECTORS, MODEL)
    assert made.first() is not None
    made.close()


def test_where_there_is_none_it_says_how_one_is_made(place: str) -> None:
    with pytest.raises(FileNotFoundError, match="wordfield collect makes one"):
        open_collection(place)


def test_above_so_many_documents_an_index_proposes(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if place.startswith("postgres"):
        monkeypatch.setattr("wordfield.documents.postgres.INDEXED", 1000)
    else:
        pytest.importorskip("usearch")
        monkeypatch.setattr(local, "INDEXED", 1000)
    rows = np.random.default_rng(1).standard_normal((2000, 16)).astype(np.float32)
    made = open_collection(place, new=True)
    made.add([Document(f"{n}", f"text {n}") for n in range(2000)], rows, MODEL)
    assert made.index()
    queries = np.random.default_rng(2).standard_normal((50, 16)).astype(np.float32)
    cosines = (queries / np.linalg.norm(queries, axis=1)[:, None]) @ (rows / np.linalg.norm(rows, axis=1)[:, None]).T
    right = np.argsort(-cosines, axis=1)[:, :10]
    hits = made.search(queries, 10)
    same = [
        len({hit.document.id for hit in some} & {str(row) for row in best})
        for some, best in zip(hits, right, strict=True)
    ]
    assert np.mean(same) > 9
    for some, row in zip(hits, cosines, strict=True):
        assert np.allclose([hit.score for hit in some], [row[int(hit.document.id)] for hit in some], atol=1e-5)
    best = hits[0][0].document.id
    made.remove([best])
    assert best not in [hit.document.id for hit in made.search(queries[:1], 10)[0]]
    made.close()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "mine.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="left alone"):
        open_collection(tmp_path / "letters", new=True)
    assert not is_collection(tmp_path / "letters")


def test_a_damaged_database_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / local.FILE).write_bytes(b"no database " * 1000)
    with pytest.raises(ValueError, match="damaged"):
        open_collection(tmp_path)


def test_nobody_at_the_address_is_said_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConnectionError, match="cannot use PostgreSQL") as raised:
        open_collection("postgresql://user:secret@127.0.0.1:1/none")
    assert "secret" not in str(raised.value)


KILLED = """
import os, signal, sys
import numpy as np
from wordfield.documents import Document, open_collection
made = open_collection(sys.argv[1], new=True)
made.add([Document("kept", "text")], np.ones((1, 3), np.float32), "m")
with made._changing():
    made._base.execute("insert into documents (id, text, fields) values ('half', 'text', '{}')")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_in_the_middle_of_a_change_the_old_is_whole(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "c")], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    again = open_collection(tmp_path / "c")
    assert set(again.known(["kept", "half"])) == {"kept"}
    again.close()


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("lang=zh", Condition("lang", "=", "zh")),
        ("year >= 2000", Condition("year", ">=", 2000.0)),
        ("a!=b=c", Condition("a", "!=", "b=c")),
        ("draft=true", Condition("draft", "=", True)),
        ("x=nan", Condition("x", "=", "nan")),
        ("x=", Condition("x", "=", "")),
    ],
)
def test_conditions_as_they_are_written(written: str, condition: Condition) -> None:
    assert Condition.of(written) == condition


@pytest.mark.parametrize("written", ["lang", "=zh", ""])
def test_what_is_no_condition(written: str) -> None:
    with pytest.raises(ValueError, match="write field=value"):
        Condition.of(written)
