"""Arrays of NumPy with their words beside them: mapped, paired by their names, refused where they do not match."""

from __future__ import annotations

import json

import numpy as np
import pytest

import wordfield as wf
from formats.fuzzing import MUTATIONS, survives
from wordfield import formats
from wordfield.formats import FormatError, Table
from wordfield.storage import Dense, Float16

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)
LISTS = {
    "x.words.txt": "the\nof\nand\n",
    "x.words": "the\nof\nand",
    "x.vocab": "the 9\nof 5\nand 2\n",
    "x.vocab.txt": "the\t9\nof\t5\nand\t2\n",
    "x.txt": "\ufeffthe\r\nof\r\nand\r\n",
    "x.words.json": '["the", "of", "and"]',
    "x.vocab.json": '{"of": 1, "the": 0, "and": 2}',
    "x.json": '{"tokens": {"of": 1, "the": 0, "and": 2}, "dim": 2}',
    "x_metadata.tsv": "word\tcount\nthe\t9\nof\t5\nand\t2\n",
    "x.tsv": "count\tlabel\n9\tthe\n5\tof\n2\tand\n",
    "words.txt": "the\nof\nand\n",
    "vocab.txt": "the 9\nof 5\nand 2\n",
    "words.json": '{"words": ["the", "of", "and"]}',
    "vocab.json": '["the", "of", "and"]',
    "metadata.tsv": "the\nof\nand\n",
}
COUNTED = {"x.vocab", "x.vocab.txt", "x_metadata.tsv", "x.tsv", "vocab.txt"}


@pytest.mark.parametrize("name", LISTS)
def test_words_are_found_by_the_name_of_their_list(tmp_path, name):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / name).write_bytes(LISTS[name].encode())
    assert formats.recognise(tmp_path / "x.npy") == "numpy"
    table = formats.load(tmp_path / "x.npy")
    assert table.words == ["the", "of", "and"]
    assert (None if table.counts is None else table.counts.tolist()) == ([9, 5, 2] if name in COUNTED else None)
    np.testing.assert_array_equal(table.storage.matrix, VECTORS)


def test_the_nearest_name_is_taken_and_all_are_told(tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    with pytest.raises(
        FormatError, match=r"tried: x\.words\.txt, x\.words, .*, metadata\.tsv\): put a file x\.words\.txt"
    ):
        formats.load(tmp_path / "x.npy")
    (tmp_path / "vocab.txt").write_text("a\nb\nc\n")
    assert formats.load(tmp_path / "x.npy").words == ["a", "b", "c"]
    (tmp_path / "x.words.txt").write_text("d 1\ne 2\nf 3\n")  # in a list that was written here, no numbers are counts
    assert formats.load(tmp_path / "x.npy").words == ["d 1", "e 2", "f 3"]


def test_float32_and_float16_are_mapped_and_others_made_float32(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\nc\n")
    kept = {"<f4": Dense, "<f2": Float16, "<f8": Dense, ">f4": Dense, ">f2": Dense}
    for kind, held in kept.items():
        np.save(tmp_path / "x.npy", VECTORS.astype(kind))
        storage = formats.load(tmp_path / "x.npy").storage
        assert isinstance(storage, held)
        np.testing.assert_array_equal(storage.take([0, 1, 2]), VECTORS)
        if kind in ("<f4", "<f2"):
            array = storage.codes if held is Float16 else storage.matrix
            assert not array.flags.owndata
            assert not array.flags.writeable
    np.save(tmp_path / "x.npy", np.asfortranarray(VECTORS))
    np.testing.assert_array_equal(formats.load(tmp_path / "x.npy").storage.matrix, VECTORS)


def test_numpy_reads_what_is_written(table, tmp_path):
    formats.save(table, tmp_path / "king-v1.5.npy")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["king-v1.5.npy", "king-v1.5.words.txt"]
    np.testing.assert_array_equal(np.load(tmp_path / "king-v1.5.npy", allow_pickle=False), table.storage.matrix)
    assert (tmp_path / "king-v1.5.words.txt").read_text("utf-8").split("\n") == [*table.words, ""]
    formats.save(Table(table.words, Float16(np.ones((7, 3), np.float16))), tmp_path / "king-v1.5.npy")
    assert wf.load(tmp_path / "king-v1.5.npy").words[["the"]].tolist() == [[1, 1, 1]]


def test_words_that_a_list_cannot_hold_are_refused_and_both_files_stay(tmp_path, table):
    formats.save(table, tmp_path / "x.npy")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for word, message in (
        ("a\nb", "holds a line feed"),
        ("a\r", "holds a carriage return"),
        ("", "is empty"),
        ("\udc80", "no valid Unicode"),
    ):
        with pytest.raises(FormatError, match=f"row 1: .*{message}"):
            formats.save(Table(["the", word], Dense(VECTORS[:2])), tmp_path / "x.npy")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    (tmp_path / "x.npy").unlink()
    with pytest.raises(FileExistsError, match=r"x\.words\.txt exists, and .*x\.npy does not"):
        formats.save(table, tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([["a"]], object), "unpickled"),
        (np.ones((3, 2), np.int32), "numbers"),
        (np.ones((3, 2), complex), "numbers"),
        (np.ones(3), "2 axes"),
        (np.ones((0, 2)), "at least one word"),
        (np.ones((2, 2)), r"2 rows of vectors, but .*words\.txt has 3 words"),
    ],
)
def test_arrays_that_are_no_vectors_of_the_words_are_refused(tmp_path, array, message):
    (tmp_path / "words.txt").write_text("a\nb\nc\n")
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "x.npy")


def test_a_huge_shape_allocates_nothing(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\nc\n")
    with (tmp_path / "x.npy").open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 10**5)})
    with pytest.raises(FormatError, match="truncated"):
        formats.load(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("name", "content", "message", "words"),
    [
        ("x.words.txt", b"a\n\nc\n", "x.words.txt, line 2: no word stands there", ["a", "c"]),
        ("x.words.txt", b"a\nb\na\n", "line 3: the word 'a' stands there a second time, first in line 1", ["a", "b"]),
        ("x.words.json", b'["a", "b", "a"]', "entry 2: the word 'a' stands there a second", ["a", "b"]),
        ("x.tsv", b"word\tn\na\t1\nb\nc\t1\n", "x.tsv, line 3: 1 columns; line 1 names 2", ["a", "c"]),
    ],
)
def test_rows_without_a_word_are_faults_that_repair_leaves_out(tmp_path, name, content, message, words):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        formats.load(tmp_path / "x.npy")
    table = formats.load(tmp_path / "x.npy", repair=True)
    assert table.words == words
    assert len(table.repaired) >= 1
    np.testing.assert_array_equal(table.storage.matrix, VECTORS[["abc".index(word) for word in words]])


def test_words_that_are_no_utf8_are_read(tmp_path):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / "x.words.txt").write_bytes(b"\xff\n\xfe\nc\n")
    assert formats.load(tmp_path / "x.npy").words == ["\ufffd", "\\xfe", "c"]


@pytest.mark.parametrize("content", ["{", '{"a": 1, "b": 1}', '{"a": 1}', "[1, 2]", "7", '{"words": 3}'])
def test_json_that_is_no_list_of_words_is_refused(tmp_path, content):
    np.save(tmp_path / "x.npy", VECTORS)
    (tmp_path / "x.words.json").write_text(content)
    with pytest.raises(FormatError, match=r"x\.words\.json: "):
        formats.load(tmp_path / "x.npy")
    (tmp_path / "x.words.json").write_text(json.dumps(["a", "b", "c"]))
    assert formats.load(tmp_path / "x.npy").words == ["a", "b", "c"]


def test_damage_is_refused_or_read_but_never_worse(tmp_path):
    formats.save(Table(["a", "b", "词"], Dense(VECTORS)), tmp_path / "x.npy")
    assert survives(tmp_path / "x.npy", "numpy", tmp_path, MUTATIONS // 10, beside=[tmp_path / "x.words.txt"]).refused
