"""The two files of TensorFlow's projector: found by each other's names, with a header only where there are columns."""

from __future__ import annotations

import numpy as np
import pytest

from formats.fuzzing import MUTATIONS, survives
from wordfield import formats
from wordfield.formats import FormatError, Table, projector
from wordfield.storage import Dense, Float16

ROWS = "1\t2\n0.5\t-1\n0\t1e-3\n"
VECTORS = np.float32([[1, 2], [0.5, -1], [0, 1e-3]])


@pytest.mark.parametrize(
    ("vectors", "metadata"),
    [
        ("x_tensor.tsv", "x_metadata.tsv"),
        ("vectors.tsv", "metadata.tsv"),
        ("tensors.tsv", "metadata.tsv"),
        ("vecs.tsv", "meta.tsv"),
        ("x.tsv", "x_metadata.tsv"),
        ("x.tsv", "x.metadata.tsv"),
        ("x.tsv", "metadata.tsv"),
        ("x_vectors.tsv", "x_metadata.tsv"),
        ("x", "x_metadata.tsv"),
    ],
)
def test_words_are_found_by_the_names(tmp_path, vectors, metadata):
    (tmp_path / vectors).write_text(ROWS)
    (tmp_path / metadata).write_text("the\nof\nand\n")
    assert formats.recognise(tmp_path / vectors) == "projector"
    table = formats.load(tmp_path / vectors)
    assert (table.words, table.counts) == (["the", "of", "and"], None)
    np.testing.assert_array_equal(table.storage.matrix, VECTORS)


def test_a_header_is_there_only_where_there_are_columns(tmp_path):
    (tmp_path / "vectors.tsv").write_text(ROWS)
    (tmp_path / "metadata.tsv").write_text("word\nof\nand\n")
    assert formats.load(tmp_path / "vectors.tsv").words == ["word", "of", "and"]
    (tmp_path / "metadata.tsv").write_text("label\tcount\nthe\t9\nof\t5\nand\t2\n")
    table = formats.load(tmp_path / "vectors.tsv")
    assert (table.words, table.counts.tolist()) == (["the", "of", "and"], [9, 5, 2])
    (tmp_path / "metadata.tsv").write_text("id\tlabel\n1\tthe\n2\tof\n3\tand\n")
    table = formats.load(tmp_path / "vectors.tsv")
    assert (table.words, table.counts) == (["the", "of", "and"], None)


@pytest.mark.parametrize("name", ["x.tsv", "x_tensor.tsv", "vectors.tsv"])
def test_what_is_written_comes_back_with_its_counts(table, tmp_path, name):
    formats.save(table, tmp_path / name)
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {name, "metadata.tsv" if name == "vectors.tsv" else "x_metadata.tsv"}
    assert formats.losses(table, "projector") == ["config", "state"]
    again = formats.load(tmp_path / name)
    assert again.words == table.words
    np.testing.assert_array_equal(again.counts, table.counts)
    np.testing.assert_array_equal(again.storage.matrix.view(np.uint32), table.storage.matrix.view(np.uint32))
    (metadata,) = files - {name}
    assert (tmp_path / metadata).read_text("utf-8").startswith("word\tcount\nthe\t9\n")
    formats.save(Table(["a", "b"], Float16(np.ones((2, 1), np.float16))), tmp_path / name)
    assert (tmp_path / metadata).read_text("utf-8") == "a\nb\n"
    assert formats.load(tmp_path / name).storage.matrix.tolist() == [[1], [1]]


@pytest.mark.parametrize(
    ("rows", "message", "kept"),
    [
        ("1\t2\n0.5\n0\t1\n", "line 2: 1 numbers; 2 numbers are needed", [0, 2]),
        ("1\t2\nx\t3\n0\t1\n", "line 2: b'x' is no number", [0, 2]),
        ("1\t2\n1\t2\t3\n0\t1\n", "line 2: 3 numbers", [0, 2]),
        ("1\t2\n1 2\t\n0\t1\n", "line 2: b'1 2' is no number", [0, 2]),
        ("1.5\t2.5\n\n0\t1.5\n", "line 2: b'' is no number", [0, 2]),
    ],
)
def test_lines_at_fault_are_told_and_left_out_in_repair(tmp_path, rows, message, kept):
    (tmp_path / "vectors.tsv").write_text(rows)
    (tmp_path / "metadata.tsv").write_text("word\tcount\nthe\t9\nof\t5\nand\t2\n")
    with pytest.raises(FormatError, match=rf"vectors\.tsv: {message}"):
        formats.load(tmp_path / "vectors.tsv")
    table = formats.load(tmp_path / "vectors.tsv", repair=True)
    assert table.words == [["the", "of", "and"][row] for row in kept]
    assert table.counts.tolist() == [[9, 5, 2][row] for row in kept]
    assert len(table.storage.matrix) == len(kept)
    assert len(table.repaired) == 1


@pytest.mark.parametrize("words", ["a\nb\n", "a\nb\nc\nd\n", "word\n" * 1000])
def test_metadata_of_another_length_is_refused(tmp_path, words):
    (tmp_path / "vectors.tsv").write_text(ROWS)
    (tmp_path / "metadata.tsv").write_text("".join(f"{row}{word}\n" for row, word in enumerate(words.split())))
    with pytest.raises(
        FormatError, match=rf"rows of vectors, but .*{len(words.split())} words|{len(words.split())} vectors"
    ):
        formats.load(tmp_path / "vectors.tsv")


def test_missing_metadata_is_told_with_what_was_tried(tmp_path):
    (tmp_path / "x_tensor.tsv").write_text(ROWS)
    with pytest.raises(
        FormatError, match=r"tried: x_metadata\.tsv, x_tensor_metadata\.tsv, x_tensor\.metadata\.tsv, meta"
    ):
        formats.load(tmp_path / "x_tensor.tsv")


def test_a_table_of_words_in_a_tsv_is_not_taken_for_vectors(tmp_path):
    (tmp_path / "x.tsv").write_text("the\t1\t2\n")
    assert not projector.sniff(tmp_path / "x.tsv", b"the\t1\t2\n")
    assert not projector.sniff(tmp_path / "x", b"1\t2\n")  # neither a .tsv nor metadata beside it


def test_words_that_would_be_columns_are_refused_and_foreign_metadata_is_left_alone(tmp_path):
    for word in ("a\tb", "a\nb", ""):
        with pytest.raises(FormatError, match="row 1: the word"):
            formats.save(Table(["the", word], Dense(VECTORS[:2])), tmp_path / "vectors.tsv")
    assert not list(tmp_path.iterdir())
    (tmp_path / "metadata.tsv").write_text("something else")
    with pytest.raises(FileExistsError, match=r"metadata\.tsv exists"):
        formats.check_target(tmp_path / "vectors.tsv")


def test_a_last_line_without_its_end_is_told(tmp_path, caplog):
    (tmp_path / "vectors.tsv").write_text(ROWS[:-1])
    (tmp_path / "metadata.tsv").write_text("the\nof\nand\n")
    np.testing.assert_array_equal(formats.load(tmp_path / "vectors.tsv").storage.matrix, VECTORS)
    assert "if the file was cut there" in caplog.text


def test_damage_is_refused_or_read_but_never_worse(tmp_path):
    formats.save(Table(["a", "b", "词"], Dense(VECTORS), np.array([3, 2, 1])), tmp_path / "x.tsv")
    assert survives(
        tmp_path / "x.tsv", "projector", tmp_path, MUTATIONS // 10, beside=[tmp_path / "x_metadata.tsv"]
    ).refused
