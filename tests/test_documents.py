"""Search by meaning as a user meets it: in a file, in a collection that is kept, by conditions, and with a service."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hosted import serving
from support import Ran
from wordfield import api
from wordfield.documents import Document

Run = Callable[..., Ran]
ROWS = [
    {"id": "a", "text": "the king", "lang": "en", "year": 2001},
    {"id": "b", "text": "a queen", "lang": "en", "year": 2002},
    {"id": "c", "text": "an apple", "lang": "en", "year": 2003},
    {"id": "d", "text": "苹果", "lang": "zh", "year": 2004},
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), "utf-8")
    return path


def ids(result: list[dict[str, Any]]) -> list[str]:
    return [hit["id"] for hit in result[0]["hits"]]


def test_lines_of_a_file(run: Run, vectors: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("apple\n\nking man\nqueen woman\n苹果\n", "utf-8")
    ran = run("search", vectors, lines, "queen", "-k", "2", "--json")
    assert ran.status == 0, ran.err
    (found,) = json.loads(ran.out)["results"]
    first, _ = found["hits"]
    assert (first["id"], first["text"]) == ("lines.txt:4", "queen woman")
    assert "lines.txt:4" in run("search", vectors, lines, "queen").out
    assert run("search", vectors, lines, "queen", "king").out.splitlines()[0].startswith("queen")


def test_a_collection_grows_changes_and_shrinks(run: Run, vectors: Path, table: Path, tmp_path: Path) -> None:
    place = tmp_path / "kept"
    told = json.loads(run("collect", vectors, table, "--into", place, "--json").out)
    assert told == {"into": str(place), "documents": 4, "added": 4, "unchanged": 0, "total": 4}
    assert ids(api.search(vectors, place, ["king"], 1)) == ["a"]
    assert ids(api.search(vectors, place, ["苹果"], 9, where=["lang=zh"])) == ["d"]
    assert ids(api.search(vectors, place, ["king"], 9, where=["year>=2002", "lang=en"])) == ["b", "c"]
    ROWS_CHANGED = [*ROWS[:1], {**ROWS[1], "text": "a man"}, {"id": "e", "text": "woman"}]
    table.write_text("".join(json.dumps(row) + "\n" for row in ROWS_CHANGED))
    again = json.loads(run("collect", vectors, table, "--into", place, "--json").out)
    assert (again["added"], again["unchanged"], again["total"]) == (2, 1, 5)
    assert json.loads(run("remove", place, "a", "nobody", "--json").out) == {"removed": 1, "total": 4}
    assert json.loads(run("remove", place, "--where", "lang=zh", "--json").out) == {"removed": 1, "total": 3}
    assert "total" in run("collect", vectors, table, "--into", place).out


def test_tables_with_other_names(vectors: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('title,year,id\n"king, the man",2001,007\nqueen,,8\n', "utf-8")
    (found,) = api.search(vectors, path, ["king"], 1, field="title", where=["year=2001"])
    (hit,) = found["hits"]
    assert (hit["id"], hit["text"], hit["fields"]) == ("007", "king, the man", {"year": 2001.0})
    with pytest.raises(ValueError, match="no text in the field 'text'; there are: title, year, id"):
        api.search(vectors, path, ["king"])


def test_rows_of_a_parquet_file(vectors: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    (found,) = api.search(vectors, path, ["苹果"], 1, where=["year>2003"])
    assert found["hits"][0]["fields"] == {"lang": "zh", "year": 2004}
    path.write_bytes(b"PAR1 no table")
    with pytest.raises(ValueError, match="no Parquet file"):
        api.search(vectors, path, ["苹果"])


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"text": "king"}\n{no json\n', "line 2 is no JSON"), ("[1]\n", "no object"), ('{"text": 5}\n', "no text in")],
)
def test_a_table_that_cannot_be_read_names_the_line(vectors: Path, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=said):
        api.collect(vectors, [path], tmp_path / "kept")


def test_another_model_is_noticed(vectors: Path, table: Path, tmp_path: Path) -> None:
    api.collect(vectors, [table], tmp_path / "kept")
    other = tmp_path / "other.txt"
    other.write_text("3 3\nking 0 1 0\nthe 1 0 0\nqueen 0 0 1\n")
    for call in (
        lambda: api.search(other, tmp_path / "kept", ["king"]),
        lambda: api.collect(other, [table], tmp_path / "kept"),
    ):
        with pytest.raises(ValueError, match=r"are those of .*vectors\.txt, and this is another model"):
            call()


def test_what_is_unknown_is_near_nothing(vectors: Path, table: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert api.search(vectors, table, ["unheard-of"])[0]["hits"] == []
    assert "no word of 'unheard-of' is known" in caplog.text


def test_what_was_kept_before_an_interruption_stays(
    vectors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int, **_: Any) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    monkeypatch.setattr("wordfield.api.documents.AT_ONCE", 10)
    documents = [Document(str(number), "king") for number in range(50)]
    with pytest.raises(KeyboardInterrupt):
        api.collect(vectors, documents, tmp_path / "kept", progress=stop)
    told = api.collect(vectors, documents, tmp_path / "kept")
    assert (told["unchanged"], told["added"], told["total"]) == (20, 30, 50)


def test_with_a_service_each_text_is_paid_for_once(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORDFIELD_CACHE", str(tmp_path / "cache"))
    with serving() as service:
        api.collect(service.name, [table], tmp_path / "kept")
        assert ids(api.search(service.name, tmp_path / "kept", ["苹果"], 1)) == ["d"]
        assert service.paid == {row["text"]: 1 for row in ROWS}


def test_what_is_not_there(run: Run, vectors: Path, tmp_path: Path) -> None:
    assert run("search", vectors, tmp_path / "nothing", "king").status == 1
    ran = run("remove", tmp_path / "nothing", "a")
    assert (ran.status, "wordfield collect makes one" in ran.err) == (1, True)
    assert "name documents by their ids" in run("remove", tmp_path / "nothing").err
