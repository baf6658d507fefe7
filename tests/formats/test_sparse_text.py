"""The text of sparse vectors: as others write it, as we do, and damaged."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse import random as random_matrix

from wordfield import formats
from wordfield.formats import FormatError, Table, sparse_text, text_rows
from wordfield.storage import Dense, Sparse


def write(tmp_path, content, name="ppmi.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture(params=["line by line", "in blocks"], autouse=True)
def way(request, monkeypatch):
    """Both ways in which files are read: small ones, and large ones by kernels."""
    if request.param == "in blocks":
        monkeypatch.setattr(text_rows, "SMALL", 0)
        monkeypatch.setattr(sparse_text, "LINES", 3)


def dense(table):
    assert isinstance(table.storage, Sparse)
    return table.storage.matrix.toarray().tolist()


@pytest.mark.parametrize("header", ["3 4\n", ""])
def test_lines_of_a_word_and_entries_are_recognised_and_read(tmp_path, header):
    path = write(tmp_path, header + "我们 0:1.5 3:2\nthe 1:0.25\nNew York 2:1e-3 0:7 \n")
    assert formats.recognise(path) == "sparse-text"
    table = formats.load(path)
    assert table.words == ["我们", "the", "New York"]
    assert dense(table) == [[1.5, 0, 0, 2], [0, 0.25, 0, 0], [7, 0, np.float32(0.001), 0]]


def test_words_that_look_like_entries_and_words_without_any(tmp_path):
    table = formats.load(write(tmp_path, "3 3\n12:30 1:2\nalone\na:b\t0:1\t2:3\r\n"))
    assert table.words == ["12:30", "alone", "a:b"]
    assert dense(table) == [[0, 2, 0], [0, 0, 0], [1, 0, 3]]


@pytest.mark.parametrize("step", [1, 13, 1 << 20])
def test_what_is_written_comes_back_bit_for_bit(tmp_path, monkeypatch, step):
    monkeypatch.setattr(text_rows, "STEP", step)
    monkeypatch.setattr(sparse_text, "STEP", 7)
    matrix = csr_array(random_matrix(20, 9, 0.3, format="csr", random_state=np.random.default_rng(2), dtype=np.float32))
    matrix.data *= 10.0 ** np.arange(-20, len(matrix.data) - 20).clip(-30, 30)
    words = [f"w{row}" for row in range(20)]
    formats.save(Table(words, Sparse(matrix)), tmp_path / "x", "sparse-text")
    again = formats.load(tmp_path / "x")
    assert again.words == words
    assert dense(again) == matrix.toarray().tolist()
    wide = np.array([[0, 1.5], [2, 0]], np.float32)
    formats.save(Table(["a", "b"], Dense(wide)), tmp_path / "y", "sparse-text")
    assert (tmp_path / "y").read_text() == "2 2\na 1:1.5\nb 0:2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2 3\nthe 1:2\nof 1;2\n", r"line 3: b'of 1;2'; a word and entries such as 12:0.5 are needed"),
        ("2 3\nthe 1:2\nof 1:x\n", "line 3: b'of 1:x'; a word"),
        ("2 3\nthe 1:2\n 1:2\n", "line 3: b' 1:2'; a word"),
        ("2 3\nthe 1:2\nthe 0:2\n", "line 3: the word 'the' stands there a second time, first in line 2"),
        ("2 3\nthe 1:2\n\nof 0:2\n", "line 3: an empty line, and more after it"),
        ("1 3\nthe 1:2\nof 0:2\n", "line 3: more than the 1 words"),
        ("3 3\nthe 1:2\nof 0:2\n", "line 3: truncated, or a wrong header: line 1 promises 3 words"),
        ("2 3\nthe 1:2\nof 3:2\n", "column 3 of 3: damaged, or a wrong header"),
        ("2 3\nthe 1:2\nof 1:2 0:1 1:3\n", "line 3: column 1 stands there twice"),
        ("the 99999999999:1\nof 0:2\n", "100000000000 columns; 1 to 1048576 can be read"),
        ("1 0\nthe\n", "0 columns"),
        ("\n\n", "no line holds a word and entries"),
    ],
)
def test_damaged_text_is_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(FormatError, match=message):
        formats.load(write(tmp_path, text), "sparse-text")


def test_a_damaged_row_is_left_out_where_repair_is_asked_for(tmp_path):
    path = write(tmp_path, "4 3\nthe 1:2\nof 1;2\nthe 2:2\nto 0:1\n")
    table = formats.load(path, "sparse-text", repair=True)
    assert table.words == ["the", "to"]
    assert dense(table) == [[0, 2, 0], [1, 0, 0]]
    assert [fault.partition(":")[0] for fault in table.repaired] == ["line 3", "line 4"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2 2\nthe 1 2\nof 3 4\n", "word2vec-text"),
        ("2 2\n1:2 1 2\n3:4 3 4\n", "word2vec-text"),
        ("1:2 1 2\n3:4 3 4\nof 5 6\n", "glove-text"),
    ],
)
def test_other_texts_are_not_taken_for_it(tmp_path, text, name):
    assert formats.recognise(write(tmp_path, text)) == name


def test_words_alone_and_prose_are_no_vectors(tmp_path):
    for text in ("the\nof\nto\n", "12:30 meeting\n14:00 lunch\n", "a:b c:d\n"):
        with pytest.raises(FormatError, match="no format recognised"):
            formats.recognise(write(tmp_path, text))
