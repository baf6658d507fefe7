"""The public sets that are known: what is said of them, where they lie, and the commands that fetch and use them."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from support import Ran
from wordfield import api, evaluation
from wordfield.datasets import registry
from wordfield.datasets.registry import SETS, Dataset, fetch, find, located
from wordfield.storage import Dense
from wordfield.text.vocabulary import Vocabulary
from wordfield.vectors import WordVectors

PAIRS = b"king queen 8.5\nking man 6\nman woman 7\nking apple 1\n"
Run = Callable[..., Ran]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Dataset]]:
    """Two sets on a server of this machine, and one that it does not have."""
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "pairs.txt").write_bytes(PAIRS)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "served")) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        place = f"http://127.0.0.1:{server.server_port}"
        digest = hashlib.sha256(PAIRS).hexdigest()
        rows = [("one-4", "pairs.txt", digest), ("two-4", "pairs.txt", digest), ("lost", "lost.txt", digest)]
        yield {
            name: Dataset(name, "similarity", "en", 4, "Nobody 2001", f"{place}/{file}", "MIT", len(PAIRS), sha256)
            for name, file, sha256 in rows
        }
        server.shutdown()
        thread.join()


def test_what_is_known_is_complete_and_cannot_change() -> None:
    assert len(SETS) >= 12
    assert {"en", "zh"} == {each.language for each in SETS.values()}
    for name, each in SETS.items():
        assert name == each.name == name.lower()
        assert re.fullmatch(r"[0-9a-f]{64}", each.sha256)
        assert each.bytes > 0
        assert each.items > 0
        where = urlsplit(each.source)
        assert (where.scheme, where.netloc) == ("https", "raw.githubusercontent.com")
        assert re.fullmatch(r"/[^/]+/[^/]+/[0-9a-f]{40}/.+", where.path), "the address of a commit, not of a branch"
        assert each.licence
        assert each.paper
    assert len({each.sha256 for each in SETS.values()}) == len(SETS) == len({each.source for each in SETS.values()})
    assert len({each.file for each in SETS.values()}) == len(SETS)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("google-analogies", "analogy/google.txt"),
        ("ca8-semantic", "analogy/ca8-semantic.txt"),
        ("wordsim-240-zh", "similarity/zh/wordsim-240.txt"),
        ("wordsim-297-zh", "similarity/zh/wordsim-297.txt"),
        ("ap", "categories/ap.csv"),
        ("bless", "categories/bless.csv"),
        ("8-8-8", "outliers/8-8-8.csv"),
    ],
)
def test_the_bytes_are_those_of_the_real_files(name: str, file: str, data: Path) -> None:
    real = data / file
    assert hashlib.sha256(real.read_bytes()).hexdigest() == SETS[name].sha256
    assert real.stat().st_size == SETS[name].bytes
    (each,) = evaluation.gathered([real])
    assert each.task == SETS[name].task
    (score, *_) = each.scores(WordVectors(Vocabulary(["x"]), Dense(np.ones((1, 2)))), evaluation.Settings())
    assert len(score.covered) == SETS[name].items


def test_a_name_is_found_in_any_case_and_a_wrong_one_gets_near_ones() -> None:
    assert find("SimLex-999") is SETS["simlex-999"]
    with pytest.raises(ValueError, match=r"'simlex999': did you mean simlex-999"):
        find("simlex999")
    with pytest.raises(ValueError, match=r"'qqq': `wordfield datasets` lists all"):
        find("qqq")


def test_what_is_fetched_lies_in_the_cache_and_is_not_fetched_again(sets: dict[str, Dataset], tmp_path: Path) -> None:
    folder, told = tmp_path / "cache", []
    paths = fetch(
        ["one-4", "TWO-4", "one-4"],
        lambda done, total, **measures: told.append((done, total, measures["set"])),
        sets=sets,
        folder=folder,
    )
    assert paths == [folder / "one-4.txt", folder / "two-4.txt"]
    assert [path.read_bytes() for path in paths] == [PAIRS, PAIRS]
    assert told == [(len(PAIRS), 2 * len(PAIRS), "one-4"), (2 * len(PAIRS), 2 * len(PAIRS), "two-4")]
    (tmp_path / "served" / "pairs.txt").unlink()
    assert fetch(["one-4"], sets=sets, folder=folder) == paths[:1]


def test_a_file_that_was_changed_is_refused_and_fetched_anew(sets: dict[str, Dataset], tmp_path: Path) -> None:
    (path,) = fetch(["one-4"], sets=sets, folder=tmp_path)
    path.write_bytes(PAIRS[:-1])
    with pytest.raises(ValueError, match=r"not one-4 as it was fetched .*datasets one-4 --fetch"):
        located("one-4", sets=sets, folder=tmp_path)
    fetch(["one-4"], sets=sets, folder=tmp_path)
    assert located("one-4", sets=sets, folder=tmp_path) == path


def test_a_set_that_fails_leaves_the_others(sets: dict[str, Dataset], tmp_path: Path) -> None:
    with pytest.raises(OSError, match="404"):
        fetch(["one-4", "lost", "two-4"], sets=sets, folder=tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["one-4.txt"]
    with pytest.raises(ValueError, match="no public set"):
        fetch(["one-4", "lots"], sets=sets, folder=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_file_of_that_name_comes_first(
    sets: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"`wordfield datasets one-4 --fetch` downloads it"):
        located("one-4", sets=sets, folder=tmp_path / "cache")
    Path("one-4").write_bytes(PAIRS)
    assert located("one-4", sets=sets, folder=tmp_path / "cache") == Path("one-4")
    assert located("nothing", sets=sets) == Path("nothing")


@pytest.fixture
def known(sets: dict[str, Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Dataset]:
    """The commands know the sets of the server, and have a cache of their own."""
    monkeypatch.setenv("WORDFIELD_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    known = dict(SETS)
    for name in known:
        monkeypatch.delitem(SETS, name)
    for name, each in sets.items():
        monkeypatch.setitem(SETS, name, each)
    return sets


def test_the_command_lists_and_fetches(run: Run, known: dict[str, Dataset]) -> None:
    listed = json.loads(run("datasets", "--json").out)
    assert [(each["name"], each["cached"]) for each in listed["datasets"]] == [(name, False) for name in known]
    assert listed["folder"] == str(registry.cache())
    ran = run("datasets", "one-4", "--fetch", "--json")
    assert (ran.status, ran.err) == (0, "")
    (told,) = json.loads(ran.out)["datasets"]
    assert told["cached"]
    assert Path(told["path"]).read_bytes() == PAIRS
    shown = run("datasets").out
    assert re.search(r"one-4 +similarity +en +4 .*MIT +yes", shown)
    assert re.search(r"two-4 +similarity +en +4 .*MIT +no", shown)
    assert "Nobody 2001" in run("datasets", "one-4").out


def test_evaluate_takes_names_and_fetches_nothing_by_itself(run: Run, known: dict[str, Dataset], vectors: Path) -> None:
    ran = run("evaluate", vectors, "--data", "one-4")
    assert ran.status == 1
    assert ran.out == ""
    assert len(ran.err.splitlines()) == 1
    assert "`wordfield datasets one-4 --fetch` downloads it" in ran.err
    assert not registry.cache().exists()
    assert api.datasets(["ONE-4"], fetch=True)["datasets"][0]["cached"]
    (result,) = json.loads(run("evaluate", vectors, "--data", "one-4", "--json").out)["results"]
    assert (result["dataset"], result["pairs"], result["covered"]) == ("one-4", 4, 4)


def test_the_command_says_what_it_cannot_fetch(run: Run, known: dict[str, Dataset]) -> None:
    ran = run("datasets", "--fetch")
    assert ran.status == 2
    assert "names of sets, or all" in ran.err
    ran = run("datasets", "one4", "--fetch")
    assert ran.status == 1
    assert "did you mean one-4" in ran.err
    ran = run("datasets", "all", "--fetch")
    assert ran.status == 1
    assert "404" in ran.err
