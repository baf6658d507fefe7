"""A corpus that was read is kept, found again while it is the same, and made anew where anything is amiss."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from support import JIT_OFF
from wordfield import api
from wordfield.text import blocks, cache, scanning
from wordfield.text.corpus import Corpus
from wordfield.text.ids import Spool, Unwritable
from wordfield.text.vocabulary import Vocabulary

LINES = "the king rules the land\nthe queen rules\n\n词 向量\n" * 50


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", "1GB")
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(LINES, "utf-8")
    return file


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were opened to be read as text."""
    names, opened = [], blocks.opened

    def noting(part):
        names.append(part.name)
        return opened(part)

    monkeypatch.setattr(blocks, "opened", noting)
    return names


def everything(corpus, **how):
    with corpus.scan(**how) as scan:
        words = Vocabulary(list(scan.words_seen))
        sentences = list(scan.encode(words).decode(words))
        told = scan.tokens, scan.sentences, scan.invalid, scan.bytes
        return words.words, scan.counts.tolist(), sentences, told


def built(path, **options):
    """The one entry, after a first scan."""
    everything(Corpus(path, **options))
    (entry,) = [folder for folder in cache.folder().iterdir() if not folder.name.startswith(cache.BEGUN)]
    return entry


@pytest.mark.parametrize("threads", [1, 2])
def test_a_second_scan_reads_no_text_and_finds_the_same(path, read, threads):
    first = everything(Corpus(path), threads=threads, block=100)
    assert len(read) == 1
    assert everything(Corpus(path)) == everything(Corpus(path), threads=2) == first
    assert len(read) == 1
    corpus = Corpus(path)
    corpus.scan().close()
    assert corpus.invalid == 0


def test_training_reads_what_was_kept(path, read, tmp_path):
    import wordfield as wf

    recipe = wf.Word2Vec(dim=8, epochs=1, min_count=1, threads=1)
    one, other = (recipe.fit(Corpus(path)) for _ in range(2))
    assert len(read) == 1
    assert np.array_equal(one.words.vectors, other.words.vectors)


def test_progress_is_told_that_all_is_done(path):
    everything(Corpus(path))
    told = []
    with Corpus(path).scan(lambda done, total, **_: told.append((done, total))):
        assert told == [(path.stat().st_size,) * 2]


@pytest.mark.parametrize(
    "options", [{"tokenizer": "whitespace"}, {"lowercase": False}, {"nfkc": True}, {"tokenizer": "characters"}]
)
def test_text_cut_otherwise_is_another_entry(path, read, options):
    everything(Corpus(path))
    everything(Corpus(path, **options))
    assert len(read) == 2
    assert len(cache.entries()) == 2


def test_phrases_are_joined_from_what_was_kept(path, read):
    everything(Corpus(path))
    joined = everything(Corpus(path, phrases=1))
    assert len(read) == 1
    assert joined == everything(Corpus(path, phrases=1, cache=False))


def test_a_changed_file_is_read_again_and_the_old_entry_goes(path, read):
    old = built(path)
    path.write_text(LINES + "and a new end\n", "utf-8")
    assert everything(Corpus(path))[0][-3:] == ["a", "new", "end"]
    assert len(read) == 2
    assert not old.exists()


def test_a_file_that_changes_while_it_is_read_is_not_kept(path):
    def change(done, total):
        path.write_text(LINES[:-2], "utf-8")

    Corpus(path).scan(change).close()
    assert cache.entries() == []
    assert list(cache.folder().iterdir()) == []


def test_what_is_no_file_is_not_kept(path, place, monkeypatch):
    everything(Corpus(LINES.split("\n")))
    everything(Corpus(path, cache=False))
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", "0")
    everything(Corpus(path))
    assert not place.exists()


def test_strict_reads_again_where_bytes_were_invalid(tmp_path, read):
    path = tmp_path / "broken.txt"
    path.write_bytes(b"good\nb\xffd\n")
    assert everything(Corpus(path))[3][2] == 1
    with pytest.raises(ValueError, match=r"broken.txt: invalid UTF-8 at byte 6 \(line 2\)"):
        Corpus(path, strict=True).scan()
    assert len(read) == 2
    assert everything(Corpus(path))[3][2] == 1
    assert len(read) == 2


def cut(entry, name):
    file = entry / name
    file.write_bytes(file.read_bytes()[:-1])


DAMAGES = {
    "numbers cut short": lambda entry: cut(entry, max(entry.glob("numbers-*"), key=lambda file: file.stat().st_size)),
    "counts cut short": lambda entry: cut(entry, "counts.npy"),
    "words gone": lambda entry: (entry / "words").unlink(),
    "description cut short": lambda entry: cut(entry, cache.DESCRIPTION),
    "description gone": lambda entry: (entry / cache.DESCRIPTION).unlink(),
    "description empty": lambda entry: (entry / cache.DESCRIPTION).write_text("{}"),
    "no array": lambda entry: (entry / "counts.npy").write_bytes(bytes((entry / "counts.npy").stat().st_size)),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_entry_is_built_again_and_said_so(path, read, caplog, damage):
    entry = built(path)
    expected = everything(Corpus(path))
    damage(entry)
    assert everything(Corpus(path)) == expected
    assert [record.message for record in caplog.records] == [
        f"the cache of {path} was cut short or damaged; it is built again"
    ]
    assert len(read) == 2
    assert everything(Corpus(path)) == expected
    assert len(read) == 2


def test_an_interrupted_scan_leaves_nothing(path, place):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Corpus(path).scan(stop)
    assert list(place.iterdir()) == []


def test_what_nobody_finished_goes_in_the_end(path, place):
    (place / f"{cache.BEGUN}old").mkdir(parents=True)
    (place / f"{cache.BEGUN}new").mkdir()
    os.utime(place / f"{cache.BEGUN}old", (time.time() - 2 * cache.STALE,) * 2)
    everything(Corpus(path))
    assert [each.name for each in place.glob(f"{cache.BEGUN}*")] == [f"{cache.BEGUN}new"]


def test_a_cache_that_cannot_be_written_is_done_without(path, place, caplog):
    place.write_text("a file where the folder should be")
    assert everything(Corpus(path))[3][0] == 500
    assert "this corpus is not kept for the next time" in caplog.text


def test_a_full_disk_is_done_without(path, monkeypatch, caplog):
    write = Spool.write

    def full(spool, array):
        if cache.BEGUN in spool.folder:
            raise Unwritable(28, f"No space left on device while keeping a corpus as numbers in {spool.folder}")
        return write(spool, array)

    monkeypatch.setattr(scanning.Spool, "write", full)
    assert everything(Corpus(path))[3][0] == 500
    assert "No space left on device" in caplog.text
    assert list(cache.folder().iterdir()) == []


def test_the_least_recently_used_goes_first(tmp_path, monkeypatch):
    files = [tmp_path / f"{name}.txt" for name in "abc"]
    for number, file in enumerate(files):
        file.write_text(LINES, "utf-8")
        everything(Corpus(file))
        used = cache.folder() / cache.entries()[0]["key"] / cache.DESCRIPTION
        os.utime(used, (time.time() - 1000 + number,) * 2)
    everything(Corpus(files[0]))
    size = sum(entry["bytes"] for entry in cache.entries())
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", str(size + 100))  # descriptions differ by a digit or two
    last = tmp_path / "d.txt"
    last.write_text(LINES, "utf-8")
    everything(Corpus(last))
    assert {Path(entry["corpus"]).stem for entry in cache.entries()} == {"d", "a", "c"}
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", "100")
    files[1].write_text(LINES + "more", "utf-8")
    everything(Corpus(files[1]))
    assert {Path(entry["corpus"]).stem for entry in cache.entries()} == {"d", "a", "c"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", 10**10), ("0", 0), ("500", 500), ("2kb", 2000), ("1.5 GB", 1_500_000_000), ("3T", 3 * 10**12), ("7B", 7)],
)
def test_the_limit_is_said_with_a_unit(monkeypatch, given, expected):
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", given)
    assert cache.limit() == expected


@pytest.mark.parametrize("given", ["much", "-1", "1PB", "1 2"])
def test_a_limit_that_is_none_is_refused(monkeypatch, path, given):
    monkeypatch.setenv("WORDFIELD_CACHE_LIMIT", given)
    with pytest.raises(ValueError, match=r"WORDFIELD_CACHE_LIMIT is .*: give a number of bytes"):
        Corpus(path).scan()


def test_it_can_be_listed_and_cleared(path, place, run):
    everything(Corpus(path))
    (place / f"{cache.BEGUN}x").mkdir()
    told = json.loads(run("cache", "--json").out)
    assert [entry["corpus"] for entry in told["corpora"]] == [str(path)]
    assert told["folder"] == str(place)
    assert told["bytes"] == sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    table = run("cache").out
    assert "text.txt" in table
    assert "1,000 MB" in table
    cleared = json.loads(run("cache", "--clear", "--json").out)
    assert cleared["freed"] == told["bytes"]
    assert cleared["corpora"] == list(place.iterdir()) == []
    assert api.cache()["bytes"] == 0
    assert "freed" in run("cache", "--clear").out


PROCESS = """
import sys
from pathlib import Path
from wordfield.text import cache
from wordfield.text.corpus import Corpus
cache.folder = lambda: Path(sys.argv[2])
with Corpus(sys.argv[1]).scan(threads=2) as scan:
    print(scan.tokens, len(scan.counts), scan.sentences)
"""


@pytest.mark.skipif(JIT_OFF, reason="processes of their own are slow with the compiler off")
def test_two_processes_may_build_the_same_entry_at_once(path, place):
    path.write_text(LINES * 500, "utf-8")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(path), str(place)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    told = [process.communicate() for process in started]
    assert [err for _, err in told] == [b""] * 3
    assert {out for out, _ in told} == {b"250000 7 75000\n"}
    assert len(cache.entries()) == 1
    assert [each.name for each in place.iterdir()] == [cache.entries()[0]["key"]]
